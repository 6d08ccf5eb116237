"""Writes folders as Google released them."""

import pathlib

import tensorflow as tf

from albert_lsh_tf.checkpoints.config_files import CONFIG_FILE
from albert_lsh_tf.checkpoints.formats.checkpoint_files import BEST_CHECKPOINT
from albert_lsh_tf.checkpoints.writing.weights import (
    Weights,
    check_activation,
    copy_vocabulary,
)

_SPM_FILE = "30k-clean.model"


def write_google(weights: Weights, folder: pathlib.Path) -> None:
    """Writes what Google's scripts read: model.ckpt-best, keyed by variable name.

    Args:
      weights: what to write.
      folder: an empty folder.

    Raises:
      InputError: Google's code has no such activation.
    """
    check_activation(weights.config, "Google's files")
    variables = weights.in_layout("google")
    tf.raw_ops.SaveV2(
        prefix=str(folder / BEST_CHECKPOINT),
        tensor_names=list(variables),
        shape_and_slices=[""] * len(variables),
        tensors=[tf.constant(value) for value in variables.values()],
    )
    weights.config.save(folder / CONFIG_FILE)
    copy_vocabulary(weights, folder, _SPM_FILE)
