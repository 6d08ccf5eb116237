"""Documents to pairs of segments: in order, or swapped for sentence-order prediction.

Whole arrays of documents are cut at once. Nothing is copied: a segment is a range of
the tokens of a corpus.
"""

import dataclasses

import numpy as np

from albert_lsh_tf.data.pretraining.random_numbers import Draw, below, fold_in, uniform
from albert_lsh_tf.data.pretraining.settings import NUM_SPECIAL, ExampleConfig

LEAST_SENTENCES = 2  # Of a chunk, which gives one segment from each side of a cut.


@dataclasses.dataclass(frozen=True, eq=False)
class Pairs:
    """n pairs of segments, as ranges of tokens. Arrays [n].

    Attributes:
      first_start, first_length: int64; of the segment after [CLS].
      second_start, second_length: int64; of the one between the two [SEP].
      is_swapped: bool; whether the second stands before the first in the document.
      key: uint64; the key of the pair, for what else is drawn for it.
    """

    first_start: np.ndarray
    first_length: np.ndarray
    second_start: np.ndarray
    second_length: np.ndarray
    is_swapped: np.ndarray
    key: np.ndarray

    def __len__(self) -> int:
        return len(self.key)

    def __getitem__(self, rows: np.ndarray | slice) -> "Pairs":
        """Some of the pairs."""
        return Pairs(*(values[rows] for values in self._arrays()))

    def lengths(self) -> np.ndarray:
        """int64 [n]; tokens with [CLS] and [SEP]."""
        return self.first_length + self.second_length + NUM_SPECIAL

    @classmethod
    def concatenate(cls, parts: "list[Pairs]") -> "Pairs":
        """All pairs of the parts, in order."""
        columns = zip(*(part._arrays() for part in parts), strict=True)
        return cls(*(np.concatenate(column) for column in columns))

    def to_matrix(self) -> np.ndarray:
        """int64 [n, 6]; a row for each pair, bits of keys included."""
        return np.stack(
            [each.astype(np.uint64).view(np.int64) for each in self._arrays()], axis=1
        )

    @classmethod
    def from_matrix(cls, matrix: np.ndarray) -> "Pairs":
        """Reads what `to_matrix` gave, in any shape."""
        columns = matrix.reshape(-1, len(dataclasses.fields(cls))).T
        *ranges, is_swapped, key = (column.copy() for column in columns)
        return cls(*ranges, is_swapped.astype(bool), key.view(np.uint64))

    def _arrays(self) -> list[np.ndarray]:
        return [getattr(self, field.name) for field in dataclasses.fields(self)]


def cut_documents(
    sentence_ends: np.ndarray,
    document_ends: np.ndarray,
    document_keys: np.ndarray,
    config: ExampleConfig,
) -> Pairs:
    """Cuts documents into pairs of segments that follow each other.

    A document is cut into chunks: sentences one after the other until they fill an
    example, or a shorter length in `short_seq_prob` of the documents. A chunk is cut
    into two segments between two of its sentences, which are swapped in half of the
    cases. What is longer than an example loses tokens of the longer segment.

    Args:
      sentence_ends: int64 [S + 1]; 0, then where each sentence ends, in tokens. None
        is empty.
      document_ends: int64 [D + 1]; 0, then where each document ends, in sentences.
      document_keys: uint64 [D]; the same key and document give the same pairs.
      config: lengths and probabilities.

    Returns:
      The pairs, in no order that means anything. Every sentence of a document of two
      or more is in one; a document of one sentence has none.

    Source: google-research/albert, create_pretraining_data.py,
    `create_instances_from_document`. Differences: a chunk of one sentence is never
    completed with another document, which is the next-sentence prediction that ALBERT
    left behind: it takes in the next sentence, or gets one of the chunk before it. And
    where a segment is cut, every place of what stays is equally likely, instead of the
    middle ones more.
    """
    room = config.max_seq_length - NUM_SPECIAL
    begin, end, document = _chunks(
        sentence_ends, document_ends, _targets(document_keys, room, config)
    )
    key = fold_in(document_keys[document], Draw.PAIR)
    key = fold_in(key, begin - document_ends[document])
    cut = begin + 1 + below(fold_in(key, Draw.CUT), end - begin - 1)
    edges = sentence_ends[begin], sentence_ends[cut], sentence_ends[end]
    is_swapped = uniform(fold_in(key, Draw.IS_SWAPPED)) < 0.5
    # Swapped before anything is cut: of two that are cut, one keeps a token more, and
    # were that always the earlier one, its place would give the order away.
    first_start = np.where(is_swapped, edges[1], edges[0])
    second_start = np.where(is_swapped, edges[0], edges[1])
    first_length = np.where(is_swapped, edges[2], edges[1]) - first_start
    second_length = np.where(is_swapped, edges[1], edges[2]) - second_start
    first_kept, second_kept = truncated_lengths(first_length, second_length, room)
    off_first = below(fold_in(key, Draw.FRONT_OF_FIRST), first_length - first_kept + 1)
    off_second = below(
        fold_in(key, Draw.FRONT_OF_SECOND), second_length - second_kept + 1
    )
    return Pairs(
        first_start=first_start + off_first,
        first_length=first_kept,
        second_start=second_start + off_second,
        second_length=second_kept,
        is_swapped=is_swapped,
        key=key,
    )


def truncated_lengths(
    length_a: np.ndarray, length_b: np.ndarray, room: int
) -> tuple[np.ndarray, np.ndarray]:
    """`data.features.truncated_lengths`, for arrays of lengths."""
    excess = np.maximum(length_a + length_b - room, 0)
    off_longer = np.minimum(excess, np.abs(length_a - length_b))
    rest = excess - off_longer
    is_a_longer = length_a > length_b
    kept_a = length_a - np.where(is_a_longer, off_longer, 0) - rest // 2
    kept_b = length_b - np.where(is_a_longer, 0, off_longer) - (rest + 1) // 2
    return kept_a, kept_b


def _targets(document_keys: np.ndarray, room: int, config: ExampleConfig) -> np.ndarray:
    """int64 [D]; tokens that the chunks of each document are to reach."""
    is_short = uniform(fold_in(document_keys, Draw.IS_SHORT)) < config.short_seq_prob
    short = 2 + below(fold_in(document_keys, Draw.SHORT_LENGTH), room - 1)
    return np.where(is_short, short, room)


def _chunks(
    sentence_ends: np.ndarray, document_ends: np.ndarray, targets: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """First sentence, sentence after the last, and document of every chunk.

    The next chunk of all documents that go on is found at a time.
    """
    position, last = document_ends[:-1].copy(), document_ends[1:]
    going_on = np.flatnonzero(last - position >= LEAST_SENTENCES)
    found = [(np.empty(0, np.int64),) * 3]
    while going_on.size:
        begin, stop = position[going_on], last[going_on]
        reached = sentence_ends[begin] + targets[going_on]
        end = np.searchsorted(sentence_ends, reached, side="left")
        end = np.minimum(np.maximum(end, begin + LEAST_SENTENCES), stop)
        # One sentence is not enough for the next chunk.
        can_give = end - begin > LEAST_SENTENCES
        end = np.where(stop - end == 1, np.where(can_give, end - 1, end + 1), end)
        found.append((begin, end, going_on))
        position[going_on] = end
        going_on = going_on[end < stop]
    begin, end, document = (np.concatenate(each) for each in zip(*found, strict=True))
    return begin, end, document
