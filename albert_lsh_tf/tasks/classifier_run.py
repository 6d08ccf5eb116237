"""One process's part in a run of classification: training, scores and predictions."""

import logging
from typing import Any

import numpy as np
import tensorflow as tf

from albert_lsh_tf.config import ClassifierConfig
from albert_lsh_tf.data.task import Task
from albert_lsh_tf.tasks import classification, inputs, results
from albert_lsh_tf.tasks.best_checkpoint import read_best
from albert_lsh_tf.tasks.experiment import experiment_config
from albert_lsh_tf.tasks.fine_tuning_run import FineTuningRun
from albert_lsh_tf.tasks.metrics import metrics_of_groups
from albert_lsh_tf.tasks.prediction import predict_logits
from albert_lsh_tf.tasks.run_folder import RunFolder, step_of
from albert_lsh_tf.tasks.task_data import TaskData
from albert_lsh_tf.tasks.training_run import in_a_line

_logger = logging.getLogger(__name__)


class ClassifierRun(FineTuningRun):
    """One process's part in a run of classification.

    Args:
      config: the run.
      task: what is classified.
      folder: its folder.
      strategy: the devices.
      files: where the model comes from.
      data: the task's examples.
      do_train: train, up to `config.train_step`.
      do_eval: evaluate at every checkpoint.
    """

    def __init__(
        self,
        config: ClassifierConfig,
        task: Task,
        folder: RunFolder,
        strategy: tf.distribute.Strategy,
        files: inputs.ModelFiles,
        data: TaskData,
        do_train: bool,
        do_eval: bool,
    ):
        self.files, self.data = files, data
        start_step = step_of(files.checkpoint) if do_train else 0
        params = experiment_config(config, task, files, data, start_step)
        trained = classification.ClassificationTask(params.task)
        trained.features = data.features
        super().__init__(
            config,
            folder,
            strategy,
            trained,
            params,
            best_metric=task.best_metric,
            start_step=start_step,
            trains=do_train,
            evaluates=do_eval,
        )

    def results(self, do_eval: bool, do_predict: bool) -> dict[str, Any]:
        """Trains if there is something left to train, then evaluates and predicts."""
        step = self.train_and_restore_best()
        recorded = self.recorded()
        best_step, best = self._best_on_record(recorded)
        is_best = best_step in (None, step)
        restored = {"step": step}
        if do_eval:
            restored.update(self._evaluate(recorded, step, is_best))
        if do_predict:
            self._predict(keep=bool(recorded))
        if is_best:
            best = restored if do_eval else None
        summary = results.summarize(self.log, best, recorded)
        # The scores of another checkpoint than the best one are not the run's.
        if (do_eval and is_best) or self.trains:
            results.write_summary(self.folder, summary)
        task = self.task.definition
        results.draw_curves(self.folder, self.log, task.name, task.best_metric)
        self.progress.say(f"results: {self.folder.path}")
        return {
            **summary,
            "restored": restored,
            "model": self.model,
            "is_chief": self.folder.writable,
        }

    def _evaluate(
        self, recorded: dict[str, Any], step: int, is_best: bool
    ) -> dict[str, float]:
        """Scores the checkpoint of a step, which was restored, and writes them."""
        metrics = self.evaluate_best(step)
        metrics = self._unless_recorded(recorded, step, metrics)
        name = results.write_scores(self.folder, metrics, step, is_best)
        if is_best:
            self.say_best(step, metrics)
        else:
            self.progress.say(
                f"step {step}, not the best checkpoint: {in_a_line(metrics)}, in {name}"
            )
        if self.task.constant_prediction and self.folder.writable:
            _logger.warning(
                "The model predicts %s for every example: it has not learned the "
                "task. Train longer, or try another learning_rate or seed.",
                self.task.constant_prediction,
            )
        return metrics

    def _best_on_record(
        self, recorded: dict[str, Any]
    ) -> tuple[int | None, dict[str, Any] | None]:
        """The step of that run that is used unless another is named, and its scores."""
        if self.trains or not self.holds_run():
            return None, None
        best = read_best(self.folder.best_dir)
        step = best.step if best else step_of(self.folder.latest_checkpoint())
        on_record = recorded.get("best") or {}
        if on_record.get("step") == step:
            return step, on_record
        # Training may have gone on after metrics.json was written.
        return step, {"step": step, **best.metrics} if best else None

    def _unless_recorded(
        self, recorded: dict[str, Any], step: int, metrics: dict[str, float]
    ) -> dict[str, float]:
        """The metrics on record for a step; the new ones where there are none."""
        best = dict(recorded.get("best") or {})
        if best.pop("step", None) != step:
            return metrics
        if not results.agree(best, metrics) and self.folder.writable:
            _logger.warning(
                "Step %d now scores %s, not as recorded: data or programs have "
                "changed. The recorded scores stay.",
                step,
                ", ".join(f"{name} {metrics[name]:.4f}" for name in metrics),
            )
        return best

    def _predict(self, keep: bool) -> None:
        task = self.task.definition
        for split in self.data.splits(task.test_splits):
            logits = predict_logits(
                self.strategy,
                self.task,
                self.model,
                self.data.features[split],
                self.config.predict_batch_size,
                shows_progress=self.folder.writable,
            )
            names = results.write_predictions(
                self.folder, task, split, self.data.examples[split], logits, keep
            )
            self.progress.say(f"predictions of {split}: {', '.join(names)}")
            labels = [example.label for example in self.data.examples[split]]
            if None not in labels:
                groups = self.data.features[split].groups()
                metrics = metrics_of_groups(task, logits, np.array(labels), groups)
                results.write_test_scores(self.folder, metrics)
                self.progress.say(f"{split}: {in_a_line(metrics)}")
