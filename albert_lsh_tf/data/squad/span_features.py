"""Windows over a file's questions on disk, for training and prediction to read.

    FOLDER/manifest.json        what they were made of and how
    FOLDER/input_word_ids.bin   one array after another; see `WindowFeatures`
    FOLDER/.lock                held by the process that writes or opens the others

The files are mapped into memory, which so does not grow with them. They are replaced,
never written over: who has mapped the old ones keeps them.
"""

import contextlib
import math
import pathlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from albert_lsh_tf.data.manifest import Manifest
from albert_lsh_tf.data.writing import open_arrays

# The columns, by what the windows are for.
OF_TRAINING = ("start_position", "end_position")
OF_PREDICTION = ("token_start", "token_end", "may_start")
OF_BOTH = ("input_word_ids", "first_of_context", "num_of_context", "question")


class SpanFeatures:
    """Windows on disk. W windows, T tokens each.

    Attributes:
      columns: name to array; see `WindowFeatures`. Those of training are
        start_position and end_position, those of predictions token_start, token_end
        and may_start; `question` counts through the questions that can be used.
      counts: "questions" that are used; "answered" of them, whose answer is known, and
        "impossible" ones; "skipped" others; "windows"; and of training "shown", the
        questions whose answer a window shows.
    """

    def __init__(self, folder: pathlib.Path, manifest: Manifest):
        self.counts = dict(manifest.totals)
        self.columns = {
            name: np.memmap(
                folder / file_name(name),
                dtype=entry["dtype"],
                mode="r",
                shape=(self.counts["windows"], *entry["shape"]),
            )
            for name, entry in manifest.config["columns"].items()
        }

    def __len__(self) -> int:
        return self.counts["windows"]

    @property
    def token_counts(self) -> np.ndarray:
        """Tokens of each window, without padding: int32 [W]."""
        columns = self.columns
        return columns["first_of_context"] + columns["num_of_context"] + 1

    def gather(self, indices: tf.Tensor) -> dict[str, tf.Tensor]:
        """What the network reads of some windows.

        Args:
          indices: int64 [n].

        Returns:
          input_word_ids, input_mask and input_type_ids, int32 [n, T]; and example_id,
          the indices. For training, start_position and end_position, int32 [n]; for
          predictions may_start, is_context and has_characters, bool [n, T]: where an
          answer may start, where it may end, and what of it is no blank alone.
        """
        names = ["input_word_ids", "first_of_context", "num_of_context"]
        of_purpose = (*OF_TRAINING, *OF_PREDICTION)
        names += [name for name in of_purpose if name in self.columns]

        def read(rows: np.ndarray) -> list[np.ndarray]:
            return [self.columns[name][rows].astype(np.int32) for name in names]

        found = tf.numpy_function(
            read, [indices], [tf.int32] * len(names), stateful=False
        )
        found = dict(zip(names, found, strict=True))
        for name, values in found.items():
            values.set_shape([*indices.shape, *self.columns[name].shape[1:]])
        column = tf.range(found["input_word_ids"].shape[1])
        first, num = (
            found.pop(name)[:, tf.newaxis]
            for name in ("first_of_context", "num_of_context")
        )
        is_token = column <= first + num
        if "may_start" in found:
            found["may_start"] = found["may_start"] > 0
            start, end = (found.pop(name) for name in ("token_start", "token_end"))
            found["has_characters"] = start < end
            found["is_context"] = (column >= first) & (column < first + num)
        return {
            **found,
            "input_mask": tf.cast(is_token, tf.int32),
            "input_type_ids": tf.cast(is_token & (column >= first), tf.int32),
            "example_id": indices,
        }


def file_name(column: str) -> str:
    """The file of a column."""
    return f"{column}.bin"


def file_entries(columns: Mapping[str, Any], num_windows: int) -> dict[str, Any]:
    """What a manifest says of the files of columns."""
    # Not hashed: that would read all of them once more.
    return {
        file_name(name): {
            "bytes": num_windows
            * math.prod(entry["shape"])
            * np.dtype(entry["dtype"]).itemsize
        }
        for name, entry in columns.items()
    }


@contextlib.contextmanager
def open_columns(
    folder: pathlib.Path, columns: Mapping[str, Any]
) -> Iterator[Callable[[Mapping[str, np.ndarray]], None]]:
    """Opens new files of columns.

    Args:
      folder: where; it has none of them.
      columns: name to a dict of dtype and shape.

    Yields:
      What writes some windows, by name; others than these columns are left out. It
      raises an `OSError` that has a reason and a file, also where the disk is full.
    """
    with contextlib.ExitStack() as stack:
        outputs = {
            name: stack.enter_context(open_arrays(folder / file_name(name)))
            for name in columns
        }

        def write(found: Mapping[str, np.ndarray]) -> None:
            for name, entry in columns.items():
                outputs[name](found[name].astype(entry["dtype"]))

        yield write


def remove_columns(folder: pathlib.Path) -> None:
    """Removes the files of all columns there are, and nothing else."""
    for name in (*OF_BOTH, *OF_TRAINING, *OF_PREDICTION):
        (folder / file_name(name)).unlink(missing_ok=True)
