"""GELU against its formula in float64."""

import math

import numpy as np
import pytest
import tensorflow as tf

from albert_lsh_tf.ops.activations import gelu

X = np.linspace(-6, 6, 101)


def expected(x):
    inner = math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)
    return 0.5 * x * (1 + np.tanh(inner))


def test_value_and_gradient_are_those_of_the_formula():
    x = tf.Variable(X)
    with tf.GradientTape() as tape:
        y = gelu(x)
    np.testing.assert_allclose(y, expected(X), atol=1e-12)
    slope = (expected(X + 1e-6) - expected(X - 1e-6)) / 2e-6
    np.testing.assert_allclose(tape.gradient(y, x), slope, atol=1e-8)


@pytest.mark.parametrize("dtype", [tf.float16, tf.bfloat16, tf.float32])
def test_keeps_the_dtype_and_stays_finite(dtype):
    x = tf.constant([-100.0, -1.0, 0.0, 1.0, 100.0], dtype)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = gelu(x)
    assert y.dtype == dtype
    for each in (y, tape.gradient(y, x)):
        assert np.isfinite(tf.cast(each, tf.float32)).all()
