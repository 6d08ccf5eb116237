"""What a source of weights holds, and what loading it would do."""

import collections
import dataclasses
import math
import pathlib
from typing import Any

import numpy as np

from albert_lsh_tf.checkpoints import name_map
from albert_lsh_tf.checkpoints.matching import (
    BESIDE_A_PRETRAINER,
    BESIDE_AN_ENCODER,
    check_config,
    expected_shapes,
    heads_in,
    read_variables,
)
from albert_lsh_tf.checkpoints.sources import find_weights
from albert_lsh_tf.checkpoints.variables import Variables, find_partner, matches
from albert_lsh_tf.checkpoints.weight_source import WeightSource
from albert_lsh_tf.config import AlbertConfig
from albert_lsh_tf.errors import InputError

_HEAD_TITLES = {"mlm": "masked language model", "sop": "sentence order"}


@dataclasses.dataclass(frozen=True)
class Inspection:
    """What was found in a source.

    Attributes:
      description: the format and where it is, in one line.
      kind: see `WeightSource`.
      path: folder or checkpoint prefix.
      config: the architecture.
      parameters: numbers in the encoder and in each head of pre-training, by "encoder",
        "mlm" and "sop"; a part that is not there is left out.
      num_variables: variables of each of these parts.
      dtypes: how many of these variables have which dtype.
      vocabulary_file: SentencePiece model or WordPiece vocabulary; None: not found.
      do_lower_case: whether the source says that its text was lower-cased; None: it
        says nothing.
      left_aside: names of variables that are neither the encoder's nor a pre-training
        head's: heads of fine-tuning, optimiser slots, counters, and what calibration
        measured, which an encoder that hashes with it takes.
      problem: why `load_encoder` would refuse the source; None: it would load it.
    """

    description: str
    kind: str
    path: str
    config: AlbertConfig
    parameters: dict[str, int]
    num_variables: dict[str, int]
    dtypes: dict[str, int]
    vocabulary_file: str | None
    do_lower_case: bool | None
    left_aside: tuple[str, ...]
    problem: str | None

    @property
    def heads(self) -> tuple[str, ...]:
        """Of "mlm" and "sop", those that are there."""
        return tuple(
            head for head in name_map.HEAD_VARIABLES if head in self.parameters
        )

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values, for JSON."""
        values = dataclasses.asdict(self)
        return {**values, "config": self.config.to_dict(), "heads": list(self.heads)}

    def table(self) -> str:
        """Everything, one line each, for reading."""
        rows = [
            ("format", self.description),
            ("config", _config_line(self.config)),
            ("encoder", self._part_line("encoder")),
            *((_HEAD_TITLES[head], self._part_line(head)) for head in self.heads),
            ("dtype", ", ".join(f"{name} ({n})" for name, n in self.dtypes.items())),
            ("vocabulary", self._vocabulary_line()),
            ("left aside", _summary(self.left_aside)),
            ("load_encoder", self._outcome_line()),
        ]
        width = max(len(title) for title, _ in rows)
        return "\n".join(f"{title:<{width}}  {line}" for title, line in rows)

    def _part_line(self, part: str) -> str:
        if part not in self.parameters:
            return "none of its variables"
        return (
            f"{self.parameters[part]:,} parameters in {self.num_variables[part]} "
            "variables"
        )

    def _vocabulary_line(self) -> str:
        if self.vocabulary_file is None:
            return "none beside the weights"
        file = pathlib.Path(self.vocabulary_file)
        kind = "WordPiece" if file.suffix == ".txt" else "SentencePiece"
        casing = {None: "", True: ", lower-cased", False: ", cased"}
        return f"{file.name}: {kind}{casing[self.do_lower_case]}"

    def _outcome_line(self) -> str:
        if self.problem is not None:
            return f"would refuse it: {self.problem}"
        heads = " and ".join(_HEAD_TITLES[head] for head in self.heads)
        with_heads = f"; load_pretrainer would add {heads}" if heads else ""
        return (
            f"would load {self.num_variables['encoder']} variables, for inputs of up "
            f"to {self.config.max_position_embeddings} tokens{with_heads}"
        )


def inspect(
    source: str | pathlib.Path | None = None,
    albert_config_file: str | pathlib.Path | None = None,
) -> Inspection:
    """Looks into a source of weights, and reads all of them, without loading a model.

    Args:
      source: see `find_weights`.
      albert_config_file: replaces the config beside the weights.

    Returns:
      What was found. Where `load_encoder` would refuse it, `problem` says why.

    Raises:
      InputError: no such source, not to be recognised, or without a config.
    """
    found = find_weights(source, albert_config_file)
    parts = _parts(found.variables)
    return Inspection(
        description=found.description,
        kind=found.kind,
        path=found.path,
        config=found.config,
        parameters={
            part: sum(math.prod(found.variables.shape(name)) for name in names)
            for part, names in parts.items()
        },
        num_variables={part: len(names) for part, names in parts.items()},
        dtypes=dict(
            collections.Counter(
                np.dtype(found.variables.dtype(name)).name
                for names in parts.values()
                for name in names
            ).most_common()
        ),
        vocabulary_file=found.spm_model_file or found.vocab_file,
        do_lower_case=found.do_lower_case,
        left_aside=tuple(
            sorted(
                name
                for name in found.variables
                if matches(name, name_map.BOOKKEEPING + BESIDE_A_PRETRAINER)
            )
        ),
        problem=_problem(found),
    )


def _parts(variables: Variables) -> dict[str, list[str]]:
    """Names in the source of the encoder's variables and of each head's."""
    part_of = {variable: "encoder" for variable in name_map.ENCODER_VARIABLES}
    for head, members in name_map.HEAD_VARIABLES.items():
        part_of.update(dict.fromkeys(members, head))
    parts = collections.defaultdict(list)
    for name in variables.model_names:
        if (variable := find_partner(name)[0]) is not None:
            parts[part_of[variable]].append(name)
    return {part: parts[part] for part in ("encoder", *_HEAD_TITLES) if part in parts}


def _problem(source: WeightSource) -> str | None:
    """Why loading would fail, found by doing all of it but making the model."""
    heads = heads_in(source.variables)
    try:
        check_config(source)
        read_variables(
            expected_shapes(source.config, heads),
            source.variables,
            BESIDE_A_PRETRAINER if heads else BESIDE_AN_ENCODER,
        )
    except InputError as error:
        return str(error)
    return None


def _config_line(config: AlbertConfig) -> str:
    return (
        f"{config.num_hidden_layers} layers of width {config.hidden_size}, "
        f"{config.num_attention_heads} heads, feed-forward {config.intermediate_size}, "
        f"embeddings {config.embedding_size}, vocabulary {config.vocab_size}, "
        f"{config.max_position_embeddings} positions, {config.type_vocab_size} token "
        f"types, {config.hidden_act}, dropout {config.hidden_dropout_prob:g} and "
        f"{config.attention_probs_dropout_prob:g}"
    )


def _summary(names: tuple[str, ...]) -> str:
    """Names of what is left aside, where there may be hundreds: the rest is counted."""
    kinds = {
        "optimiser slots and counters": name_map.BOOKKEEPING,
        "matrices of calibration": name_map.CALIBRATION,
    }
    told = list(names)
    counts = []
    for kind, patterns in kinds.items():
        counted = [name for name in told if matches(name, patterns)]
        told = [name for name in told if name not in counted]
        if counted:
            counts.append(f"{len(counted)} {kind}")
    return ", ".join(told + counts) or "nothing"
