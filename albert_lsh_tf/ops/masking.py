"""Boolean masks become numbers here, and nowhere else."""

import tensorflow as tf


def masked_out(dtype: tf.DType) -> tf.Tensor:
    """The logit of a pair that may not attend: scalar, finite, in `dtype`.

    Half the lowest number of the dtype, so that subtracting a maximum or adding the
    logarithm of a count cannot overflow to infinity and make NaN.
    """
    return tf.constant(dtype.min / 2, dtype)


def mask_logits(logits: tf.Tensor, may_attend: tf.Tensor) -> tf.Tensor:
    """Replaces the logits of pairs that may not attend by `masked_out`.

    Args:
      logits: [..., Q, K], float.
      may_attend: bool, broadcastable to `logits`.

    Returns:
      The shape and dtype of `logits`.
    """
    return tf.where(may_attend, logits, masked_out(logits.dtype))


def masked_softmax(
    logits: tf.Tensor, may_attend: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Softmax over the pairs that may attend, with its normaliser.

    Args:
      logits: [..., Q, K], float32.
      may_attend: bool, broadcastable to `logits`.

    Returns:
      weights: [..., Q, K], float32: sum to 1 along K, or are all 0 in a row that has
        nothing to attend to.
      logsumexp: [..., Q], float32: of the logits that count; very negative but finite
        where there are none, so that merging gives such a row no weight.
    """
    logits = mask_logits(logits, may_attend)
    logsumexp = tf.reduce_logsumexp(logits, axis=-1)
    weights = tf.exp(logits - logsumexp[..., tf.newaxis])
    return tf.where(may_attend, weights, tf.zeros([], weights.dtype)), logsumexp
