import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from albert_lsh_tf.data import features
from albert_lsh_tf.data.pretraining.random_numbers import fold_in
from albert_lsh_tf.data.pretraining.segments import (
    Pairs,
    cut_documents,
    truncated_lengths,
)
from albert_lsh_tf.data.pretraining.settings import ExampleConfig
from albert_lsh_tf.data.pretraining.token_corpus import ends_of
from tests.data.pretraining.corpora import corpora, random_corpus


def document_of(corpus, positions: np.ndarray) -> np.ndarray:
    """The document that tokens are in."""
    (shard,) = corpus.shards
    token_ends = shard.sentence_ends[shard.document_ends]
    return np.searchsorted(token_ends, positions, side="right") - 1


def in_reading_order(pairs: Pairs):
    """Start and length of the earlier segment, then of the later one."""
    first = pairs.first_start, pairs.first_length
    second = pairs.second_start, pairs.second_length
    swapped = pairs.is_swapped
    earlier = [np.where(swapped, s, f) for f, s in zip(first, second, strict=True)]
    later = [np.where(swapped, f, s) for f, s in zip(first, second, strict=True)]
    return *earlier, *later


def config(length: int, **changes) -> ExampleConfig:
    return ExampleConfig(max_seq_length=length, **changes)


@settings(deadline=None, max_examples=60)
@given(corpora(), st.sampled_from([5, 8, 23, 64]), st.sampled_from([0.0, 0.5]))
def test_segments_are_of_one_document_and_follow_each_other(corpus, length, short):
    pairs = corpus.pairs(0, config(length, short_seq_prob=short))
    start_a, length_a, start_b, length_b = in_reading_order(pairs)
    for part in (length_a, length_b):
        assert (part >= 1).all()
    assert (pairs.lengths() <= length).all()
    # Even the farthest ends are of the same document, and nothing overlaps.
    assert (document_of(corpus, start_a) == document_of(corpus, start_b)).all()
    last = start_b + length_b - 1
    assert (document_of(corpus, start_a) == document_of(corpus, last)).all()
    assert (start_a + length_a <= start_b).all()
    # What lies between them, or is missing around them, was cut off for want of room.
    gap = start_b - (start_a + length_a)
    assert (pairs.lengths()[gap > 0] == length).all()


@settings(deadline=None, max_examples=60)
@given(corpora(), st.integers(0, 5))
def test_no_token_is_lost_and_none_comes_twice(corpus, epoch):
    (shard,) = corpus.shards
    # Room for all of a document, so that nothing is cut off; short lengths, so that
    # there are several pairs.
    pairs = corpus.pairs(epoch, config(1000, short_seq_prob=0.9))
    seen = np.zeros(len(shard.ids), int)
    start_a, length_a, start_b, length_b = in_reading_order(pairs)
    for starts, lengths in ((start_a, length_a), (start_b, length_b)):
        for start, length in zip(starts, lengths, strict=True):
            seen[start : start + length] += 1
    has_pair = np.diff(shard.document_ends) >= 2
    assert (seen == has_pair[document_of(corpus, np.arange(len(seen)))]).all()


@settings(deadline=None, max_examples=40)
@given(corpora(), st.sampled_from([5, 20, 64]))
def test_chunks_are_those_of_a_plain_loop(corpus, length):
    (shard,) = corpus.shards
    pairs = corpus.pairs(0, config(length, short_seq_prob=0.0))
    ends = shard.sentence_ends
    expected = []
    for begin, stop in zip(shard.document_ends, shard.document_ends[1:], strict=False):
        while stop - begin >= 2:
            end = begin + 2
            while end < stop and ends[end] - ends[begin] < length - 3:
                end += 1
            if stop - end == 1:
                end += -1 if end - begin > 2 else 1
            expected.append((ends[begin], ends[end]))
            begin = end
    start_a, _, start_b, length_b = in_reading_order(pairs)
    order = np.argsort(start_a)
    assert len(pairs) == len(expected)
    for row, (begin, end) in zip(order, expected, strict=True):
        assert begin <= start_a[row] and start_b[row] + length_b[row] <= end
        whole = min(end - begin, length - 3)
        assert pairs.lengths()[row] == whole + 3


def test_the_cut_is_between_sentences_and_at_any_of_them():
    ends = ends_of([2, 3, 5, 7])
    keys = fold_in(0, np.arange(3000))
    pairs = cut_documents(
        np.concatenate([[0], (ends[1:] + 17 * np.arange(3000)[:, np.newaxis]).ravel()]),
        4 * np.arange(3001),
        keys,
        config(64, short_seq_prob=0.0),
    )
    _, length_a, _, length_b = in_reading_order(pairs)
    assert (length_a + length_b == 17).all()
    lengths, counts = np.unique(length_a, return_counts=True)
    assert lengths.tolist() == [2, 5, 10]
    assert scipy.stats.chisquare(counts).pvalue > 0.001


def test_half_of_the_pairs_are_swapped():
    pairs = random_corpus(1, 3000).pairs(0, config(32))
    swapped = int(pairs.is_swapped.sum())
    assert scipy.stats.binomtest(swapped, len(pairs), 0.5).pvalue > 0.001
    # Not by the length, which a model could see.
    lengths = pairs.lengths()
    test = scipy.stats.ks_2samp(lengths[pairs.is_swapped], lengths[~pairs.is_swapped])
    assert test.pvalue > 0.001


@pytest.mark.parametrize("length", [32, 33])
def test_the_place_of_the_cut_says_nothing_about_the_order(length):
    """Both sentences are cut, to lengths that differ where the room is odd."""
    num_documents = 500
    pairs = cut_documents(
        97 * np.arange(2 * num_documents + 1),
        2 * np.arange(num_documents + 1),
        fold_in(0, np.arange(num_documents)),
        config(length, short_seq_prob=0.0),
    )
    assert 0 < pairs.is_swapped.sum() < num_documents
    assert len(np.unique(pairs.first_length)) == 1
    assert len(np.unique(pairs.second_length)) == 1


def test_short_lengths_come_as_often_as_asked_for():
    corpus = random_corpus(2, 2000, most_sentences=40)
    for probability in (0.0, 0.3):
        pairs = corpus.pairs(0, config(40, short_seq_prob=probability))
        # The first chunk of a document that is long enough says what its length was.
        first = np.unique(document_of(corpus, pairs.first_start), return_index=True)[1]
        share = (pairs.lengths()[first] < 30).mean()
        assert abs(share - probability * 0.7) < 0.1


def test_a_document_alone_is_cut_as_among_others():
    corpus = random_corpus(3, 9)
    (shard,) = corpus.shards
    keys = fold_in(5, np.arange(9))
    for number in range(9):
        begin, end = shard.document_ends[number : number + 2]
        start = shard.sentence_ends[begin]
        alone = cut_documents(
            shard.sentence_ends[begin : end + 1] - start,
            ends_of([end - begin]),
            keys[number : number + 1],
            config(20),
        )
        among = cut_documents(
            shard.sentence_ends, shard.document_ends, keys, config(20)
        )
        own = among[document_of(corpus, among.first_start) == number]
        assert alone.key.tolist() == own.key.tolist()
        assert (alone.first_start + start).tolist() == own.first_start.tolist()
        assert (alone.second_start + start).tolist() == own.second_start.tolist()
        assert alone.is_swapped.tolist() == own.is_swapped.tolist()


def test_every_epoch_cuts_otherwise_and_the_same_one_does_not():
    corpus = random_corpus(4, 50)
    first, again = (corpus.pairs(0, config(20)) for _ in range(2))
    assert np.array_equal(first.to_matrix(), again.to_matrix())
    other_seed = corpus.pairs(0, config(20, random_seed=1))
    for other in (corpus.pairs(1, config(20)), other_seed):
        assert not set(first.key.tolist()) & set(other.key.tolist())


def test_pairs_survive_as_a_matrix():
    pairs = random_corpus(5, 20).pairs(0, config(20))
    again = Pairs.from_matrix(pairs.to_matrix().ravel())
    for name, values in vars(pairs).items():
        assert np.array_equal(getattr(again, name), values)
        assert getattr(again, name).dtype == values.dtype


@given(st.integers(1, 40), st.integers(1, 40), st.integers(2, 40))
def test_lengths_are_those_of_fine_tuning(length_a, length_b, room):
    kept = truncated_lengths(np.array([length_a]), np.array([length_b]), room)
    expected = features.truncated_lengths(length_a, length_b, room)
    assert (int(kept[0][0]), int(kept[1][0])) == expected


@pytest.mark.parametrize("num_documents", [0, 3])
def test_without_two_sentences_there_is_no_pair(num_documents):
    pairs = cut_documents(
        4 * np.arange(num_documents + 1),
        np.arange(num_documents + 1),
        fold_in(0, np.arange(num_documents)),
        config(20),
    )
    assert len(pairs) == 0
