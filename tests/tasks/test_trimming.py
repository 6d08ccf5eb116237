"""Batches cut to their longest row, at lengths that are known beforehand."""

import numpy as np
import pytest
import tensorflow as tf

from albert_lsh_tf.tasks.trimming import run_trimmed


def batch_of(lengths, total):
    mask = (np.arange(total) < np.array(lengths)[:, np.newaxis]).astype(np.int32)
    return {
        "input_word_ids": tf.constant(mask * 7),
        "input_mask": tf.constant(mask),
        "label": tf.constant(lengths),
    }


@pytest.mark.parametrize(
    ("lengths", "trimmed"),
    [
        ([3, 5], 6),
        ([6, 1], 6),
        ([7, 1], 12),
        ([1, 12], 12),
        ([13, 2], 18),
        ([18, 2], 18),
        ([23, 23], 23),
    ],
)
@pytest.mark.parametrize("wrap", [lambda each: each, tf.function])
def test_only_what_is_padding_in_all_rows_is_cut_off(lengths, trimmed, wrap):
    given, total = [], 23

    def function(inputs):
        shapes = {name: tuple(each.shape) for name, each in inputs.items()}
        assert shapes["input_word_ids"] == shapes["input_mask"]
        given.append(shapes["input_mask"][1])
        return {
            "length": tf.shape(inputs["input_mask"])[1],
            "sums": tf.reduce_sum(inputs["input_word_ids"], axis=1),
            "label": inputs["label"],
        }

    batch = batch_of(lengths, total)
    found = wrap(lambda inputs: run_trimmed(function, inputs))(batch)
    assert int(found["length"]) == trimmed
    np.testing.assert_array_equal(found["sums"], 7 * np.array(lengths))
    np.testing.assert_array_equal(found["label"], lengths)
    assert set(given) <= {6, 12, 18, 23}


@pytest.mark.parametrize(
    ("lengths", "trimmed"), [([3, 5], 12), ([12, 1], 12), ([13, 2], 23)]
)
def test_lengths_that_may_not_be_are_left_out(lengths, trimmed):
    asked = []

    def may_cut(length, total):
        asked.append((length, total))
        return length == 12

    found = run_trimmed(
        lambda inputs: tf.shape(inputs["input_mask"])[1], batch_of(lengths, 23), may_cut
    )
    assert int(found) == trimmed
    assert sorted(asked) == [(6, 23), (12, 23), (18, 23)]


def test_where_none_may_be_the_batch_is_whole_and_no_branch_is_made():
    graph = tf.function(
        lambda: run_trimmed(
            lambda inputs: inputs["input_mask"],
            batch_of([1, 1], 23),
            lambda length, total: False,
        )
    ).get_concrete_function()
    assert graph.output_shapes == [2, 23]
    assert not {"Case", "StatelessCase"} & {
        op.type for op in graph.graph.get_operations()
    }


def test_a_batch_too_short_to_be_cut_is_whole():
    found = run_trimmed(lambda inputs: inputs["input_mask"], batch_of([1, 1], 1))
    np.testing.assert_array_equal(found, [[1], [1]])


@pytest.mark.parametrize("wrap", [lambda each: each, tf.function])
def test_what_is_none_stays_none(wrap):
    used, unused = tf.Variable(2.0), tf.Variable(3.0)

    def gradients(inputs):
        with tf.GradientTape() as tape:
            loss = used * tf.cast(tf.reduce_sum(inputs["input_mask"]), tf.float32)
        return loss, tape.gradient(loss, [unused, used, unused])

    loss, found = wrap(lambda inputs: run_trimmed(gradients, inputs))(
        batch_of([5, 3], 23)
    )
    assert float(loss) == 16
    assert found[0] is None and found[2] is None
    assert float(found[1]) == 8


def test_sparse_gradients_become_dense_ones():
    table = tf.Variable(tf.ones([11, 3]))

    def gradient(inputs):
        with tf.GradientTape() as tape:
            rows = tf.nn.embedding_lookup(table, inputs["input_word_ids"])
            loss = tf.reduce_sum(rows**2)
        return tape.gradient(loss, table)

    batch = batch_of([2, 5], 8)
    found = tf.function(lambda inputs: run_trimmed(gradient, inputs))(batch)
    # Seven words, and the padding up to 6 tokens.
    expected = np.zeros([11, 3])
    expected[7], expected[0] = 2 * 7, 2 * 5
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("lengths", "trimmed"),
    [([[3, 5], [6, 1]], 6), ([[7, 1], [2, 2]], 12), ([[1, 1], [2, 19]], 23)],
)
@pytest.mark.parametrize("wrap", [lambda each: each, tf.function])
def test_rows_of_several_options_are_cut_to_the_longest_of_all(lengths, trimmed, wrap):
    total = 23
    mask = np.arange(total) < np.array(lengths)[..., np.newaxis]
    batch = {
        "input_word_ids": tf.constant(mask * 7),
        "input_mask": tf.constant(mask.astype(np.int32)),
        "label": tf.constant([5, 8]),
    }

    def function(inputs):
        shapes = {name: tuple(each.shape) for name, each in inputs.items()}
        assert shapes["input_word_ids"] == shapes["input_mask"]
        assert shapes["input_mask"][:2] == (2, 2)
        return {
            "length": tf.shape(inputs["input_mask"])[2],
            "sums": tf.reduce_sum(inputs["input_word_ids"], axis=-1),
            "label": inputs["label"],
        }

    found = wrap(lambda inputs: run_trimmed(function, inputs))(batch)
    assert int(found["length"]) == trimmed
    np.testing.assert_array_equal(found["sums"], 7 * np.array(lengths))
    np.testing.assert_array_equal(found["label"], [5, 8])
