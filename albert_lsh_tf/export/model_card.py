"""The model card of an export: what it is and how to call it, as README.md in it.

Front matter as on Hugging Face, so that the file can be published as it is; below it,
Markdown for people. Facts come in plain: who trained a model knows them, not this file.
"""

import dataclasses
import json
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf
import tf_keras
import yaml

from albert_lsh_tf import __version__

CARD_FILE = "README.md"

_SAFETY = """\
A SavedModel is a program: whoever loads it runs what its maker put there. Load only
those that you trust. The weights stand under the licence of the model that they come
from, whatever this export was made with."""

# What `get_config` of the encoder has, and the "Attention" section shows.
_ATTENTION_SETTINGS = ("attention", "lsh_config")
# Names that mean something to Keras only.
_KERAS_SETTINGS = ("initializer", "dict_outputs", "recompute", "name")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Call:
    """One way to call an export.

    Attributes:
      title: its heading, such as "Text in (`serve_text`)".
      code: Python that runs as it is written, in the folder around the export.
      inputs: name to what it takes, such as "string [B], questions".
      outputs: name to what it gives.
    """

    title: str
    code: str
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Provenance:
    """Where a model comes from; what is None or empty is unknown.

    Attributes:
      base_model: where its weights were before, as `WeightSource.description`.
      data: what it was trained on.
      metrics: name to number, on data that it was not trained on.
      settings: of the training, ready for YAML.
    """

    base_model: str | None = None
    data: str | None = None
    metrics: Mapping[str, float] = dataclasses.field(default_factory=dict)
    settings: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelCard(Provenance):
    """What a card says; what is None or empty is left out.

    Attributes:
      title: the heading.
      summary: a sentence or two of Markdown: what it does, and for whom.
      calls: the ways to call it, the most usual one first.
      pipeline_tag: Hugging Face's name of the task, such as "text-classification".
      encoder: the network, whose `get_config` tells architecture and attention.
      labels: names of the classes in the order of their ids.
      vocabulary: file in the export, such as "assets.extra/spiece.model".
      do_lower_case: whether text is lower-cased; None where there is no text.
      notes: limits that users must know, a sentence each.
    """

    title: str
    summary: str
    calls: Sequence[Call]
    pipeline_tag: str | None = None
    encoder: tf_keras.Model | None = None
    labels: Sequence[str] = ()
    vocabulary: str | None = None
    do_lower_case: bool | None = None
    notes: Sequence[str] = ()


def write_model_card(folder: str | pathlib.Path, card: ModelCard) -> None:
    """Writes README.md into an export.

    Args:
      folder: the export, or the temporary folder that becomes it.
      card: what there is to say.
    """
    text = model_card_text(card)
    (pathlib.Path(folder) / CARD_FILE).write_text(text, encoding="utf-8")


def model_card_text(card: ModelCard) -> str:
    """The Markdown of a card, with its front matter."""
    parts = [
        _front_matter(card),
        f"# {card.title}",
        card.summary,
        _table(("", ""), _facts(card).items()),
        "## How to call it",
        *(part for call in card.calls for part in _call(call)),
    ]
    if card.metrics:
        rows = [(name, _number(value)) for name, value in card.metrics.items()]
        parts += ["## Scores", _table(("metric", "value"), rows)]
    if card.notes:
        parts += ["## Limits", "\n".join(f"- {note}" for note in card.notes)]
    if card.encoder is not None:
        parts += _network(card.encoder.get_config())
    if card.settings:
        parts += ["## Training settings", _fenced("yaml", _yaml(card.settings))]
    parts += ["## Safety and licence", _SAFETY]
    return "\n\n".join(parts) + "\n"


def quoted(text: str) -> str:
    """A string as Python code."""
    return json.dumps(text, ensure_ascii=False)


def _front_matter(card: ModelCard) -> str:
    values: dict[str, Any] = {"library_name": "tensorflow"}
    if card.pipeline_tag:
        values["pipeline_tag"] = card.pipeline_tag
    values["tags"] = ["albert", "saved-model"]
    if card.encoder is not None and "lsh" in _kinds(card.encoder.get_config()):
        values["tags"].append("lsh-attention")
    return f"---\n{_yaml(values)}---"


def _facts(card: ModelCard) -> dict[str, str]:
    """The table at the top."""
    facts = {
        "Base model": card.base_model,
        "Trained on": card.data,
        "Labels": ", ".join(f"`{label}`" for label in card.labels),
    }
    if card.encoder is not None:
        config = card.encoder.get_config()
        facts["Encoder"] = (
            f"ALBERT, {config['num_layers']} layers of width {config['hidden_size']}, "
            f"{card.encoder.count_params():,} parameters"
        )
        facts["Attention"] = " and ".join(dict.fromkeys(_kinds(config)))
        facts["Longest input"] = f"{config['max_sequence_length']:,} tokens"
    if card.vocabulary:
        facts["Vocabulary"] = f"`{card.vocabulary}`"
    if card.do_lower_case is not None:
        facts["Letter case"] = "lower-cased" if card.do_lower_case else "kept"
    facts["Made with"] = f"albert_lsh_tf {__version__}, TensorFlow {tf.__version__}"
    return {name: value for name, value in facts.items() if value}


def _call(call: Call) -> list[str]:
    return [
        f"### {call.title}",
        _fenced("python", call.code),
        _table(("input", ""), _as_code(call.inputs)),
        _table(("output", ""), _as_code(call.outputs)),
    ]


def _network(config: Mapping[str, Any]) -> list[str]:
    """The sections about architecture and attention."""
    shape = {
        name: value
        for name, value in config.items()
        if name not in (*_ATTENTION_SETTINGS, *_KERAS_SETTINGS)
    }
    if isinstance(shape["activation"], Mapping):
        # How Keras writes a function of this project; people know it by its name.
        shape["activation"] = shape["activation"]["config"].rpartition(">")[2]
    attention = {"attention": config["attention"]}
    if "lsh" in _kinds(config):
        attention["lsh"] = dict(config["lsh_config"])
    return [
        "## Architecture",
        _fenced("json", json.dumps(shape, indent=2)),
        "## Attention",
        _fenced("yaml", _yaml(attention)),
    ]


def _kinds(config: Mapping[str, Any]) -> Sequence[str]:
    """What attends: one word, or one a layer."""
    kinds = config["attention"]
    return [kinds] if isinstance(kinds, str) else kinds


def _as_code(values: Mapping[str, str]) -> list[tuple[str, str]]:
    return [(f"`{name}`", text) for name, text in values.items()]


def _table(header: tuple[str, str], rows: Any) -> str:
    lines = [header, ("---", "---"), *rows]
    return "\n".join(f"| {_cell(left)} | {_cell(right)} |" for left, right in lines)


def _cell(text: str) -> str:
    # A bar would end the cell, and a new line the table.
    return " ".join(text.split()).replace("|", "\\|")


def _fenced(language: str, text: str) -> str:
    return f"```{language}\n{text.strip()}\n```"


def _yaml(values: Mapping[str, Any]) -> str:
    return yaml.safe_dump(dict(values), sort_keys=False, allow_unicode=True)


def _number(value: float) -> str:
    return f"{value:.4f}" if isinstance(value, float) else str(value)
