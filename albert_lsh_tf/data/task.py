"""What a task is: its files, its labels and how it is scored. No TensorFlow here."""

import dataclasses
import gzip
import json
import pathlib
import zlib
from collections.abc import Mapping
from typing import Any, ClassVar

from albert_lsh_tf.errors import InputError


@dataclasses.dataclass(frozen=True)
class Example:
    """One text or pair of texts, as the file has it."""

    guid: str  # The file's own id; "train-7" for the seventh training row.
    text_a: str
    text_b: str | None
    label: int | float | None  # Id of the class, or score; None where it is hidden.


@dataclasses.dataclass(frozen=True)
class Task:
    """What one task looks like on disk, and how it is scored."""

    name: str
    files: Mapping[str, str]  # Split to file or folder, below that of all tasks.
    text_columns: tuple[str, ...]  # One or two, as the files name them.
    labels: tuple[str, ...] | None  # In the order of their ids; None for a score.
    metrics: tuple[str, ...]  # In the order in which they are written.
    best_metric: str  # The one that picks the best checkpoint.
    submissions: Mapping[str, str]  # Split to the file that its predictions go to.

    # What a file's name may end in, besides.
    SUFFIXES: ClassVar[tuple[str, ...]] = ("",)

    # Whether a split is a folder of files.
    SPLITS_ARE_FOLDERS: ClassVar[bool] = False

    @property
    def folder(self) -> str:
        """The folder of its training files, below that of all tasks."""
        return self.files["train"].split("/")[0]

    @property
    def is_regression(self) -> bool:
        """Whether the label is a score and not a class."""
        return self.labels is None

    @property
    def evaluation_splits(self) -> tuple[str, ...]:
        """The labelled splits that are not trained on, the main one first."""
        return tuple(split for split in self.files if split.startswith("dev"))

    @property
    def test_splits(self) -> tuple[str, ...]:
        """The splits to predict, the main one first."""
        return tuple(self.submissions)


def is_hidden(split: str) -> bool:
    """Whether labels of the split are kept back, or not looked at."""
    return split.startswith("test") or split == "diagnostic"


def find_split(task: Task, data_dir: str | pathlib.Path, split: str) -> pathlib.Path:
    """The file of a split.

    Args:
      task: from `classification.find_task`.
      data_dir: the folder that holds MRPC/, MNLI/, ...; or the task's own folder.
      split: a key of `task.files`.

    Returns:
      A path that exists.

    Raises:
      InputError: the task has no such split, or there is no such file.
    """
    if split not in task.files:
        raise InputError(
            f"{task.name} has no split {split!r}; it has {', '.join(task.files)}."
        )
    data_dir = pathlib.Path(data_dir)
    folder, name = task.files[split].split("/")
    folders = [data_dir / folder]
    if data_dir.name.lower() == folder.lower():
        folders.append(data_dir)
    for path in (each / f"{name}{end}" for each in folders for end in task.SUFFIXES):
        if path.is_dir() if task.SPLITS_ARE_FOLDERS else path.is_file():
            return path
    raise InputError(
        f"{folders[0] / name}: no such file; looked for {name} in "
        f"{' and '.join(map(str, folders))}. "
        f"data_dir must be the folder that holds {folder}/."
    )


def has_split(task: Task, data_dir: str | pathlib.Path, split: str) -> bool:
    """Whether `find_split` would find a file."""
    try:
        find_split(task, data_dir, split)
    except InputError:
        return False
    return True


def read_lines(path: pathlib.Path) -> list[str]:
    """The lines of a file of examples, without those that are blank at its end.

    A byte-order mark is dropped. Only line feeds end a line: texts may hold the other
    line ends of Unicode.

    Args:
      path: a file of UTF-8 text; packed by gzip if its name ends in .gz.

    Returns:
      At least one line.

    Raises:
      InputError: it cannot be read, is not UTF-8, is damaged, or empty.
    """
    try:
        raw = path.read_bytes()
        if path.suffix == ".gz":
            raw = gzip.decompress(raw)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise InputError(
            f"{path}: damaged, or not packed by gzip; copy or download it again."
        ) from error
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror}); check its permissions."
        ) from error
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # The byte-order mark is not counted in `start`.
        start = error.start + len(raw) - len(error.object)
        line = raw.count(b"\n", 0, start) + 1
        raise InputError(
            f"{path}, line {line}: not UTF-8 (byte {raw[start]:#04x} at offset "
            f"{start}); save the file as UTF-8."
        ) from error
    lines = text.rstrip("\r\n").split("\n")
    if lines == [""]:
        raise InputError(f"{path}: the file is empty; get it again.")
    return [line.removesuffix("\r") for line in lines]


def parse_object(text: str, where: str, expected: str) -> dict[str, Any]:
    """The JSON object in a line.

    Args:
      text: the line.
      where: file and line, for messages.
      expected: what there should be, the end of a message.

    Returns:
      Its fields.

    Raises:
      InputError: it is not JSON, or no object.
    """
    try:
        fields = json.loads(text)
    # RecursionError: brackets that go on and on.
    except (ValueError, RecursionError) as error:
        reason = getattr(error, "msg", error)
        raise InputError(f"{where}: not JSON ({reason}); {expected}") from error
    if not isinstance(fields, dict):
        raise InputError(
            f"{where}: {type(fields).__name__} instead of an object; {expected}"
        )
    return fields


def shown(names: list[str] | tuple[str, ...]) -> str:
    """Names in quotes, with commas, cut where they are too many for a line."""
    text = ", ".join(repr(name) for name in names)
    return text if len(text) <= 200 else text[:200] + " ..."
