"""Dense layers as products of two matrices."""

import tensorflow as tf

from albert_lsh_tf.ops.branching import length_of


def project(x: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor | None) -> tf.Tensor:
    """Multiplies the last axis by a matrix, and adds a bias.

    All rows at once: `tf.einsum` over [B, T, X] took twice the time on CPUs, and with
    an ellipsis in its equation the gradient of the kernel was made for every row first.

    Args:
      x: [..., X], float, of known rank.
      kernel: [X, Y], in the dtype of `x`.
      bias: [Y], in the dtype of `x`; None for none.

    Returns:
      [..., Y] in the dtype of `x`.
    """
    leading = [length_of(x, axis) for axis in range(x.shape.rank - 1)]
    rows = tf.matmul(tf.reshape(x, [-1, x.shape[-1]]), kernel)
    if bias is not None:
        rows = tf.nn.bias_add(rows, bias)
    return tf.reshape(rows, [*leading, kernel.shape[-1]])
