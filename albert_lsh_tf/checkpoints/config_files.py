"""Finds and reads the file that says what an encoder looks like."""

import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from albert_lsh_tf.config import AlbertConfig
from albert_lsh_tf.config_io import read_mapping
from albert_lsh_tf.errors import InputError

CONFIG_FILE = "albert_config.json"
GARDEN_CONFIG_FILE = "params.yaml"  # Written by Model Garden beside its checkpoints.

# Where an encoder's config lies in Model Garden's files: of a run, of a model, alone.
_GARDEN_PLACES = (("task", "model", "encoder"), ("model", "encoder"), ("encoder",), ())

# Model Garden's names of the settings that it calls otherwise than Google.
_GARDEN_NAMES = {
    "embedding_width": "embedding_size",
    "num_layers": "num_hidden_layers",
    "hidden_activation": "hidden_act",
    "dropout_rate": "hidden_dropout_prob",
    "attention_dropout_rate": "attention_probs_dropout_prob",
}
# A file that was cut short, or is of something else, lacks some of these. Without them
# the defaults would make another model, whose layers nobody can tell from its weights.
_REQUIRED = (
    "vocab_size",
    "embedding_size",
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "intermediate_size",
    "max_position_embeddings",
)
# What this project adds there to say how its encoder attends.
_LSH_SETTINGS = ("attention", "lsh", "recompute")


def first_file(
    folders: Sequence[pathlib.Path], names: Sequence[str]
) -> pathlib.Path | None:
    """The first of some files, in the first of some folders that has one."""
    for folder in folders:
        for name in names:
            if (folder / name).is_file():
                return folder / name
    return None


def read_config(path: str | pathlib.Path) -> AlbertConfig:
    """The architecture in a file.

    Args:
      path: Google's albert_config.json, or a YAML of Model Garden's: a run's
        params.yaml, or the config of an encoder. All sizes must be there.

    Returns:
      The config.

    Raises:
      InputError: no such file, or not to be read, or of something else than an ALBERT,
        or a size is missing.
    """
    values = read_mapping(path)
    encoder = _garden_encoder(values)
    settings = values if encoder is None else _garden_settings(encoder, path)
    if missing := [name for name in _REQUIRED if name not in settings]:
        raise InputError(
            f"{path}: it does not say {', '.join(missing)}; is it whole? Give the "
            "config that came with the weights."
        )
    return AlbertConfig.from_dict(settings, source=str(path))


def _garden_settings(
    encoder: Mapping[str, Any], path: str | pathlib.Path
) -> dict[str, Any]:
    """The settings of an encoder in a file of Model Garden's, by Google's names."""
    kind = encoder["type"]
    settings = encoder.get(kind) or {}
    # "any" is whatever its user registered; this project's has ALBERT's settings.
    if kind not in ("albert", "any") or not isinstance(settings, Mapping):
        raise InputError(
            f"{path}: its encoder is of type {kind!r}, but must be 'albert'; give the "
            "config that came with the weights."
        )
    settings = {
        _GARDEN_NAMES.get(name, name): value
        for name, value in settings.items()
        if name not in _LSH_SETTINGS
    }
    # Model Garden's way of saying that there is no projection.
    if settings.get("embedding_size", "") is None:
        settings["embedding_size"] = settings.get("hidden_size")
    return settings


def _garden_encoder(values: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Model Garden's choice of an encoder: its type, and a mapping by that name."""
    for place in _GARDEN_PLACES:
        inner: Any = values
        for name in place:
            inner = inner.get(name) if isinstance(inner, Mapping) else None
        if isinstance(inner, Mapping) and isinstance(inner.get("type"), str):
            return inner
    return None
