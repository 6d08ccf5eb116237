"""Finds out what a source of weights is, and opens it.

A source is the model that comes with the package, a folder in one of the formats of
`formats.table`, one of the files that tell such a folder, a checkpoint prefix, an
archive of any of these, or a handle of TF-Hub's or Kaggle's.

A SavedModel or TF-Hub module is a program, and so is a pickle. No program is ever run
here: a SavedModel's variables are read as the checkpoint that they are, and pickles are
refused.
"""

import dataclasses
import pathlib

from albert_lsh_tf.checkpoints.fetching import archives, handles
from albert_lsh_tf.checkpoints.formats import table
from albert_lsh_tf.checkpoints.formats.foreign_files import refuse_foreign
from albert_lsh_tf.checkpoints.vocabulary import check_vocabulary
from albert_lsh_tf.checkpoints.weight_source import WeightSource
from albert_lsh_tf.embedded import EMBEDDED_MODEL_DIR, EMBEDDED_MODEL_NAME
from albert_lsh_tf.errors import InputError


def find_weights(
    source: str | pathlib.Path | None = None,
    albert_config_file: str | pathlib.Path | None = None,
) -> WeightSource:
    """Finds out what a source of weights is, and opens it.

    Args:
      source: a folder or one of its files, a checkpoint prefix, an archive (which is
        unpacked into the user's cache folder), "albert_lsh_tiny", or a handle such as
        tensorflow/albert_en_base/3 (which is downloaded, unless it is in the cache of
        tensorflow_hub or kagglehub). None means the model that comes with the package.
        A handle names a program; only its variables are read, and nothing of it is run.
      albert_config_file: replaces the config beside the weights.

    Returns:
      The source. Its vocabulary fits its variables; these are not read yet, and not
      compared with its config.

    Raises:
      InputError: nothing there, or not to be recognised, or of several formats, or
        damaged, or a pickle, or without a config, or with another model's vocabulary.
    """
    if source is None or str(source) == EMBEDDED_MODEL_NAME:
        found = table.open_folder(EMBEDDED_MODEL_DIR, albert_config_file)
        found = dataclasses.replace(
            found,
            kind="embedded",
            description=f"{EMBEDDED_MODEL_NAME}, the model that comes with the package",
        )
    else:
        try:
            found = _open(str(source), albert_config_file)
        except OSError as error:
            raise InputError(
                f"{source}: {error.filename or source} cannot be read "
                f"({error.strerror}). Give a folder that you may read."
            ) from error
    # A config of other weights is not the vocabulary's fault, and found when loading.
    num_rows = found.variables.dimensions().get("V", found.config.vocab_size)
    for vocabulary_file in (found.spm_model_file, found.vocab_file):
        if vocabulary_file is not None:
            check_vocabulary(num_rows, found.path, vocabulary_file)
    return found


def _open(source: str, albert_config_file: str | pathlib.Path | None) -> WeightSource:
    if not source:
        raise InputError("The source of weights is an empty string; give a folder.")
    path = pathlib.Path(source).expanduser()
    is_elsewhere = False
    if not path.exists() and handles.is_handle(source):
        path, is_elsewhere = handles.resolve(source), True
    elif path.is_file() and archives.is_archive(path):
        path, is_elsewhere = archives.unpack(path), True
    if path.is_dir():
        found = table.open_folder(path, albert_config_file)
    else:
        found = table.open_file(path, albert_config_file)
    if found is None:
        raise _unknown(path)
    if is_elsewhere:
        description = f"{found.description}, from {source}"
        found = dataclasses.replace(found, description=description)
    return found


def _unknown(path: pathlib.Path) -> InputError:
    """What to say about a path that is no folder, and belongs to no checkpoint."""
    if path.exists():
        refuse_foreign(path)
        return InputError(
            f"{path} is a file, but no part of a checkpoint or SavedModel, and no "
            f"archive ({', '.join(archives.SUFFIXES)}). Give the folder of the weights."
        )
    return InputError(
        f"{path}: no such folder or checkpoint ({path}.index does not exist). Give a "
        "folder with weights, a checkpoint prefix, an archive, a TF-Hub handle that "
        f"starts with https://, or {EMBEDDED_MODEL_NAME}."
    )
