"""Writes the folder of an export: all of it at once, and over nothing else."""

import contextlib
import os
import pathlib
import shutil
from collections.abc import Iterable, Iterator

from albert_lsh_tf.errors import InputError

PROGRAM_FILE = "saved_model.pb"
# Beside a SavedModel, for people and for other programs; TensorFlow ignores it.
EXTRA_FOLDER = "assets.extra"


def check_export_dir(
    export_dir: str | pathlib.Path, name: str = "export_dir"
) -> pathlib.Path:
    """Checks that a SavedModel may be written, before hours of training.

    Args:
      export_dir: a folder that is not there, or is empty, or holds a SavedModel, which
        is then replaced.
      name: what the user knows it as.

    Returns:
      The folder, as an absolute path without links.

    Raises:
      InputError: it holds something else, or cannot be written.
    """
    path = pathlib.Path(export_dir).expanduser().resolve()
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
    return path


@contextlib.contextmanager
def replaced_folder(export_dir: str | pathlib.Path) -> Iterator[pathlib.Path]:
    """A folder to write into that becomes `export_dir` once it is complete.

    A reader never finds half an export: until the end of the block there is what was
    there before, and after an error still.

        with replaced_folder("exports/encoder") as folder:
            tf.saved_model.save(module, str(folder))

    Args:
      export_dir: see `check_export_dir`.

    Yields:
      An empty folder beside `export_dir`.

    Raises:
      InputError: `export_dir` holds something else, or cannot be written.
    """
    path = check_export_dir(export_dir)
    temporary = path.with_name(f".{path.name}.tmp")
    replaced = path.with_name(f".{path.name}.old")
    for left_over in (temporary, replaced):  # Of a process that was killed.
        shutil.rmtree(left_over, ignore_errors=True)
    temporary.mkdir(parents=True)
    try:
        yield temporary
        if path.exists():
            path.rename(replaced)
        temporary.rename(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        shutil.rmtree(replaced, ignore_errors=True)


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
