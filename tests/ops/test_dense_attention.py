"""Dense attention against brute force, at once and in turns, and its masks."""

import contextlib

import hypothesis
import numpy as np
import pytest
import tensorflow as tf

from albert_lsh_tf.ops import dense_attention as module
from albert_lsh_tf.ops.dense_attention import dense_attention
from albert_lsh_tf.ops.dropout import Dropout
from tests.attention_calls import (
    random_inputs,
    relative_error,
    tensors,
    with_gradients,
)
from tests.reference import attention as reference
from tests.strategies import AttentionInputs, attention_inputs

properties = hypothesis.settings(max_examples=20, deadline=None, derandomize=True)


@contextlib.contextmanager
def queries_at_once(number):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "QUERIES_AT_ONCE", number)
        yield


@pytest.mark.parametrize("at_once", [512, 4])
@pytest.mark.parametrize("self_is_last_resort", [False, True])
@properties
@hypothesis.given(inputs=attention_inputs())
def test_equals_brute_force(self_is_last_resort, at_once, inputs):
    upstream = np.random.default_rng(1).normal(size=inputs.query.shape)

    def attend(*arguments):
        return dense_attention(*arguments, self_is_last_resort=self_is_last_resort)

    with queries_at_once(at_once):
        output, *gradients = with_gradients(attend, upstream)(*tensors(inputs))
    for row, head in np.ndindex(inputs.query.shape[:2]):
        heads = [x[row, head] for x in (inputs.query, inputs.key, inputs.value)]
        expected = reference.dense(*heads, inputs.is_token[row], self_is_last_resort)
        np.testing.assert_allclose(output[row, head], expected, atol=1e-5)
        tokens = set(np.flatnonzero(inputs.is_token[row]).tolist())
        expected = reference.gradients(
            *heads,
            [tokens] * len(heads[0]),
            upstream[row, head],
            self_is_last_resort,
        )
        for ours, theirs in zip(gradients, expected, strict=True):
            np.testing.assert_allclose(ours[row, head], theirs, atol=2e-5)


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("self_is_last_resort", [False, True])
def test_turns_in_a_graph_of_any_length_equal_a_single_one(
    self_is_last_resort, compiled
):
    inputs = random_inputs(37)

    def attend(*arguments):
        return dense_attention(*arguments, self_is_last_resort=self_is_last_resort)

    expected = with_gradients(attend)(*tensors(inputs))
    heads, mask = tf.TensorSpec([2, 3, None, 5]), tf.TensorSpec([2, None], tf.bool)
    with queries_at_once(8):
        any_length = tf.function(
            with_gradients(attend),
            input_signature=[heads, heads, heads, mask],
            jit_compile=compiled,
        )
        results = any_length(*tensors(inputs))
    for ours, theirs in zip(results, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)


def test_length_beyond_one_turn_is_served_in_turns():
    """With the number that ships, in a graph: no logits of all pairs."""
    length = module.QUERIES_AT_ONCE + 89
    heads = tf.TensorSpec([1, 1, length, 4])
    step = tf.function(
        with_gradients(dense_attention),
        input_signature=[heads, heads, heads, tf.TensorSpec([1, length], tf.bool)],
    ).get_concrete_function()
    graph_def = step.graph.as_graph_def(add_shapes=True)
    nodes = [*graph_def.node]
    for function in graph_def.library.function:
        nodes.extend(function.node_def)
    shapes = [
        tf.TensorShape(shape)
        for node in nodes
        for shape in node.attr["_output_shapes"].list.shape
    ]
    largest = max(s.num_elements() for s in shapes if s.is_fully_defined())
    assert largest == module.QUERIES_AT_ONCE * length
    rng = np.random.default_rng(0)
    head = rng.normal(size=(3, 1, 1, length, 4)).astype(np.float32)
    inputs = AttentionInputs(*head, rng.random((1, length)) > 0.1)
    in_turns = step(*tensors(inputs))
    with queries_at_once(length):
        at_once = with_gradients(dense_attention)(*tensors(inputs))
    for ours, theirs in zip(in_turns, at_once, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("at_once", [512, 8])
def test_nothing_to_attend_to_is_zero_with_finite_gradients(at_once):
    inputs = random_inputs(padding=1.0)
    with queries_at_once(at_once):
        output, *gradients = with_gradients(dense_attention)(*tensors(inputs))
    for each in (output, *gradients):
        assert not np.any(each)


@pytest.mark.parametrize("at_once", [512, 8])
def test_dropout_has_a_seed_a_mean_and_a_slope(at_once):
    inputs = random_inputs(length=19, padding=0.2)
    *heads, is_token = tensors(inputs)
    upstream = np.random.default_rng(1).normal(size=inputs.query.shape)

    def attend(*arguments, seed=7):
        dropout = Dropout(0.3, tf.constant([5, seed]))
        return dense_attention(*arguments, dropout=dropout)

    with queries_at_once(at_once):
        output, *gradients = with_gradients(attend, upstream)(*heads, is_token)
        np.testing.assert_array_equal(output, attend(*heads, is_token))
        assert np.abs(output - attend(*heads, is_token, seed=8)).max() > 0.1
        mean = np.mean([attend(*heads, is_token, seed=n) for n in range(100)], axis=0)
        assert relative_error(mean, dense_attention(*heads, is_token)) < 0.1
        # No turn drops what another one drops.
        dropped = attend(
            heads[0] * 0, heads[1] * 0, tf.eye(19, batch_shape=[2, 3]), is_token
        )
        assert len(np.unique(dropped.numpy()[0, 0] > 0, axis=0)) > 15
        step = 1e-3
        for which, gradient in enumerate(gradients):
            direction = np.random.default_rng(which).normal(size=inputs.query.shape)
            losses = []
            for by in (step, -step):
                moved = list(heads)
                moved[which] += tf.constant(by * direction, tf.float32)
                losses.append(np.sum(attend(*moved, is_token) * upstream, dtype=float))
            slope = (losses[0] - losses[1]) / (2 * step)
            expected = np.sum(gradient * direction)
            assert abs(slope - expected) < 0.01 * np.linalg.norm(gradient)


def test_equal_values_of_a_long_sequence_are_kept_in_float16():
    shape = [1, 1, 4096, 4]
    query, value = tf.zeros(shape, tf.float16), tf.fill(shape, tf.cast(16, tf.float16))
    is_token = tf.ones([1, 4096], tf.bool)
    output = dense_attention(query, query, value, is_token)
    np.testing.assert_allclose(output, 16, rtol=2e-3)


@pytest.mark.parametrize("dtype", [tf.float16, tf.bfloat16])
def test_turns_err_no_more_than_a_single_one_in_half_precision(dtype):
    inputs = random_inputs(length=253)
    *exact, is_token = tensors(inputs)
    rounded = [tf.cast(x, dtype) for x in exact]
    step = with_gradients(dense_attention)
    expected = step(*(tf.cast(x, tf.float32) for x in rounded), is_token)

    def errors(at_once):
        with queries_at_once(at_once):
            results = step(*rounded, is_token)
        assert all(x.dtype == dtype for x in results)
        return [
            relative_error(tf.cast(ours, tf.float32), theirs)
            for ours, theirs in zip(results, expected, strict=True)
        ]

    for in_turns, in_one in zip(errors(32), errors(512), strict=True):
        assert in_turns <= 2 * in_one
