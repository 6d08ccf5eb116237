"""Boolean masks become numbers here, and nowhere else."""

import tensorflow as tf

from albert_lsh_tf.ops.branching import length_of


def masked_out(dtype: tf.DType) -> tf.Tensor:
    """The logit of a pair that may not attend: scalar, finite, in `dtype`.

    Half the lowest number of the dtype, so that subtracting a maximum or adding the
    logarithm of a count cannot overflow to infinity and make NaN.
    """
    return tf.constant(dtype.min / 2, dtype)


def mask_bias(may_attend: tf.Tensor) -> tf.Tensor:
    """What is added to a logit: 0 where a pair may attend, else `masked_out`.

    Args:
      may_attend: any shape, bool.

    Returns:
      The shape of `may_attend`, float32.
    """
    return tf.where(may_attend, 0.0, masked_out(tf.float32))


def tokens_reach(is_token_BT: tf.Tensor) -> tf.Tensor:
    """Positions up to the last token of each row: [B], int32; 0 where there is none."""
    end_T = tf.range(1, length_of(is_token_BT, 1) + 1)
    return tf.reduce_max(tf.where(is_token_BT, end_T, 0), axis=1)
