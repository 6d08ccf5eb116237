"""Reads the variables of a TensorFlow checkpoint by name, without running anything."""

import contextlib
import functools
import math
from collections.abc import Iterator, Mapping

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.core.protobuf import trackable_object_graph_pb2

from albert_lsh_tf.checkpoints import name_map
from albert_lsh_tf.errors import InputError

_OBJECT_GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"
_VALUE = "/.ATTRIBUTES/VARIABLE_VALUE"


class CheckpointVariables(Mapping):
    """The variables of one checkpoint: name to array, read when asked for.

    TF1 checkpoints are keyed by variable name. Object checkpoints (TF2, also those
    inside a SavedModel) are keyed by path, and their object graph says which variable
    lies where; here both are read by name. Bookkeeping, such as optimiser slots, is
    listed by its path.

    Args:
      prefix: path of the checkpoint, without `.index` or `.data-00000-of-00001`.

    Attributes:
      prefix: as given.
      is_object_based: whether the checkpoint has an object graph.

    Raises:
      InputError: the index is missing or damaged; for values, when they are read.
    """

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        with _readable(prefix):
            self._reader = tf.train.load_checkpoint(prefix)
            shapes = self._reader.get_variable_to_shape_map()
            self.is_object_based = _OBJECT_GRAPH in shapes
            if self.is_object_based:
                self._keys = _keys_by_name(self._reader.get_tensor(_OBJECT_GRAPH))
            else:
                self._keys = {name: name for name in shapes}
            self._shapes = {
                name: tuple(shapes[key]) for name, key in self._keys.items()
            }

    def __getitem__(self, name: str) -> np.ndarray:
        key = self._keys[name]
        with _readable(self.prefix):
            return self._reader.get_tensor(key)

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of a variable, from the index alone."""
        return self._shapes[name]

    @functools.cached_property
    def model_names(self) -> list[str]:
        """Names of everything that is not bookkeeping: the encoder's and heads'."""
        return [name for name in self if not matches(name, name_map.BOOKKEEPING)]

    def dimensions(self) -> dict[str, int]:
        """The dimensions that the encoder's variables agree on.

        Returns:
          Dimension letter (see `name_map`) to size. A letter on which the variables
          disagree is left out, as is H in Google's layout, where heads are not visible.
        """
        seen: dict[str, set[int]] = {}
        for name in self.model_names:
            _, letters = find_partner(name)
            axes = letters.split()
            if len(axes) == len(self.shape(name)):
                for axis, size in zip(axes, self.shape(name), strict=True):
                    seen.setdefault(axis, set()).add(size)
        return {
            letter: min(seen[letter])
            for letter in name_map.CONFIG_KEYS
            if len(seen.get(letter, ())) == 1
        }


def find_partner(name: str) -> tuple[name_map.EncoderVariable | None, str]:
    """Which encoder variable a variable of a source is.

    Args:
      name: variable name in the source, Google's or the encoder's own.

    Returns:
      The encoder variable and the shape (in letters) that this source gives it; None
      and "" for a name that is in neither table.
    """
    name = name.removeprefix(name_map.OPTIONAL_PREFIX)
    if name in name_map.BY_NAME:
        return name_map.BY_NAME[name], name_map.BY_NAME[name].shape
    if name in name_map.BY_GOOGLE_NAME:
        return (
            name_map.BY_GOOGLE_NAME[name],
            name_map.BY_GOOGLE_NAME[name].google_shape,
        )
    return None, ""


def matches(name: str, patterns: tuple) -> bool:
    """Whether one of `name_map`'s patterns is in `name`."""
    name = name.removeprefix(name_map.OPTIONAL_PREFIX)
    return any(pattern.search(name) for pattern in patterns)


def sizes(letters: str, dimensions: Mapping[str, int]) -> tuple[int, ...]:
    """A shape in numbers: "M HD" and {M: 20, H: 5, D: 4} give (20, 20)."""
    return tuple(
        math.prod(dimensions[letter] for letter in axis) for axis in letters.split()
    )


def _keys_by_name(serialized_graph: bytes) -> dict[str, str]:
    """Variable name to checkpoint key, from a serialized object graph."""
    graph = trackable_object_graph_pb2.TrackableObjectGraph()
    graph.ParseFromString(serialized_graph)
    keys = {}
    for node in graph.nodes:
        for attribute in node.attributes:
            if attribute.name != "VARIABLE_VALUE":
                continue
            path = attribute.checkpoint_key.removesuffix(_VALUE)
            name = attribute.full_name or path
            # Optimisers name their variables as they like; their place is certain.
            if matches(path, name_map.BOOKKEEPING):
                name = path
            # Two of one name: keep both, so that the second is found to be too many.
            if name in keys:
                name = f"{name} at {path}"
            keys[name] = attribute.checkpoint_key
    return keys


@contextlib.contextmanager
def _readable(prefix: str) -> Iterator[None]:
    """Turns the many ways in which TensorFlow reports damage into one line."""
    try:
        yield
    except (
        tf.errors.OpError,
        DecodeError,
        IndexError,  # "Read less bytes than requested": a truncated data file.
        KeyError,
        RuntimeError,
        SystemError,
        ValueError,
    ) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(
            f"{prefix}: the checkpoint is damaged or incomplete ({reason}). Copy or "
            "download it again, with its .index and all of its .data files."
        ) from error
