"""Writing into a folder that others may write into, on a disk that may be full."""

import contextlib
import fcntl
import pathlib
import tempfile
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from albert_lsh_tf.errors import InputError

LOCK_FILE = ".lock"


@contextlib.contextmanager
def locked(folder: pathlib.Path, say: Callable[[str], None]) -> Iterator[None]:
    """Keeps other processes out of a folder; a killed one lets go of it.

    Where the folder may only be read, or its file system has no locks, it does nothing.

    Args:
      folder: where every process that writes there asks for it.
      say: takes a line for the user who has to wait.
    """
    with contextlib.ExitStack() as stack:
        try:
            file = stack.enter_context(open(folder / LOCK_FILE, "ab"))
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting for another process that works in {folder}")
            fcntl.flock(file, fcntl.LOCK_EX)
        except OSError:
            pass
        yield


@contextlib.contextmanager
def open_arrays(
    path: pathlib.Path, mode: str = "wb"
) -> Iterator[Callable[[np.ndarray], None]]:
    """Opens a file of arrays.

    Args:
      path: the file.
      mode: "wb" for a new one, "ab" to go on with it.

    Yields:
      What writes an array's bytes behind the others. It raises an `OSError` that has a
      reason and a file, also where the disk is full.
    """
    # No buffer: nothing can fail as late as at the end, where no path is named.
    with open(path, mode, buffering=0) as file:

        def write(values: np.ndarray) -> None:
            # Not numpy's `tofile`: of a full disk it may tell nothing.
            rest = memoryview(values.tobytes())
            try:
                while rest:
                    rest = rest[file.write(rest) :]
            except OSError as error:
                raise OSError(error.errno, error.strerror, str(path)) from error

        yield write


def check_sizes(folder: pathlib.Path, entries: Mapping[str, Any]) -> None:
    """Raises `InputError` where a file is not as long as what was written into it.

    Args:
      folder: of the files.
      entries: name to a dict of the `bytes` written, as a manifest has them.
    """
    for name, entry in entries.items():
        size = (folder / name).stat().st_size
        if size != entry["bytes"]:
            raise InputError(
                f"{folder / name}: {size} bytes are there, and {entry['bytes']} were "
                "written. Is the disk full? Free some space, and give the same command "
                "again."
            )


def make_folder(folder: pathlib.Path, setting: str) -> None:
    """Makes a folder, and finds out whether files can be made in it.

    Args:
      folder: may be there already.
      setting: that names it, for the message.

    Raises:
      InputError: it cannot be made, or nothing can be made in it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".probe-"):
            pass
    except OSError as error:
        raise InputError(
            f"{folder}: no file can be made there ({error.strerror}); give another "
            f"{setting}."
        ) from error
