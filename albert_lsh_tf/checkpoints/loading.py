"""Puts weights into a model, and accounts for every variable on both sides."""

import dataclasses
import pathlib
from collections.abc import Collection, Sequence
from typing import Any

import tf_keras

from albert_lsh_tf.checkpoints import name_map
from albert_lsh_tf.checkpoints.config_files import read_config
from albert_lsh_tf.checkpoints.matching import (
    BESIDE_A_PRETRAINER,
    BESIDE_AN_ENCODER,
    check_config,
    heads_in,
    read_variables,
)
from albert_lsh_tf.checkpoints.positions import check_extension, extend_table
from albert_lsh_tf.checkpoints.sources import find_weights
from albert_lsh_tf.checkpoints.variables import matches
from albert_lsh_tf.checkpoints.weight_source import WeightSource
from albert_lsh_tf.config import LSHConfig
from albert_lsh_tf.errors import InputError
from albert_lsh_tf.networks.albert_encoder import AlbertLSHEncoder
from albert_lsh_tf.networks.pretrainer import AlbertPretrainer

# Variables that keep their values where a source does not have them, or never has.
_OF_THE_MODEL_ALONE = name_map.CALIBRATION + name_map.REPLACED_TOKENS


def load_encoder(
    source: str | pathlib.Path | WeightSource | None = None,
    attention: str | Sequence[str] = "lsh",
    lsh_config: LSHConfig | None = None,
    *,
    albert_config_file: str | pathlib.Path | None = None,
    dropout_rate: float | None = None,
    attention_dropout_rate: float | None = None,
    max_position_embeddings: int | None = None,
    extend_positions: str = "tile",
    recompute: str | None = None,
) -> AlbertLSHEncoder:
    """An encoder with the weights of a source, all of them, or an error.

        encoder = load_encoder("albert_base_v2/", attention="lsh")

    For inputs longer than the 512 tokens of the released weights:

        encoder = load_encoder("albert_base_v2/", max_position_embeddings=8192)

    Args:
      source: what `find_weights` takes, or what it returned: a folder or checkpoint
        prefix of Google's, a TF2 SavedModel folder or TF-Hub handle, a run folder or
        Model Garden checkpoint. None: the tiny model that comes with the package.
      attention: "lsh" or "dense", or one of the two for each layer.
      lsh_config: which keys a query attends to; None: what `LSHConfig.for_length`
        recommends for as many tokens as there are positions, or dense attention
        where that was measured faster.
      albert_config_file: replaces the albert_config.json beside the weights.
      dropout_rate: None: the config's `hidden_dropout_prob`.
      attention_dropout_rate: None: the config's `attention_probs_dropout_prob`.
      max_position_embeddings: positions in the encoder's table, in tokens, at least
        those of the weights; None: just those.
      extend_positions: how rows beyond the learned ones are made from them, "tile" or
        "interpolate"; see `positions.extend_table`. The learned ones stay as they
        are, so shorter inputs give what they gave. New rows want fine-tuning.
      recompute: "block" computes blocks anew in the backward pass; see
        `AlbertLSHEncoder`.

    Returns:
      The encoder.

    Raises:
      InputError: no such source, not to be recognised, damaged, or its variables do
        not fit its config or the encoder, one for one; fewer positions than learned.
    """
    source = open_source(source, albert_config_file)
    encoder = _build_encoder(
        source,
        attention,
        lsh_config,
        dropout_rate=dropout_rate,
        attention_dropout_rate=attention_dropout_rate,
        max_position_embeddings=max_position_embeddings,
        extend_positions=extend_positions,
        recompute=recompute,
    )
    restore_encoder(encoder, source, extend_positions=extend_positions)
    return encoder


def load_pretrainer(
    source: str | pathlib.Path | WeightSource | None = None,
    attention: str | Sequence[str] = "lsh",
    lsh_config: LSHConfig | None = None,
    *,
    new_heads: Sequence[str] = (),
    albert_config_file: str | pathlib.Path | None = None,
    dropout_rate: float | None = None,
    attention_dropout_rate: float | None = None,
    max_position_embeddings: int | None = None,
    extend_positions: str = "tile",
    recompute: str | None = None,
) -> AlbertPretrainer:
    """An encoder with the pre-training heads that a source has, all of them.

        pretrainer = load_pretrainer("albert_base_v2/", attention="dense")

    Google's and Hugging Face's files have both heads, SavedModels of TF-Hub that of
    the masked language model.

    Args:
      source: see `load_encoder`.
      attention: see `load_encoder`.
      lsh_config: see `load_encoder`.
      new_heads: of "mlm" and "sop", those that shall be there with random weights if
        the source has none.
      albert_config_file: see `load_encoder`.
      dropout_rate: see `load_encoder`.
      attention_dropout_rate: see `load_encoder`.
      max_position_embeddings: see `load_encoder`.
      extend_positions: see `load_encoder`.
      recompute: see `load_encoder`.

    Returns:
      The pre-training model; its `heads` are those of the source and `new_heads`.

    Raises:
      InputError: as `load_encoder`, or there is no head, or a part of one.
    """
    source = open_source(source, albert_config_file)
    stored_heads = heads_in(source.variables)
    heads = [
        head
        for head in name_map.HEAD_VARIABLES
        if head in stored_heads or head in new_heads
    ]
    if not heads:
        raise InputError(
            f"{source.path}: there are no pre-training heads beside the encoder. Load "
            "it with load_encoder, or give new_heads for heads with random weights."
        )
    encoder = _build_encoder(
        source,
        attention,
        lsh_config,
        dropout_rate=dropout_rate,
        attention_dropout_rate=attention_dropout_rate,
        max_position_embeddings=max_position_embeddings,
        extend_positions=extend_positions,
        recompute=recompute,
    )
    pretrainer = AlbertPretrainer(
        encoder,
        heads,
        tf_keras.initializers.TruncatedNormal(stddev=source.config.initializer_range),
    )
    restore_pretrainer(
        pretrainer, source, extend_positions=extend_positions, new_heads=new_heads
    )
    return pretrainer


def restore_pretrainer(
    pretrainer: AlbertPretrainer,
    source: WeightSource,
    *,
    extend_positions: str | None = None,
    new_heads: Sequence[str] = (),
) -> None:
    """Assigns every variable of an encoder and its heads, or changes none.

    Args:
      pretrainer: what to restore.
      source: as `find_weights` returned it.
      extend_positions: see `restore_encoder`.
      new_heads: heads that keep their values if the source has none.

    Raises:
      InputError: as `restore_encoder`, or there is none or a part of a head that is
        not among `new_heads`.
    """
    stored_heads = heads_in(source.variables)
    fresh = {
        variable.name
        for head in set(pretrainer.heads) - set(stored_heads)
        if head in new_heads
        for variable in name_map.HEAD_VARIABLES[head]
    }
    _restore(
        pretrainer,
        source,
        extend_positions=extend_positions,
        left_aside=BESIDE_A_PRETRAINER,
        kept=fresh,
    )


def open_source(
    source: str | pathlib.Path | WeightSource | None,
    albert_config_file: str | pathlib.Path | None = None,
) -> WeightSource:
    """A source of weights whose config fits its variables.

    Args:
      source: what `find_weights` takes, or what it returned.
      albert_config_file: replaces the albert_config.json beside the weights.

    Returns:
      The source.

    Raises:
      InputError: as `find_weights` and `check_config`.
    """
    if not isinstance(source, WeightSource):
        source = find_weights(source, albert_config_file)
    elif albert_config_file is not None:
        config = read_config(albert_config_file)
        source = dataclasses.replace(source, config=config)
    check_config(source)
    return source


def _build_encoder(
    source: WeightSource,
    attention: str | Sequence[str],
    lsh_config: LSHConfig | None,
    *,
    max_position_embeddings: int | None,
    extend_positions: str,
    **kwargs: Any,
) -> AlbertLSHEncoder:
    """The encoder of a source, before it has its weights."""
    num_learned = source.config.max_position_embeddings
    num_positions = max_position_embeddings
    if num_positions is None:
        num_positions = num_learned
    check_extension(num_learned, num_positions, extend_positions)
    return AlbertLSHEncoder.from_albert_config(
        source.config.replace(max_position_embeddings=num_positions),
        attention,
        lsh_config,
        **kwargs,
    )


def restore_encoder(
    encoder: tf_keras.Model,
    source: WeightSource,
    *,
    extend_positions: str | None = None,
) -> None:
    """Assigns every variable of an encoder, or changes none.

    Args:
      encoder: `AlbertLSHEncoder` or Model Garden's `AlbertEncoder`.
      source: as `find_weights` returned it.
      extend_positions: how an encoder with more positions than the source gets them;
        see `load_encoder`. None: it may not have more.

    Raises:
      InputError: a variable is missing, unexpected, of another shape or not finite;
        all of them are listed. Task heads and optimiser slots are left aside by name.
    """
    _restore(
        encoder,
        source,
        extend_positions=extend_positions,
        left_aside=BESIDE_AN_ENCODER,
    )


def _restore(
    model: tf_keras.Model,
    source: WeightSource,
    *,
    extend_positions: str | None,
    left_aside: tuple,
    kept: Collection[str] = (),
) -> None:
    """Assigns every variable of a model, or changes none; see `restore_encoder`.

    Args:
      model: what to restore.
      source: as `find_weights` returned it.
      extend_positions: see `restore_encoder`.
      left_aside: patterns of the source's variables that are none of the model's.
      kept: names of the model's variables that are none of the source's.
    """
    targets = {
        name: variable
        for variable in model.variables
        if not matches(name := variable.name.split(":")[0], _OF_THE_MODEL_ALONE)
        and name not in kept
    }
    shapes = {name: tuple(variable.shape) for name, variable in targets.items()}
    stored_shapes = dict(shapes)
    if extend_positions is not None:
        num_positions, width = shapes[name_map.POSITIONS]
        stored_shapes[name_map.POSITIONS] = (
            source.config.max_position_embeddings,
            width,
        )
    # All values are checked before the first is assigned: no half-restored model.
    values = read_variables(stored_shapes, source.variables, left_aside)
    if extend_positions is not None:
        values[name_map.POSITIONS] = extend_table(
            values[name_map.POSITIONS], num_positions, extend_positions
        )
    for name, value in values.items():
        targets[name].assign(value.astype(targets[name].dtype.as_numpy_dtype))
    stored = set(source.variables.model_names)
    for variable in model.variables:
        name = variable.name.split(":")[0]
        if matches(name, name_map.CALIBRATION) and name in stored:
            variable.assign(source.variables[name])
