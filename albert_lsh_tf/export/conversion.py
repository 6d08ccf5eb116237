"""Converts weights from any format that is read here to those of others."""

import contextlib
import dataclasses
import pathlib
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

import tensorflow as tf
from safetensors import SafetensorError

from albert_lsh_tf.checkpoints import name_map
from albert_lsh_tf.checkpoints.sources import find_weights
from albert_lsh_tf.checkpoints.variables import Variables, matches
from albert_lsh_tf.checkpoints.weight_source import WeightSource
from albert_lsh_tf.checkpoints.writing.garden import write_garden
from albert_lsh_tf.checkpoints.writing.google import write_google
from albert_lsh_tf.checkpoints.writing.huggingface import write_huggingface
from albert_lsh_tf.checkpoints.writing.weights import Weights, read_weights
from albert_lsh_tf.config import AlbertConfig
from albert_lsh_tf.config_io import nearest
from albert_lsh_tf.errors import InputError
from albert_lsh_tf.export.encoder import export_encoder
from albert_lsh_tf.export.folders import replaced_folder
from albert_lsh_tf.export.model_card import Provenance
from albert_lsh_tf.networks.albert_encoder import AlbertLSHEncoder
from albert_lsh_tf.networks.pretrainer import AlbertPretrainer

_FULL = "float32"
_HEAD_TITLES = {
    "mlm": "the masked language model's head",
    "sop": "the sentence-order head",
}
# What TensorFlow says of itself in the message of an error.
_INTERNALS = re.compile(r"\{\{.*?\}\} ?| ?\[Op:\w+\]")
# What a source may hold besides the encoder and the heads of pre-training.
_LEFT_BEHIND = {
    "heads of fine-tuning": name_map.TASK_HEADS,
    "the head that detects replaced tokens": name_map.REPLACED_TOKENS,
    "matrices of calibration": name_map.CALIBRATION,
    "the optimiser's slots and counters": (
        re.compile(r"/(adam|lamb)_[mv]$|/Adam(_1)?$|^beta[12]_power$|^global_step$"),
        re.compile(r"(^|/)optimizer/|OPTIMIZER_SLOT"),
    ),
}


class Target(NamedTuple):
    """One format to convert to.

    Attributes:
      write: makes a folder whole, or not at all, of weights, a folder and a dtype.
      dtypes: those that it can write, float32 first.
      holds_sop_alone: whether it has a place for the head of sentence order where
        there is none of the masked language model.
      how_to_load: one line, in which {folder} is where the weights are.
    """

    write: Callable[[Weights, str | pathlib.Path, str], None]
    dtypes: tuple[str, ...]
    holds_sop_alone: bool
    how_to_load: str


def _whole(write: Callable[..., None]) -> Callable:
    """A writer that fills a folder, as one that makes it whole or not at all."""

    def write_whole(
        weights: Weights, destination: str | pathlib.Path, dtype: str
    ) -> None:
        with replaced_folder(destination) as folder:
            write(weights, folder, dtype)

    return write_whole


def _write_hub(weights: Weights, destination: str | pathlib.Path, dtype: str) -> None:
    """Writes a SavedModel with the interface of TF-Hub's; its attention is dense."""
    model = AlbertLSHEncoder.from_albert_config(weights.config, "dense")
    if weights.heads:
        model = AlbertPretrainer(model, weights.heads)
    weights.assign_to(model)
    export_encoder(
        model,
        destination,
        vocabulary_file=weights.spm_model_file or weights.vocab_file,
        do_lower_case=weights.do_lower_case is not False,
        provenance=Provenance(base_model=weights.origin),
    )


TARGETS = {
    "google": Target(
        _whole(write_google),
        (_FULL, "float16"),
        True,
        "Google's scripts take --init_checkpoint={folder}/model.ckpt-best "
        "--albert_config_file={folder}/albert_config.json",
    ),
    "garden": Target(
        _whole(lambda weights, folder, _: write_garden(weights, folder)),
        (_FULL,),
        True,
        'tf.train.Checkpoint(encoder=encoder).restore("{folder}/ckpt-1")',
    ),
    "huggingface": Target(
        _whole(write_huggingface),
        (_FULL, "float16"),
        True,
        'transformers.AutoModel.from_pretrained("{folder}")',
    ),
    "hub": Target(
        _write_hub,
        (_FULL,),
        False,
        'tensorflow_hub.KerasLayer("{folder}", trainable=True)',
    ),
}


@dataclasses.dataclass(frozen=True)
class Conversion:
    """What was written.

    Attributes:
      folder: where.
      to: the format.
      config: the architecture.
      heads: of "mlm" and "sop", those that are there.
      vocabulary_file: what was copied; None where the source had no vocabulary.
      left_behind: what of the source's is not there, in words.
      how_to_load: one line.
    """

    folder: str
    to: str
    config: AlbertConfig
    heads: tuple[str, ...]
    vocabulary_file: str | None
    left_behind: tuple[str, ...]
    how_to_load: str

    def summary(self) -> str:
        """What was written, what was not, and how to load it, a line each."""
        heads = [_HEAD_TITLES[head] for head in self.heads]
        vocabulary = "its vocabulary" if self.vocabulary_file else "no vocabulary"
        parts = ", ".join(["the encoder", *heads, vocabulary])
        lines = [f"{self.folder}: {parts}, as {self.to}"]
        if self.left_behind:
            lines.append(f"left behind: {', '.join(self.left_behind)}")
        return "\n".join([*lines, f"to load it: {self.how_to_load}"])


def convert(
    source: str | pathlib.Path | WeightSource | None,
    destination: str | pathlib.Path,
    to: str,
    *,
    albert_config_file: str | pathlib.Path | None = None,
    hidden_act: str | None = None,
    dtype: str = _FULL,
) -> Conversion:
    """Writes weights in another format, all of them, or nothing.

    Values are written as float32, unless asked otherwise: what was float32, float16 or
    bfloat16 is the same to the bit when it is read again. The encoder, the pre-training
    heads that the format has a place for, the config and the vocabulary are written.

        convert("albert_base_v2/", "for_transformers", to="huggingface")

    Args:
      source: what `find_weights` takes, or what it returned.
      destination: a new or empty folder, outside of the source's.
      to: a key of `TARGETS`.
      albert_config_file: replaces the config beside the weights.
      hidden_act: replaces the config's activation. "gelu" is how to say that weights
        whose Hugging Face config says "gelu" were trained with Google's tanh form.
      dtype: "float32"; or, for google and huggingface, "float16", to which values are
        rounded. This project reads both, Google's scripts float32 alone.

    Returns:
      What was written, and what was not.

    Raises:
      InputError: the source cannot be loaded; the format cannot hold it; or the folder
        is not empty, lies in the source's, or cannot be written.
    """
    if to not in TARGETS:
        guess = nearest(to, TARGETS) or f"; expected one of {', '.join(TARGETS)}."
        raise InputError(f"to={to!r} is unknown{guess}")
    target = TARGETS[to]
    if dtype not in target.dtypes:
        raise InputError(
            f"dtype={dtype} cannot be written for {to}; expected "
            f"{' or '.join(target.dtypes)}."
        )
    if not isinstance(source, WeightSource):
        source = find_weights(source, albert_config_file)
    if hidden_act is not None:
        config = source.config.replace(hidden_act=hidden_act)
        source = dataclasses.replace(source, config=config)
    _check_destination(destination, source)
    weights = read_weights(source)
    carried = weights
    if "mlm" not in weights.heads and not target.holds_sop_alone:
        carried = weights.with_heads(())
    with _written_or_not(destination):
        target.write(carried, destination, dtype)
    dropped = [head for head in weights.heads if head not in carried.heads]
    return Conversion(
        folder=str(destination),
        to=to,
        config=carried.config,
        heads=carried.heads,
        vocabulary_file=carried.spm_model_file or carried.vocab_file,
        left_behind=(
            *(_HEAD_TITLES[head] for head in dropped),
            *_left_behind(source.variables),
        ),
        how_to_load=target.how_to_load.format(folder=destination),
    )


def _check_destination(destination: str | pathlib.Path, source: WeightSource) -> None:
    path = pathlib.Path(destination).expanduser().resolve()
    if path.is_file() or (path.is_dir() and any(path.iterdir())):
        raise InputError(
            f"{destination} is there already, and no empty folder; give a new one."
        )
    folder = pathlib.Path(source.path).resolve()
    if path.is_relative_to(folder):
        raise InputError(
            f"{destination} lies in {source.path}, where the weights come from; give a "
            "folder outside of it."
        )


@contextlib.contextmanager
def _written_or_not(destination: str | pathlib.Path) -> Iterator[None]:
    """Turns the ways in which writing fails into one line."""
    try:
        yield
    except (OSError, SafetensorError, tf.errors.OpError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        reason = _INTERNALS.sub("", reason)
        raise InputError(
            f"{destination}: cannot be written ({reason}), and nothing is left there. "
            "Free some space, or give a folder that you may write to."
        ) from error


def _left_behind(variables: Variables) -> list[str]:
    """The kinds of variables that no format here has a place for."""
    return [
        kind
        for kind, patterns in _LEFT_BEHIND.items()
        if any(matches(name, patterns) for name in variables)
    ]
