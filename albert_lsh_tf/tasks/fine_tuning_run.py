"""One process's part in a run that starts from pre-trained weights."""

from albert_lsh_tf.tasks.inputs import ModelFiles
from albert_lsh_tf.tasks.training_run import TrainingRun, restore


class FineTuningRun(TrainingRun):
    """A `TrainingRun` whose task is a `FineTuningTask`; subclasses set `files` first.

    Attributes:
      files: where the model comes from.
    """

    files: ModelFiles

    def start(self) -> None:
        if self.files.checkpoint:
            restore(self.trainer.checkpoint, self.files.checkpoint)
        else:
            self.task.initialize_from(self.model, self.files.weights)

    def train_and_restore_best(self) -> int:
        """Trains if there is something left to train; gives the model its best weights.

        Returns:
          The step that they are of.
        """
        if self.trains:
            self.train()
            self.progress.close()
        elif self.start_step:
            self.progress.say(
                f"{self.folder.path} is trained up to step {self.start_step} already."
            )
        # Without training, the checkpoint that was named, if one was.
        is_named = not self.trains and not self.start_step
        return self.restore_best(self.files.checkpoint if is_named else None)
