"""GLUE's official TSV files to examples. No TensorFlow here."""

import dataclasses
import logging
import math
import pathlib

from albert_lsh_tf.data.glue_tasks import SCORE_RANGE, GlueTask
from albert_lsh_tf.data.task import (
    Example,
    find_split,
    is_hidden,
    read_lines,
    shown,
)
from albert_lsh_tf.errors import InputError

_logger = logging.getLogger(__name__)


def read_examples(
    task: GlueTask, data_dir: str | pathlib.Path, split: str
) -> list[Example]:
    """Reads one split of a task.

    Columns are found by the header's names, so their order and further columns do not
    matter. Quote characters are text. A byte-order mark is dropped.

    Args:
      task: from `glue_tasks.find_task`.
      data_dir: the folder that holds MRPC/, MNLI/, ...; or the task's own folder.
      split: a key of `task.files`, such as "train", "dev", "test".

    Returns:
      The examples in the file's order; at least one.

    Raises:
      InputError: no such file, not UTF-8, empty, without a needed column, or a row with
        too few or too many columns, an unknown label or an impossible score.
    """
    path = find_split(task, data_dir, split)
    rows = [line.split("\t") for line in read_lines(path)]
    has_header = task.headerless_columns is None or is_hidden(split)
    header = rows[0] if has_header else list(task.headerless_columns)
    columns = _Columns.find(task, split, header, path)
    first_line = 2 if has_header else 1
    rows = rows[first_line - 1 :]
    if not rows:
        raise InputError(f"{path}: a header but no rows; get the file again.")
    examples, short_lines = [], []
    for index, row in enumerate(rows):
        line = first_line + index
        if len(row) < columns.num_needed and task.skip_short_rows:
            short_lines.append(str(line))
            continue
        examples.append(_to_example(task, split, row, columns, index, path, line))
    if short_lines:
        shown = ", ".join(short_lines[:5]) + (", ..." if short_lines[5:] else "")
        _logger.warning(
            "%s: left out %d of %d rows, with too few columns (line %s); the official "
            "%s files have some.",
            *(path, len(short_lines), len(rows), shown, task.name),
        )
    if not examples:
        raise InputError(f"{path}: no row has {columns.num_needed} columns.")
    return examples


@dataclasses.dataclass(frozen=True)
class _Columns:
    """Where in a row the fields of an example are."""

    texts: tuple[int, ...]
    label: int | None
    guid: int | None
    num_named: int  # Columns of the header.

    @property
    def num_needed(self) -> int:
        return 1 + max(*self.texts, self.label or 0, self.guid or 0)

    @classmethod
    def find(
        cls, task: GlueTask, split: str, header: list[str], path: pathlib.Path
    ) -> "_Columns":
        positions = {name.strip(): index for index, name in enumerate(header)}
        wanted = list(task.text_columns)
        if not is_hidden(split):
            wanted.append(task.label_column)
        missing = [name for name in wanted if name not in positions]
        if missing:
            raise InputError(
                f"{path}, line 1: no column {' or '.join(map(repr, missing))}; the "
                f"header found is {shown(header)}. Use {task.name}'s official layout, "
                "with its header line."
            )
        return cls(
            texts=tuple(positions[name] for name in task.text_columns),
            label=None if is_hidden(split) else positions[task.label_column],
            guid=positions.get(task.id_column) if is_hidden(split) else None,
            num_named=len(header),
        )


def _to_example(
    task: GlueTask,
    split: str,
    row: list[str],
    columns: _Columns,
    index: int,
    path: pathlib.Path,
    line: int,
) -> Example:
    if len(row) < columns.num_needed:
        raise InputError(
            f"{path}, line {line}: columns found: {len(row)}, needed for {task.name}: "
            f"{columns.num_needed}; separate them with tabs."
        )
    if any(row[columns.num_named :]):
        raise InputError(
            f"{path}, line {line}: columns found: {len(row)}, named in the header: "
            f"{columns.num_named}; take the tab out of the sentence."
        )
    guid = f"{split}-{index + 1}"
    if columns.guid is not None:
        guid = row[columns.guid]
    label = None
    if columns.label is not None:
        label = _parse_label(task, row[columns.label].strip(), path, line)
    text_a, *rest = (row[column] for column in columns.texts)
    return Example(guid, text_a, rest[0] if rest else None, label)


def _parse_label(
    task: GlueTask, text: str, path: pathlib.Path, line: int
) -> int | float:
    if task.labels is not None:
        if text in task.labels:
            return task.labels.index(text)
        hint = f"; {task.name} labels are {', '.join(task.labels)}."
        if task.headerless_columns and line == 1:
            hint += " This file must have no header line."
        raise InputError(f"{path}, line {line}: unknown label {text!r}{hint}")
    low, high = SCORE_RANGE
    try:
        score = float(text)
    except ValueError:
        score = math.nan
    if not low <= score <= high:
        raise InputError(
            f"{path}, line {line}: score {text!r} is not a number from {low:g} to "
            f"{high:g}."
        )
    return score
