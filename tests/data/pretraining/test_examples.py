import json

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from albert_lsh_tf.data.pretraining.examples import make_examples, serialize
from albert_lsh_tf.data.pretraining.settings import ExampleConfig
from albert_lsh_tf.errors import InputError
from tests.data.pretraining import make_goldens
from tests.data.pretraining.corpora import corpora, random_corpus


@settings(deadline=None, max_examples=60)
@given(corpora(), st.integers(0, 3), st.sampled_from([5, 17, 90]))
def test_rows_are_the_segments_between_special_tokens(corpus, epoch, length):
    config = ExampleConfig(max_seq_length=length)
    pairs = corpus.pairs(epoch, config)
    examples = make_examples(corpus, pairs, config)
    (shard,) = corpus.shards
    for row in range(len(pairs)):
        own = {name: values[row] for name, values in examples.items()}
        ids = own["input_ids"].copy()
        to_predict = own["masked_lm_weights"] == 1
        ids[own["masked_lm_positions"][to_predict]] = own["masked_lm_ids"][to_predict]
        first, second = (
            shard.ids[start[row] : start[row] + segment_length[row]]
            for start, segment_length in (
                (pairs.first_start, pairs.first_length),
                (pairs.second_start, pairs.second_length),
            )
        )
        expected = [2, *first, 3, *second, 3]
        padding = [0] * (length - len(expected))
        assert ids.tolist() == expected + padding
        segments = [0] * (len(first) + 2) + [1] * (len(second) + 1)
        assert own["segment_ids"].tolist() == segments + padding
        assert own["input_mask"].tolist() == [1] * len(expected) + padding
        # Odd ids go on with a word, but for [SEP].
        boundary = [int(i % 2 == 0 or i == 3) for i in expected]
        assert own["token_boundary"].tolist() == boundary + padding
        assert own["next_sentence_labels"].tolist() == [int(pairs.is_swapped[row])]


@settings(deadline=None, max_examples=40)
@given(corpora(), st.sampled_from([None, 3, 200]))
def test_predictions_come_first_and_in_order(corpus, most):
    config = ExampleConfig(max_seq_length=50, max_predictions_per_seq=most)
    examples = make_examples(corpus, corpus.pairs(0, config), config)
    weights = examples["masked_lm_weights"]
    assert weights.dtype == np.float32
    assert weights.shape[1] == config.num_predictions
    assert set(np.unique(weights)) <= {0.0, 1.0}
    assert (np.diff(weights, axis=1) <= 0).all()
    positions = examples["masked_lm_positions"]
    assert (np.diff(positions, axis=1)[weights[:, 1:] == 1] > 0).all()
    for name in ("masked_lm_positions", "masked_lm_ids"):
        assert not examples[name][weights == 0].any()


def test_records_are_googles():
    """Read as google-research/albert's run_pretraining.py reads its own."""
    config = ExampleConfig(max_seq_length=32)
    corpus = random_corpus(1, 30)
    examples = make_examples(corpus, corpus.pairs(0, config), config)
    features = {
        "input_ids": tf.io.FixedLenFeature([32], tf.int64),
        "input_mask": tf.io.FixedLenFeature([32], tf.int64),
        "segment_ids": tf.io.FixedLenFeature([32], tf.int64),
        "token_boundary": tf.io.FixedLenFeature([32], tf.int64),
        "masked_lm_positions": tf.io.FixedLenFeature([5], tf.int64),
        "masked_lm_ids": tf.io.FixedLenFeature([5], tf.int64),
        "masked_lm_weights": tf.io.FixedLenFeature([5], tf.float32),
        "next_sentence_labels": tf.io.FixedLenFeature([1], tf.int64),
    }
    records = list(serialize(examples))
    parsed = tf.io.parse_example(records, features)
    for name, values in examples.items():
        assert np.array_equal(parsed[name], values)
    written = tf.train.Example.FromString(records[0]).features.feature
    assert set(written) == set(features)
    # In the order of their names, or the bytes would differ from process to process.
    places = [records[0].index(name.encode()) for name in sorted(features)]
    assert places == sorted(places)


def test_examples_are_those_of_the_goldens():
    lines = json.loads(make_goldens.GOLDENS.read_text(encoding="ascii"))
    made = [
        {name: values}
        for epoch in make_goldens.examples_by_epoch()
        for name, values in epoch.items()
    ]
    assert made == lines, (
        "the same seed gives other examples than before; if that is meant, run python "
        "-m tests.data.pretraining.make_goldens and say so in the changelog"
    )


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"max_seq_length": 4}, "max_seq_length=4 must be at least 5: "),
        ({"masked_lm_prob": 0.0}, "masked_lm_prob=0.0 must be above 0 and below 1"),
        ({"max_predictions_per_seq": 0}, "max_predictions_per_seq=0 must be at least"),
        ({"ngram": 0}, "ngram=0 must be at least 1"),
        ({"short_seq_prob": 1.0}, "short_seq_prob=1.0 must be at least 0 and below 1"),
    ],
)
def test_settings_that_make_no_sense_are_refused(changes, message):
    with pytest.raises(InputError, match=message):
        ExampleConfig(**changes)
