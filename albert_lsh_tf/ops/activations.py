"""ALBERT's activation, and activations backwards."""

import math
from collections.abc import Callable

import tensorflow as tf

# x * sigmoid(2 * u) is 0.5 * x * (1 + tanh(u)), in fewer passes over memory.
_LINEAR = 2 * math.sqrt(2 / math.pi)
_CUBIC = 0.044715 * _LINEAR


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


def activation_backward(
    activation: Callable[[tf.Tensor], tf.Tensor], x: tf.Tensor, upstream: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Computes an activation anew, and its gradient.

    Args:
      activation: any function of one tensor.
      x: its input, float.
      upstream: gradient of its output.

    Returns:
      The activation of `x`, and the gradient with respect to `x`.
    """
    if activation is gelu:
        return _gelu_backward(x, upstream)
    with tf.GradientTape() as tape:
        tape.watch(x)
        activated = activation(x)
    return activated, tape.gradient(activated, x, output_gradients=upstream)


def _near_zero(x: tf.Tensor) -> tf.Tensor:
    """Keeps the cube of a float16 finite. Beyond 10 the sigmoid is 0 or 1 anyway."""
    return tf.clip_by_value(x, -10, 10) if x.dtype == tf.float16 else x


@tf.custom_gradient
def _gelu(x: tf.Tensor) -> tf.Tensor:
    near = _near_zero(x)
    return (
        x * tf.sigmoid(near * (_LINEAR + _CUBIC * tf.square(near))),
        lambda upstream: _gelu_backward(x, upstream)[1],
    )


def _gelu_backward(x: tf.Tensor, upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    near = _near_zero(x)
    square = tf.square(near)
    share = tf.sigmoid(near * (_LINEAR + _CUBIC * square))
    slope = near * (_LINEAR + 3 * _CUBIC * square)
    d_x = upstream * (share + tf.raw_ops.SigmoidGrad(y=share, dy=slope))
    return x * share, d_x
