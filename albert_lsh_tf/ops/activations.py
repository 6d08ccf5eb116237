"""ALBERT's activation."""

import math

import tensorflow as tf


def gelu(x: tf.Tensor) -> tf.Tensor:
    """GELU in its tanh form, with which ALBERT was trained.

    Keeps its input alone for the backward pass, where automatic differentiation would
    keep four tensors of that size, and has no `tf.pow`, which is slow on CPUs.

    Args:
      x: any shape, float.

    Returns:
      The shape and dtype of `x`.

    Source: Hendrycks and Gimpel 2016 (arXiv:1606.08415), section 2.
    """
    return _gelu(x)


@tf.custom_gradient
def _gelu(x: tf.Tensor) -> tf.Tensor:
    scale, cubic = math.sqrt(2 / math.pi), 0.044715

    def tanh_part() -> tf.Tensor:
        return tf.tanh(scale * x * (1 + cubic * x * x))

    def gradient(upstream: tf.Tensor) -> tf.Tensor:
        tanh = tanh_part()
        slope = scale * (1 + 3 * cubic * x * x)
        return upstream * 0.5 * (1 + tanh + x * (1 - tanh * tanh) * slope)

    return 0.5 * x * (1 + tanh_part()), gradient
