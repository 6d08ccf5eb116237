"""Classification of the user's own texts: JSON, one object a line. No TensorFlow here.

    DATA_DIR/NAME/train.jsonl, dev.jsonl, test.jsonl; or packed, .jsonl.gz

    {"id": "7", "text": "...", "text_b": "...", "label": "..."}

`id` and `text_b` may be absent, and `label` in test.jsonl, where it is not looked at.
"""

import dataclasses
import json
import pathlib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from albert_lsh_tf.data.task import (
    Example,
    Task,
    find_split,
    is_hidden,
    parse_object,
    read_lines,
    shown,
)
from albert_lsh_tf.errors import InputError

EXPECTED_LINE = '{"text": "...", "label": "..."}'

_TEXTS = ("text", "text_b")
_WHOLE_NUMBER = re.compile(r"-?[0-9]{1,18}")
_ENDS_A_COLUMN = re.compile(r"[\t\n\r]")


@dataclasses.dataclass(frozen=True)
class JsonlTask(Task):
    """The user's own classes; see `make_task`."""

    SUFFIXES = ("", ".gz")


def make_task(name: str, labels: Sequence[str], has_pairs: bool = True) -> JsonlTask:
    """A task of the user's own. Reads nothing.

    Args:
      name: of its folder.
      labels: its classes in order.
      has_pairs: whether a line may have a second text.

    Returns:
      The task.

    Raises:
      InputError: the name cannot be that of a folder, and of a file of predictions.
    """
    # The predictions go to NAME.tsv, beside the probabilities.
    if name != pathlib.PurePath(name).name or name in ("", "..", "test_results"):
        raise InputError(
            f"task_name={name!r} cannot name data of your own; give a folder of "
            "data_dir, without a path, and none called test_results."
        )
    return JsonlTask(
        name=name,
        files={split: f"{name}/{split}.jsonl" for split in ("train", "dev", "test")},
        text_columns=_TEXTS if has_pairs else _TEXTS[:1],
        labels=tuple(labels),
        metrics=("eval_accuracy", "f1_macro"),
        best_metric="eval_accuracy",
        submissions={"test": f"{name}.tsv"},
    )


def read_task(name: str, data_dir: str | pathlib.Path) -> JsonlTask:
    """The task that train.jsonl tells of.

    Args:
      name: of its folder.
      data_dir: the folder around it.

    Returns:
      The task. Its labels are those of train.jsonl, sorted: by value where all are
      whole numbers, so that 10 comes after 9. It has pairs where a line has a second
      text.

    Raises:
      InputError: no such file, or a line that is not what it should be, or fewer than
        two different labels.
    """
    path = find_split(make_task(name, labels=()), data_dir, "train")
    rows = _read_rows(path, has_labels=True)
    labels = _in_order({row.label for row in rows})
    if len(labels) < 2:
        raise InputError(
            f"{path}: every label is {labels[0]!r}; a classifier needs lines of two "
            "labels at least."
        )
    return make_task(name, labels, any(row.text_b is not None for row in rows))


def read_examples(
    task: JsonlTask, data_dir: str | pathlib.Path, split: str
) -> list[Example]:
    """Reads one split.

    Args:
      task: from `make_task` or `read_task`.
      data_dir: the folder that holds the task's; or the task's own folder.
      split: "train", "dev" or "test".

    Returns:
      The examples in the file's order; at least one. An id that is not given is that
      of the line: "test-1" for the first.

    Raises:
      InputError: no such file, not UTF-8, empty; or a line that is not JSON, without a
        text or label, or with a label that is none of the task's.
    """
    path = find_split(task, data_dir, split)
    ids = {label: index for index, label in enumerate(task.labels)}
    examples = []
    for number, row in enumerate(_read_rows(path, not is_hidden(split)), 1):
        if row.label is not None and row.label not in ids:
            raise InputError(
                f"{path}, line {number}: unknown label {row.label!r}; the labels of "
                f"{task.name} are {shown(task.labels)}."
            )
        if row.text_b is not None and len(task.text_columns) == 1:
            raise InputError(
                f"{path}, line {number}: text_b, which no line had that was trained "
                "on; leave it out, or train with pairs."
            )
        guid = f"{split}-{number}" if row.guid is None else row.guid
        examples.append(Example(guid, row.text_a, row.text_b, ids.get(row.label)))
    return examples


@dataclasses.dataclass(frozen=True)
class _Row:
    """A line, checked; labels are not looked up yet."""

    guid: str | None
    text_a: str
    text_b: str | None
    label: str | None


def _read_rows(path: pathlib.Path, has_labels: bool) -> list[_Row]:
    return [
        _Line.parse(text, f"{path}, line {number}").row(has_labels)
        for number, text in enumerate(read_lines(path), 1)
    ]


@dataclasses.dataclass(frozen=True)
class _Line:
    """The fields of a line, and where it is."""

    fields: Mapping[str, Any]
    where: str

    @classmethod
    def parse(cls, text: str, where: str) -> "_Line":
        expected = f"expected one object a line, as {EXPECTED_LINE}."
        return cls(parse_object(text, where, expected), where)

    def row(self, has_label: bool) -> _Row:
        for name in ("text", "label") if has_label else ("text",):
            if self.fields.get(name) is None:
                raise InputError(
                    f"{self.where}: no {name}; the fields found are "
                    f"{shown(list(self.fields)) or 'none'}, expected are "
                    f"{EXPECTED_LINE}."
                )
        text_b = self._text("text_b")
        return _Row(
            guid=self._word("id"),
            text_a=self._text("text", required=True),
            # An empty one is none, as for `encode_examples` and in exports.
            text_b=text_b if text_b and text_b.strip() else None,
            label=self._word("label") if has_label else None,
        )

    def _text(self, name: str, required: bool = False) -> str | None:
        value = self.fields.get(name)
        if value is not None and not isinstance(value, str):
            raise InputError(f"{self.where}: {name} must be a string.")
        if required and not value.strip():
            raise InputError(f"{self.where}: {name} is empty; leave the line out.")
        return self._encodable(name, value)

    def _word(self, name: str) -> str | None:
        """A string or whole number that fits into a column."""
        value = self.fields.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if value is None:
            return None
        if not isinstance(value, str):
            raise InputError(
                f"{self.where}: {name} {json.dumps(value)[:40]} must be a string or a "
                "whole number."
            )
        value = value.strip()
        if not value or _ENDS_A_COLUMN.search(value):
            raise InputError(
                f"{self.where}: {name} {value!r} must be a word or a few, without tabs "
                "and line ends."
            )
        return self._encodable(name, value)

    def _encodable(self, name: str, value: str | None) -> str | None:
        try:
            (value or "").encode("utf-8")
        except UnicodeEncodeError as error:
            raise InputError(
                f"{self.where}: {name} holds half of a character "
                f"(\\u{ord(value[error.start]):04x}); it was cut in two."
            ) from error
        return value


def _in_order(labels: Iterable[str]) -> list[str]:
    labels = sorted(labels)
    if all(map(_WHOLE_NUMBER.fullmatch, labels)):
        labels.sort(key=int)
    return labels
