"""Writes the folder of an export: all of it at once, and over nothing else."""

import contextlib
import fcntl
import os
import pathlib
import shutil
import uuid
from collections.abc import Iterable, Iterator, Mapping

from albert_lsh_tf.errors import InputError

PROGRAM_FILE = "saved_model.pb"
# Beside a SavedModel, for people and for other programs; TensorFlow ignores it.
EXTRA_FOLDER = "assets.extra"


def check_export_dir(
    export_dir: str | pathlib.Path,
    name: str = "export_dir",
    apart_from: Mapping[str, str | pathlib.Path | None] | None = None,
) -> pathlib.Path:
    """Checks that a SavedModel may be written, before hours of training.

    Args:
      export_dir: a folder that is not there, or is empty, or holds a SavedModel, which
        is then replaced.
      name: what the user knows it as.
      apart_from: see `check_apart`.

    Returns:
      The folder, as an absolute path without links.

    Raises:
      InputError: it holds something else, or cannot be written or replaced.
    """
    path = _resolved(export_dir)
    if os.path.ismount(path):  # As "/" is.
        raise InputError(
            f"{name}={export_dir} is where a disk is mounted, and cannot be replaced; "
            "give a folder in it."
        )
    existing = next(each for each in path.parents if each.exists())
    if not (existing.is_dir() and os.access(existing, os.W_OK)):
        raise InputError(
            f"{name}={export_dir} cannot be made in {existing}; give a folder that you "
            "may write to."
        )
    if path.is_file() or (
        path.is_dir() and any(path.iterdir()) and not (path / PROGRAM_FILE).exists()
    ):
        raise InputError(
            f"{name}={export_dir} holds files that are no SavedModel; give a new "
            "folder."
        )
    check_apart(export_dir, name, apart_from or {})
    return path


def check_apart(
    export_dir: str | pathlib.Path,
    name: str,
    others: Mapping[str, str | pathlib.Path | None],
) -> None:
    """Refuses an export that would replace what it is made from, or lie in it.

    Args:
      export_dir: see `check_export_dir`.
      name: what the user knows it as.
      others: paths by the names that the user knows them as; None is left out.

    Raises:
      InputError: one of them is, holds or lies in `export_dir`.
    """
    path = _resolved(export_dir)
    for other_name, other in others.items():
        if other is None:
            continue
        other_path = _resolved(other)
        if path.is_relative_to(other_path) or other_path.is_relative_to(path):
            raise InputError(
                f"{other_name}={other} and {name}={export_dir} are the same folder, or "
                "lie in each other; give different places."
            )


@contextlib.contextmanager
def replaced_folder(export_dir: str | pathlib.Path) -> Iterator[pathlib.Path]:
    """A folder to write into that becomes `export_dir` once it is complete.

    A reader never finds half an export: until the end of the block there is what was
    there before, and after an error still. After a kill it is there, or the next call
    brings it back. Of several processes the last one's export stays.

        with replaced_folder("exports/encoder") as folder:
            tf.saved_model.save(module, str(folder))

    Args:
      export_dir: see `check_export_dir`.

    Yields:
      An empty folder of the same name, on the same disk.

    Raises:
      InputError: `export_dir` holds something else, or cannot be written.
    """
    path = check_export_dir(export_dir)
    # Around the folder that becomes the export, since it is locked as long as that is
    # written, and what writes there may lock it for a part of its own.
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.tmp")
    complete = temporary / path.name
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        with _locked(path.parent):
            _settle(path)
            _remove_left_overs(path)
            temporary.mkdir()
            stack.callback(shutil.rmtree, temporary, ignore_errors=True)
            # Tells others, for as long as this process lives, that it is in use.
            stack.enter_context(_locked(temporary))
        complete.mkdir()
        yield complete
        with _locked(path.parent):
            _settle(path)
            try:
                if path.exists():
                    path.rename(_replaced(path))
                complete.rename(path)
            finally:
                _settle(path)


def add_extra_files(
    folder: pathlib.Path, files: Iterable[str | pathlib.Path]
) -> pathlib.Path:
    """Copies files to assets.extra/ of an export; where `find_weights` finds them.

    Args:
      folder: the export, or the folder that becomes it.
      files: to be copied, under their names.

    Returns:
      assets.extra/, which is there even if `files` is empty.
    """
    extra = folder / EXTRA_FOLDER
    extra.mkdir(exist_ok=True)
    for file in files:
        shutil.copy(file, extra)
    return extra


def _resolved(path: str | pathlib.Path) -> pathlib.Path:
    # Unlike pathlib's own, it leaves the home of nobody as it is written.
    return pathlib.Path(os.path.expanduser(path)).resolve()


def _replaced(path: pathlib.Path) -> pathlib.Path:
    """Where the old export is while the new one takes its place."""
    return path.with_name(f".{path.name}.old")


def _settle(path: pathlib.Path) -> None:
    """Brings an old export back where no new one took its place, or else removes it."""
    replaced = _replaced(path)
    if replaced.exists() and not path.exists():
        replaced.rename(path)
    shutil.rmtree(replaced, ignore_errors=True)


def _remove_left_overs(path: pathlib.Path) -> None:
    """Removes what killed processes left half-written."""
    for left_over in path.parent.iterdir():
        name = left_over.name
        start, _, unique = name.removesuffix(".tmp").rpartition(".")
        is_ours = name.endswith(".tmp") and start == f".{path.name}"
        if is_ours and len(unique) == 8 and left_over.is_dir():
            # A process that is still writing there holds the lock.
            with contextlib.suppress(OSError), _locked(left_over, waits=False):
                shutil.rmtree(left_over, ignore_errors=True)


@contextlib.contextmanager
def _locked(folder: pathlib.Path, waits: bool = True) -> Iterator[None]:
    """Keeps other processes that ask for the same lock out; a kill gives it back.

    Args:
      folder: what is locked; no file is left in it.
      waits: False to raise `BlockingIOError` where another process has it.

    Raises:
      OSError: the file system has no locks, and `waits` is False.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        # Where there are no locks, several processes are on their own.
        with contextlib.suppress(*([OSError] if waits else [])):
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if waits else fcntl.LOCK_NB))
        yield
    finally:
        os.close(descriptor)
