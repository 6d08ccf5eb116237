"""Softmax attention whose backward pass computes its logits anew.

Automatic differentiation would keep the logits and the weights of every pair, which is
most of what attention remembers. Here a pass remembers its inputs, its output and one
logsumexp a query: half a per cent of that at 512 keys.

Source: Dao et al. 2022, FlashAttention (arXiv:2205.14135), appendix B; without its
tiling inside the kernel, which is not TensorFlow's to give.
"""

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from albert_lsh_tf.ops.branching import computed_anew
from albert_lsh_tf.ops.dropout import Dropout
from albert_lsh_tf.ops.masking import masked_out


class Attended(NamedTuple):
    """What attention over some keys came to.

    output: [..., Q, D], in the dtype of the value; 0 where there was no key.
    logsumexp: [..., Q], float32, of the logits that count: the weight of `output` when
      it is merged with attention over other keys. Very negative, but finite, where
      there was no key.
    """

    output: tf.Tensor
    logsumexp: tf.Tensor


def softmax_attention(
    query: tf.Tensor,
    key: tf.Tensor,
    value: tf.Tensor,
    bias: tf.Tensor,
    dropout: Dropout | None = None,
) -> Attended:
    """Attends from each query to the keys beside it.

    Args:
      query: [..., Q, D], float, already scaled.
      key: [..., K, D], in the dtype of the query.
      value: [..., K, D], in the dtype of the query.
      bias: float32, broadcastable to [..., Q, K]; `masked_out` at pairs that may not
        attend. Gets no gradient.
      dropout: applied to the attention weights.

    Returns:
      Output and logsumexp.
    """

    as_they_are = Gathering(*[lambda x: x] * 4)
    return attend_gathered(query, key, value, as_they_are, lambda: bias, dropout)


class Gathering(NamedTuple):
    """How queries and keys are brought together, and back.

    queries: [B, H, T, ...] to [..., Q, ...]; undone, and so also its gradient, by
      `queries_back`.
    keys: [B, H, T, D] to [..., K, D]; `keys_backward` is its gradient.
    """

    queries: Callable[[tf.Tensor], tf.Tensor]
    queries_back: Callable[[tf.Tensor], tf.Tensor]
    keys: Callable[[tf.Tensor], tf.Tensor]
    keys_backward: Callable[[tf.Tensor], tf.Tensor]


def attend_gathered(
    query: tf.Tensor,
    key: tf.Tensor,
    value: tf.Tensor,
    gathering: Gathering,
    bias: Callable[[], tf.Tensor],
    dropout: Dropout | None,
) -> Attended:
    """`softmax_attention` of what is gathered, anew in the backward pass.

    Gathered keys are several times as long as the sequence, and are not kept.

    Args:
      query, key, value: [B, H, T, D], float; queries scaled, all of one dtype.
      gathering: makes of them what `softmax_attention` takes.
      bias: gives what `softmax_attention` takes; called once for each pass.
      dropout: applied to the attention weights.

    Returns:
      Output [B, H, T, D] and logsumexp [B, H, T].
    """

    @tf.custom_gradient
    def recomputed(
        query: tf.Tensor, key: tf.Tensor, value: tf.Tensor
    ) -> tuple[tuple[tf.Tensor, ...], Callable[..., tuple[tf.Tensor, ...]]]:
        def gathered() -> tuple[tf.Tensor, ...]:
            keys = map(gathering.keys, (key, value))
            return gathering.queries(query), *keys, bias()

        attended = tuple(
            map(gathering.queries_back, attend(*gathered(), dropout=dropout))
        )

        def gradient(*upstream: tf.Tensor) -> tuple[tf.Tensor, ...]:
            with computed_anew(upstream):
                d_query, d_key, d_value = attend_backward(
                    *gathered(),
                    dropout,
                    Attended(*map(gathering.queries, attended)),
                    *map(gathering.queries, upstream),
                )
            return (
                gathering.queries_back(d_query),
                gathering.keys_backward(d_key),
                gathering.keys_backward(d_value),
            )

        return attended, gradient

    return Attended(*recomputed(query, key, value))


def attend(
    query: tf.Tensor,
    key: tf.Tensor,
    value: tf.Tensor,
    bias: tf.Tensor,
    dropout: Dropout | None,
) -> Attended:
    """`softmax_attention` without its gradient, for use inside others."""
    logits = _logits(query, key, bias)
    highest = tf.reduce_max(logits, axis=-1, keepdims=True)
    exponentials = tf.exp(logits - highest)
    total = tf.reduce_sum(exponentials, axis=-1, keepdims=True)
    if dropout is not None:
        exponentials = dropout(exponentials)
    # Where the highest logit is a masked one, there is nothing to attend to.
    has_any = highest > masked_out(tf.float32) / 2
    share = tf.where(has_any, 1 / total, 0)
    if value.dtype == tf.float16:
        # A sum over thousands of keys, before it is divided, would overflow.
        output = tf.matmul(tf.cast(exponentials * share, value.dtype), value)
    else:
        # The output is narrower than the weights, so it is the one to divide.
        output = tf.matmul(tf.cast(exponentials, value.dtype), value)
        output = output * tf.cast(share, value.dtype)
    return Attended(output, tf.squeeze(highest + tf.math.log(total), axis=-1))


def attend_backward(
    query: tf.Tensor,
    key: tf.Tensor,
    value: tf.Tensor,
    bias: tf.Tensor,
    dropout: Dropout | None,
    attended: Attended,
    d_output: tf.Tensor,
    d_logsumexp: tf.Tensor | None,
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Gradients of `attend` with respect to query, key and value.

    Args:
      query, key, value, bias, dropout: what `attend` was given.
      attended: what it returned.
      d_output: [..., Q, D], upstream.
      d_logsumexp: [..., Q], float32, upstream; None for 0.

    Returns:
      Gradients in the shapes and dtypes of query, key and value.
    """
    logsumexp = attended.logsumexp[..., tf.newaxis]
    # A row without keys: its masked logits must come to weights of 0 here.
    logsumexp = tf.where(logsumexp > masked_out(tf.float32) / 2, logsumexp, 0)
    weights = tf.exp(_logits(query, key, bias) - logsumexp)
    d_weights = tf.cast(tf.matmul(d_output, value, transpose_b=True), tf.float32)
    kept = weights
    if dropout is not None:
        kept, d_weights = dropout(weights), dropout(d_weights)
    d_value = tf.matmul(tf.cast(kept, value.dtype), d_output, transpose_a=True)
    # The mean of d_weights under the weights, had from the narrower output.
    mean = tf.reduce_sum(
        tf.cast(attended.output, tf.float32) * tf.cast(d_output, tf.float32),
        axis=-1,
        keepdims=True,
    )
    if d_logsumexp is not None:
        mean -= d_logsumexp[..., tf.newaxis]
    d_logits = tf.cast(weights * (d_weights - mean), query.dtype)
    d_query = tf.matmul(d_logits, key)
    d_key = tf.matmul(d_logits, query, transpose_a=True)
    return d_query, d_key, d_value


def merge(parts: list[Attended]) -> tf.Tensor:
    """What one softmax over the keys of all parts would have given.

    Args:
      parts: attention of the same queries over keys that do not overlap.

    Returns:
      [..., Q, D] in the dtype of the outputs.
    """
    if len(parts) == 1:
        return parts[0].output
    shares = tf.unstack(tf.nn.softmax(tf.stack([p.logsumexp for p in parts]), axis=0))
    merged = tf.add_n(
        [
            share[..., tf.newaxis] * tf.cast(part.output, tf.float32)
            for share, part in zip(shares, parts, strict=True)
        ]
    )
    return tf.cast(merged, parts[0].output.dtype)


def _logits(query: tf.Tensor, key: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
    logits = tf.matmul(query, key, transpose_b=True)
    return tf.cast(logits, tf.float32) + bias
