"""Boolean masks become numbers here, and nowhere else."""

import tensorflow as tf


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
