"""What a pre-training run starts from: model, examples and vocabulary, checked first.

Everything a user can get wrong here is noticed before the first training step.
"""

import dataclasses
import hashlib
import json
import os
import pathlib
from typing import Any

from albert_lsh_tf.checkpoints.positions import check_extension
from albert_lsh_tf.checkpoints.sources import find_weights
from albert_lsh_tf.checkpoints.weight_source import WeightSource
from albert_lsh_tf.config import AlbertConfig, check_attention_kinds
from albert_lsh_tf.data.pretraining.settings import ExampleConfig
from albert_lsh_tf.data.pretraining.source import (
    ExampleSource,
    FileSource,
    open_source,
)
from albert_lsh_tf.data.tokenizers import is_wordpiece
from albert_lsh_tf.errors import InputError
from albert_lsh_tf.tasks.pretraining.settings import PretrainingConfig
from albert_lsh_tf.tasks.run_folder import RunFolder

DATA_FILE = "data.json"  # In a run's folder: what decides about its examples.
_VOCABULARY = "vocabulary_sha256"  # In the identity of examples, where it is known.
# Settings that say how examples are made of token ids.
_OF_EXAMPLES = (
    *("max_predictions_per_seq", "masked_lm_prob", "ngram", "favor_shorter_ngram"),
    *("do_whole_word_mask", "short_seq_prob", "copied_segment_prob"),
)


@dataclasses.dataclass(frozen=True)
class StartingPoint:
    """What training starts from, where the run has no checkpoint yet.

    Attributes:
      albert_config: the architecture.
      weights: start weights; None for random ones.
      vocabulary_file: that the examples were made with; None where it is not known.
      description: for the user, one line.
    """

    albert_config: AlbertConfig
    weights: WeightSource | None
    vocabulary_file: str | None
    description: str


def find_start(config: PretrainingConfig, folder: RunFolder) -> StartingPoint:
    """The architecture, and what fills it.

    Args:
      config: its names of weights, architecture and vocabulary are used.
      folder: of the run; its own architecture comes first.

    Raises:
      InputError: there is no architecture, or it does not fit the run, or the weights.
    """
    if folder.checkpoints():
        if config.albert_config_file:
            folder.refuse_other_architecture(
                AlbertConfig.from_file(config.albert_config_file)
            )
        checkpoint = folder.latest_checkpoint()
        start = StartingPoint(
            AlbertConfig.from_file(folder.albert_config_file),
            None,
            None,
            f"checkpoint {checkpoint}",
        )
    elif config.init_checkpoint:
        start = _from_weights(config)
    elif config.albert_config_file:
        start = StartingPoint(
            AlbertConfig.from_file(config.albert_config_file),
            None,
            config.spm_model_file or config.vocab_file,
            f"random, of the sizes in {config.albert_config_file}",
        )
    else:
        raise InputError(
            "albert_config_file must be given, the sizes of the model; or "
            "init_checkpoint, weights to go on from."
        )
    check_attention_kinds(config.attention, start.albert_config.num_hidden_layers)
    positions = start.albert_config.max_position_embeddings
    for stage in config.stages():
        if stage.max_seq_length > positions:
            raise InputError(
                f"max_seq_length={stage.max_seq_length} is longer than the model's "
                f"{positions} positions; lower it, or raise max_position_embeddings "
                "in a copy of the config, and give that as albert_config_file."
            )
    return start


def _from_weights(config: PretrainingConfig) -> StartingPoint:
    weights = find_weights(config.init_checkpoint)
    albert_config = weights.config
    if config.albert_config_file:
        albert_config = AlbertConfig.from_file(config.albert_config_file)
        _refuse_other_sizes(albert_config, weights)
    return StartingPoint(
        albert_config,
        weights,
        config.spm_model_file
        or config.vocab_file
        or weights.spm_model_file
        or weights.vocab_file,
        weights.description,
    )


def _refuse_other_sizes(config: AlbertConfig, weights: WeightSource) -> None:
    """Refuses an architecture that the weights do not fill; more positions may be."""
    learned = weights.config.max_position_embeddings
    check_extension(learned, config.max_position_embeddings, "tile")
    given, stored = config.to_dict(), weights.config.to_dict()
    differing = [
        f"{name} {stored[name]} there, {value} in albert_config_file"
        for name, value in given.items()
        if value != stored[name]
        and name != "max_position_embeddings"
        and not name.endswith("dropout_prob")
        and name != "initializer_range"
    ]
    if differing:
        raise InputError(
            f"init_checkpoint={weights.path} is of another architecture "
            f"({'; '.join(differing)}); leave albert_config_file out, or change "
            "nothing in it but max_position_embeddings and dropout."
        )


@dataclasses.dataclass(frozen=True)
class Examples:
    """Where the examples of training and evaluation come from."""

    train: ExampleSource
    evaluation: ExampleSource

    def num_predictions(self, config: ExampleConfig) -> int:
        """Places for masked tokens in training; `config` is of examples to be made."""
        if isinstance(self.train, FileSource):
            return self.train.files.num_predictions
        return config.num_predictions


def open_examples(config: PretrainingConfig) -> Examples:
    """Opens what `input_file` and `eval_input_file` name.

    Raises:
      InputError: nothing there, no examples of the lengths of the run, or settings of
        how examples are made, for files of examples that are made already.
    """
    if not config.input_file:
        raise InputError(
            "input_file must be given: TFRecord files of create_pretraining_data.py, "
            "or the folder that it writes with --online."
        )
    train = evaluation = open_source(config.input_file)
    if config.eval_input_file:
        evaluation = open_source(config.eval_input_file)
    if isinstance(train, FileSource):
        _refuse_what_has_no_effect(config, train.files.num_predictions)
    for stage in config.stages():
        for source in {id(each): each for each in (train, evaluation)}.values():
            source.check(config.example_config(stage.max_seq_length))
    return Examples(train, evaluation)


def _refuse_what_has_no_effect(config: PretrainingConfig, num_predictions: int) -> None:
    """Refuses settings of how examples are made, for files of `num_predictions`."""
    # Google's command says how many places the files have.
    as_made = {"max_predictions_per_seq": (None, num_predictions)}
    for name in _OF_EXAMPLES:
        value = getattr(config, name)
        default = getattr(PretrainingConfig, name)
        if value not in as_made.get(name, (default,)):
            raise InputError(
                f"{name}={value} has no effect on input_file, whose examples are made "
                "already; give it to create_pretraining_data.py, or train on a folder "
                "of token ids."
            )


def check_data(
    examples: Examples, start: StartingPoint, folder: RunFolder
) -> dict[str, Any]:
    """Compares examples with the run's earlier ones, and with the vocabulary.

    Args:
      examples: of this run.
      start: its vocabulary and the number of pieces are used.
      folder: of the run.

    Returns:
      What decides about the examples, for `DATA_FILE`.

    Raises:
      InputError: the run in the folder was trained on others, or these, or those of the
        evaluation, were made with another vocabulary.
    """
    identity = examples.train.identity()
    _check_vocabulary(examples.train, identity, start, "input_file")
    if examples.evaluation is not examples.train:
        other = examples.evaluation.identity()
        _check_vocabulary(examples.evaluation, other, start, "eval_input_file")
        # The model's own may not be known; that of examples is, or None.
        known = {each.get(_VOCABULARY) for each in (identity, other)} - {None}
        if len(known) > 1:
            raise InputError(
                "eval_input_file was made with another vocabulary than input_file; "
                "make both with the same one."
            )
    path = folder.path / DATA_FILE
    if folder.checkpoints() and path.exists():
        if json.loads(path.read_text(encoding="utf-8")) != identity:
            raise InputError(
                f"output_dir={folder.path} holds a run on other examples; give the "
                "same input_file, or another output_dir."
            )
    return identity


def _check_vocabulary(
    source: ExampleSource, identity: dict[str, Any], start: StartingPoint, name: str
) -> None:
    """Refuses examples of another vocabulary than the model's.

    Args:
      source: the examples.
      identity: theirs.
      start: its vocabulary and the number of pieces are used.
      name: the setting that names them.
    """
    file = start.vocabulary_file
    if file and not os.path.isfile(file):
        kind = "vocab_file" if is_wordpiece(file) else "spm_model_file"
        raise InputError(f"{kind}={file}: no such file.")
    if file and identity.get(_VOCABULARY):
        found = hashlib.sha256(pathlib.Path(file).read_bytes()).hexdigest()
        if found != identity[_VOCABULARY]:
            raise InputError(
                f"{name} was made with another vocabulary than {file}; give the "
                "one that it was made with as spm_model_file."
            )
    num_pieces = source.num_pieces()
    if num_pieces is not None and num_pieces > start.albert_config.vocab_size:
        raise InputError(
            f"{name} was made with a vocabulary of {num_pieces} pieces, but the "
            f"model has vocab_size={start.albert_config.vocab_size}."
        )
