"""Exact attention with the arguments and the result of `lsh_attention`."""

from collections.abc import Callable

import tensorflow as tf

from albert_lsh_tf.ops.branching import length_of
from albert_lsh_tf.ops.chunking import (
    join_chunks,
    pad_to_chunks,
    split_into_chunks,
    take_range,
)
from albert_lsh_tf.ops.dropout import Dropout
from albert_lsh_tf.ops.masking import mask_bias
from albert_lsh_tf.ops.softmax_attention import (
    Attended,
    attend,
    attend_backward,
    softmax_attention,
)
from albert_lsh_tf.ops.turns import in_turns

# Far below any logit, far above a masked one: only where nothing else is left does a
# token attend to itself. Logits are float32 here, so float16 cannot overflow.
LAST_RESORT = -1e5

# Queries whose logits exist at the same time. Up to so many tokens there is no loop.
QUERIES_AT_ONCE = 512


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

    Memory grows with T, though time grows with T * T: `QUERIES_AT_ONCE` queries attend
    at a time, and their logits are computed anew in the backward pass. So the truth can
    be had at any length that one has the patience for. With a gradient tape that holds
    inside `tf.function` alone: in eager mode TensorFlow records what a custom gradient
    computes forward, logits included.

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
    length = length_of(query_BHTD, 2)
    bias_B11T = mask_bias(is_token_BT)[:, tf.newaxis, tf.newaxis]

    def bias_of(
        first_query: int | tf.Tensor, num_queries: int | tf.Tensor
    ) -> tf.Tensor:
        if not self_is_last_resort:
            return bias_B11T
        query_position_Q = first_query + tf.range(num_queries)
        is_self_QT = query_position_Q[:, tf.newaxis] == tf.range(length)
        return bias_B11T + tf.where(is_self_QT, LAST_RESORT, 0.0)

    if isinstance(length, int) and length <= QUERIES_AT_ONCE:
        bias = bias_of(0, length)
        return softmax_attention(query_BHTD, key_BHTD, value_BHTD, bias, dropout).output
    output_BHTD = _attend_in_turns(
        pad_to_chunks(query_BHTD, QUERIES_AT_ONCE, axis=2),
        key_BHTD,
        value_BHTD,
        lambda turn: bias_of(turn * QUERIES_AT_ONCE, QUERIES_AT_ONCE),
        lambda turn: dropout and dropout.fold_in(turn),
    )
    return take_range(output_BHTD, 0, length, axis=2)


def _attend_in_turns(
    query_BHTD: tf.Tensor,
    key_BHTD: tf.Tensor,
    value_BHTD: tf.Tensor,
    bias_of_turn: Callable[[tf.Tensor], tf.Tensor],
    dropout_of_turn: Callable[[tf.Tensor], Dropout | None],
) -> tf.Tensor:
    """Attention of `QUERIES_AT_ONCE` queries after the other, forward and backward."""
    num_turns = length_of(query_BHTD, 2) // QUERIES_AT_ONCE

    def turns_of(x: tf.Tensor) -> Callable[[tf.Tensor], tf.Tensor]:
        """A function to the part of `x`, [B, H, T, ...], that belongs to a turn."""
        turns = split_into_chunks(x, QUERIES_AT_ONCE)
        return lambda turn: tf.gather(turns, turn, axis=2)

    def spec_of(x: tf.Tensor) -> tf.TensorSpec:
        """Shape and dtype of the part of `x` that belongs to a turn."""
        return tf.TensorSpec([*x.shape[:2], QUERIES_AT_ONCE, *x.shape[3:]], x.dtype)

    @tf.custom_gradient
    def recomputed(
        query_BHTD: tf.Tensor, key_BHTD: tf.Tensor, value_BHTD: tf.Tensor
    ) -> tuple[tf.Tensor, Callable[..., tuple[tf.Tensor, ...]]]:
        query_of = turns_of(query_BHTD)

        def forward(turn: tf.Tensor) -> Attended:
            return attend(
                query_of(turn),
                key_BHTD,
                value_BHTD,
                bias_of_turn(turn),
                dropout_of_turn(turn),
            )

        output_spec = spec_of(value_BHTD)
        specs = (output_spec, tf.TensorSpec(output_spec.shape[:3], tf.float32))
        collected = in_turns(num_turns, forward, specs)
        output_BHTD, logsumexp_BHT = map(_join_turns, collected)

        def gradient(d_output_BHTD: tf.Tensor) -> tuple[tf.Tensor, ...]:
            output_of, logsumexp_of, d_output_of = map(
                turns_of, (output_BHTD, logsumexp_BHT, d_output_BHTD)
            )

            def backward(
                turn: tf.Tensor, d_key: tf.Tensor, d_value: tf.Tensor
            ) -> tuple[tf.Tensor, ...]:
                d_query, d_key_of_turn, d_value_of_turn = attend_backward(
                    query_of(turn),
                    key_BHTD,
                    value_BHTD,
                    bias_of_turn(turn),
                    dropout_of_turn(turn),
                    Attended(output_of(turn), logsumexp_of(turn)),
                    d_output_of(turn),
                    None,
                )
                return d_query, d_key + d_key_of_turn, d_value + d_value_of_turn

            zeros = tf.zeros_like(key_BHTD), tf.zeros_like(value_BHTD)
            d_query, *d_others = in_turns(
                num_turns, backward, (spec_of(query_BHTD),), *zeros
            )
            return (_join_turns(d_query), *d_others)

        return output_BHTD, gradient

    return recomputed(query_BHTD, key_BHTD, value_BHTD)


def _join_turns(x: tf.Tensor) -> tf.Tensor:
    """[turns, B, H, Q, ...] to [B, H, T, ...]."""
    return join_chunks(tf.transpose(x, [1, 2, 0, 3, *range(4, x.shape.rank)]))
