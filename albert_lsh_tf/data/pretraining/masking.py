"""Which words are masked, and what stands in their place.

Whole batches are masked at once. Their words are handled as one long list, in which
those of a row stand together.
"""

import dataclasses

import numpy as np

from albert_lsh_tf.data.pretraining.random_numbers import Draw, below, fold_in, uniform
from albert_lsh_tf.data.pretraining.settings import NUM_SPECIAL, ExampleConfig
from albert_lsh_tf.data.pretraining.vocabulary import Vocabulary

_MASKED, _KEPT = 0.8, 0.1  # What remains is replaced by a random piece.


@dataclasses.dataclass(frozen=True, eq=False)
class Words:
    """The words of a batch in reading order, W in all; [CLS] and [SEP] are in none.

    Attributes:
      of_token: int64 [B, T]; the word of a token; -1 at [CLS], [SEP] and padding.
      row: int64 [W]; the row a word is in.
      first_token: int64 [W]; the position of its first token.
      length: int64 [W]; its tokens.
      segment: int64 [W]; counts the segments of the batch, those without words not.
    """

    of_token: np.ndarray
    row: np.ndarray
    first_token: np.ndarray
    length: np.ndarray
    segment: np.ndarray


def mask_tokens(
    ids: np.ndarray,
    is_text: np.ndarray,
    keys: np.ndarray,
    vocabulary: Vocabulary,
    config: ExampleConfig,
) -> tuple[np.ndarray, np.ndarray]:
    """Masks words, as many as the length of each row asks for.

    Args:
      ids: [B, T]; padded token ids.
      is_text: bool [B, T]; False at [CLS], [SEP] and padding.
      keys: uint64 [B]; the same key and row give the same masks.
      vocabulary: of the ids.
      config: probabilities and the masked tokens at most.

    Returns:
      The ids with masks, [B, T], and which tokens are to be predicted, bool [B, T]:
      of these 80 % are [MASK], 10 % are left as they are, 10 % are some other piece.

    Source: google-research/albert, create_pretraining_data.py,
    `create_masked_lm_predictions`. Differences: see `choose_words`, and a random piece
    is never a special one.
    """
    words = find_words(ids, is_text, vocabulary, config.do_whole_word_mask)
    budget = budgets(is_text.sum(axis=1) + NUM_SPECIAL, config)
    is_chosen = choose_words(words, budget, keys, config)
    # Index -1, of tokens in no word, is the element added at the end.
    is_masked = np.append(is_chosen, False)[words.of_token]
    rows, positions = np.nonzero(is_masked)
    draw = uniform(_keys_at(keys, Draw.REPLACEMENT, rows, positions))
    ordinary = np.flatnonzero(~vocabulary.is_special).astype(ids.dtype)
    random = ordinary[
        below(_keys_at(keys, Draw.RANDOM_PIECE, rows, positions), len(ordinary))
    ]
    masked = ids.copy()
    masked[rows, positions] = np.select(
        [draw < _MASKED, draw < _MASKED + _KEPT],
        [vocabulary.mask_id, ids[rows, positions]],
        random,
    )
    return masked, is_masked


def budgets(lengths: np.ndarray, config: ExampleConfig) -> np.ndarray:
    """How many tokens of rows with so many tokens, [CLS] and [SEP] too, are masked."""
    wanted = np.rint(lengths * config.masked_lm_prob).astype(np.int64)
    return np.clip(wanted, 1, config.num_predictions)


def find_words(
    ids: np.ndarray,
    is_text: np.ndarray,
    vocabulary: Vocabulary,
    do_whole_word_mask: bool = True,
) -> Words:
    """Finds the words of a batch.

    Args:
      ids: [B, T].
      is_text: bool [B, T]; False at [CLS], [SEP] and padding.
      vocabulary: says which pieces begin a word.
      do_whole_word_mask: off: every piece is a word.
    """
    num_rows, num_tokens = ids.shape
    is_first_of_segment = is_text.copy()
    is_first_of_segment[:, 1:] &= ~is_text[:, :-1]
    # A segment that lost its front may begin within a word.
    is_start = is_text & (vocabulary.starts_word[ids] | is_first_of_segment)
    if not do_whole_word_mask:
        is_start = is_text
    first = np.flatnonzero(is_start)
    of_token = np.where(is_text, np.cumsum(is_start).reshape(ids.shape) - 1, -1)
    return Words(
        of_token=of_token,
        row=first // num_tokens,
        first_token=first % num_tokens,
        length=np.bincount(of_token[is_text], minlength=len(first)),
        segment=np.cumsum(is_first_of_segment.ravel())[first] - 1,
    )


def choose_words(
    words: Words, budget: np.ndarray, keys: np.ndarray, config: ExampleConfig
) -> np.ndarray:
    """Chooses n-grams of words until the budget of each row is spent.

    The n-grams of a segment are laid out first, end to end, their lengths drawn with
    `ngram_probabilities`. Then they are gone through in random order. Of one that is
    longer than what remains of the budget, the words that fit are taken.

    Args:
      words: of the batch.
      budget: int64 [B]; tokens to choose.
      keys: uint64 [B]; one for each row.
      config: lengths of n-grams.

    Returns:
      bool [W]. The tokens of a row's chosen words are never more than its budget, and
      fewer only by less than the shortest word that was not chosen has.

    Source: google-research/albert, create_pretraining_data.py,
    `create_masked_lm_predictions`. Difference: there, an n-gram that overlaps another
    is dropped after its length was drawn, so that long ones become rarer than 1/n;
    here none overlap, none runs over a [SEP], and every word is as likely as another.
    """
    ngram = lay_out_ngrams(words, keys, config)
    begins = np.flatnonzero(np.diff(ngram, prepend=-1))
    order_keys = _keys_at(
        keys, Draw.NGRAM_ORDER, words.row[begins], words.first_token[begins]
    )
    # By row, then by the n-gram's draw; the words of one stay in their order.
    composite = words.row.astype(np.uint64) << np.uint64(32)
    composite |= (order_keys >> np.uint64(32))[ngram]
    order = np.argsort(composite, kind="stable")
    is_chosen = np.zeros(len(words.row), bool)
    is_chosen[order] = _fill(words.length[order], words.row[order], budget)
    return is_chosen


def ngram_probabilities(config: ExampleConfig) -> np.ndarray:
    """float64 [ngram]; how likely an n-gram is to have 1, 2, ... words."""
    weights = 1 / np.arange(1, config.ngram + 1)
    weights = weights if config.favor_shorter_ngram else weights[::-1]
    return weights / weights.sum()


def lay_out_ngrams(words: Words, keys: np.ndarray, config: ExampleConfig) -> np.ndarray:
    """Parts every segment into n-grams.

    Args:
      words: of the batch.
      keys: uint64 [B]; one for each row.
      config: lengths of n-grams.

    Returns:
      int64 [W]; the n-gram of each word, counted over the batch. The last one of a
      segment may have been cut short.
    """
    num_words = len(words.row)
    segment_begins = np.flatnonzero(np.diff(words.segment, prepend=-1))
    offset = segment_begins[words.segment]
    number = np.arange(num_words) - offset
    # More draws than n-grams: there are no more n-grams than words. Those of the
    # second segment of a row are told from the first's by where the segment begins.
    draw_keys = _keys_at(
        keys, Draw.NGRAM_LENGTH, words.row, number + words.first_token[offset]
    )
    cumulative = np.cumsum(ngram_probabilities(config))[:-1]
    length = 1 + np.searchsorted(cumulative, uniform(draw_keys), side="right")
    before = np.cumsum(length) - length
    begin = offset + before - before[offset]
    segment_ends = np.append(segment_begins, num_words)[words.segment + 1]
    is_begin = np.zeros(num_words, bool)
    is_begin[begin[begin < segment_ends]] = True
    return np.cumsum(is_begin) - 1


def _fill(length: np.ndarray, row: np.ndarray, budget: np.ndarray) -> np.ndarray:
    """Goes through the words of each row, and takes every one that still fits.

    Args:
      length: int64 [W]; tokens of each word.
      row: int64 [W]; increasing.
      budget: int64 [B].

    Returns:
      bool [W].
    """
    is_taken = np.zeros(len(row), bool)
    left = budget.copy()
    candidates = np.arange(len(row))
    # What comes after a word that does not fit is decided in the next round; the rows
    # with something left are soon few.
    while candidates.size:
        lengths, rows = length[candidates], row[candidates]
        total = np.cumsum(lengths)
        begins = np.flatnonzero(np.diff(rows, prepend=-1))
        before_row = (total - lengths)[begins]
        counts = np.diff(begins, append=len(rows))
        fits = total - np.repeat(before_row, counts) <= left[rows]
        is_taken[candidates[fits]] = True
        left -= np.bincount(rows[fits], lengths[fits], len(left)).astype(np.int64)
        candidates = candidates[~fits & (lengths <= left[rows])]
    return is_taken


def _keys_at(
    keys: np.ndarray, draw: Draw, rows: np.ndarray, positions: np.ndarray
) -> np.ndarray:
    """A key for each of some places in some rows."""
    return fold_in(fold_in(keys, draw)[rows], positions)
