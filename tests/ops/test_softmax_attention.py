"""Softmax attention, and its gradients by hand next to those of automatic ones."""

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
import tensorflow as tf

from albert_lsh_tf.ops.dropout import Dropout
from albert_lsh_tf.ops.masking import mask_bias
from albert_lsh_tf.ops.softmax_attention import Attended, merge, softmax_attention

properties = hypothesis.settings(max_examples=20, deadline=None, derandomize=True)


def random_arguments(num_queries=7, num_keys=11, share_masked=0.3, seed=0, scale=1.0):
    rng = np.random.default_rng(seed)
    query = rng.normal(size=(2, 3, num_queries, 5)) * scale
    key, value = rng.normal(size=(2, 2, 3, num_keys, 5))
    may_attend = rng.random((2, 3, num_queries, num_keys)) >= share_masked
    # What landmarks bring: logarithms of counts.
    counts = rng.integers(1, 9, size=may_attend.shape)
    bias = mask_bias(tf.constant(may_attend)) + np.log(counts).astype(np.float32)
    return (*(tf.constant(x, tf.float32) for x in (query, key, value)), bias)


def plain(query, key, value, bias, dropout=None):
    """The same for automatic differentiation, in float64 unless there is dropout."""
    dtype = tf.float32 if dropout else tf.float64
    query, key, value = (tf.cast(x, dtype) for x in (query, key, value))
    # Masked pairs are told by numbers that no true logit comes near.
    may_attend = bias > -1e30
    logits = tf.matmul(query, key, transpose_b=True)
    logits = tf.where(may_attend, logits + tf.cast(bias, dtype), -1e30)
    weights = tf.where(may_attend, tf.nn.softmax(logits), 0)
    if dropout is not None:
        weights = dropout(weights)
    return tf.matmul(weights, value), tf.reduce_logsumexp(logits, axis=-1)


def values_and_gradients(function, arguments, upstream):
    """Output, logsumexp, and gradients of both times `upstream`."""
    with tf.GradientTape() as tape:
        tape.watch(arguments[:3])
        results = function(*arguments)
        loss = tf.add_n(
            [
                tf.reduce_sum(tf.cast(result, tf.float64) * factor)
                for result, factor in zip(results, upstream, strict=True)
                if factor is not None
            ]
        )
    return results, tape.gradient(loss, arguments[:3])


def upstream_for(query, value, with_logsumexp=True, seed=1):
    rng = np.random.default_rng(seed)
    rows = query.shape[:-1]
    d_output = rng.normal(size=[*rows, value.shape[-1]])
    return d_output, rng.normal(size=rows) if with_logsumexp else None


@properties
@hypothesis.given(
    num_queries=st.integers(1, 7),
    num_keys=st.integers(1, 11),
    share_masked=st.sampled_from([0.0, 0.5, 0.9]),
    with_logsumexp=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_values_and_gradients_equal_those_of_a_plain_softmax(
    num_queries, num_keys, share_masked, with_logsumexp, seed
):
    arguments = random_arguments(num_queries, num_keys, share_masked, seed)
    has_any = tf.reduce_any(arguments[3] > -1e30, axis=-1).numpy()
    d_output, d_logsumexp = upstream_for(*arguments[0::2][:2], with_logsumexp)
    if with_logsumexp:
        # The logsumexp of a row without keys says only that it has none.
        d_logsumexp = np.where(has_any, d_logsumexp, 0)
    upstream = d_output, d_logsumexp
    (output, logsumexp), gradients = values_and_gradients(
        softmax_attention, arguments, upstream
    )
    (expected, expected_sum), expected_gradients = values_and_gradients(
        plain, arguments, upstream
    )
    np.testing.assert_allclose(output, expected, atol=1e-5)
    np.testing.assert_allclose(logsumexp[has_any], expected_sum[has_any], atol=1e-5)
    assert np.isfinite(logsumexp).all()
    assert (logsumexp.numpy()[~has_any] < -1e30).all()
    for ours, theirs in zip(gradients, expected_gradients, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_gradient_of_the_logsumexp_alone():
    arguments = random_arguments(share_masked=0.0)
    _, d_logsumexp = upstream_for(arguments[0], arguments[2])
    upstream = None, d_logsumexp
    _, gradients = values_and_gradients(softmax_attention, arguments, upstream)
    _, expected = values_and_gradients(plain, arguments, upstream)
    for ours, theirs in zip(gradients[:2], expected[:2], strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)
    assert not np.any(gradients[2])


def test_gradients_under_dropout_are_those_of_a_plain_softmax_with_the_same_seed():
    arguments = random_arguments(share_masked=0.2)
    upstream = upstream_for(arguments[0], arguments[2])
    dropout = Dropout(0.4, tf.constant([5, 7]))
    (output, _), gradients = values_and_gradients(
        lambda *a: softmax_attention(*a, dropout), arguments, upstream
    )
    (expected, _), expected_gradients = values_and_gradients(
        lambda *a: plain(*a, dropout), arguments, upstream
    )
    undropped = softmax_attention(*arguments).output
    assert np.abs(output - undropped).max() > 0.1
    np.testing.assert_allclose(output, expected, atol=1e-5)
    for ours, theirs in zip(gradients, expected_gradients, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_dropout_keeps_the_mean_and_follows_its_seed():
    query, key, value, bias = random_arguments(share_masked=0.2)
    many = 2000
    query, key, value, bias = (
        tf.tile(x[:1, :1], [many, 1, 1, 1]) for x in (query, key, value, bias)
    )

    def dropped(seed):
        dropout = Dropout(0.3, tf.constant([5, seed]))
        return softmax_attention(query, key, value, bias, dropout).output.numpy()

    np.testing.assert_array_equal(dropped(7), dropped(7))
    assert np.abs(dropped(7) - dropped(8)).max() > 0.1
    expected = softmax_attention(query, key, value, bias).output.numpy()[0]
    standard_error = dropped(7).std(axis=0) / many**0.5
    assert (np.abs(dropped(7).mean(axis=0) - expected) < 5 * standard_error).all()


def test_a_row_with_nothing_to_attend_to_is_zero_with_finite_gradients():
    query, key, value, _ = random_arguments()
    bias = mask_bias(tf.zeros([2, 3, 7, 11], tf.bool))
    upstream = upstream_for(query, value)
    (output, logsumexp), gradients = values_and_gradients(
        softmax_attention, (query, key, value, bias), upstream
    )
    assert not np.any(output)
    assert np.isfinite(logsumexp).all()
    for gradient in gradients:
        assert not np.any(gradient)


@pytest.mark.parametrize("scale", [100.0, 1e4])
def test_large_logits_give_finite_results(scale):
    arguments = random_arguments(scale=scale)
    results, gradients = values_and_gradients(
        softmax_attention, arguments, upstream_for(arguments[0], arguments[2])
    )
    for each in (*results, *gradients):
        assert np.isfinite(each).all()


@pytest.mark.parametrize("dtype", [tf.float16, tf.bfloat16])
def test_half_precision_errs_little_forward_and_backward(dtype):
    """Twice the error of a plain softmax in the same precision is allowed."""
    query, key, value, bias = random_arguments(num_queries=31, num_keys=61)
    rounded = [tf.cast(x, dtype) for x in (query, key, value)]
    d_output, _ = upstream_for(query, value)
    upstream = tf.cast(tf.cast(d_output, dtype), tf.float64), None

    def plain_half(query, key, value, bias):
        logits = tf.cast(tf.matmul(query, key, transpose_b=True), tf.float32) + bias
        return tf.matmul(tf.cast(tf.nn.softmax(logits), dtype), value), None

    def half_results(function):
        with tf.GradientTape() as tape:
            tape.watch(rounded)
            output = function(*rounded, bias)[0]
        gradients = tape.gradient(
            output, rounded, output_gradients=tf.cast(upstream[0], dtype)
        )
        assert all(x.dtype == dtype for x in (output, *gradients))
        return [tf.cast(x, tf.float64).numpy() for x in (output, *gradients)]

    exact = [tf.cast(x, tf.float32) for x in rounded]
    (output, _), gradients = values_and_gradients(plain, (*exact, bias), upstream)
    for ours, theirs, truth in zip(
        half_results(softmax_attention),
        half_results(plain_half),
        (output, *gradients),
        strict=True,
    ):
        assert np.abs(ours - truth).max() <= 2 * np.abs(theirs - truth).max()


@pytest.mark.parametrize("dropout", [None, Dropout(0.1, tf.constant([5, 7]))])
def test_a_flat_softmax_over_many_keys_stays_finite_in_half_precision(dropout):
    """Before they are divided, 4096 values of 24 sum to more than a float16 holds."""
    query = tf.zeros([1, 1, 2, 5], tf.float16)
    key = tf.zeros([1, 1, 4096, 5], tf.float16)
    value = tf.fill([1, 1, 4096, 5], tf.constant(24, tf.float16))
    bias = tf.zeros([2, 4096])
    output = softmax_attention(query, key, value, bias, dropout).output
    np.testing.assert_allclose(output, 24, rtol=0.05 if dropout else 2e-3)


def test_bias_broadcasts_and_unknown_sizes_run():
    query, key, value, _ = random_arguments()
    may_attend = np.random.default_rng(0).random((2, 1, 1, 11)) < 0.7
    bias = mask_bias(tf.constant(may_attend))
    upstream = upstream_for(query, value)
    specs = [tf.TensorSpec([None, 3, None, 5])] * 3
    in_graph = tf.function(
        lambda q, k, v, b: values_and_gradients(
            softmax_attention, (q, k, v, b), upstream
        ),
        input_signature=[*specs, tf.TensorSpec([None, 1, 1, None])],
    )
    (output, _), gradients = in_graph(query, key, value, bias)
    everywhere = tf.broadcast_to(bias, [2, 3, 7, 11])
    (expected, _), expected_gradients = values_and_gradients(
        plain, (query, key, value, everywhere), upstream
    )
    np.testing.assert_allclose(output, expected, atol=1e-5)
    for ours, theirs in zip(gradients, expected_gradients, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


@properties
@hypothesis.given(
    cuts=st.lists(st.integers(0, 11), min_size=0, max_size=3).map(sorted),
    share_masked=st.sampled_from([0.0, 0.5, 0.9, 1.0]),
)
def test_merging_parts_is_attention_to_all_their_keys(cuts, share_masked):
    query, key, value, bias = random_arguments(share_masked=share_masked)
    ends = [0, *cuts, 11]
    parts = [
        softmax_attention(query, key[:, :, a:b], value[:, :, a:b], bias[..., a:b], None)
        for a, b in zip(ends, ends[1:], strict=False)
        if b > a
    ]
    expected = softmax_attention(query, key, value, bias).output
    np.testing.assert_allclose(merge(parts), expected, atol=1e-5)


def test_merging_equal_parts_changes_nothing():
    rng = np.random.default_rng(3)
    output = tf.constant(rng.normal(size=(2, 3, 11, 5)), tf.float32)
    logsumexp = tf.constant(rng.normal(size=(2, 3, 11)), tf.float32)
    merged = merge([Attended(output, logsumexp)] * 3)
    np.testing.assert_allclose(merged, output, atol=1e-6)
