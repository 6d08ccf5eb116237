"""Weights in memory, on their way from one kind of file to another.

Values are float32: float16 and bfloat16 grow into it exactly, so that what is written
and read again is the same to the bit; float64 is rounded.
"""

import dataclasses
import pathlib
import shutil
from collections.abc import Sequence

import numpy as np
import tf_keras

from albert_lsh_tf.checkpoints import name_map
from albert_lsh_tf.checkpoints.matching import (
    BESIDE_A_PRETRAINER,
    check_config,
    expected_shapes,
    heads_in,
    read_variables,
)
from albert_lsh_tf.checkpoints.variables import rearrange
from albert_lsh_tf.checkpoints.weight_source import WeightSource
from albert_lsh_tf.config import AlbertConfig
from albert_lsh_tf.errors import InputError

VOCAB_FILE = "vocab.txt"
# The functions that Google's code knows, and Model Garden's by the same names.
_GOOGLES_ACTIVATIONS = ("gelu", "linear", "relu", "tanh")


@dataclasses.dataclass(frozen=True)
class Weights:
    """All that a folder of weights holds.

    Attributes:
      config: the architecture.
      values: by the names of the Keras model and in its layout, float32.
      heads: of "mlm" and "sop", those whose variables are there.
      spm_model_file: the SentencePiece model; None where there is none.
      vocab_file: the WordPiece vocabulary; None where there is none.
      do_lower_case: whether text is lower-cased; None: unknown.
      origin: where all of this comes from, in one line.
    """

    config: AlbertConfig
    values: dict[str, np.ndarray]
    heads: tuple[str, ...]
    spm_model_file: str | None
    vocab_file: str | None
    do_lower_case: bool | None
    origin: str

    def with_heads(self, heads: Sequence[str]) -> "Weights":
        """The same weights without the heads that are not in `heads`."""
        kept = tuple(head for head in self.heads if head in heads)
        names = expected_shapes(self.config, kept)
        values = {name: self.values[name] for name in names}
        return dataclasses.replace(self, heads=kept, values=values)

    def assign_to(self, model: tf_keras.Model) -> None:
        """Gives every variable of a model the value of its name.

        Args:
          model: of this architecture, with these heads: this project's or Model
            Garden's.
        """
        for variable in model.variables:
            variable.assign(self.values[variable.name.split(":")[0]])

    def in_layout(self, kind: str, dtype: str = "float32") -> dict[str, np.ndarray]:
        """The variables as another kind of file has them.

        Args:
          kind: "google" or "huggingface", an attribute of `name_map.ModelVariable`.
          dtype: what values are rounded to.

        Returns:
          Name to array, in the order of `name_map`.

        Raises:
          InputError: a value is too large for the dtype.
        """
        converted = {}
        for variable in name_map.ALL_VARIABLES:
            if variable.name not in self.values:
                continue
            value = self.values[variable.name]
            dimensions = dict(zip(variable.shape.split(), value.shape, strict=True))
            stored = getattr(variable, kind)
            arranged = rearrange(value, variable.shape, stored.shape, dimensions)
            converted[stored.name] = _rounded(stored.name, arranged, dtype)
        return converted


def _rounded(name: str, value: np.ndarray, dtype: str) -> np.ndarray:
    with np.errstate(over="ignore"):
        rounded = value.astype(dtype)
    if not np.isfinite(rounded).all():
        raise InputError(
            f"{name} holds {np.abs(value).max():.3g}, which {dtype} cannot; write "
            "float32."
        )
    return rounded


def read_weights(source: WeightSource) -> Weights:
    """Reads a source whole, or not at all.

    Args:
      source: as `find_weights` returned it.

    Returns:
      The encoder's variables, and those of the pre-training heads that are there.

    Raises:
      InputError: the config does not fit; a variable is missing, unexpected, of another
        shape or not finite.
    """
    check_config(source)
    heads = heads_in(source.variables)
    shapes = expected_shapes(source.config, heads)
    values = read_variables(shapes, source.variables, BESIDE_A_PRETRAINER)
    return Weights(
        source.config,
        {name: value.astype(np.float32) for name, value in values.items()},
        heads,
        source.spm_model_file,
        source.vocab_file,
        source.do_lower_case,
        source.description,
    )


def check_activation(config: AlbertConfig, whose: str) -> None:
    """Raises `InputError` for an activation that Google's code does not know.

    Args:
      config: the architecture.
      whose: the files that cannot name it, for the message.
    """
    activation = config.hidden_act
    if activation.lower() in _GOOGLES_ACTIVATIONS:
        return
    hint = ""
    if activation == "gelu_erf":
        hint = (
            ' It is GELU with the error function, which Hugging Face calls "gelu". If '
            "the weights are Google's, trained with the tanh form, say so with "
            "hidden_act=gelu."
        )
    raise InputError(
        f"hidden_act={activation} is a function that {whose} cannot name; they know "
        f"{', '.join(_GOOGLES_ACTIVATIONS)}.{hint}"
    )


def copy_vocabulary(weights: Weights, folder: pathlib.Path, spm_name: str) -> None:
    """Copies the vocabulary that there is.

    Args:
      weights: what is written.
      folder: where to.
      spm_name: the name of a SentencePiece model there; a WordPiece vocabulary is
        called vocab.txt everywhere.
    """
    if weights.spm_model_file is not None:
        shutil.copyfile(weights.spm_model_file, folder / spm_name)
    if weights.vocab_file is not None:
        shutil.copyfile(weights.vocab_file, folder / VOCAB_FILE)
