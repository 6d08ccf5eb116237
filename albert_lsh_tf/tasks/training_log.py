"""The log of a run's training and evaluations, which survives a kill."""

import json
import pathlib

from albert_lsh_tf.tasks.whole_files import write_atomically


class TrainingLog:
    """What happened at which step: one JSON object a line, appended.

    Args:
      path: the file; read if it is there.
      writable: whether this process writes it.
    """

    def __init__(self, path: pathlib.Path, writable: bool = True):
        self._path = path
        self._writable = writable
        self.entries: list[dict] = []
        self._is_cut = False  # A kill while a line was written leaves a part of it.
        content = path.read_text(encoding="utf-8") if path.exists() else ""
        for line in content.splitlines(keepends=True):
            self._is_cut |= not line.endswith("\n")
            try:
                self.entries.append(json.loads(line))
            except json.JSONDecodeError:
                self._is_cut = True

    def rewind(self, step: int) -> None:
        """Forgets what happened after `step`, from where training goes on."""
        self.entries = [entry for entry in self.entries if entry["step"] <= step]
        if self._writable and self._path.exists():
            self._write_anew()

    def append(self, entry: dict) -> None:
        """Adds an entry, which has a `step`."""
        self.entries.append(entry)
        if self._writable and self._is_cut:
            self._write_anew()
        elif self._writable:
            with open(self._path, "a", encoding="utf-8") as file:
                file.write(json.dumps(entry) + "\n")

    def _write_anew(self) -> None:
        lines = [json.dumps(entry) + "\n" for entry in self.entries]
        write_atomically(self._path, "".join(lines))
        self._is_cut = False

    @property
    def training(self) -> list[dict]:
        """Entries of training: step, loss, learning_rate, seconds_per_step, memory."""
        return [entry for entry in self.entries if "loss" in entry]

    @property
    def evaluations(self) -> list[dict]:
        """Entries of evaluation: step and `eval`, a dict of metrics."""
        return [entry for entry in self.entries if "eval" in entry]
