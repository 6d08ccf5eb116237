"""Layer normalization over the last axis, lean in its backward pass."""

from collections.abc import Callable

import tensorflow as tf

from albert_lsh_tf.ops.branching import computed_anew


def layer_norm(
    x: tf.Tensor, scale_M: tf.Tensor, offset_M: tf.Tensor, epsilon: float
) -> tf.Tensor:
    """Gives each row mean 0 and variance 1, then scales and shifts its columns.

    Keeps its input and two numbers a row for the backward pass. Gradients of scale and
    offset are products with rows of ones: sums over rows are slow on CPUs.

    Args:
      x: [..., M], float32, of known rank.
      scale_M: [M], float32.
      offset_M: [M], float32.
      epsilon: added to the variance; 1e-12 in ALBERT.

    Returns:
      The shape of `x`, float32.

    Source: Ba et al. 2016 (arXiv:1607.06450), section 3.
    """

    @tf.custom_gradient
    def recomputed(
        x: tf.Tensor, scale_M: tf.Tensor, offset_M: tf.Tensor
    ) -> tuple[tf.Tensor, Callable[[tf.Tensor], tuple[tf.Tensor, ...]]]:
        mean = tf.reduce_mean(x, axis=-1, keepdims=True)
        centred = x - mean
        variance = tf.reduce_mean(tf.square(centred), axis=-1, keepdims=True)
        inverse_deviation = tf.math.rsqrt(variance + epsilon)

        def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, ...]:
            with computed_anew([upstream]):
                normal = (x - mean) * inverse_deviation
                rows = tf.reshape(upstream, [-1, upstream.shape[-1]])
                ones = tf.ones([1, tf.shape(rows)[0]], rows.dtype)
                d_offset_M = tf.matmul(ones, rows)[0]
                products = tf.reshape(upstream * normal, [-1, upstream.shape[-1]])
                d_scale_M = tf.matmul(ones, products)[0]
                d_normal = upstream * scale_M
                d_mean = tf.reduce_mean(d_normal, axis=-1, keepdims=True)
                d_deviation = tf.reduce_mean(d_normal * normal, axis=-1, keepdims=True)
                d_x = inverse_deviation * (d_normal - d_mean - normal * d_deviation)
            return d_x, d_scale_M, d_offset_M

        return centred * (inverse_deviation * scale_M) + offset_M, gradient

    return recomputed(x, scale_M, offset_M)
