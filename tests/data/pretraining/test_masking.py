import dataclasses

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from albert_lsh_tf.data.pretraining.masking import (
    budgets,
    choose_words,
    find_words,
    lay_out_ngrams,
    mask_tokens,
    ngram_probabilities,
)
from albert_lsh_tf.data.pretraining.random_numbers import fold_in
from albert_lsh_tf.data.pretraining.settings import ExampleConfig
from tests.data.pretraining.corpora import (
    NUM_SPECIAL_IDS,
    VOCAB_SIZE,
    made_up_vocabulary,
)

VOCABULARY = made_up_vocabulary()
CLS, SEP, MASK = VOCABULARY.cls_id, VOCABULARY.sep_id, VOCABULARY.mask_id


@dataclasses.dataclass(frozen=True)
class Batch:
    """Rows of `[CLS] a [SEP] b [SEP]` and padding."""

    ids: np.ndarray
    is_text: np.ndarray
    keys: np.ndarray


def make_batch(lengths, seed=0, longest=None, share_of_starts=0.5) -> Batch:
    """A row for each pair of lengths, with random ids."""
    rng = np.random.default_rng(seed)
    longest = longest or max(a + b + 3 for a, b in lengths)
    ids = np.zeros([len(lengths), longest], np.int32)
    for row, (a, b) in zip(ids, lengths, strict=True):
        # Even ids begin words.
        pieces = 2 * rng.integers(3, VOCAB_SIZE // 2, a + b)
        pieces += rng.random(a + b) >= share_of_starts
        row[: a + b + 3] = [CLS, *pieces[:a], SEP, *pieces[a:], SEP]
    return Batch(ids, ids >= NUM_SPECIAL_IDS, fold_in(seed, np.arange(len(lengths))))


def mask(batch: Batch, config: ExampleConfig):
    return mask_tokens(batch.ids, batch.is_text, batch.keys, VOCABULARY, config)


def word_of_each_token(batch: Batch) -> list[list[tuple[int, ...]]]:
    """The words of each row, as positions; found by a plain loop."""
    rows = []
    for ids, is_text in zip(batch.ids, batch.is_text, strict=True):
        words: list[list[int]] = []
        for position in np.flatnonzero(is_text):
            within = ids[position] % 2 == 1 and is_text[position - 1]
            if within:
                words[-1].append(position)
            else:
                words.append([position])
        rows.append([tuple(word) for word in words])
    return rows


@st.composite
def batches(draw) -> Batch:
    side = st.integers(1, 40)
    return make_batch(
        draw(st.lists(st.tuples(side, side), min_size=1, max_size=5)),
        seed=draw(st.integers(0, 2**32)),
        share_of_starts=draw(st.sampled_from([0.0, 0.1, 0.6, 1.0])),
    )


def configs() -> st.SearchStrategy[ExampleConfig]:
    return st.builds(
        ExampleConfig,
        max_seq_length=st.just(83),
        max_predictions_per_seq=st.sampled_from([None, 1, 5, 70]),
        masked_lm_prob=st.sampled_from([0.01, 0.15, 0.5, 0.9]),
        ngram=st.sampled_from([1, 2, 3, 7]),
        favor_shorter_ngram=st.booleans(),
    )


@settings(deadline=None, max_examples=80)
@given(batches(), configs())
def test_whole_words_up_to_the_budget_and_no_fewer(batch, config):
    _, is_masked = mask(batch, config)
    assert not (is_masked & ~batch.is_text).any()
    lengths = batch.is_text.sum(axis=1) + 3
    for row, words in enumerate(word_of_each_token(batch)):
        wanted = max(1, round(int(lengths[row]) * config.masked_lm_prob))
        budget = min(config.num_predictions, wanted)
        left = budget - is_masked[row].sum()
        assert left >= 0
        for word in words:
            masked = is_masked[row, list(word)]
            assert masked.all() or not masked.any()
            # What was left out would not have fitted in what is left.
            assert masked.all() or len(word) > left


@settings(deadline=None, max_examples=40)
@given(batches(), configs())
def test_masks_can_be_taken_off(batch, config):
    masked, is_masked = mask(batch, config)
    assert np.array_equal(masked[~is_masked], batch.ids[~is_masked])
    assert not VOCABULARY.is_special[masked[is_masked & (masked != MASK)]].any()
    assert masked.dtype == batch.ids.dtype


@settings(deadline=None, max_examples=40)
@given(batches(), configs())
def test_ngrams_are_runs_of_words_of_one_segment(batch, config):
    words = find_words(batch.ids, batch.is_text, VOCABULARY)
    ngram = lay_out_ngrams(words, batch.keys, config)
    assert set(np.diff(ngram)) <= {0, 1}
    for number in range(ngram[-1] + 1):
        own = np.flatnonzero(ngram == number)
        assert 1 <= len(own) <= config.ngram
        assert len(set(words.segment[own])) == 1
        assert len(set(words.row[own])) == 1


@settings(deadline=None, max_examples=40)
@given(batches(), configs())
def test_a_row_is_masked_as_if_it_were_alone(batch, config):
    masked, is_masked = mask(batch, config)
    for row in range(len(batch.ids)):
        own = slice(row, row + 1)
        alone = Batch(batch.ids[own], batch.is_text[own], batch.keys[own])
        expected, is_expected = mask(alone, config)
        assert np.array_equal(masked[own], expected)
        assert np.array_equal(is_masked[own], is_expected)


@settings(deadline=None, max_examples=20)
@given(batches(), st.integers(1, 9))
def test_padding_changes_nothing(batch, more):
    config = ExampleConfig(max_seq_length=100)
    wider = [np.pad(each, [(0, 0), (0, more)]) for each in (batch.ids, batch.is_text)]
    masked, is_masked = mask(Batch(*wider, batch.keys), config)
    expected, is_expected = mask(batch, config)
    assert np.array_equal(masked[:, :-more], expected)
    assert np.array_equal(is_masked[:, :-more], is_expected)


def test_pieces_alone_are_masked_where_words_are_not_asked_for():
    batch = make_batch([(20, 21)], share_of_starts=0.0)
    whole = ExampleConfig(max_seq_length=50)
    assert mask(batch, whole)[1].sum() == 0  # Two words of 20 pieces are too long.
    pieces = whole.replace(do_whole_word_mask=False)
    assert mask(batch, pieces)[1].sum() == round(44 * 0.15)


@pytest.mark.parametrize("favor_shorter", [True, False])
@pytest.mark.parametrize("longest", [2, 3, 5])
def test_lengths_of_chosen_ngrams_are_distributed_as_asked_for(longest, favor_shorter):
    config = ExampleConfig(ngram=longest, favor_shorter_ngram=favor_shorter)
    batch = make_batch([(250, 259)] * 60, share_of_starts=1.0)
    words = find_words(batch.ids, batch.is_text, VOCABULARY)
    ngram = lay_out_ngrams(words, batch.keys, config)
    is_chosen = choose_words(words, np.full(60, 77), batch.keys, config)
    # Not those that the end of the budget cut short.
    num_chosen = np.bincount(ngram, is_chosen).astype(int)
    num_words = np.bincount(ngram)
    counts = np.bincount(num_chosen[num_chosen == num_words], minlength=longest + 1)[1:]
    assert counts.sum() > 1000
    expected = ngram_probabilities(config) * counts.sum()
    assert scipy.stats.chisquare(counts, expected).pvalue > 0.001
    reverse = expected[::-1]
    assert scipy.stats.chisquare(counts, reverse).pvalue < 1e-9


def test_the_two_segments_of_a_row_have_draws_of_their_own():
    batch = make_batch([(100, 100)], share_of_starts=1.0)
    words = find_words(batch.ids, batch.is_text, VOCABULARY)
    ngram = lay_out_ngrams(words, batch.keys, ExampleConfig())
    assert np.diff(ngram[:100]).tolist() != np.diff(ngram[100:]).tolist()


def test_shorter_ngrams_come_in_proportion_to_one_over_n():
    assert ngram_probabilities(ExampleConfig()) == pytest.approx(
        np.array([6, 3, 2]) / 11
    )
    reverse = ExampleConfig(favor_shorter_ngram=False)
    assert ngram_probabilities(reverse) == pytest.approx(np.array([2, 3, 6]) / 11)


def test_every_position_is_as_likely_as_another():
    batch = make_batch([(30, 31)] * 4000, share_of_starts=1.0)
    _, is_masked = mask(batch, ExampleConfig(max_seq_length=64))
    counts = is_masked.sum(axis=0)[batch.is_text[0]]
    # Neighbours are masked together, which makes the counts vary somewhat more.
    assert scipy.stats.chisquare(counts).pvalue > 0.001


def test_eight_in_ten_are_masks_one_is_kept_and_one_is_random():
    batch = make_batch([(250, 259)] * 80)
    masked, is_masked = mask(batch, ExampleConfig())
    before, after = batch.ids[is_masked], masked[is_masked]
    num_masks, num_kept = (after == MASK).sum(), (after == before).sum()
    counts = [num_masks, num_kept, len(after) - num_masks - num_kept]
    same_by_chance = 0.1 / (VOCAB_SIZE - NUM_SPECIAL_IDS)
    expected = np.array([0.8, 0.1 + same_by_chance, 0.1 - same_by_chance]) * len(after)
    assert scipy.stats.chisquare(counts, expected).pvalue > 0.001
    random = after[(after != MASK) & (after != before)]
    assert random.min() >= NUM_SPECIAL_IDS
    pieces = np.bincount(random, minlength=VOCAB_SIZE)[NUM_SPECIAL_IDS:]
    assert scipy.stats.chisquare(pieces).pvalue > 0.001


@pytest.mark.parametrize(
    "changes, length, expected",
    [
        ({}, 512, 77),
        ({"max_seq_length": 128}, 128, 19),
        ({}, 20, 3),
        ({}, 5, 1),
        ({"masked_lm_prob": 0.01}, 20, 1),
        ({"max_predictions_per_seq": 20}, 512, 20),
    ],
)
def test_the_budget_follows_the_length(changes, length, expected):
    assert budgets(np.array([length]), ExampleConfig(**changes)).tolist() == [expected]


@pytest.mark.parametrize(
    "changes, expected",
    [
        ({}, 77),
        ({"max_seq_length": 128}, 20),
        ({"masked_lm_prob": 0.4, "max_seq_length": 128}, 52),
        ({"max_predictions_per_seq": 20}, 20),
        ({"max_predictions_per_seq": 9999}, 512),
    ],
)
def test_there_is_a_place_for_every_prediction(changes, expected):
    config = ExampleConfig(**changes)
    assert config.num_predictions == expected
    assert budgets(np.array([config.max_seq_length]), config)[0] <= expected
