"""Checkpoints of TensorFlow 1 and 2: Google's folders, runs, Model Garden's ckpt-N."""

import contextlib
import glob
import pathlib
import re

import tensorflow as tf

from albert_lsh_tf.checkpoints.config_files import (
    CONFIG_FILE,
    GARDEN_CONFIG_FILE,
    first_file,
    read_config,
)
from albert_lsh_tf.checkpoints.variables import CheckpointVariables
from albert_lsh_tf.checkpoints.vocabulary import find_vocabulary
from albert_lsh_tf.checkpoints.weight_source import WeightSource
from albert_lsh_tf.config_io import read_mapping
from albert_lsh_tf.errors import InputError

BEST_CHECKPOINT = "model.ckpt-best"  # In Google's released folders.
BEST_FOLDER = "best"  # In a run folder of this project.
RUN_CONFIG_FILE = "config.yaml"  # The settings of a run of this project.
_CHECKPOINT_FILE = re.compile(r"\.(index|meta|data-\d{5}-of-\d{5})$")


def is_checkpoint_folder(folder: pathlib.Path) -> bool:
    """Whether there are checkpoints in a folder, or in a run's folder for the best."""
    return bool(_prefixes(folder) or _prefixes(folder / BEST_FOLDER))


def open_checkpoint_folder(
    folder: pathlib.Path, albert_config_file: str | pathlib.Path | None = None
) -> WeightSource:
    """Opens the best checkpoint in a folder, or the newest.

    Args:
      folder: of Google's, of a run of this project, or of Model Garden's.
      albert_config_file: see `open_checkpoint`.

    Returns:
      The source.

    Raises:
      InputError: as `open_checkpoint`, or several checkpoints make it unclear which.
    """
    if _prefixes(folder / BEST_FOLDER):
        folder = folder / BEST_FOLDER
    return open_checkpoint(_choose(folder), albert_config_file)


def open_checkpoint(
    prefix: str, albert_config_file: str | pathlib.Path | None = None
) -> WeightSource:
    """Opens one checkpoint.

    Args:
      prefix: its path without `.index`.
      albert_config_file: replaces the config beside the checkpoint, which is Google's
        albert_config.json or Model Garden's params.yaml.

    Returns:
      The source.

    Raises:
      InputError: it is damaged, or there is no config.
    """
    folder = pathlib.Path(prefix).parent
    # A run keeps its best checkpoint one level below its config.
    folders = [folder, folder.parent] if folder.name == BEST_FOLDER else [folder]
    config_file = (
        albert_config_file
        or first_file(folders, [CONFIG_FILE])
        or first_file([folder, folder.parent], [GARDEN_CONFIG_FILE])
    )
    variables = CheckpointVariables(prefix)
    if config_file is None:
        raise InputError(
            f"{prefix}: no {CONFIG_FILE} beside the checkpoint, and no "
            f"{GARDEN_CONFIG_FILE} of Model Garden's; copy it there, or give "
            "albert_config_file."
        )
    is_object_based = variables.is_object_based
    label = "TensorFlow 2 checkpoint" if is_object_based else "Google's checkpoint"
    vocabulary = find_vocabulary(folders)
    return WeightSource(
        kind="object" if is_object_based else "google",
        path=prefix,
        config=read_config(config_file),
        spm_model_file=vocabulary.spm_model_file,
        description=f"{label} {prefix}",
        variables=variables,
        vocab_file=vocabulary.vocab_file,
        do_lower_case=_letter_case(first_file(folders, [RUN_CONFIG_FILE])),
    )


def _letter_case(run_config_file: str | pathlib.Path | None) -> bool | None:
    """Whether a run of this project lower-cased its text; None where it is not told."""
    if run_config_file is None:
        return None
    # A file of this name may be of somebody else, and is none of ours then.
    with contextlib.suppress(InputError):
        do_lower_case = read_mapping(run_config_file).get("do_lower_case")
        return do_lower_case if isinstance(do_lower_case, bool) else None
    return None


def find_prefix(path: pathlib.Path) -> str | None:
    """The checkpoint prefix that a path means; one of its files will do.

    Args:
      path: anything but a folder.

    Returns:
      The prefix; None where the path has nothing to do with a checkpoint.

    Raises:
      InputError: a checkpoint is there in part.
    """
    prefix = _CHECKPOINT_FILE.sub("", str(path))
    if pathlib.Path(f"{prefix}.index").exists():
        return prefix
    name = glob.escape(pathlib.Path(prefix).name)
    if list(path.parent.glob(f"{name}.data-*")):
        raise InputError(
            f"{prefix}.index: no such file, though the checkpoint's .data file is "
            "there. Copy or download the checkpoint again, with all of its files."
        )
    return None


def _choose(folder: pathlib.Path) -> str:
    """Of a folder's checkpoints: Google's best, the newest on record, or the only."""
    prefixes = _prefixes(folder)
    best = str(folder / BEST_CHECKPOINT)
    if best in prefixes:
        return best
    if (newest := _newest_on_record(folder)) in prefixes:
        return newest
    if len(prefixes) > 1:
        raise InputError(
            f"{folder} holds {len(prefixes)} checkpoints and no record of which is "
            f"newest; give one of {', '.join(prefixes)}."
        )
    return prefixes[0]


def _newest_on_record(folder: pathlib.Path) -> str | None:
    try:
        state = tf.train.get_checkpoint_state(str(folder))
    except ValueError:  # A damaged record is none.
        return None
    # By name alone: in a folder that was copied, the full path may be the old one.
    name = pathlib.Path(state.model_checkpoint_path).name if state else None
    return str(folder / name) if name else None


def _prefixes(folder: pathlib.Path) -> list[str]:
    return sorted(str(file)[: -len(".index")] for file in folder.glob("*.index"))
