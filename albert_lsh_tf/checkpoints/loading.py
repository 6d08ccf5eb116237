"""Puts weights into the encoder, and accounts for every variable on both sides."""

import dataclasses
import pathlib
from collections.abc import Mapping, Sequence

import numpy as np
import tf_keras

from albert_lsh_tf.checkpoints import name_map
from albert_lsh_tf.checkpoints.positions import check_extension, extend_table
from albert_lsh_tf.checkpoints.sources import WeightSource, find_weights
from albert_lsh_tf.checkpoints.variables import (
    CheckpointVariables,
    find_partner,
    matches,
    sizes,
)
from albert_lsh_tf.config import AlbertConfig, LSHConfig
from albert_lsh_tf.errors import InputError
from albert_lsh_tf.networks.albert_encoder import AlbertLSHEncoder


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
    if not isinstance(source, WeightSource):
        source = find_weights(source, albert_config_file)
    elif albert_config_file is not None:
        config = AlbertConfig.from_file(albert_config_file)
        source = dataclasses.replace(source, config=config)
    check_config(source)
    num_learned = source.config.max_position_embeddings
    num_positions = max_position_embeddings
    if num_positions is None:
        num_positions = num_learned
    check_extension(num_learned, num_positions, extend_positions)
    encoder = AlbertLSHEncoder.from_albert_config(
        source.config.replace(max_position_embeddings=num_positions),
        attention,
        lsh_config,
        dropout_rate=dropout_rate,
        attention_dropout_rate=attention_dropout_rate,
        recompute=recompute,
    )
    restore_encoder(encoder, source, extend_positions=extend_positions)
    return encoder


def check_config(source: WeightSource) -> None:
    """Raises `InputError` where the config contradicts the shapes of the variables.

    Args:
      source: as `find_weights` returned it. What shapes cannot tell goes unchecked: the
        number of layers, and in Google's files the number of heads.
    """
    settings = source.config.to_dict()
    wrong = [
        f"{key} is {settings[key]} in the config but {size} in the weights"
        for letter, size in source.variables.dimensions().items()
        if settings[key := name_map.CONFIG_KEYS[letter]] != size
    ]
    if wrong:
        raise InputError(
            f"{source.path}: the config does not fit the weights: {'; '.join(wrong)}. "
            "Give the albert_config.json that came with them."
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
    targets = {
        name: variable
        for variable in encoder.variables
        if not matches(name := variable.name.split(":")[0], name_map.CALIBRATION)
    }
    shapes = {name: tuple(variable.shape) for name, variable in targets.items()}
    stored_shapes = dict(shapes)
    if extend_positions is not None:
        num_positions, width = shapes[name_map.POSITIONS]
        stored_shapes[name_map.POSITIONS] = (
            source.config.max_position_embeddings,
            width,
        )
    partners = match_variables(stored_shapes, source.variables)
    # All values are checked before the first is assigned: no half-restored encoder.
    values = {
        name: np.reshape(source.variables[partner], stored_shapes[name])
        for name, partner in partners.items()
    }
    if extend_positions is not None:
        values[name_map.POSITIONS] = extend_table(
            values[name_map.POSITIONS], num_positions, extend_positions
        )
    if broken := [name for name in values if not _is_finite(values[name])]:
        raise InputError(
            f"{source.path}: {', '.join(broken)} hold NaN or infinity; the run that "
            "wrote this checkpoint diverged. Take an earlier one."
        )
    for name, value in values.items():
        targets[name].assign(value.astype(targets[name].dtype.as_numpy_dtype))
    stored = set(source.variables.model_names)
    for variable in encoder.variables:
        name = variable.name.split(":")[0]
        if matches(name, name_map.CALIBRATION) and name in stored:
            variable.assign(source.variables[name])


def match_variables(
    shapes: Mapping[str, tuple[int, ...]], variables: CheckpointVariables
) -> dict[str, str]:
    """Finds the one variable of a source for each of the encoder's.

    Args:
      shapes: the encoder's variable names and shapes.
      variables: the source's.

    Returns:
      For each name in `shapes`, in order, the name in the source.

    Raises:
      InputError: lists what is missing, unexpected, and of another shape.
    """
    partners: dict[str, str] = {}
    unexpected, misshapen = [], []
    for name in variables.model_names:
        if matches(name, name_map.HEADS + name_map.CALIBRATION):
            continue
        target, letters = find_partner(name)
        if target is None or target.name not in shapes or target.name in partners:
            unexpected.append(f"{name} {_brackets(variables.shape(name))}")
            continue
        partners[target.name] = name
        axes = target.shape.split()
        dimensions = dict(zip(axes, shapes[target.name], strict=True))
        expected = sizes(letters, dimensions)
        if variables.shape(name) != expected:
            misshapen.append(
                f"{name} expected {_brackets(expected)} "
                f"found {_brackets(variables.shape(name))}"
            )
    missing = [
        f"{name} {_brackets(shape)}"
        for name, shape in shapes.items()
        if name not in partners
    ]
    problems = {
        "missing": missing,
        "unexpected": unexpected,
        "of another shape": misshapen,
    }
    if any(problems.values()):
        details = "; ".join(
            f"{problem}: {', '.join(names)}"
            for problem, names in problems.items()
            if names
        )
        raise InputError(
            f"{variables.prefix}: its variables are not those of the encoder; "
            f"{details}."
        )
    return {name: partners[name] for name in shapes}


def _is_finite(value: np.ndarray) -> bool:
    return bool(np.isfinite(value.astype(np.float32)).all())


def _brackets(shape: tuple[int, ...]) -> str:
    return f"[{', '.join(map(str, shape))}]"
