"""Windows of blocks against loops over positions."""

import functools

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
import tensorflow as tf

from albert_lsh_tf.config import LSHConfig
from albert_lsh_tf.ops.window import see_window, see_window_backward, window_edges


def config(block_length, window):
    return LSHConfig(block_length=block_length, window=window, num_hashes=1)


@pytest.mark.parametrize("any_length", [False, True])
@hypothesis.settings(max_examples=25, deadline=None, derandomize=True)
@hypothesis.given(
    num_blocks=st.integers(1, 5), block_length=st.integers(1, 5), data=st.data()
)
def test_block_sees_itself_and_the_window_around_it(
    any_length, num_blocks, block_length, data
):
    window = data.draw(st.integers(0, block_length))
    x = np.random.default_rng(0).normal(size=(2, 3, num_blocks * block_length, 2))
    see = functools.partial(see_window, config=config(block_length, window))
    if any_length:
        spec = tf.TensorSpec([2, 3, None, 2], tf.float64)
        see = tf.function(see, input_signature=[spec])
    seen = see(tf.constant(x)).numpy()
    assert seen.shape == (2, 3, num_blocks, block_length + 2 * window, 2)
    for block, place in np.ndindex(seen.shape[2:4]):
        position = block * block_length - window + place
        inside = 0 <= position < x.shape[2]
        expected = x[:, :, position] if inside else np.zeros((2, 3, 2))
        np.testing.assert_array_equal(seen[:, :, block, place], expected)


@pytest.mark.parametrize("num_blocks", [1, 2, 5])
@pytest.mark.parametrize("block_length, window", [(3, 0), (3, 1), (5, 5), (1, 1)])
def test_backward_is_the_gradient(num_blocks, block_length, window):
    settings = config(block_length, window)
    rng = np.random.default_rng(0)
    x = tf.constant(rng.normal(size=(2, 3, num_blocks * block_length, 2)))
    with tf.GradientTape() as tape:
        tape.watch(x)
        seen = see_window(x, settings)
    upstream = tf.constant(rng.normal(size=seen.shape))
    expected = tape.gradient(seen, x, output_gradients=upstream)
    backward = see_window_backward(upstream, settings)
    np.testing.assert_allclose(backward, expected, atol=1e-12)


def test_beyond_both_ends_a_mask_is_false():
    seen = see_window(tf.ones([1, 1, 6], tf.bool), config(3, 2)).numpy()
    assert seen[0, 0].astype(int).tolist() == [
        [0, 0, 1, 1, 1, 1, 1],
        [1, 1, 1, 1, 1, 0, 0],
    ]


@pytest.mark.parametrize("block_length, window", [(3, 0), (3, 1), (5, 5), (1, 1)])
def test_edges_are_those_of_what_is_seen(block_length, window):
    num_blocks = 4
    # From 1, since 0 is what stands beyond the ends.
    position = tf.range(1, num_blocks * block_length + 1)[tf.newaxis, tf.newaxis]
    seen = see_window(position, config(block_length, window)).numpy()[0, 0]
    first, end = window_edges(num_blocks, config(block_length, window))
    for block in range(num_blocks):
        inside = set(range(num_blocks * block_length))
        expected = inside & set(range(int(first[block]), int(end[block])))
        assert set(seen[block] - 1) - {-1} == expected


def test_without_a_window_its_edges_are_equal():
    first, end = window_edges(4, config(3, None))
    assert first.numpy().tolist() == end.numpy().tolist() == [0, 3, 6, 9]
