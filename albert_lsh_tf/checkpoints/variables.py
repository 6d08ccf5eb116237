"""Variables of a source by name, read without running anything."""

import abc
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


class Variables(Mapping[str, np.ndarray], abc.ABC):
    """The variables of one source: name to array, read when asked for.

    Attributes:
      path: where they are, for messages.
    """

    path: str

    @abc.abstractmethod
    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of a variable, without reading it."""

    @abc.abstractmethod
    def dtype(self, name: str) -> np.dtype:
        """The dtype of a variable, without reading it."""

    @functools.cached_property
    def model_names(self) -> list[str]:
        """Names of everything that is not bookkeeping: the encoder's and heads'."""
        return [name for name in self if not matches(name, name_map.BOOKKEEPING)]

    def dimensions(self) -> dict[str, int]:
        """The dimensions that the model's variables agree on.

        Returns:
          Dimension letter (see `name_map`) to size. A letter on which the variables
          disagree is left out, as is H where heads are not visible, as in Google's
          layout.
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


class CheckpointVariables(Variables):
    """The variables of a TensorFlow checkpoint.

    TF1 checkpoints are keyed by variable name. Object checkpoints (TF2, also those
    inside a SavedModel) are keyed by path, and their object graph says which variable
    lies where; here both are read by name. Bookkeeping, such as optimiser slots, is
    listed by its path.

    Args:
      prefix: path of the checkpoint, without `.index` or `.data-00000-of-00001`.

    Attributes:
      path: the prefix.
      is_object_based: whether the checkpoint has an object graph.

    Raises:
      InputError: the index is missing or damaged; for values, when they are read.
    """

    def __init__(self, prefix: str) -> None:
        self.path = prefix
        with _readable(prefix):
            self._reader = tf.train.load_checkpoint(prefix)
            shapes = self._reader.get_variable_to_shape_map()
            self._dtypes = self._reader.get_variable_to_dtype_map()
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
        with _readable(self.path):
            return self._reader.get_tensor(key)

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)

    def shape(self, name: str) -> tuple[int, ...]:
        return self._shapes[name]

    def dtype(self, name: str) -> np.dtype:
        return np.dtype(self._dtypes[self._keys[name]].as_numpy_dtype)


def find_partner(name: str) -> tuple[name_map.ModelVariable | None, str]:
    """Which variable of the model a variable of a source is.

    Args:
      name: variable name in the source, as any kind of file in `name_map` has it.

    Returns:
      The variable and the axes (in letters) that this source gives it; None and "" for
      a name that is in no table.
    """
    name = _without_scope(name)
    for candidate in (name, name_map.HUGGINGFACE_SCOPE + name):
        if candidate in name_map.BY_STORED_NAME:
            return name_map.BY_STORED_NAME[candidate]
    return None, ""


def matches(name: str, patterns: tuple) -> bool:
    """Whether one of `name_map`'s patterns is in `name`."""
    name = _without_scope(name)
    return any(pattern.search(name) for pattern in patterns)


def sizes(letters: str, dimensions: Mapping[str, int]) -> tuple[int, ...]:
    """A shape in numbers: "M HD" and {M: 20, H: 5, D: 4} give (20, 20)."""
    return tuple(
        math.prod(dimensions[letter] for letter in axis) for axis in letters.split()
    )


def rearrange(
    value: np.ndarray, axes: str, new_axes: str, dimensions: Mapping[str, int]
) -> np.ndarray:
    """A variable in the layout of another kind of file; values stay bit for bit.

    Args:
      value: of shape `sizes(axes, dimensions)`.
      axes: how `value` is laid out, such as "HD M".
      new_axes: how it shall be laid out, in the same letters, such as "M H D".
      dimensions: the size of each letter.

    Returns:
      The array of shape `sizes(new_axes, dimensions)`.
    """
    letters = axes.replace(" ", "")
    order = [letters.index(letter) for letter in new_axes.replace(" ", "")]
    apart = np.reshape(value, [dimensions[letter] for letter in letters])
    return np.reshape(np.transpose(apart, order), sizes(new_axes, dimensions))


def _without_scope(name: str) -> str:
    return name_map.OPTIONAL_SCOPE.sub("", name)


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
