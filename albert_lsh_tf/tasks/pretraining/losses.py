"""Losses and accuracies of a batch, as sums that add up over its parts."""

from collections.abc import Mapping
from typing import NamedTuple

import tensorflow as tf


class HeadSums(NamedTuple):
    """One head's part of a batch: float32 scalars.

    loss: the sum of the cross entropies.
    correct: how many predictions are right.
    count: how many there are.
    """

    loss: tf.Tensor
    correct: tf.Tensor
    count: tf.Tensor


def masked_lm_sums(logits: tf.Tensor, ids: tf.Tensor, weights: tf.Tensor) -> HeadSums:
    """The masked language model.

    Args:
      logits: [B, P, V], float32.
      ids: [B, P], int32, the pieces that were there.
      weights: [B, P], float32; 0 at places without a masked token.
    """
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(ids, logits)
    return _sums(losses, logits, ids, weights)


def sentence_order_sums(
    logits: tf.Tensor, labels: tf.Tensor, weights: tf.Tensor
) -> HeadSums:
    """Sentence order.

    Args:
      logits: [B, 2], float32.
      labels: [B], int32; 1 where the segments are swapped.
      weights: [B], float32; 0 for rows that only fill a batch.
    """
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
    return _sums(losses, logits, labels, weights)


def _sums(
    losses: tf.Tensor, logits: tf.Tensor, labels: tf.Tensor, weights: tf.Tensor
) -> HeadSums:
    is_correct = tf.argmax(logits, axis=-1, output_type=labels.dtype) == labels
    return HeadSums(
        tf.reduce_sum(weights * losses),
        tf.reduce_sum(weights * tf.cast(is_correct, weights.dtype)),
        tf.reduce_sum(weights),
    )


def report(sums: Mapping[str, HeadSums]) -> dict[str, float]:
    """Scores of a whole evaluation, by Google's names.

    Args:
      sums: of "masked_lm" and "sentence_order", numbers.

    Returns:
      Accuracy and loss of each, and `loss`, the sum of the two losses; 0 where there
      was nothing to predict.
    """
    scores = {}
    for head, (loss, correct, count) in sums.items():
        scores[f"{head}_accuracy"] = float(correct / count) if count else 0.0
        scores[f"{head}_loss"] = float(loss / count) if count else 0.0
    scores["loss"] = sum(scores[f"{head}_loss"] for head in sums)
    return scores
