"""Scores a run's checkpoints, and keeps the best of them."""

import dataclasses
import logging
import math
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from albert_lsh_tf.errors import InputError
from albert_lsh_tf.tasks import devices
from albert_lsh_tf.tasks.best_checkpoint import BestCheckpoint, is_finite
from albert_lsh_tf.tasks.progress import Progress
from albert_lsh_tf.tasks.run_folder import RunFolder, step_of
from albert_lsh_tf.tasks.training_log import TrainingLog

_logger = logging.getLogger(__name__)


@dataclasses.dataclass
class Scoring:
    """How one process scores the checkpoints of a run.

    Attributes:
      folder: of the run.
      strategy: the devices.
      log: of the run.
      progress: shows scores.
      weights: what is restored, and kept of the best one.
      evaluate: scores the weights as they are.
      identity: which examples that is on; gives None where there is but one set.
      best_metric: of an evaluation; higher is better.
      first_step: the best checkpoint, and all that are scored, are after it.
      latest: the step that was scored last, and its scores.
    """

    folder: RunFolder
    strategy: tf.distribute.Strategy
    log: TrainingLog
    progress: Progress
    weights: tf.train.Checkpoint
    evaluate: Callable[[], dict[str, float]]
    identity: Callable[[], str | None]
    best_metric: str
    first_step: int
    latest: tuple[int, dict[str, float]] | None = None

    def best_so_far(self, start_step: int | None) -> BestCheckpoint:
        """The best checkpoint so far; `start_step` is that of `forget_outside`."""
        best = BestCheckpoint(
            self.folder.best_dir,
            self.best_metric,
            None if self.folder.writable else self.folder.checkpoint_dir,
            self.identity(),
        )
        best.forget_outside(self.first_step, start_step)
        # No worker may read what the chief writes from now on.
        devices.wait_for_all(self.strategy)
        return best

    def score_all(self) -> None:
        """Scores the checkpoints without scores, where nothing is trained.

        Not where another process trains: that one scores them itself.
        """
        is_free = self.folder.claim()
        if not all(devices.values_of_all(self.strategy, int(is_free))):
            self.progress.say(
                f"another process trains in {self.folder.path}: checkpoints without "
                "scores are left to it"
            )
            return
        try:
            self._score_all(self.best_so_far(None))
        finally:
            self.folder.release()

    def _score_all(self, best: BestCheckpoint) -> None:
        if best.is_of_another_evaluation:
            # It was chosen on others, and is not to be chosen anew on these.
            self.progress.say(
                "evaluation is on other examples than before: only the best checkpoint "
                f"so far (step {best.record.step}) is scored"
            )
        else:
            self.score_pending(best)

    def score_pending(self, best: BestCheckpoint) -> None:
        """Scores the checkpoints that an earlier process saved but did not score.

        Not those up to `first_step`: this run would score them otherwise.
        """
        scored = {entry["step"] for entry in self.log.evaluations}
        for prefix in self.folder.checkpoints():
            step = step_of(prefix)
            if step > self.first_step and step not in scored:
                self.progress.say(f"evaluating {prefix}, which has no scores yet")
                with self.strategy.scope():
                    restore(self.weights, prefix)
                self.record(best, step, self.evaluate())

    def record(self, best: BestCheckpoint, step: int, metrics: dict[str, Any]) -> None:
        """Keeps the weights if they are the best, and logs and shows their scores."""
        metrics = {name: float(value) for name, value in metrics.items()}
        self.latest = step, metrics
        is_best = best.offer(self.weights, step, metrics)
        # JSON has no nan.
        logged = {n: v if math.isfinite(v) else None for n, v in metrics.items()}
        self.log.append({"step": step, "eval": logged})
        if not is_finite(metrics) and self.folder.writable:
            _logger.warning(
                "The evaluation at step %d gave %s: this checkpoint cannot be the "
                "best. Training may have diverged; try a lower learning_rate.",
                step,
                in_a_line(not_finite(metrics)),
            )
        name = self.best_metric
        self.progress.show(name, f"{metrics[name]:.4f}")
        mark = "  (best)" if is_best else ""
        self.progress.say(f"step {step}: {in_a_line(metrics)}{mark}")


def not_finite(metrics: dict[str, float]) -> dict[str, float]:
    """Those of an evaluation that are no numbers; see `is_finite`."""
    return {n: v for n, v in metrics.items() if not math.isfinite(v)}


def in_a_line(metrics: dict[str, float]) -> str:
    """Scores for the user: `eval_accuracy 0.8125  loss 0.4312`."""
    return "  ".join(f"{name} {value:.4f}" for name, value in metrics.items())


def restore(checkpoint: tf.train.Checkpoint, prefix: str) -> None:
    """Restores all of `checkpoint`, or says what does not fit.

    Raises:
      InputError: the checkpoint is damaged, or of another model.
    """
    try:
        # Not `restore`, which would miss the counter that only a manager writes.
        status = checkpoint.read(prefix)
        status.assert_existing_objects_matched().expect_partial()
    # "Read less bytes than requested": a data file that was cut off.
    except (IndexError, tf.errors.DataLossError) as error:
        raise InputError(
            f"{prefix}: the checkpoint is damaged ({str(error).splitlines()[0]}). "
            "Delete its files, and the same command goes on from the one before it."
        ) from error
    except (AssertionError, ValueError, tf.errors.OpError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(
            f"{prefix} does not fit this run ({reason}). Use the settings that it was "
            "trained with, or another output_dir."
        ) from error
