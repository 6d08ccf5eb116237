"""Hugging Face's config.json as an `AlbertConfig`, and back.

Both have the names of Google's albert_config.json, with one trap: the activation. What
Google calls "gelu", and trained with, is GELU in its tanh form. Hugging Face calls that
"gelu_new"; its "gelu" is another function, with the error function, and is "gelu_erf"
here. Each is read as what Hugging Face computes with it.
"""

import json
import pathlib
from collections.abc import Mapping
from typing import Any

from albert_lsh_tf.config import AlbertConfig
from albert_lsh_tf.config_io import read_mapping
from albert_lsh_tf.errors import InputError

CONFIG_FILE = "config.json"
MODEL_TYPE = "albert"

# Hugging Face's names of activations, and `AlbertConfig`'s.
_ACTIVATIONS = {
    "gelu": "gelu_erf",
    "gelu_python": "gelu_erf",
    "gelu_new": "gelu",
    "gelu_accurate": "gelu",
    "gelu_fast": "gelu",
    "gelu_pytorch_tanh": "gelu",
    "gelu_python_tanh": "gelu",
    "linear": "linear",
    "relu": "relu",
    "tanh": "tanh",
}
_OWN_NAMES = {"gelu": "gelu_new", "gelu_erf": "gelu"}

# Where config.json is silent these have no common default: Hugging Face's are those of
# ALBERT xxlarge, `AlbertConfig`'s those of base.
_SIZES = (
    "vocab_size",
    "embedding_size",
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "intermediate_size",
    "max_position_embeddings",
    "type_vocab_size",
)
# What else a config may change in what is computed: the only value that is read, which
# is also the default. Any other key is about tasks, files or training, or ALBERT does
# not read it; there are dozens, and each release of transformers brings new ones.
_ONLY_VALUES = {
    "is_decoder": False,
    "layer_norm_eps": 1e-12,
    "position_embedding_type": "absolute",
    "pruned_heads": {},
    "quantization_config": None,
}


def read_config(path: str | pathlib.Path) -> AlbertConfig:
    """The architecture in a config.json; see `from_huggingface`."""
    return from_huggingface(read_mapping(path), str(path))


def from_huggingface(values: Mapping[str, Any], path: str) -> AlbertConfig:
    """The architecture that a config of Hugging Face's describes.

    Args:
      values: what config.json holds.
      path: the file, for messages.

    Returns:
      The config; keys that say nothing about the architecture are left out.

    Raises:
      InputError: of another model than ALBERT; it does not tell a size; or it asks for
        what the encoder does not compute.
    """
    if (found := values.get("model_type")) != MODEL_TYPE:
        raise InputError(
            f"{path}: model_type is {found!r}, but only {MODEL_TYPE!r} is read here."
        )
    if missing := [name for name in _SIZES if name not in values]:
        raise InputError(
            f"{path}: it does not tell {', '.join(missing)}; add what the model was "
            "trained with."
        )
    for name, only in _ONLY_VALUES.items():
        found = values.get(name)
        if found is not None and not _is_equal(found, only):
            raise InputError(
                f"{path}: {name}={found!r} changes what the model computes, and the "
                f"encoder here has {only!r} only; these weights cannot be used."
            )
    activation = values.get("hidden_act", "gelu_new")
    if activation not in _ACTIVATIONS:
        raise InputError(
            f"{path}: hidden_act={activation!r} is not supported; expected one of "
            f"{', '.join(_ACTIVATIONS)}."
        )
    known = AlbertConfig().to_dict()
    settings = {name: value for name, value in values.items() if name in known}
    settings["hidden_act"] = _ACTIVATIONS[activation]
    return AlbertConfig.from_dict(settings, source=path)


def to_huggingface(config: AlbertConfig, architecture: str) -> str:
    """The text of a config.json.

    Args:
      config: the architecture.
      architecture: the class of transformers that the weights are of.

    Returns:
      JSON.

    Raises:
      InputError: Hugging Face's ALBERT has no such activation.
    """
    activation = _OWN_NAMES.get(config.hidden_act, config.hidden_act)
    if activation not in _ACTIVATIONS:
        raise InputError(
            f"hidden_act={config.hidden_act!r} cannot be written for Hugging Face."
        )
    settings = {
        **config.to_dict(),
        "architectures": [architecture],
        "hidden_act": activation,
        "layer_norm_eps": _ONLY_VALUES["layer_norm_eps"],
        "model_type": MODEL_TYPE,
    }
    return json.dumps(settings, indent=2, sort_keys=True) + "\n"


def _is_equal(found: Any, only: Any) -> bool:
    # YAML 1.1 reads 1e-12, without a point, as a string.
    if isinstance(only, float) and isinstance(found, str):
        return found == str(only)
    return found == only
