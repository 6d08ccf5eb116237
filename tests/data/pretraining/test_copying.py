import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from albert_lsh_tf.data.pretraining.copying import LEAST_TOKENS, draw_stretches
from albert_lsh_tf.data.pretraining.examples import make_examples
from albert_lsh_tf.data.pretraining.settings import ExampleConfig
from tests.data.pretraining.corpora import corpora, random_corpus

PLAIN = ExampleConfig(max_seq_length=60, short_seq_prob=0.0)
COPYING = dataclasses.replace(PLAIN, copied_segment_prob=0.5)


def unmasked(examples, row):
    """The ids of a row before masking."""
    ids = examples["input_ids"][row].copy()
    to_predict = examples["masked_lm_weights"][row] == 1
    positions = examples["masked_lm_positions"][row][to_predict]
    ids[positions] = examples["masked_lm_ids"][row][to_predict]
    return ids


@settings(deadline=None, max_examples=40)
@given(corpora(), st.integers(0, 3))
def test_only_the_stretch_changes_and_it_is_a_part_of_the_first(corpus, epoch):
    pairs = corpus.pairs(epoch, PLAIN)
    stretches = draw_stretches(pairs, COPYING.copied_segment_prob)
    plain = make_examples(corpus, pairs, PLAIN)
    copying = make_examples(corpus, pairs, COPYING)
    for row in range(len(pairs)):
        expected = unmasked(plain, row)
        first = expected[1 : 1 + pairs.first_length[row]].tolist()
        second = expected[2 + len(first) :][: pairs.second_length[row]].tolist()
        length, source, target = (
            int(getattr(stretches, name)[row])
            for name in ("length", "source", "target")
        )
        words = first[source : source + length]
        assert len(words) == length
        second[target : target + length] = words
        assert len(second) == pairs.second_length[row]
        expected[2 + len(first) :][: len(second)] = second
        assert unmasked(copying, row).tolist() == expected.tolist()
    for name in ("input_mask", "segment_ids", "next_sentence_labels"):
        np.testing.assert_array_equal(copying[name], plain[name])


def test_as_many_pairs_as_asked_for_and_not_the_short_ones():
    corpus = random_corpus(3, num_documents=400)
    pairs = corpus.pairs(0, PLAIN)
    shorter = np.minimum(pairs.first_length, pairs.second_length)
    for probability in (0.2, 0.7):
        is_copied = draw_stretches(pairs, probability).length > 0
        assert not is_copied[shorter < LEAST_TOKENS].any()
        share = is_copied[shorter >= LEAST_TOKENS].mean()
        assert share == pytest.approx(probability, abs=0.05)
    assert not draw_stretches(pairs, 0.0).length.any()


def test_copies_are_of_many_lengths_and_places():
    corpus = random_corpus(4, num_documents=400)
    pairs = corpus.pairs(0, PLAIN)
    stretches = draw_stretches(pairs, 0.99)
    shorter = np.minimum(pairs.first_length, pairs.second_length)
    rows = shorter >= 10
    share = stretches.length[rows] / shorter[rows]
    share = share[share > 0]
    assert share.min() >= 0.4 and share.max() <= 1
    assert share.mean() == pytest.approx(0.7, abs=0.05)
    for place in (stretches.source, stretches.target):
        assert len(np.unique(place[rows])) > 5


def test_a_pair_has_its_copy_whatever_stands_beside_it():
    corpus = random_corpus(5, num_documents=50)
    pairs = corpus.pairs(0, COPYING)
    together = make_examples(corpus, pairs, COPYING)
    for row in (0, len(pairs) - 1):
        alone = make_examples(corpus, pairs[row : row + 1], COPYING)
        for name, values in alone.items():
            np.testing.assert_array_equal(values[0], together[name][row])
