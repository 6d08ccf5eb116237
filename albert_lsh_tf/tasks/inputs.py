"""What a run starts from: weights and vocabulary, found and checked first.

Everything a user can get wrong here is noticed before the first training step.
"""

import dataclasses
import filecmp
import os
import pathlib
import re

from albert_lsh_tf.checkpoints.config_files import read_config
from albert_lsh_tf.checkpoints.matching import check_config
from albert_lsh_tf.checkpoints.positions import check_extension
from albert_lsh_tf.checkpoints.sources import find_weights
from albert_lsh_tf.checkpoints.weight_source import WeightSource
from albert_lsh_tf.config import (
    AlbertConfig,
    FineTuningConfig,
    check_attention_kinds,
)
from albert_lsh_tf.errors import InputError
from albert_lsh_tf.tasks.best_checkpoint import read_best
from albert_lsh_tf.tasks.run_folder import RunFolder


@dataclasses.dataclass(frozen=True)
class ModelFiles:
    """The parts of a model, wherever they come from.

    Attributes:
      albert_config: the architecture; it may have more positions than the weights.
      vocabulary_file: SentencePiece model, or WordPiece vocab.txt.
      weights: start weights of the encoder; None where a checkpoint of a run is used.
      checkpoint: prefix of that checkpoint; None where there is none.
      description: for the user, one line.
    """

    albert_config: AlbertConfig
    vocabulary_file: str
    weights: WeightSource | None
    checkpoint: str | None
    description: str


def find_model(
    config: FineTuningConfig, folder: RunFolder, do_train: bool
) -> ModelFiles:
    """Finds what to start from: the run's own checkpoint, or weights.

    Args:
      config: its names of weights, architecture and vocabulary, and its positions,
        are used.
      folder: the run's folder.
      do_train: False where a trained model is needed.

    Returns:
      The parts, which fit together.

    Raises:
      InputError: no weights or no vocabulary there, or they do not fit, or are of text
        in its letter case, or the folder holds a run of another architecture or letter
        case, or there is no trained model.
    """
    if do_train:
        run, checkpoint = folder, folder.latest_checkpoint()
    else:
        run, checkpoint = find_trained(config, folder)
    if checkpoint is None:
        weights = find_weights(config.named_weights, config.albert_config_file)
        check_config(weights)
        _refuse_lower_case(config, weights)
        vocabulary_file = (
            _named_vocabulary(config) or weights.spm_model_file or weights.vocab_file
        )
        learned = weights.config.max_position_embeddings
        albert_config = _extended(weights.config, config.max_position_embeddings)
        description = weights.description
        if (positions := albert_config.max_position_embeddings) > learned:
            description += f", its {learned} positions repeated up to {positions}"
        files = ModelFiles(
            albert_config, vocabulary_file or "", weights, None, description
        )
    else:
        _compare_architecture(config, run)
        _compare_vocabulary(config, run)
        _compare_letter_case(config, run)
        albert_config = AlbertConfig.from_file(run.albert_config_file)
        _refuse_other_positions(config, albert_config, run)
        files = ModelFiles(
            albert_config,
            str(run.vocabulary_file),
            None,
            checkpoint,
            f"checkpoint {checkpoint}",
        )
    _check_fit(config, files)
    return files


def find_trained(config: FineTuningConfig, folder: RunFolder) -> tuple[RunFolder, str]:
    """A trained model, and the run that it is of.

    Args:
      config: an `init_checkpoint` that is a run's checkpoint comes first; one that is a
        run's folder is taken where `folder` has no checkpoint.
      folder: the best checkpoint in it comes next, then the latest.

    Returns:
      The run's folder, and the checkpoint's prefix.

    Raises:
      InputError: there is none.
    """
    given = pathlib.Path(os.path.expanduser(config.init_checkpoint or ""))
    if config.init_checkpoint and pathlib.Path(f"{given}.index").exists():
        parent = given.parent
        run = RunFolder(
            parent.parent if parent.name == "best" else parent,
            config_class=folder.config_class,
        )
        if run.saved_config():
            if not re.fullmatch(r".*-\d+", given.name):
                raise InputError(
                    f"init_checkpoint={given}: the name of a run's checkpoint ends "
                    "with its step, as ckpt-200; name its files so."
                )
            return run, str(given)
    runs = [folder]
    if config.init_checkpoint:
        runs.append(RunFolder(given, config_class=folder.config_class))
    for run in runs:
        best = read_best(run.best_dir)
        checkpoint = best.prefix if best else run.latest_checkpoint()
        if checkpoint and run.saved_config():
            return run, checkpoint
    raise InputError(
        f"output_dir={folder.path} holds no trained model; add --do_train, or "
        "name the folder or checkpoint of a run with output_dir or init_checkpoint."
    )


def _compare_architecture(config: FineTuningConfig, run: RunFolder) -> None:
    """Refuses a run whose architecture is not that of the weights that were named."""
    named, file = config.named_weights, config.albert_config_file
    if file:
        if not os.path.exists(os.path.expanduser(file)):
            return  # The run has its own copy.
        given = read_config(file)
    elif named:
        try:
            given = find_weights(named).config
        except InputError:
            return  # The run has its own weights by now, and the first may be gone.
    else:
        return
    # The run may have more positions than what it started from.
    positions = run.saved_config().max_position_embeddings
    run.refuse_other_architecture(_extended(given, positions))


def _refuse_other_positions(
    config: FineTuningConfig, albert_config: AlbertConfig, run: RunFolder
) -> None:
    """Refuses positions that a trained classifier does not have."""
    positions = albert_config.max_position_embeddings
    if config.max_position_embeddings not in (None, positions):
        raise InputError(
            f"max_position_embeddings={config.max_position_embeddings}, but {run.path} "
            f"has {positions}, which training has fixed; leave it out."
        )


def _extended(config: AlbertConfig, num_positions: int | None) -> AlbertConfig:
    """An architecture with as many positions, at least those that are learned."""
    if num_positions is None:
        return config
    check_extension(config.max_position_embeddings, num_positions, "tile")
    return config.replace(max_position_embeddings=num_positions)


def _named_vocabulary(config: FineTuningConfig) -> str | None:
    """The vocabulary that the settings name, of either kind; None for the weights'."""
    if config.vocab_file:
        return config.vocab_file
    # Google's word for the vocabulary that comes with a module.
    return None if config.spm_model_file == "from_tf_hub" else config.spm_model_file


def _compare_vocabulary(config: FineTuningConfig, run: RunFolder) -> None:
    """Refuses a vocabulary that is not the one the run was trained with."""
    given = _named_vocabulary(config)
    if given is None or not pathlib.Path(given).is_file():
        return  # Nothing was named, or the tokenizer will say that it is not there.
    if not filecmp.cmp(given, run.vocabulary_file, shallow=False):
        name = "vocab_file" if config.vocab_file else "spm_model_file"
        raise InputError(
            f"{name}={given} is not the vocabulary that {run.path} was trained with; "
            f"leave {name} out."
        )


def _compare_letter_case(config: FineTuningConfig, run: RunFolder) -> None:
    """Refuses text in another letter case than that which a model was trained on."""
    trained = run.saved_config().do_lower_case
    if config.do_lower_case != trained:
        raise InputError(
            f"do_lower_case={config.do_lower_case}, but {run.path} was trained with "
            f"do_lower_case={trained}; leave it as it was."
        )


def _refuse_lower_case(config: FineTuningConfig, weights: WeightSource) -> None:
    """Refuses lower-cased text for weights that say theirs was not."""
    if config.do_lower_case and weights.do_lower_case is False:
        raise InputError(
            f"{weights.description}: it was trained on text in its letter case, but "
            "do_lower_case=True; give --nodo_lower_case."
        )


def _check_fit(config: FineTuningConfig, files: ModelFiles) -> None:
    """Refuses settings that the model cannot follow."""
    if not files.vocabulary_file:
        raise InputError(
            f"{files.description}: no vocabulary beside the weights; give a "
            "SentencePiece model with spm_model_file, or a vocab.txt with vocab_file."
        )
    check_attention_kinds(config.attention, files.albert_config.num_hidden_layers)
    positions = files.albert_config.max_position_embeddings
    if config.max_seq_length > positions:
        way_out = f"lower it to {positions} or less"
        if files.checkpoint is None:
            way_out += (
                f", or give max_position_embeddings={config.max_seq_length} or more, "
                "which repeats them"
            )
        raise InputError(
            f"max_seq_length={config.max_seq_length} is longer than the model's "
            f"{positions} positions; {way_out}."
        )
