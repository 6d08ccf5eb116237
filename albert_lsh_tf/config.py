"""Settings: frozen dataclasses that check themselves. Does not import TensorFlow.

`LSHConfig` says how attention hashes, `AlbertConfig` what the encoder looks like (the
keys of Google's albert_config.json), `RunConfig` what every run has, `FineTuningConfig`
what those have that start from pre-trained weights, `ClassifierConfig` how a classifier
is trained (the names of Google's flags). All read and write plain dicts, JSON and YAML
through `config_io`; unknown keys are refused with the nearest known name.
"""

import dataclasses
import pathlib
from collections.abc import Mapping
from typing import Any

from albert_lsh_tf.config_io import Config, read_mapping, setting
from albert_lsh_tf.errors import InputError
from albert_lsh_tf.lsh_config import HASHING, LSHConfig

ATTENTION_KINDS = ("lsh", "dense")
OPTIMIZERS = ("adamw", "lamb")
STRATEGIES = ("off", "one_device", "mirrored", "multi_worker_mirrored", "tpu")
RECOMPUTE = ("block",)
PRECISIONS = ("float32", "float16", "bfloat16")
_SEEDS = 2**32  # NumPy takes as many.


@dataclasses.dataclass(frozen=True)
class AlbertConfig(Config):
    """The architecture, with the keys and defaults of Google's albert_config.json."""

    vocab_size: int = 30000
    embedding_size: int = 128
    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_hidden_groups: int = 1
    inner_group_num: int = 1
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    hidden_act: str = "gelu"
    hidden_dropout_prob: float = 0.0
    attention_probs_dropout_prob: float = 0.0
    max_position_embeddings: int = 512
    type_vocab_size: int = 2
    initializer_range: float = 0.02

    # Keys that released files carry and no ALBERT encoder reads.
    IGNORED_KEYS = (
        "down_scale_factor",
        "gap_size",
        "layers_to_keep",
        "ln_type",
        "net_structure_type",
        "num_memory_blocks",
    )

    def validate(self) -> None:
        for name in (
            "vocab_size",
            "embedding_size",
            "hidden_size",
            "num_hidden_layers",
            "num_attention_heads",
            "intermediate_size",
            "max_position_embeddings",
            "type_vocab_size",
        ):
            self.require_at_least(name, 1)
        for name in ("num_hidden_groups", "inner_group_num"):
            if getattr(self, name) != 1:
                raise InputError(
                    f"{name}={getattr(self, name)} is not supported: every released "
                    "ALBERT shares one group of one layer; set it to 1."
                )
        for name in ("hidden_dropout_prob", "attention_probs_dropout_prob"):
            self.require_probability(name)
        if self.hidden_size % self.num_attention_heads:
            raise InputError(
                f"hidden_size={self.hidden_size} must be a multiple of "
                f"num_attention_heads={self.num_attention_heads}."
            )


@dataclasses.dataclass(frozen=True)
class RunConfig(Config):
    """What every training run has: weights, recipe, attention and device.

    Names are those of Google's flags where it has them. Lengths are in tokens,
    `*_steps` in optimiser steps, batch sizes in examples over all devices.
    """

    albert_config_file: str | None = setting(None, "albert_config.json")
    init_checkpoint: str | None = setting(
        None, "start weights: checkpoint, folder or archive, in any format"
    )
    spm_model_file: str | None = setting(
        None, "SentencePiece model; unset: the one beside the weights"
    )
    vocab_file: str | None = setting(
        None, "WordPiece vocab.txt of a Chinese model; unset: as spm_model_file"
    )
    max_seq_length: int = setting(512, "tokens an example is cut and padded to")
    train_batch_size: int = setting(32, "examples a training step")
    eval_batch_size: int = setting(8, "examples an evaluation step")
    learning_rate: float = setting(5e-5, "peak learning rate")
    save_checkpoints_steps: int = setting(1000, "steps between checkpoints")
    keep_checkpoint_max: int = setting(5, "checkpoints kept, besides the best")
    optimizer: str = setting("adamw", "adamw or lamb", choices=OPTIMIZERS)
    hidden_dropout_prob: float | None = setting(
        None, "encoder dropout; unset: that of albert_config.json"
    )
    attention_probs_dropout_prob: float | None = setting(
        None, "attention dropout; unset: that of albert_config.json"
    )
    attention: str | tuple[str, ...] = setting(
        "lsh", "lsh or dense, for all layers or a comma list with one a layer"
    )
    lsh_budget: float = setting(
        0.25, "logits of a query, as a share of max_seq_length, at most of 512 tokens"
    )
    lsh: LSHConfig | None = None
    recompute: str | None = setting(
        None, "block: compute blocks anew in the backward pass", choices=RECOMPUTE
    )
    seed: int = setting(12345, "seed of data order, new weights and dropout")
    distribution_strategy: str = setting(
        "mirrored", ", ".join(STRATEGIES), choices=STRATEGIES
    )
    num_gpus: int | None = setting(None, "GPUs to use; unset: all there are")
    num_logical_cpus: int = setting(
        1, "logical CPU devices, to try a strategy without GPUs"
    )
    worker_hosts: str | None = setting(
        None, "multi_worker_mirrored: host:port of every worker, comma list"
    )
    task_index: int | None = setting(
        None, "multi_worker_mirrored: which of them this is, from 0"
    )
    tpu_address: str | None = setting(None, "tpu: name or address; local: on this host")
    mixed_precision: str = setting(
        "float32", "float32, float16 or bfloat16 arithmetic", choices=PRECISIONS
    )
    enable_xla: bool = setting(False, "compile the training step with XLA")

    @classmethod
    def of_any_run(cls, path: str | pathlib.Path) -> Any:
        """Reads these settings from what a run of any kind saved.

        Args:
          path: config.yaml of a run; what else it says is left out.

        Returns:
          A config of this class.

        Raises:
          InputError: no such file, or a setting does not fit.
        """
        names = {field.name for field in dataclasses.fields(cls)}
        saved = read_mapping(path)
        known = {name: value for name, value in saved.items() if name in names}
        return cls.from_dict(known, source=str(path))

    @property
    def lsh_or_recommended(self) -> LSHConfig:
        """`lsh` where it is set, or else what `lsh_budget` allows."""
        return self.lsh or self.lsh_at(self.max_seq_length, self.lsh_budget)

    def lsh_at(self, length: int, budget: float) -> LSHConfig:
        """`lsh_or_recommended` as it is for another length or budget.

        What `lsh` has in common with the recommended setting follows length and budget,
        and what was set stays. Hash rounds that were set stay with all that belongs to
        them: no budget has made them.

        Args:
          length: tokens, instead of `max_seq_length`.
          budget: instead of `lsh_budget`.

        Returns:
          The setting.

        Raises:
          InputError: see `LSHConfig.for_length`.
        """
        changed = {}
        if self.lsh is not None:
            recommended = LSHConfig.for_length(
                self.max_seq_length, self.lsh_budget, dense_below=None
            ).to_dict()
            mine = self.lsh.to_dict()
            changed = {n: mine[n] for n in mine if mine[n] != recommended[n]}
            if not HASHING.isdisjoint(changed):
                return self.lsh
        return LSHConfig.for_length(length, budget, **{"dense_below": None, **changed})

    def with_settings(self, settings: Mapping[str, Any], source: str = "") -> Any:
        """A copy with a layer of settings on it.

        Args:
          settings: name to value; those of `lsh` are merged one by one. The first of
            them start from the recommended setting, or from hash rounds alone where
            they are about hashing. Where length or budget changes, see `lsh_at`.
          source: file or place they come from, for the error message.

        Returns:
          A config of the same class.

        Raises:
          InputError: an unknown setting, or one that does not fit.
        """
        merged = {**self.to_dict(), **settings}
        given = settings.get("lsh", {})
        if isinstance(given, Mapping):
            merged["lsh"] = None  # Its length and budget are checked without it.
            below = self.lsh
            if not below and given:
                below = LSHConfig()
                if HASHING.isdisjoint(given):
                    below = type(self).from_dict(merged, source).lsh_or_recommended
            elif below and not {"max_seq_length", "lsh_budget"}.isdisjoint(settings):
                others = type(self).from_dict(merged, source)
                below = self.lsh_at(others.max_seq_length, others.lsh_budget)
            merged["lsh"] = {**below.to_dict(), **given} if below else None
        return type(self).from_dict(merged, source)

    def validate(self) -> None:
        for name in (
            "max_seq_length",
            "train_batch_size",
            "eval_batch_size",
            "save_checkpoints_steps",
            "keep_checkpoint_max",
            "num_logical_cpus",
        ):
            self.require_at_least(name, 1)
        if not 0 <= self.seed < _SEEDS:
            raise InputError(
                f"seed={self.seed} must be at least 0 and below {_SEEDS} (2**32)."
            )
        for name in ("task_index", "num_gpus"):
            self.require_at_least(name, 0)
        for name in ("hidden_dropout_prob", "attention_probs_dropout_prob"):
            self.require_probability(name)
        self.require_positive("learning_rate")
        if self.lsh is None or self.lsh_budget == 1:
            # Refuses a budget that is none, or that `lsh` takes away.
            self.lsh_at(self.max_seq_length, self.lsh_budget)
        check_attention_kinds(self.attention)
        check_vocabulary_names(self.spm_model_file, self.vocab_file)


@dataclasses.dataclass(frozen=True)
class FineTuningConfig(RunConfig):
    """What every run has that starts from pre-trained weights."""

    albert_hub_module_handle: str | None = setting(
        None, "start weights: hub handle or folder, a program of which no part is run"
    )
    max_position_embeddings: int | None = setting(
        None, "positions, more than the weights have learned; unset: theirs"
    )
    do_lower_case: bool = setting(True, "lower-case and strip accents")
    predict_batch_size: int = setting(8, "examples a prediction step")
    group_by_length: bool = setting(
        False, "train on batches of examples of like length, which have less padding"
    )

    def validate(self) -> None:
        super().validate()
        for name in ("predict_batch_size", "max_position_embeddings"):
            self.require_at_least(name, 1)
        if self.init_checkpoint and self.albert_hub_module_handle:
            raise InputError(
                "init_checkpoint and albert_hub_module_handle both name start "
                "weights; give one of them."
            )

    @property
    def named_weights(self) -> str | None:
        """Where training starts, as it was named; None: the model in the package."""
        return self.init_checkpoint or self.albert_hub_module_handle


@dataclasses.dataclass(frozen=True)
class ClassifierConfig(FineTuningConfig):
    """One run of classification: the task, its data, and what every run has.

    Names and defaults are those of google-research/albert's run_classifier.py where it
    has them. `labels` and `text_pairs` are of the user's own data.
    """

    task_name: str = setting(
        "MRPC", "GLUE task: cola, mnli, mrpc, ...; or a folder of your own data"
    )
    data_dir: str | None = setting(
        None, "folder that holds MRPC/, MNLI/, ..., or that of your own data"
    )
    labels: tuple[str, ...] | None = setting(
        None, "classes, in order; unset: GLUE's, or those in train.jsonl"
    )
    text_pairs: bool | None = setting(
        None, "lines may have a text_b; unset: as in train.jsonl"
    )
    download: bool = setting(False, "fetch the task through TensorFlow Datasets")
    max_qa_length: int = setting(128, "RACE: tokens of a question with an option")
    train_step: int = setting(1000, "training steps")
    num_train_epochs: float | None = setting(
        None, "epochs; replaces train_step, and warmup_step keeps its share"
    )
    warmup_step: int = setting(0, "steps of linear warm-up")
    classifier_dropout_prob: float = setting(0.1, "dropout before the classifier")

    def validate(self) -> None:
        super().validate()
        if self.labels is not None:
            check_labels(self.labels)
        for name in ("train_step", "max_qa_length"):
            self.require_at_least(name, 1)
        self.require_at_least("warmup_step", 0)
        self.require_probability("classifier_dropout_prob")
        self.require_positive("num_train_epochs")
        # Epochs replace train_step, which may be a default that nobody has asked for.
        if self.num_train_epochs is None and self.warmup_step > self.train_step:
            raise InputError(
                f"warmup_step={self.warmup_step} is more than "
                f"train_step={self.train_step}; warm up for about a tenth of it."
            )


def check_labels(labels: tuple[str, ...]) -> None:
    """Raises `InputError` unless labels are two or more different words."""
    if len(labels) < 2 or len(set(labels)) < len(labels) or not all(labels):
        raise InputError(
            f"labels={','.join(labels)} must be two or more, none of them empty or "
            "twice there."
        )


def check_vocabulary_names(spm_model_file: str | None, vocab_file: str | None) -> None:
    """Checks that at most one vocabulary is named, and each kind by its own setting.

    Args:
      spm_model_file: a SentencePiece model, or None.
      vocab_file: a WordPiece vocabulary, or None.

    Raises:
      InputError: both are named, or one in the place of the other.
    """
    if spm_model_file and vocab_file:
        raise InputError(
            "spm_model_file and vocab_file both name a vocabulary; give the one that "
            "came with the weights."
        )
    if spm_model_file and spm_model_file.lower().endswith(".txt"):
        raise InputError(
            f"spm_model_file={spm_model_file} is text, as a WordPiece vocabulary is; "
            "give it with vocab_file, or give the SentencePiece model."
        )
    if vocab_file and not vocab_file.lower().endswith(".txt"):
        raise InputError(
            f"vocab_file={vocab_file} must be a WordPiece vocabulary, a vocab.txt; "
            "give a SentencePiece model with spm_model_file."
        )


def check_attention_kinds(
    attention: str | tuple[str, ...], num_layers: int | None = None
) -> tuple[str, ...] | None:
    """Checks `attention`, and spreads it over the layers when their number is known.

    Args:
      attention: "lsh" or "dense" for all layers, or one of the two for each.
      num_layers: layers of the encoder.

    Returns:
      One kind for each layer; None when `num_layers` is None.

    Raises:
      InputError: an unknown kind, or not as many kinds as layers.
    """
    kinds = (attention,) if isinstance(attention, str) else tuple(attention)
    for kind in kinds:
        if kind not in ATTENTION_KINDS:
            raise InputError(
                f"attention={kind!r} is unknown; expected 'lsh' or 'dense', or a list "
                "of them with one for each layer."
            )
    if num_layers is None:
        return None
    if isinstance(attention, str):
        return kinds * num_layers
    if len(kinds) != num_layers:
        raise InputError(
            f"attention names {len(kinds)} layers, but the encoder has {num_layers}; "
            "give one kind for all of them, or one for each."
        )
    return kinds
