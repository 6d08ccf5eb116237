"""Variables in safetensors files: data alone, read without running anything."""

import json
import pathlib
import re
from collections.abc import Iterator

import ml_dtypes
import numpy as np
from safetensors import SafetensorError, safe_open

from albert_lsh_tf.checkpoints.variables import Variables
from albert_lsh_tf.errors import InputError

# Of weights; anything else is a table of indices, or weights in some code.
_DTYPES = {
    "F64": np.dtype(np.float64),
    "F32": np.dtype(np.float32),
    "F16": np.dtype(np.float16),
    "BF16": np.dtype(ml_dtypes.bfloat16),
}
# A header is JSON, after its length in eight bytes.
_LENGTH_BYTES = 8
_LONGEST_HEADER = 100_000_000


class SafetensorsVariables(Variables):
    """The variables of one safetensors file, or of several that are one model.

    Args:
      path: what the files belong to, for messages.
      files: the files.
      ignored: names to leave out.

    Attributes:
      path: as given.

    Raises:
      InputError: a file is missing or damaged, a name is there twice, or a variable is
        not of a floating-point dtype.
    """

    def __init__(
        self,
        path: str | pathlib.Path,
        files: list[pathlib.Path],
        ignored: frozenset[str] = frozenset(),
    ) -> None:
        self.path = str(path)
        self._files = {}
        self._shapes: dict[str, tuple[int, ...]] = {}
        self._dtypes: dict[str, np.dtype] = {}
        for path in files:
            file = _open(path)
            for name in file.keys():
                if name in ignored:
                    continue
                if name in self._files:
                    raise InputError(
                        f"{path}: {name} is in another file of the folder as well; "
                        "keep the files of one model only."
                    )
                view = file.get_slice(name)
                self._files[name] = file
                self._shapes[name] = tuple(view.get_shape())
                self._dtypes[name] = _dtype(path, name, view.get_dtype())

    def __getitem__(self, name: str) -> np.ndarray:
        # The files are mapped into memory and were checked when they were opened.
        return self._files[name].get_tensor(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)

    def shape(self, name: str) -> tuple[int, ...]:
        return self._shapes[name]

    def dtype(self, name: str) -> np.dtype:
        return self._dtypes[name]


def is_safetensors(path: pathlib.Path) -> bool:
    """Whether a file's content is safetensors, whatever its name."""
    try:
        with open(path, "rb") as file:
            start = file.read(_LENGTH_BYTES + 1)
    except OSError:
        return False
    length = int.from_bytes(start[:_LENGTH_BYTES], "little")
    return start[_LENGTH_BYTES:] == b"{" and length <= _LONGEST_HEADER


def files_of_index(index_file: pathlib.Path) -> list[pathlib.Path]:
    """The files that the index of a model in several safetensors files names.

    Args:
      index_file: JSON with a `weight_map`, variable name to file name.

    Returns:
      Paths of files beside the index, each once, sorted.

    Raises:
      InputError: not such an index, or it names another kind of file or another folder.
    """
    try:
        weight_map = json.loads(index_file.read_text(encoding="utf-8"))["weight_map"]
        names = sorted(set(weight_map.values()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{index_file}: not an index of safetensors files, or a damaged one. Copy "
            "or download it again."
        ) from error
    for name in names:
        if not re.fullmatch(r"[^/\\]+\.safetensors", str(name)):
            raise InputError(
                f"{index_file}: it names the file {name!r}, but only safetensors "
                "files beside it are read; put them there."
            )
    return [index_file.parent / name for name in names]


def _open(path: pathlib.Path) -> safe_open:
    try:
        return safe_open(str(path), framework="numpy")
    except FileNotFoundError as error:
        raise InputError(
            f"{path}: no such file. Copy or download all files of the folder."
        ) from error
    except (OSError, SafetensorError) as error:
        raise InputError(
            f"{path}: not a safetensors file, or a damaged or incomplete one ({error})."
            " Copy or download it again."
        ) from error


def _dtype(path: pathlib.Path, name: str, stored: str) -> np.dtype:
    if stored not in _DTYPES:
        raise InputError(
            f"{path}: {name} is stored as {stored}, but weights are read as one of "
            f"{', '.join(_DTYPES)}. Save the model without quantisation."
        )
    return _DTYPES[stored]
