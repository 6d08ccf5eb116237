"""Dense attention with the arguments and the result of `lsh_attention`."""

import tensorflow as tf

from albert_lsh_tf.ops.dropout import Dropout
from albert_lsh_tf.ops.masking import masked_softmax

# Far below any logit, far above a masked one: only where nothing else is left does a
# token attend to itself. Logits are float32 here, so float16 cannot overflow.
LAST_RESORT = -1e5


def dense_attention(
    query_BHTD: tf.Tensor,
    key_BHTD: tf.Tensor,
    value_BHTD: tf.Tensor,
    is_token_BT: tf.Tensor,
    *,
    self_is_last_resort: bool = False,
    dropout: Dropout | None = None,
) -> tf.Tensor:
    """Every query attends to every key that is a token.

    Args:
      query_BHTD: [B, H, T, D], float, already scaled by 1 / sqrt(D).
      key_BHTD: [B, H, T, D], in the dtype of the query.
      value_BHTD: [B, H, T, D], in the dtype of the query.
      is_token_BT: [B, T], bool; False is padding and is never attended to.
      self_is_last_resort: a token attends to itself only if there is nothing else, as
        it must where queries and keys are the same vectors.
      dropout: applied to the attention weights.

    Returns:
      [B, H, T, D] in the dtype of the value. A row with nothing to attend to is 0.
    """
    logits_BHTT = tf.matmul(query_BHTD, key_BHTD, transpose_b=True)
    logits_BHTT = tf.cast(logits_BHTT, tf.float32)
    if self_is_last_resort:
        position_T = tf.range(tf.shape(logits_BHTT)[-1])
        is_self_TT = position_T[:, tf.newaxis] == position_T
        logits_BHTT = tf.where(is_self_TT, LAST_RESORT, logits_BHTT)
    may_attend_BHTT = is_token_BT[:, tf.newaxis, tf.newaxis]
    weights_BHTT, _ = masked_softmax(logits_BHTT, may_attend_BHTT)
    return combine_values(weights_BHTT, value_BHTD, dropout)


def combine_values(
    weights: tf.Tensor, value: tf.Tensor, dropout: Dropout | None
) -> tf.Tensor:
    """Means of values, weighted: [..., Q, K] by [..., K, D] to [..., Q, D].

    Weights are float32; the product runs in the dtype of the value.
    """
    if dropout is not None:
        weights = dropout(weights)
    return tf.matmul(tf.cast(weights, value.dtype), value)
