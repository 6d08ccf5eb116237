"""The feed-forward layer against the plain composition of its parts."""

import numpy as np
import pytest
import tensorflow as tf

from albert_lsh_tf.ops import feed_forward as module
from albert_lsh_tf.ops.activations import gelu
from albert_lsh_tf.ops.feed_forward import feed_forward


def parts(rows=13, dtype=tf.float32):
    rng = np.random.default_rng(1)
    shapes = [(rows, 5), (5, 11), (11,), (11, 5), (5,)]
    return [tf.constant(rng.normal(size=shape), dtype) for shape in shapes]


def plain(x, inner_kernel, inner_bias, outer_kernel, outer_bias, activation):
    return activation(x @ inner_kernel + inner_bias) @ outer_kernel + outer_bias


def with_gradients(function, tensors):
    upstream = tf.constant(np.random.default_rng(2).normal(size=(13, 5)), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        output = function(*tensors)
    return [output, *tape.gradient(output, tensors, upstream)]


@pytest.mark.parametrize("activation", [gelu, tf.nn.relu, tf.tanh])
@pytest.mark.parametrize("rows_at_once", [4, 13, 100])
@pytest.mark.parametrize("training", [True, False])
def test_equals_the_plain_composition(activation, rows_at_once, training, monkeypatch):
    monkeypatch.setattr(module, "ROWS_AT_ONCE", rows_at_once)

    def ours(*tensors):
        return feed_forward(*tensors, activation, training=training)

    expected = with_gradients(lambda *t: plain(*t, activation), parts())
    for one, other in zip(with_gradients(ours, parts()), expected, strict=True):
        np.testing.assert_allclose(one, other, atol=2e-4)
    in_graph = tf.function(lambda *tensors: with_gradients(ours, list(tensors)))
    for one, other in zip(in_graph(*parts()), expected, strict=True):
        np.testing.assert_allclose(one, other, atol=2e-4)


def test_any_number_of_rows_and_xla(monkeypatch):
    monkeypatch.setattr(module, "ROWS_AT_ONCE", 4)
    signature = [tf.TensorSpec([None, 5])] + [
        tf.TensorSpec(tensor.shape) for tensor in parts()[1:]
    ]

    def step(*tensors):
        return with_gradients(lambda *t: feed_forward(*t, gelu), list(tensors))

    expected = with_gradients(lambda *t: plain(*t, gelu), parts())
    any_rows = tf.function(step, input_signature=signature)
    compiled = tf.function(step, jit_compile=True)
    for function in (any_rows, compiled):
        for one, other in zip(function(*parts()), expected, strict=True):
            np.testing.assert_allclose(one, other, atol=2e-4)
