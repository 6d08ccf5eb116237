"""The files that the questions of a run are in."""

import os
import pathlib
from collections.abc import Callable

from albert_lsh_tf.data.sources import cache_folder
from albert_lsh_tf.data.squad.sample import write_sample
from albert_lsh_tf.errors import InputError
from albert_lsh_tf.tasks.squad.settings import SquadConfig


def find_files(
    config: SquadConfig, do_train: bool, say: Callable[[str], None]
) -> SquadConfig:
    """The config with the files that are needed; a sample where none was named.

    Raises:
      InputError: only one of the two was named, or a file is not there, or the sample
        cannot be written.
    """
    _refuse_missing_files(config, do_train)
    if config.predict_file and (config.train_file or not do_train):
        return config
    if config.predict_file or (do_train and config.train_file):
        missing = "train_file" if config.predict_file else "predict_file"
        raise InputError(
            f"no {missing}: give it, too; without both a made-up sample is used."
        )
    folder = _sample_folder(config)
    try:
        paths = write_sample(folder, config.version_2)
    except OSError as error:
        raise InputError(
            f"{folder}: data cannot be written there ({error.strerror}); make it "
            "writable, or give train_file and predict_file."
        ) from error
    say(
        "data: a made-up sample in SQuAD's format. This is NOT SQuAD, and its scores "
        "say nothing about SQuAD; for real data give train_file and predict_file."
    )
    return config.replace(
        train_file=(str(paths["train"]),), predict_file=str(paths["dev"])
    )


def _refuse_missing_files(config: SquadConfig, do_train: bool) -> None:
    files = {"predict_file": (config.predict_file,)}
    if do_train:
        files = {"train_file": config.train_file, **files}
    for name, paths in files.items():
        for path in filter(None, paths):
            if not os.path.exists(path):
                raise InputError(f"{name}={path}: no such file.")


def is_sample(config: SquadConfig) -> bool:
    """Whether a run was trained on the sample that `find_files` writes."""
    folder = os.path.realpath(_sample_folder(config))
    return all(
        os.path.dirname(os.path.realpath(path)) == folder for path in config.train_file
    )


def _sample_folder(config: SquadConfig) -> pathlib.Path:
    name = "sample_squad_2" if config.version_2 else "sample_squad"
    return cache_folder() / name
