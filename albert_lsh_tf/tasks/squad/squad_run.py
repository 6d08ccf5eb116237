"""One process's part in a SQuAD run: training, scores and answers."""

import time
from typing import Any

import tensorflow as tf

from albert_lsh_tf.errors import InputError
from albert_lsh_tf.tasks import results
from albert_lsh_tf.tasks.best_checkpoint import read_best
from albert_lsh_tf.tasks.fine_tuning_run import FineTuningRun
from albert_lsh_tf.tasks.inputs import ModelFiles, find_trained
from albert_lsh_tf.tasks.prediction import outputs_of
from albert_lsh_tf.tasks.run_folder import RunFolder, step_of
from albert_lsh_tf.tasks.squad.data import SquadData
from albert_lsh_tf.tasks.squad.experiment import experiment_config
from albert_lsh_tf.tasks.squad.question_sets import THRESHOLD, Predictions
from albert_lsh_tf.tasks.squad.results import write_answers
from albert_lsh_tf.tasks.squad.settings import SquadConfig
from albert_lsh_tf.tasks.squad.task import SquadTask, predictions_of

BEST_METRIC = "f1"


class SquadRun(FineTuningRun):
    """One process's part in a SQuAD run.

    Args:
      config: the run.
      folder: its folder.
      strategy: the devices.
      files: where the model comes from.
      data: the questions.
      do_train: train, up to the last of the epochs.
    """

    def __init__(
        self,
        config: SquadConfig,
        folder: RunFolder,
        strategy: tf.distribute.Strategy,
        files: ModelFiles,
        data: SquadData,
        do_train: bool,
    ):
        self.files, self.data = files, data
        # Seconds that the network took, its compilation included, and for how much.
        self.answering: dict[str, float] | None = None
        start_step = step_of(files.checkpoint) if do_train else 0
        num_windows = len(data.training.features) if data.training else 0
        params = experiment_config(config, files, num_windows, start_step)
        task = SquadTask(params.task)
        task.training, task.evaluation = data.training, data.evaluated
        super().__init__(
            config,
            folder,
            strategy,
            task,
            params,
            best_metric=BEST_METRIC,
            start_step=start_step,
            trains=do_train,
            evaluates=do_train and data.can_be_scored,
        )

    def results(self, do_predict: bool) -> dict[str, Any]:
        """Trains if there is something left to train, then answers the questions."""
        step = self.train_and_restore_best()
        best = self._predict(step) if do_predict else None
        summary = {**results.summarize(self.log, best), "answering": self.answering}
        if do_predict or self.trains:
            results.write_summary(self.folder, summary)
        results.draw_curves(self.folder, self.log, "SQuAD", BEST_METRIC, 100)
        self.progress.say(f"results: {self.folder.path}")
        return {**summary, "model": self.model, "is_chief": self.folder.writable}

    def _predict(self, step: int) -> dict[str, Any] | None:
        """Answers the questions, scores what can be scored, and writes all of it."""
        features = [each.features for each in self.data.evaluated]
        num_windows = sum(map(len, features))
        start = time.monotonic()
        outputs = outputs_of(
            self.strategy,
            self.task,
            self.model,
            lambda input_context=None: self.task.build_inputs(
                self.task.task_config.validation_data, input_context
            ),
            num_windows,
            "window",
            shows_progress=self.folder.writable,
        )
        by_set = self.task.candidates_by_set(outputs)
        self.answering = {
            "seconds": time.monotonic() - start,
            "windows": num_windows,
            "questions": sum(each.counts["questions"] for each in features),
        }
        predictions = predictions_of(by_set)
        threshold = None
        if self.config.version_2:
            threshold = self._threshold(predictions)
        if self.folder.writable:
            questions, candidates = by_set[-1]
            answered = questions.answered(candidates, self.config.n_best_size)
            names = write_answers(self.folder, answered, threshold)
            self.progress.say(f"answers: {', '.join(names)}")
        if not self.data.can_be_scored:
            return None
        scores = predictions[-1].scores(threshold)
        results.write_scores(self.folder, scores, step)
        self.say_best(step, scores)
        return {"step": step, **scores}

    def _threshold(self, predictions: list[Predictions]) -> float:
        """Found on held-out questions, given, or else that of the trained model."""
        if len(predictions) > 1 or self.config.null_score_diff_threshold is not None:
            return self.task.threshold(predictions)
        run, _ = find_trained(self.config, self.folder)
        best = read_best(run.best_dir)
        if best is None or THRESHOLD not in best.metrics:
            raise InputError(
                f"{run.path} has found no threshold for questions without an answer; "
                f"give {THRESHOLD}, or train with a predict_file that has answers."
            )
        return best.metrics[THRESHOLD]
