"""Examples of any task of classification to features."""

from collections.abc import Sequence

from albert_lsh_tf.data.features import Features, encode_examples
from albert_lsh_tf.data.race.features import RaceFeatures
from albert_lsh_tf.data.race.questions import RaceTask
from albert_lsh_tf.data.task import Example, Task
from albert_lsh_tf.data.tokenizers import Tokenizer

TaskFeatures = Features | RaceFeatures


def make_features(
    task: Task,
    examples: Sequence[Example],
    tokenizer: Tokenizer,
    max_seq_length: int,
    max_qa_length: int,
) -> TaskFeatures:
    """What the network of a task reads.

    Args:
      task: of the examples.
      examples: one split.
      tokenizer: gives the ids.
      max_seq_length: tokens a row holds, special ones included.
      max_qa_length: most tokens of a question with an option; for RACE.

    Returns:
      The features, in the order of the examples.

    Raises:
      InputError: `max_seq_length` has no room for a token of each text.
    """
    if isinstance(task, RaceTask):
        return RaceFeatures(examples, tokenizer, max_seq_length, max_qa_length)
    return encode_examples(
        examples, tokenizer, max_seq_length, is_regression=task.is_regression
    )
