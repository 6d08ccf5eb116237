"""One process's part in a run that starts from pre-trained weights."""

import os
import pathlib
from typing import Any

from albert_lsh_tf.tasks import results
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

        Where nothing is trained, checkpoints without scores are evaluated first, if the
        run's own best one is asked for.

        Returns:
          The step that they are of.
        """
        if self.trains:
            self.train()
            self.progress.close()
            return self.restore_best()
        if self.start_step:
            self.progress.say(
                f"{self.folder.path} is trained up to step {self.start_step} already."
            )
        elif not self._uses_own_best():
            return self.restore_best(self.files.checkpoint)
        if self.evaluates:
            self.evaluate_pending()
        return self.restore_best()

    def holds_run(self) -> bool:
        """Whether the folder is that of a run, and not of results alone."""
        return bool(self.folder.saved_config() and self.folder.checkpoints())

    def recorded(self) -> dict[str, Any]:
        """metrics.json of the folder's run, if this process does not train it."""
        if self.trains or not self.holds_run():
            return {}
        return results.read_summary(self.folder) or {}

    def _uses_own_best(self) -> bool:
        """Whether no checkpoint was named, and the folder's own run is used."""
        checkpoint = pathlib.Path(self.files.checkpoint)
        named = os.path.expanduser(self.config.init_checkpoint or "")
        if checkpoint == pathlib.Path(named):
            return False
        used, own, best = map(
            os.path.realpath,
            (checkpoint.parent, self.folder.path, self.folder.best_dir),
        )
        return used in (own, best)
