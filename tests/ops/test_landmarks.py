"""Landmarks: their means, and the tokens that they stand for, counted one by one."""

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
import tensorflow as tf

from albert_lsh_tf.config import LSHConfig
from albert_lsh_tf.ops.landmarks import (
    landmark_bias,
    pool_landmarks,
    pool_landmarks_backward,
)
from albert_lsh_tf.ops.masking import masked_out
from tests.reference import key_lists as reference

properties = hypothesis.settings(max_examples=25, deadline=None, derandomize=True)


def stretches(is_token, landmarks):
    """Positions of each stretch of one row; they share out what has tokens."""
    reach = max((p + 1 for p in range(len(is_token)) if is_token[p]), default=1)
    stretch = -(-reach // landmarks)
    return [range(n * stretch, min(reach, (n + 1) * stretch)) for n in range(landmarks)]


@properties
@hypothesis.given(
    length=st.integers(1, 23),
    landmarks=st.integers(1, 9),
    share_of_padding=st.sampled_from([0.0, 0.5, 1.0]),
    any_length=st.booleans(),
)
def test_landmarks_are_means_over_the_tokens_of_a_stretch(
    length, landmarks, share_of_padding, any_length
):
    rng = np.random.default_rng(length)
    x = rng.normal(size=(2, 3, length, 5)).astype(np.float32)
    is_token = rng.random((2, length)) >= share_of_padding
    config = LSHConfig(landmarks=landmarks)

    def pool(x, is_token):
        return pool_landmarks(x, is_token, config)

    if any_length:
        pool = tf.function(
            pool,
            input_signature=[
                tf.TensorSpec([None, 3, None, 5]),
                tf.TensorSpec([None, None], tf.bool),
            ],
        )
    pooled = pool(tf.constant(x), tf.constant(is_token)).numpy()
    assert pooled.shape == (2, 3, landmarks, 5)
    for row in range(2):
        for number, stretch in enumerate(stretches(is_token[row], landmarks)):
            tokens = [p for p in stretch if is_token[row, p]]
            expected = x[row][:, tokens].mean(1) if tokens else np.zeros((3, 5))
            np.testing.assert_allclose(pooled[row, :, number], expected, atol=1e-6)


@pytest.mark.parametrize("landmarks", [1, 4, 9])
def test_padding_behind_the_tokens_changes_nothing(landmarks):
    rng = np.random.default_rng(landmarks)
    x = rng.normal(size=(2, 3, 24, 5)).astype(np.float32)
    is_token = np.arange(24) < np.array([[13], [10]])
    heavy = rng.integers(0, 10, [2, 3, 6, 2]).astype(np.int32)
    is_heavy = rng.random(heavy.shape) < 0.5
    config = LSHConfig(block_length=4, window=1, landmarks=landmarks, num_hashes=0)
    short, long = (
        [
            pool_landmarks(x[:, :, :n], is_token[:, :n], config),
            landmark_bias(
                is_token[:, :n],
                heavy[:, :, : n // 4],
                is_heavy[:, :, : n // 4],
                n // 4,
                config,
            ),
        ]
        for n in (16, 24)
    )
    np.testing.assert_allclose(short[0], long[0], atol=1e-6)
    # The logarithm of as many tokens, but for its last bit.
    np.testing.assert_allclose(short[1], long[1][:, :, :4], rtol=1e-6)


@pytest.mark.parametrize("length, landmarks", [(1, 1), (23, 4), (24, 4), (5, 9)])
def test_backward_is_the_gradient(length, landmarks):
    rng = np.random.default_rng(0)
    x = tf.constant(rng.normal(size=(2, 3, length, 5)), tf.float32)
    is_token = tf.constant(rng.random((2, length)) < 0.6)
    config = LSHConfig(landmarks=landmarks)
    with tf.GradientTape() as tape:
        tape.watch(x)
        pooled = pool_landmarks(x, is_token, config)
    upstream = tf.constant(rng.normal(size=pooled.shape), tf.float32)
    expected = tape.gradient(pooled, x, output_gradients=upstream)
    backward = pool_landmarks_backward(upstream, is_token, config)
    np.testing.assert_allclose(backward, expected, atol=1e-6)


@pytest.mark.parametrize("dtype", [tf.float16, tf.bfloat16])
def test_means_of_long_stretches_are_exact_in_half_precision(dtype):
    # The sum of 3001 tokens is far beyond float16; 0.4 % is half a step of bfloat16.
    x = tf.cast(tf.fill([1, 1, 3001, 2], 1000.0), dtype)
    pooled = pool_landmarks(x, tf.ones([1, 3001], tf.bool), LSHConfig(landmarks=1))
    assert pooled.dtype == dtype
    np.testing.assert_allclose(tf.cast(pooled, tf.float32), 1000, rtol=0.004)


@properties
@hypothesis.given(
    block_length=st.integers(1, 5),
    num_blocks=st.integers(1, 5),
    window=st.sampled_from([None, 0, 1]),
    landmarks=st.integers(1, 9),
    num_heavy=st.integers(0, 4),
    share_of_padding=st.sampled_from([0.0, 0.5, 1.0]),
)
def test_bias_counts_the_tokens_that_are_not_listed(
    block_length, num_blocks, window, landmarks, num_heavy, share_of_padding
):
    length, num_heads = block_length * num_blocks, 2
    rng = np.random.default_rng(length + num_heavy)
    is_token = rng.random((2, length)) >= share_of_padding
    heavy = np.zeros((2, num_heads, num_blocks, num_heavy), np.int32)
    is_heavy = np.zeros(heavy.shape, bool)
    for row, head, block in np.ndindex(2, num_heads, num_blocks):
        near = reference.window_keys(is_token[row], block, block_length, window)
        free = [p for p in range(length) if is_token[row, p] and p not in near]
        chosen = rng.permutation(free)[:num_heavy]
        heavy[row, head, block, : len(chosen)] = chosen
        is_heavy[row, head, block, : len(chosen)] = True
    config = LSHConfig(
        block_length=block_length, window=window, landmarks=landmarks, num_hashes=1
    )
    bias = landmark_bias(
        tf.constant(is_token),
        tf.constant(heavy) if num_heavy else None,
        tf.constant(is_heavy) if num_heavy else None,
        num_blocks,
        config,
    ).numpy()
    assert bias.dtype == np.float32
    assert bias.shape[1] == (num_heads if num_heavy else 1)
    for row, head, block in np.ndindex(2, bias.shape[1], num_blocks):
        listed = reference.window_keys(is_token[row], block, block_length, window)
        listed |= set(heavy[row, head, block][is_heavy[row, head, block]])
        for number, stretch in enumerate(stretches(is_token[row], landmarks)):
            left = [p for p in stretch if is_token[row, p] and p not in listed]
            expected = np.log(len(left)) if left else masked_out(tf.float32).numpy()
            np.testing.assert_allclose(
                bias[row, head, block, number], expected, atol=1e-6
            )
