"""Questions to token ids: every article once, and rows for the network on demand.

Four rows of 512 ids, masks and types for each of RACE's 88,000 questions would be two
gigabytes; their tokens alone are less than a hundred megabytes.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from albert_lsh_tf.data.race.questions import OPTIONS, RaceExample
from albert_lsh_tf.data.tokenizers import Tokenizer
from albert_lsh_tf.errors import InputError

# Texts turned into ids at a time: the Python lists of all would be large.
_BATCH = 2_000
NUM_SPECIAL = 3  # [CLS] article [SEP] question and option [SEP]


def check_lengths(max_seq_length: int, max_qa_length: int) -> None:
    """Raises an `InputError` where a row may have no room for a token of an article."""
    if max_seq_length <= max_qa_length + NUM_SPECIAL:
        raise InputError(
            f"max_seq_length={max_seq_length} leaves no room for the article beside "
            f"max_qa_length={max_qa_length}; give at least "
            f"{max_qa_length + NUM_SPECIAL + 1}, or lower max_qa_length."
        )


@dataclasses.dataclass(frozen=True, eq=False)
class _Texts:
    """Token ids of n texts, one after the other."""

    ids: np.ndarray  # int32
    starts: np.ndarray  # int64 [n + 1]

    @classmethod
    def encode(
        cls,
        texts: Sequence[str],
        tokenizer: Tokenizer,
        num_threads: int,
        last: int | None = None,
    ) -> "_Texts":
        """The ids of texts; no more than the `last` of each, if given."""
        parts, lengths = [], [0]
        for start in range(0, len(texts), _BATCH):
            batch = texts[start : start + _BATCH]
            encoded = tokenizer.encode_batch(batch, num_threads)
            encoded = [ids[-last:] for ids in encoded] if last else encoded
            parts.append(np.array([i for ids in encoded for i in ids], np.int32))
            lengths += map(len, encoded)
        return cls(np.concatenate(parts), np.cumsum(lengths))

    def __getitem__(self, index: int) -> np.ndarray:
        return self.ids[self.starts[index] : self.starts[index + 1]]

    def lengths(self) -> np.ndarray:
        return np.diff(self.starts)


class RaceFeatures:
    """n questions with C options, as `input_pipeline` reads them.

    A row is `[CLS] article [SEP] question and option [SEP]`. Of a question with its
    option the last `max_qa_length` tokens stay; the article is cut at its end.

    Args:
      examples: the questions.
      tokenizer: gives the ids.
      max_seq_length: tokens a row holds (T), special ones included.
      max_qa_length: most tokens of a question with an option.
      num_threads: threads of SentencePiece; the result does not depend on it.

    Raises:
      InputError: `max_seq_length` has no room for a token of the article.

    Source: google-research/albert, race_utils.py, `convert_single_example`.
    """

    def __init__(
        self,
        examples: Sequence[RaceExample],
        tokenizer: Tokenizer,
        max_seq_length: int,
        max_qa_length: int,
        num_threads: int = 2,
    ):
        check_lengths(max_seq_length, max_qa_length)
        self._max_seq_length = max_seq_length
        self._tokenizer = tokenizer
        # In the order in which they come first.
        articles = {each.text_a: None for each in examples}
        numbers = {text: number for number, text in enumerate(articles)}
        self._article_of = np.array([numbers[each.text_a] for each in examples])
        self._articles = _Texts.encode(list(articles), tokenizer, num_threads)
        options = [option for each in examples for option in each.options]
        self._options = _Texts.encode(options, tokenizer, num_threads, max_qa_length)
        self.label = np.array([each.label for each in examples], np.int32)
        self._levels = np.array([each.level for each in examples])

    def __len__(self) -> int:
        return len(self.label)

    @property
    def token_counts(self) -> np.ndarray:
        """Tokens of each question's longest row, without padding: [n]."""
        longest = self._options.lengths().reshape(-1, len(OPTIONS)).max(axis=1)
        articles = self._articles.lengths()[self._article_of]
        return np.minimum(articles + longest + NUM_SPECIAL, self._max_seq_length)

    def groups(self) -> dict[str, np.ndarray]:
        """Which questions are of a level, bool [n]; none where there is one level."""
        levels = dict.fromkeys(self._levels)
        if len(levels) < 2:
            return {}
        return {str(level): self._levels == level for level in levels}

    def gather(self, indices: tf.Tensor) -> dict[str, tf.Tensor]:
        """What the network reads of some questions.

        Args:
          indices: int64 [m].

        Returns:
          input_word_ids, input_mask and input_type_ids, int32 [m, C, T]; label, int32
          [m]; and example_id, the indices.
        """
        ids, mask, type_ids, label = tf.numpy_function(
            self._rows, [indices], [tf.int32] * 4, stateful=False
        )
        shape = [*indices.shape, len(OPTIONS), self._max_seq_length]
        for rows in (ids, mask, type_ids):
            rows.set_shape(shape)
        label.set_shape(indices.shape)
        return {
            "input_word_ids": ids,
            "input_mask": mask,
            "input_type_ids": type_ids,
            "label": label,
            "example_id": indices,
        }

    def _rows(self, questions: np.ndarray) -> tuple[np.ndarray, ...]:
        """Ids, mask, type ids and label."""
        tokenizer, length = self._tokenizer, self._max_seq_length
        shape = (len(questions), len(OPTIONS), length)
        ids = np.full(shape, tokenizer.pad_id, np.int32)
        first = np.zeros(shape[:2], np.int32)  # Tokens up to the separator.
        total = np.zeros(shape[:2], np.int32)
        for row, question in enumerate(questions):
            article = self._articles[self._article_of[question]]
            for column in range(len(OPTIONS)):
                option = self._options[question * len(OPTIONS) + column]
                room = length - NUM_SPECIAL - len(option)
                tokens = [
                    *([tokenizer.cls_id], article[:room], [tokenizer.sep_id]),
                    *(option, [tokenizer.sep_id]),
                ]
                first[row, column] = min(len(article), room) + 2
                total[row, column] = first[row, column] + len(option) + 1
                ids[row, column, : total[row, column]] = np.concatenate(tokens)
        place = np.arange(length)
        mask = place < total[..., np.newaxis]
        type_ids = mask & (place >= first[..., np.newaxis])
        return (
            ids,
            mask.astype(np.int32),
            type_ids.astype(np.int32),
            self.label[questions],
        )
