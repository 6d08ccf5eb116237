"""Says what a file of weights is that is not read here, and what to give instead."""

import pathlib
import zipfile
from typing import NamedTuple

from albert_lsh_tf.errors import InputError

_CONVERT = (
    "Convert it to safetensors where you trust it (with transformers: "
    'AlbertForPreTraining.from_pretrained("FOLDER"{}).save_pretrained("NEW_FOLDER")), '
    "and give the new folder."
)


class _Kind(NamedTuple):
    """A kind of file, recognised by how its name ends or its content starts."""

    suffixes: tuple[str, ...]
    starts: tuple[bytes, ...]
    message: str


_PICKLE = _Kind(
    (".bin", ".pt", ".pth", ".pkl", ".pickle"),
    tuple(b"\x80" + bytes([protocol]) for protocol in range(2, 6)),
    "looks like a pickle, which can run any program when it is opened, so it is "
    "refused. " + _CONVERT.format(""),
)
_KINDS = (
    _PICKLE,
    _Kind(
        (".h5", ".hdf5", ".keras"),
        (b"\x89HDF\r\n\x1a\n",),
        "is an HDF5 file of Keras's, which is not read here. "
        + _CONVERT.format(", from_tf=True"),
    ),
    _Kind(
        (".msgpack",),
        (),
        "is a Flax file, which is not read here. "
        + _CONVERT.format(", from_flax=True"),
    ),
)


def refuse_foreign(path: pathlib.Path) -> None:
    """Raises `InputError` where a file is a pickle or of a format that is not read.

    Args:
      path: a file. Its name and its first bytes are looked at; it is not opened in any
        other way.
    """
    for kind in _KINDS:
        if path.suffix.lower() in kind.suffixes or _starts_with(path, kind.starts):
            raise InputError(f"{path} {kind.message}")
    if _is_torch_zip(path):
        raise InputError(f"{path} {_PICKLE.message}")


def _starts_with(path: pathlib.Path, starts: tuple[bytes, ...]) -> bool:
    try:
        with open(path, "rb") as file:
            return bool(starts) and file.read(8).startswith(starts)
    except OSError:
        return False


def _is_torch_zip(path: pathlib.Path) -> bool:
    """PyTorch packs its pickle, data.pkl, into a zip, whatever name that has."""
    try:
        with zipfile.ZipFile(path) as file:
            return any(name.endswith("data.pkl") for name in file.namelist())
    except (OSError, ValueError, RuntimeError, zipfile.BadZipFile, NotImplementedError):
        return False
