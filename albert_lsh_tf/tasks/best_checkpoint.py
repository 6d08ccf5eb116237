"""Keeps the checkpoint that did best in evaluation."""

import dataclasses
import json
import math
import os
import pathlib
import shutil

import tensorflow as tf

from albert_lsh_tf.tasks.whole_files import write_atomically

RECORD_FILE = "best.json"


@dataclasses.dataclass(frozen=True)
class BestRecord:
    """Which checkpoint is the best so far.

    Attributes:
      step: of training.
      metrics: of its evaluation.
      prefix: of its files.
      evaluation: which examples that was on; None where it is not known.
    """

    step: int
    metrics: dict[str, float]
    prefix: str
    evaluation: str | None = None


class BestCheckpoint:
    """Saves a model's weights whenever it does better than ever before.

    Better is a higher metric or, at the same metric, a lower evaluation loss. Weights
    whose evaluation gives a number that is not finite are never the best.

    The checkpoint is complete before the record names it, and the last one is deleted
    only after that, so there is a best checkpoint at every moment once there was one,
    until it is forgotten.

    Args:
      directory: holds the checkpoint and its record, `best.json`.
      metric: higher is better; of two with equal metric and loss the earlier stays.
      scratch: where a process that must not write results puts its copy; None for the
        process that writes them.
      evaluation: which examples metrics are of; None where runs have but one set.
    """

    def __init__(
        self,
        directory: pathlib.Path,
        metric: str,
        scratch: pathlib.Path | None = None,
        evaluation: str | None = None,
    ):
        self._directory = directory
        self._metric = metric
        self._scratch = scratch
        self._evaluation = evaluation
        self.record = read_best(directory)

    def offer(
        self, checkpoint: tf.train.Checkpoint, step: int, metrics: dict[str, float]
    ) -> bool:
        """Saves `checkpoint` if its metrics are the best.

        Args:
          checkpoint: what to save.
          step: its training step.
          metrics: of its evaluation; among them may be `loss`.

        Returns:
          Whether it was saved.
        """
        if not is_finite(metrics):
            return False
        if self.record and self._rank(metrics) <= self._rank(self.record.metrics):
            return False
        directory = self._scratch or self._directory
        directory.mkdir(parents=True, exist_ok=True)
        prefix = checkpoint.write(str(directory / f"best-{step}"))
        self.record = BestRecord(step, metrics, prefix, self._evaluation)
        if self._scratch is None:
            self._write_record()
        self._delete_others()
        return True

    @property
    def is_of_another_evaluation(self) -> bool:
        """Whether the record's metrics are known to be of other examples."""
        evaluations = {self._evaluation, self.record and self.record.evaluation}
        return len(evaluations - {None}) > 1

    def forget(self) -> None:
        """Drops the record, if there is one, and the checkpoint that it names."""
        if self.record is None:
            return
        self.record = None
        if self._scratch is None and self._directory.exists():
            # At once, or half of it would be a source of weights after a kill; a
            # folder of such a name is removed by `RunFolder.claim`.
            dropped = self._directory.with_name(f"{self._directory.name}_temp")
            os.replace(self._directory, dropped)
            shutil.rmtree(dropped, ignore_errors=True)

    def forget_outside(self, first_step: int, start_step: int | None) -> None:
        """Drops a record that does not count where training goes on.

        Args:
          first_step: the record of this step or one before it was scored otherwise;
            0: there is none.
          start_step: the step that training goes on from; None: it does not.
        """
        if self.record is None:
            return
        is_earlier = first_step and self.record.step <= first_step
        is_later = start_step is not None and self.record.step > start_step
        if is_earlier or is_later:
            self.forget()

    def _rank(self, metrics: dict[str, float]) -> tuple[float, float]:
        return metrics[self._metric], -metrics.get("loss", 0.0)

    def _write_record(self) -> None:
        name = os.path.basename(self.record.prefix)
        record = {**dataclasses.asdict(self.record), "prefix": name}
        if self.record.evaluation is None:
            del record["evaluation"]
        write_atomically(
            self._directory / RECORD_FILE, json.dumps(record, indent=2) + "\n"
        )
        # TensorFlow's own record, so that tf.train.latest_checkpoint(best/) works, too.
        write_atomically(
            self._directory / "checkpoint",
            f'model_checkpoint_path: "{name}"\nall_model_checkpoint_paths: "{name}"\n',
        )

    def _delete_others(self) -> None:
        name = os.path.basename(self.record.prefix)
        for file in (self._scratch or self._directory).glob("best-*"):
            if not file.name.startswith(f"{name}."):
                file.unlink()


def is_finite(metrics: dict[str, float]) -> bool:
    """Whether an evaluation gave numbers; a model that diverged gives nan or inf."""
    return all(math.isfinite(value) for value in metrics.values())


def read_best(directory: pathlib.Path) -> BestRecord | None:
    """The record of the best checkpoint in a folder; None where there is none."""
    try:
        record = json.loads((directory / RECORD_FILE).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    return BestRecord(
        record["step"],
        record["metrics"],
        str(directory / record["prefix"]),
        record.get("evaluation"),
    )
