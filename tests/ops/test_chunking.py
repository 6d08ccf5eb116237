"""Cutting into chunks, joining again, and what a chunk sees."""

import numpy as np
import pytest
import tensorflow as tf

from albert_lsh_tf.ops import chunking


def test_split_then_join_is_the_identity():
    x = tf.random.normal([2, 3, 35, 5])
    chunks = chunking.split_into_chunks(x, 7)
    assert chunks.shape == [2, 3, 5, 7, 5]
    np.testing.assert_array_equal(chunks[:, :, 2, 3], x[:, :, 17])
    np.testing.assert_array_equal(chunking.join_chunks(chunks), x)


def test_a_length_that_does_not_divide_names_the_mend():
    with pytest.raises(ValueError, match="37 tokens.*chunk_length=7.*42 tokens"):
        chunking.split_into_chunks(tf.zeros([2, 3, 37, 5]), 7)


@pytest.mark.parametrize("length, padded", [(1, 7), (7, 7), (8, 14), (35, 35)])
def test_padding_reaches_the_next_multiple_with_zeros(length, padded):
    x = tf.ones([2, 3, length, 5])
    result = chunking.pad_to_chunks(x, 7, axis=2)
    assert result.shape == [2, 3, padded, 5]
    np.testing.assert_array_equal(result[:, :, :length], x)
    assert not result[:, :, length:].numpy().any()
    assert chunking.num_chunks_for(length, 7) * 7 == padded


@pytest.mark.parametrize("before, after", [(0, 0), (1, 0), (0, 2), (2, 1)])
def test_a_chunk_sees_its_neighbours_and_nothing_beyond_the_ends(before, after):
    chunks = np.arange(1, 13).reshape(1, 1, 4, 3)
    seen = chunking.see_neighbours(tf.constant(chunks), before, after).numpy()
    assert seen.shape == (1, 1, 4, (before + 1 + after) * 3)
    for chunk in range(4):
        expected = []
        for other in range(chunk - before, chunk + after + 1):
            inside = 0 <= other < 4
            expected.extend(chunks[0, 0, other].tolist() if inside else [0, 0, 0])
        assert seen[0, 0, chunk].tolist() == expected


@pytest.mark.parametrize("before, after", [(0, 0), (1, 0), (0, 2), (2, 1)])
def test_gradient_of_seeing_is_that_of_automatic_differentiation(before, after):
    rng = np.random.default_rng(0)
    chunks = tf.constant(rng.normal(size=(2, 3, 4, 3, 5)))
    with tf.GradientTape() as tape:
        tape.watch(chunks)
        seen = chunking.see_neighbours(chunks, before, after)
    upstream = tf.constant(rng.normal(size=seen.shape))
    np.testing.assert_allclose(
        chunking.see_neighbours_backward(upstream, before, after),
        tape.gradient(seen, chunks, upstream),
    )
