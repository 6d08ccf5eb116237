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

# Google's name for the vocabulary of its English models; others get a name that fits.
_SPM_FILES = {30000: "30k-clean.model"}
_OTHER_SPM_FILE = "spiece.model"


def write_google(
    weights: Weights, folder: pathlib.Path, dtype: str = "float32"
) -> None:
    """Writes what Google's scripts read: model.ckpt-best, keyed by variable name.

    Args:
      weights: what to write.
      folder: an empty folder.
      dtype: of the values; Google's scripts read float32 alone.

    Raises:
      InputError: Google's code has no such activation.
    """
    check_activation(weights.config, "Google's files")
    variables = weights.in_layout("google", dtype)
    tf.raw_ops.SaveV2(
        prefix=str(folder / BEST_CHECKPOINT),
        tensor_names=list(variables),
        shape_and_slices=[""] * len(variables),
        tensors=[tf.constant(value) for value in variables.values()],
    )
    weights.config.save(folder / CONFIG_FILE)
    spm_name = _SPM_FILES.get(weights.config.vocab_size, _OTHER_SPM_FILE)
    copy_vocabulary(weights, folder, spm_name)
