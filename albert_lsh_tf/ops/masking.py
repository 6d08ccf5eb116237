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
    return _softmax_and_logsumexp(mask_logits(logits, may_attend))


@tf.custom_gradient
def _softmax_and_logsumexp(logits: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Both at once: the backward pass needs the weights only, and fewer passes."""
    highest = tf.reduce_max(logits, axis=-1, keepdims=True)
    exponentials = tf.exp(logits - highest)
    total = tf.reduce_sum(exponentials, axis=-1, keepdims=True)
    # Where the highest logit is a masked one, there is nothing to attend to.
    has_any = highest > masked_out(logits.dtype) / 2
    weights = exponentials * tf.where(has_any, 1 / total, 0)
    logsumexp = tf.squeeze(highest + tf.math.log(total), axis=-1)

    def gradient(d_weights: tf.Tensor, d_logsumexp: tf.Tensor) -> tf.Tensor:
        mean = tf.reduce_sum(weights * d_weights, axis=-1, keepdims=True)
        return weights * (d_weights - mean + d_logsumexp[..., tf.newaxis])

    return (weights, logsumexp), gradient
