"""The examples of a run, read and encoded before the first training step."""

import dataclasses
from collections.abc import Callable

import numpy as np

from albert_lsh_tf.checkpoints.vocabulary import check_vocabulary
from albert_lsh_tf.config import ClassifierConfig
from albert_lsh_tf.data.classification import read_examples
from albert_lsh_tf.data.classification_features import TaskFeatures, make_features
from albert_lsh_tf.data.sources import locate
from albert_lsh_tf.data.task import Example, Task, has_split
from albert_lsh_tf.data.tokenizers import open_tokenizer
from albert_lsh_tf.tasks.inputs import ModelFiles


@dataclasses.dataclass(frozen=True)
class TaskData:
    """Examples and features, by split.

    Attributes:
      description: where they are from, for the user, one line.
      data_dir: the folder that holds MRPC/, MNLI/, ..., or that of own data.
      examples: as the files have them.
      features: what the model reads.
    """

    description: str
    data_dir: str
    examples: dict[str, list[Example]]
    features: dict[str, TaskFeatures]

    def splits(self, wanted: tuple[str, ...]) -> tuple[str, ...]:
        """Those of the wanted splits that are there, in the wanted order."""
        return tuple(split for split in wanted if split in self.features)


def load_data(
    config: ClassifierConfig,
    task: Task,
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
        split: make_features(
            task,
            examples[split],
            tokenizer,
            config.max_seq_length,
            config.max_qa_length,
        )
        for split in splits
    }
    say("examples: " + ", ".join(f"{len(examples[s])} {s}" for s in splits))
    for split in splits[:1]:
        # A text that just fits is among them.
        counts = features[split].token_counts
        if num_full := np.count_nonzero(counts == config.max_seq_length):
            say(
                f"note: {num_full} of {len(examples[split])} {split} examples fill all "
                f"{config.max_seq_length} tokens; what is longer is cut"
            )
    return TaskData(source.description, str(source.data_dir), examples, features)


def resolve_steps(config: ClassifierConfig, num_examples: int) -> ClassifierConfig:
    """The config with `num_train_epochs` turned into steps; warm-up keeps its share."""
    if config.num_train_epochs is None:
        return config
    steps = round(config.num_train_epochs * num_examples / config.train_batch_size)
    steps = max(steps, 1)
    share = config.warmup_step / config.train_step
    return config.replace(train_step=steps, warmup_step=round(share * steps))
