"""What a run starts from: weights, vocabulary and data, found and checked first.

Everything a user can get wrong here is noticed before the first training step.
"""

import dataclasses
import filecmp
import pathlib
from collections.abc import Callable

from albert_lsh_tf.checkpoints.matching import check_config
from albert_lsh_tf.checkpoints.sources import find_weights
from albert_lsh_tf.checkpoints.vocabulary import check_vocabulary
from albert_lsh_tf.checkpoints.weight_source import WeightSource
from albert_lsh_tf.config import (
    AlbertConfig,
    ClassifierConfig,
    check_attention_kinds,
)
from albert_lsh_tf.data.features import Features, encode_examples
from albert_lsh_tf.data.glue import Example, has_split, read_examples
from albert_lsh_tf.data.glue_tasks import GlueTask
from albert_lsh_tf.data.sources import locate
from albert_lsh_tf.data.tokenizers import open_tokenizer
from albert_lsh_tf.errors import InputError
from albert_lsh_tf.tasks.best_checkpoint import read_best
from albert_lsh_tf.tasks.run_folder import RunFolder


@dataclasses.dataclass(frozen=True)
class ModelFiles:
    """The parts of a model, wherever they come from.

    Attributes:
      albert_config: the architecture.
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


@dataclasses.dataclass(frozen=True)
class TaskData:
    """Examples and features, by split.

    Attributes:
      description: where they are from, for the user, one line.
      data_dir: the folder that holds MRPC/, MNLI/, ...
      examples: as the files have them.
      features: what the model reads.
    """

    description: str
    data_dir: str
    examples: dict[str, list[Example]]
    features: dict[str, Features]

    def splits(self, wanted: tuple[str, ...]) -> tuple[str, ...]:
        """Those of the wanted splits that are there, in the wanted order."""
        return tuple(split for split in wanted if split in self.features)


def find_model(
    config: ClassifierConfig, folder: RunFolder, do_train: bool
) -> ModelFiles:
    """Finds what to start from: the run's own checkpoint, or weights.

    Args:
      config: its names of weights, architecture and vocabulary are used.
      folder: the run's folder.
      do_train: False where a trained classifier is needed.

    Returns:
      The parts, which fit together.

    Raises:
      InputError: no weights or no vocabulary there, or they do not fit, or the folder
        holds a run of another architecture, or there is no trained classifier.
    """
    if do_train:
        run, checkpoint = folder, folder.latest_checkpoint()
    else:
        run, checkpoint = find_trained(config, folder)
    if checkpoint is None:
        weights = find_weights(
            config.init_checkpoint or config.albert_hub_module_handle,
            config.albert_config_file,
        )
        check_config(weights)
        vocabulary_file = (
            _named_vocabulary(config) or weights.spm_model_file or weights.vocab_file
        )
        files = ModelFiles(
            weights.config, vocabulary_file or "", weights, None, weights.description
        )
    else:
        _compare_architecture(config, run)
        _compare_vocabulary(config, run)
        files = ModelFiles(
            AlbertConfig.from_file(run.albert_config_file),
            str(run.vocabulary_file),
            None,
            checkpoint,
            f"checkpoint {checkpoint}",
        )
    _check_fit(config, files)
    return files


def find_trained(config: ClassifierConfig, folder: RunFolder) -> tuple[RunFolder, str]:
    """A trained classifier, and the run that it is of.

    Args:
      config: an `init_checkpoint` that is a run's checkpoint comes first; one that is a
        run's folder is taken where `folder` has no checkpoint.
      folder: the best checkpoint in it comes next, then the latest.

    Returns:
      The run's folder, and the checkpoint's prefix.

    Raises:
      InputError: there is none.
    """
    given = pathlib.Path(config.init_checkpoint or "")
    if config.init_checkpoint and pathlib.Path(f"{given}.index").exists():
        parent = given.parent
        run = RunFolder(parent.parent if parent.name == "best" else parent)
        if run.saved_config():
            return run, str(given)
    runs = [folder, *([RunFolder(given)] if config.init_checkpoint else [])]
    for run in runs:
        best = read_best(run.best_dir)
        checkpoint = best.prefix if best else run.latest_checkpoint()
        if checkpoint and run.saved_config():
            return run, checkpoint
    raise InputError(
        f"output_dir={folder.path} holds no trained classifier; add --do_train, or "
        "name the folder or checkpoint of a run with output_dir or init_checkpoint."
    )


def load_data(
    config: ClassifierConfig,
    task: GlueTask,
    files: ModelFiles,
    required: tuple[str, ...],
    optional: tuple[str, ...],
    say: Callable[[str], None],
) -> TaskData:
    """Reads and encodes the splits of a task.

    Args:
      config: where data is, and how text becomes tokens.
      task: which task.
      files: whose vocabulary is used.
      required: splits that must be there.
      optional: splits that are left out, with a line, where there is no file.
      say: takes lines for the user.

    Returns:
      The data.

    Raises:
      InputError: no data, or a file that is not what it should be.
    """
    check_vocabulary(
        files.albert_config.vocab_size, files.description, files.vocabulary_file
    )
    tokenizer = open_tokenizer(files.vocabulary_file, config.do_lower_case)
    source = locate(task, config)
    say(f"data: {source.description}")
    splits = list(required)
    for split in optional:
        if has_split(task, source.data_dir, split):
            splits.append(split)
        else:
            say(f"note: {task.name} has no {split} file there; it is left out.")
    examples = {split: read_examples(task, source.data_dir, split) for split in splits}
    features = {
        split: encode_examples(
            examples[split],
            tokenizer,
            config.max_seq_length,
            is_regression=task.is_regression,
        )
        for split in splits
    }
    say("examples: " + ", ".join(f"{len(examples[s])} {s}" for s in splits))
    return TaskData(source.description, str(source.data_dir), examples, features)


def resolve_steps(config: ClassifierConfig, num_examples: int) -> ClassifierConfig:
    """The config with `num_train_epochs` turned into steps; warm-up keeps its share."""
    if config.num_train_epochs is None:
        return config
    steps = round(config.num_train_epochs * num_examples / config.train_batch_size)
    steps = max(steps, 1)
    share = config.warmup_step / config.train_step
    return config.replace(train_step=steps, warmup_step=round(share * steps))


def _compare_architecture(config: ClassifierConfig, run: RunFolder) -> None:
    """Refuses a run whose architecture is not that of the weights that were named."""
    named = config.init_checkpoint or config.albert_hub_module_handle
    if config.albert_config_file:
        run.refuse_other_architecture(AlbertConfig.from_file(config.albert_config_file))
    elif named:
        try:
            weights = find_weights(named)
        except InputError:
            return  # The run has its own weights by now, and the first may be gone.
        run.refuse_other_architecture(weights.config)


def _named_vocabulary(config: ClassifierConfig) -> str | None:
    """The vocabulary that the settings name, of either kind; None for the weights'."""
    if config.vocab_file:
        return config.vocab_file
    # Google's word for the vocabulary that comes with a module.
    return None if config.spm_model_file == "from_tf_hub" else config.spm_model_file


def _compare_vocabulary(config: ClassifierConfig, run: RunFolder) -> None:
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


def _check_fit(config: ClassifierConfig, files: ModelFiles) -> None:
    """Refuses settings that the model cannot follow."""
    if not files.vocabulary_file:
        raise InputError(
            f"{files.description}: no vocabulary beside the weights; give a "
            "SentencePiece model with spm_model_file, or a vocab.txt with vocab_file."
        )
    check_attention_kinds(config.attention, files.albert_config.num_hidden_layers)
    positions = files.albert_config.max_position_embeddings
    if config.max_seq_length > positions:
        raise InputError(
            f"max_seq_length={config.max_seq_length} is longer than the model's "
            f"{positions} positions; lower it to {positions} or less."
        )
