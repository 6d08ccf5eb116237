"""The samples of a benchmark in a file, one JSON line each, so that it can go on.

Imports no TensorFlow.
"""

import dataclasses
import json
import os
import pathlib
from typing import Any

from albert_lsh_tf.benchmark.points import Point, Work
from albert_lsh_tf.errors import InputError

FILE_NAME = "samples.jsonl"
# What is not measured again. An "error" is: it may have been mended.
LASTING = ("ok", "out of memory", "timeout", "not possible")


@dataclasses.dataclass(frozen=True)
class Sample:
    """What one process found.

    Attributes:
      point: what it measured.
      round: which of the point's processes it was, from 0.
      status: one of `LASTING`, or "error".
      message: why there are no numbers; None where there are.
      seconds: of each timed step.
      peak_mib: memory above that before the first step; None where it is not known.
      machine: see `machine.describe_machine`; None where the process did not get to it.
    """

    point: Point
    round: int
    status: str
    message: str | None = None
    seconds: tuple[float, ...] = ()
    peak_mib: float | None = None
    machine: dict[str, Any] | None = None

    def to_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self) | {"seconds": list(self.seconds)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Sample":
        return cls(
            **values
            | {
                "point": Point.from_dict(values["point"]),
                "seconds": tuple(values["seconds"]),
            }
        )


class SampleFile:
    """The samples of one `output_dir`, those of earlier runs included.

    Args:
      folder: created where it does not exist.
      work: what is measured now.

    Attributes:
      samples: all of them, in the order of measuring.

    Raises:
      InputError: the file holds samples of other work, or is none of ours.
    """

    def __init__(self, folder: str | pathlib.Path, work: Work) -> None:
        self._path = pathlib.Path(folder) / FILE_NAME
        self._work = work.to_dict()
        self.samples: list[Sample] = []
        self._path.parent.mkdir(parents=True, exist_ok=True)
        if self._path.exists():
            self.samples = [
                sample for sample in self._read() if sample.status in LASTING
            ]

    @property
    def machine(self) -> dict[str, Any] | None:
        """What the samples were measured on; None before the first."""
        known = (sample.machine for sample in self.samples)
        return next((machine for machine in known if machine is not None), None)

    def has(self, point: Point, number: int) -> bool:
        """Whether a point needs no measuring in that round."""
        return any(
            sample.point == point and (sample.round == number or sample.status != "ok")
            for sample in self.samples
        )

    def add(self, sample: Sample) -> None:
        """Keeps a sample, in memory and in the file, which is replaced as a whole.

        Raises:
          InputError: it was measured on another machine than the others.
        """
        if self.machine and sample.machine and sample.machine != self.machine:
            changed = ", ".join(
                f"{key} was {self.machine.get(key)} and is {value}"
                for key, value in sample.machine.items()
                if self.machine.get(key) != value
            )
            raise InputError(
                f"{self._path} was measured on another machine ({changed}). Give "
                "another output_dir."
            )
        self.samples.append(sample)
        lines = [
            json.dumps({"work": self._work, **each.to_dict()}) + "\n"
            for each in self.samples
        ]
        # Never half a file, wherever the program is stopped.
        scratch = self._path.with_suffix(".tmp")
        scratch.write_text("".join(lines), encoding="utf-8")
        os.replace(scratch, self._path)

    def _read(self) -> list[Sample]:
        samples = []
        lines = self._path.read_text(encoding="utf-8").splitlines()
        for number, line in enumerate(lines, start=1):
            try:
                values = json.loads(line)
                work = values.pop("work")
                samples.append(Sample.from_dict(values))
            except (ValueError, TypeError, KeyError, AttributeError) as error:
                raise InputError(
                    f"{self._path}, line {number}: not a sample of a benchmark. Remove "
                    "the line to measure it again, or give another output_dir."
                ) from error
            if work != self._work:
                changed = ", ".join(
                    f"{key} was {work.get(key)} and is {value}"
                    for key, value in self._work.items()
                    if work.get(key) != value
                )
                raise InputError(
                    f"{self._path} holds samples of other work ({changed}). Give the "
                    "settings of before, or another output_dir."
                )
        return samples
