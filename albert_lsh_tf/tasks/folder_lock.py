"""Keeps two processes from training in one folder."""

import fcntl
import os
import pathlib
from typing import BinaryIO

LOCK_FILE = ".lock"


class FolderLock:
    """An exclusive lock on a folder, which a killed process lets go of.

    On a file system without locks everybody is given it.

    Args:
      folder: has to be there when the lock is asked for.
    """

    def __init__(self, folder: pathlib.Path):
        self._held: BinaryIO | None = None
        self._path = folder / LOCK_FILE

    def acquire(self) -> bool:
        """Takes the lock, unless another process has it; returns whether it is held."""
        while self._held is None:
            file = open(self._path, "ab")
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.close()
                return False
            except OSError:
                pass  # There are no locks here.
            if self._is_in_place(file):
                self._held = file
            else:  # Whoever had it has removed it just now: it keeps nobody out.
                file.close()
        return True

    def release(self) -> None:
        """Lets others have the lock, if it is held, and leaves no file."""
        if self._held is None:
            return
        if self._is_in_place(self._held):
            self._path.unlink(missing_ok=True)
        self._held.close()
        self._held = None

    def __del__(self):
        # A process may have made a folder and never trained in it.
        self.release()

    def _is_in_place(self, file: BinaryIO) -> bool:
        try:
            return os.path.samestat(os.fstat(file.fileno()), os.stat(self._path))
        except FileNotFoundError:
            return False
