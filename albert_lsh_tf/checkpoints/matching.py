"""Finds for each variable of a model the one of a source, and reads it."""

from collections.abc import Mapping, Sequence

import numpy as np

from albert_lsh_tf.checkpoints import name_map
from albert_lsh_tf.checkpoints.variables import (
    Variables,
    find_partner,
    matches,
    rearrange,
    sizes,
)
from albert_lsh_tf.checkpoints.weight_source import WeightSource
from albert_lsh_tf.config import AlbertConfig
from albert_lsh_tf.errors import InputError

# Left aside by name when an encoder is loaded with heads, and without them.
BESIDE_A_PRETRAINER = (
    name_map.TASK_HEADS + name_map.REPLACED_TOKENS + name_map.CALIBRATION
)
BESIDE_AN_ENCODER = BESIDE_A_PRETRAINER + name_map.PRETRAINING_HEADS


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


def expected_shapes(
    config: AlbertConfig, heads: Sequence[str] = ()
) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the variables that a model of some architecture has.

    Args:
      config: the architecture.
      heads: of "mlm" and "sop", those that the model has.

    Returns:
      For each variable of `AlbertLSHEncoder`, or `AlbertPretrainer`, its shape.
    """
    settings = config.to_dict()
    dimensions = {letter: settings[key] for letter, key in name_map.CONFIG_KEYS.items()}
    dimensions["D"] = config.hidden_size // config.num_attention_heads
    dimensions["L"] = config.hidden_size
    dimensions["O"] = 2
    variables = list(name_map.ENCODER_VARIABLES)
    for head in heads:
        variables.extend(name_map.HEAD_VARIABLES[head])
    return {
        variable.name: sizes(variable.shape, dimensions)
        for variable in variables
        # Embeddings that are as wide as the model are not projected.
        if config.embedding_size != config.hidden_size
        or not variable.name.startswith("embedding_projection/")
    }


def read_variables(
    shapes: Mapping[str, tuple[int, ...]],
    variables: Variables,
    left_aside: tuple = BESIDE_AN_ENCODER,
) -> dict[str, np.ndarray]:
    """Reads a source's variables in the layout of the Keras model.

    Args:
      shapes: the model's variable names and shapes.
      variables: the source's.
      left_aside: patterns of the source's variables that are none of the model's.

    Returns:
      Arrays of these names and shapes, in the source's dtypes.

    Raises:
      InputError: see `match_variables`; or values are damaged, or not finite.
    """
    values = {}
    for name, partner in match_variables(shapes, variables, left_aside).items():
        target, axes = find_partner(partner)
        dimensions = dict(zip(target.shape.split(), shapes[name], strict=True))
        values[name] = rearrange(variables[partner], axes, target.shape, dimensions)
    if broken := [name for name in values if not _is_finite(values[name])]:
        raise InputError(
            f"{variables.path}: {', '.join(broken)} hold NaN or infinity; the run that "
            "wrote this checkpoint diverged. Take an earlier one."
        )
    return values


def match_variables(
    shapes: Mapping[str, tuple[int, ...]],
    variables: Variables,
    left_aside: tuple = BESIDE_AN_ENCODER,
) -> dict[str, str]:
    """Finds the one variable of a source for each of the model's.

    Args:
      shapes: the model's variable names and shapes.
      variables: the source's.
      left_aside: patterns of the source's variables that are none of the model's.

    Returns:
      For each name in `shapes`, in order, the name in the source.

    Raises:
      InputError: lists what is missing, unexpected, and of another shape.
    """
    partners: dict[str, str] = {}
    unexpected, misshapen = [], []
    for name in variables.model_names:
        if matches(name, left_aside):
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
            f"{variables.path}: its variables are not those of the model; {details}."
        )
    return {name: partners[name] for name in shapes}


def heads_in(variables: Variables) -> tuple[str, ...]:
    """Which pre-training heads a source has, whole or in part: of "mlm" and "sop"."""
    stored = {find_partner(name)[0] for name in variables.model_names}
    return tuple(
        head
        for head, members in name_map.HEAD_VARIABLES.items()
        if stored.intersection(members)
    )


def _brackets(shape: tuple[int, ...]) -> str:
    return f"[{', '.join(map(str, shape))}]"


def _is_finite(value: np.ndarray) -> bool:
    return bool(np.isfinite(value.astype(np.float32)).all())
