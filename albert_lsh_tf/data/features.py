"""Examples to NumPy arrays of equal length. No TensorFlow here."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from albert_lsh_tf.data.task import Example
from albert_lsh_tf.data.tokenizers import Tokenizer
from albert_lsh_tf.errors import InputError

# Examples turned into ids at a time: enough to keep the threads of SentencePiece busy,
# and few enough that the Python lists stay small.
_BATCH = 10_000

NO_LABEL = 0  # Stands where a label is hidden, as in Google's code.


@dataclasses.dataclass(frozen=True, eq=False)
class Features:
    """A whole split in memory. n examples, T tokens each."""

    input_word_ids: np.ndarray  # int32 [n, T]
    input_mask: np.ndarray  # int32 [n, T]; 1 for a token, 0 for padding
    input_type_ids: np.ndarray  # int32 [n, T]; 1 for the second sentence
    label: np.ndarray  # [n]; int32 class ids, or float32 scores
    example_id: np.ndarray  # int64 [n]; 0 to n - 1, the order of the examples

    def __len__(self) -> int:
        return len(self.example_id)

    @property
    def token_counts(self) -> np.ndarray:
        """Tokens of each example, without padding: [n]."""
        return self.input_mask.sum(axis=1)

    def groups(self) -> dict[str, np.ndarray]:
        """Groups of examples that are scored apart, by name: there are none."""
        return {}

    def as_dict(self) -> dict[str, np.ndarray]:
        """The arrays by name, not copied."""
        fields = dataclasses.fields(self)
        return {field.name: getattr(self, field.name) for field in fields}


def encode_examples(
    examples: Sequence[Example],
    tokenizer: Tokenizer,
    max_seq_length: int,
    num_threads: int = 2,
    is_regression: bool | None = None,
) -> Features:
    """Lays out `[CLS] a [SEP]` or `[CLS] a [SEP] b [SEP]` for every example.

    A pair that is too long loses tokens from the end of the longer sentence, one at a
    time, and of the second where both are equally long.

    Args:
      examples: of one task; labels all classes, all scores, or all None.
      tokenizer: gives the ids.
      max_seq_length: tokens a row holds (T), special ones included.
      num_threads: threads of SentencePiece; the result does not depend on it.
      is_regression: whether labels are scores; None: if the first one is a float. Say
        it where labels may be hidden, so that all splits of a task agree.

    Returns:
      The features, in the order of the examples. Hidden labels are 0.

    Raises:
      InputError: `max_seq_length` has no room for a token of each sentence.

    Source: google-research/albert, classifier_utils.py, `convert_single_example`.
    """
    longest_frame = 5 if any(example.text_b for example in examples) else 3
    if max_seq_length < longest_frame:
        raise InputError(
            f"max_seq_length={max_seq_length} leaves no room between the special "
            f"tokens; give at least {longest_frame}."
        )
    shape = (len(examples), max_seq_length)
    word_ids = np.full(shape, tokenizer.pad_id, np.int32)
    mask = np.zeros(shape, np.int32)
    type_ids = np.zeros(shape, np.int32)
    for start in range(0, len(examples), _BATCH):
        batch = examples[start : start + _BATCH]
        all_a = tokenizer.encode_batch([each.text_a for each in batch], num_threads)
        # An empty second sentence is no second sentence, as in Google's code.
        all_b = tokenizer.encode_batch(
            [each.text_b or "" for each in batch], num_threads
        )
        for row, (ids_a, ids_b) in enumerate(zip(all_a, all_b, strict=True), start):
            ids, first_length = _join(ids_a, ids_b, tokenizer, max_seq_length)
            word_ids[row, : len(ids)] = ids
            mask[row, : len(ids)] = 1
            type_ids[row, first_length : len(ids)] = 1
    if is_regression is None:
        is_regression = bool(examples) and isinstance(examples[0].label, float)
    labels = [NO_LABEL if each.label is None else each.label for each in examples]
    return Features(
        input_word_ids=word_ids,
        input_mask=mask,
        input_type_ids=type_ids,
        label=np.array(labels, np.float32 if is_regression else np.int32),
        example_id=np.arange(len(examples), dtype=np.int64),
    )


def truncated_lengths(length_a: int, length_b: int, room: int) -> tuple[int, int]:
    """How many tokens of each sentence stay, when both must fit into `room`.

    Args:
      length_a: tokens of the first sentence.
      length_b: tokens of the second sentence.
      room: tokens for both, at least 0.

    Returns:
      The two lengths; their sum is at most `room`, and exactly `room` if anything went.

    Source: google-research/albert, classifier_utils.py, `_truncate_seq_pair`, which
    takes one token at a time off the longer list, off the second where they are equal.
    """
    excess = length_a + length_b - room
    if excess <= 0:
        return length_a, length_b
    # The longer one goes first, down to the length of the other; the rest in turn.
    off_longer = min(excess, abs(length_a - length_b))
    if length_a > length_b:
        length_a -= off_longer
    else:
        length_b -= off_longer
    rest = excess - off_longer
    return length_a - rest // 2, length_b - (rest + 1) // 2


def _join(
    ids_a: list[int], ids_b: list[int], tokenizer: Tokenizer, max_seq_length: int
) -> tuple[list[int], int]:
    """One row's ids, and how many of them belong to the first sentence."""
    if not ids_b:
        kept = ids_a[: max_seq_length - 2]
        ids = [tokenizer.cls_id, *kept, tokenizer.sep_id]
        return ids, len(ids)
    length_a, length_b = truncated_lengths(len(ids_a), len(ids_b), max_seq_length - 3)
    first = [tokenizer.cls_id, *ids_a[:length_a], tokenizer.sep_id]
    return [*first, *ids_b[:length_b], tokenizer.sep_id], len(first)
