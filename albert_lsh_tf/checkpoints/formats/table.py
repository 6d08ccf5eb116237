"""The formats of weights, in one table: what tells each, and what opens it."""

import pathlib
from collections.abc import Callable
from typing import NamedTuple

from albert_lsh_tf.checkpoints.formats import (
    checkpoint_files,
    hub_module,
    huggingface,
    saved_model,
)
from albert_lsh_tf.checkpoints.formats.foreign_files import refuse_foreign
from albert_lsh_tf.checkpoints.weight_source import WeightSource
from albert_lsh_tf.errors import InputError


class Format(NamedTuple):
    """One format.

    Attributes:
      name: what it is.
      files: patterns of files, at least one of which a folder of this format has.
      is_there: whether a folder is of this format.
      open: opens a folder of this format; the second argument is a file that replaces
        its config, or None.
    """

    name: str
    files: tuple[str, ...]
    is_there: Callable[[pathlib.Path], bool]
    open: Callable[[pathlib.Path, str | pathlib.Path | None], WeightSource]


FORMATS = (
    Format(
        "a TensorFlow checkpoint, of Google's, Model Garden's or a run",
        ("*.index", f"{checkpoint_files.BEST_FOLDER}/*.index"),
        checkpoint_files.is_checkpoint_folder,
        checkpoint_files.open_checkpoint_folder,
    ),
    Format(
        "a TF2 SavedModel",
        (saved_model.PROGRAM_FILE,),
        saved_model.is_saved_model,
        saved_model.open_saved_model,
    ),
    Format(
        "a TF1 TF-Hub module",
        (saved_model.PROGRAM_FILE,),
        hub_module.is_hub_module,
        hub_module.open_hub_module,
    ),
    Format(
        "a Hugging Face folder",
        (
            huggingface.WEIGHTS_FILE,
            huggingface.INDEX_FILE,
            huggingface.PYTORCH_FILE,
        ),
        huggingface.is_huggingface,
        huggingface.open_huggingface,
    ),
)
_MAX_LISTED = 8


def open_folder(
    folder: pathlib.Path, albert_config_file: str | pathlib.Path | None = None
) -> WeightSource:
    """Opens a folder in the one format that it has.

    Args:
      folder: a folder that is there.
      albert_config_file: replaces the config in it.

    Returns:
      The source.

    Raises:
      InputError: the folder has no format or several, or it cannot be opened.
    """
    found = [each for each in FORMATS if each.is_there(folder)]
    if len(found) == 1:
        return found[0].open(folder, albert_config_file)
    if found:
        raise InputError(
            f"{folder} holds weights in {len(found)} formats: "
            + " and ".join(f"{each.name} ({_file_of(folder, each)})" for each in found)
            + ". Give the path of the file that you mean, or move the other elsewhere."
        )
    files = sorted(folder.iterdir())
    for file in files:
        if file.is_file():
            refuse_foreign(file)
    looked_for = "; ".join(f"{each.name} ({each.files[0]})" for each in FORMATS)
    raise InputError(
        f"{folder}: no ALBERT weights found. Looked for {looked_for}. Found "
        f"{_listing(files)}."
    )


def open_file(
    path: pathlib.Path, albert_config_file: str | pathlib.Path | None = None
) -> WeightSource | None:
    """Opens what a file is a part of; None where it is a part of nothing.

    Args:
      path: a checkpoint's prefix or one of its files, or the file that tells the
        format of its folder, such as saved_model.pb.
      albert_config_file: replaces the config beside it.

    Returns:
      The source, or None.

    Raises:
      InputError: it is there, but cannot be opened.
    """
    if prefix := checkpoint_files.find_prefix(path):
        return checkpoint_files.open_checkpoint(prefix, albert_config_file)
    for each in FORMATS:
        if path.is_file() and any(path.match(pattern) for pattern in each.files):
            if each.is_there(path.parent):
                return each.open(path.parent, albert_config_file)
    return None


def _file_of(folder: pathlib.Path, found: Format) -> pathlib.Path:
    files = (file for pattern in found.files for file in sorted(folder.glob(pattern)))
    return next(files).relative_to(folder)


def _listing(files: list[pathlib.Path]) -> str:
    names = [f"{file.name}/" if file.is_dir() else file.name for file in files]
    if not names:
        return "nothing: the folder is empty"
    rest = len(names) - _MAX_LISTED
    more = f" and {rest} more" if rest > 0 else ""
    return ", ".join(names[:_MAX_LISTED]) + more
