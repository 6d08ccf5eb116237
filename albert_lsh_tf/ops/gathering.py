"""Rows of each head at positions of its own.

From one long table of all heads' rows, which is faster than with batch dimensions.
"""

import tensorflow as tf

from albert_lsh_tf.ops.branching import length_of


def gather_heads(x_BHTD: tf.Tensor, position_BHCK: tf.Tensor) -> tf.Tensor:
    """[B, H, T, D] at int32 positions [B, H, C, K]: [B, H, C, K, D]."""
    batch_size, num_heads, length, width = (length_of(x_BHTD, i) for i in range(4))
    rows = tf.reshape(x_BHTD, [batch_size * num_heads * length, width])
    return tf.gather(rows, row_of(position_BHCK, length))


def gather_heads_backward(
    d_BHCKD: tf.Tensor, position_BHCK: tf.Tensor, length: int | tf.Tensor
) -> tf.Tensor:
    """The gradient of `gather_heads`: [B, H, T, D]."""
    batch_size, num_heads, width = (length_of(d_BHCKD, axis) for axis in (0, 1, 4))
    d_rows = tf.math.unsorted_segment_sum(
        d_BHCKD, row_of(position_BHCK, length), batch_size * num_heads * length
    )
    return tf.reshape(d_rows, [batch_size, num_heads, length, width])


def row_of(position_BHCK: tf.Tensor, length: int | tf.Tensor) -> tf.Tensor:
    """Where a position of a head stands in the table of all heads' rows."""
    batch_size, num_heads = length_of(position_BHCK, 0), length_of(position_BHCK, 1)
    first_row = tf.range(batch_size * num_heads) * length
    return position_BHCK + tf.reshape(first_row, [batch_size, num_heads, 1, 1])
