"""Losses and accuracies of a batch, as sums that add up over its parts."""

from collections.abc import Mapping
from typing import NamedTuple

import tensorflow as tf

from albert_lsh_tf.networks.pretrainer import AlbertPretrainer

# What evaluations score; training may have replaced_tokens, too.
HEADS = ("masked_lm", "sentence_order")
# The names of Google's records, and those of the model's inputs.
_MODEL_INPUTS = {
    "input_word_ids": "input_ids",
    "input_mask": "input_mask",
    "input_type_ids": "segment_ids",
    "masked_lm_positions": "masked_lm_positions",
}


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


def replaced_tokens_sums(
    logits: tf.Tensor, labels: tf.Tensor, weights: tf.Tensor
) -> HeadSums:
    """Replaced-token detection.

    Args:
      logits: [B, T], float32.
      labels: [B, T], int32; 1 where a token was replaced.
      weights: [B, T], float32; 0 at tokens that are not asked for.
    """
    losses = tf.nn.sigmoid_cross_entropy_with_logits(
        tf.cast(labels, logits.dtype), logits
    )
    return _sums(losses, tf.stack([-logits, logits], -1), labels, weights)


def _sums(
    losses: tf.Tensor, logits: tf.Tensor, labels: tf.Tensor, weights: tf.Tensor
) -> HeadSums:
    is_correct = tf.argmax(logits, axis=-1, output_type=labels.dtype) == labels
    return HeadSums(
        tf.reduce_sum(weights * losses),
        tf.reduce_sum(weights * tf.cast(is_correct, weights.dtype)),
        tf.reduce_sum(weights),
    )


def outputs_of(
    model: AlbertPretrainer, inputs: dict[str, tf.Tensor], training: bool
) -> dict[str, tf.Tensor]:
    """What the model makes of a batch, which has the names of Google's records."""
    return model(
        {name: inputs[record_name] for name, record_name in _MODEL_INPUTS.items()},
        training=training,
    )


def head_sums(
    model: AlbertPretrainer, inputs: dict[str, tf.Tensor], training: bool
) -> dict[str, HeadSums]:
    """Runs the model on a batch, and compares its outputs with what was there.

    Args:
      model: with the heads "mlm" and "sop".
      inputs: a batch, by the names of Google's records; where there are replaced_tokens
        to be found, as `replaced_tokens.fill_in` gives it.
      training: of the model's layers.

    Returns:
      The sums of masked_lm, sentence_order and, in that case, replaced_tokens.
    """
    outputs = outputs_of(model, inputs, training)
    sums = {
        "masked_lm": masked_lm_sums(
            outputs["mlm_logits"], inputs["masked_lm_ids"], inputs["masked_lm_weights"]
        ),
        "sentence_order": sentence_order_sums(
            outputs["sop_logits"],
            inputs["next_sentence_labels"][:, 0],
            example_weights(inputs),
        ),
    }
    if "is_replaced" in inputs:
        sums["replaced_tokens"] = replaced_tokens_sums(
            outputs["rtd_logits"], inputs["is_replaced"], inputs["replaced_weights"]
        )
    return sums


def example_weights(inputs: dict[str, tf.Tensor]) -> tf.Tensor:
    """[B], float32; 0 for rows that only fill a batch of an evaluation."""
    if "example_id" in inputs:
        return tf.cast(inputs["example_id"] >= 0, tf.float32)
    return tf.ones(tf.shape(inputs["input_ids"])[:1], tf.float32)


def global_counts(inputs: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """What the whole batch has to predict, over all replicas: float32 scalars by head.

    Args:
      inputs: one replica's share; where masks are to be filled in, as
        `replaced_tokens.draw_guesses` gives it.
    """
    num_masked = tf.reduce_sum(inputs["masked_lm_weights"])
    own = {
        "masked_lm": num_masked,
        "sentence_order": tf.reduce_sum(example_weights(inputs)),
    }
    if "is_filled" in inputs:
        num_tokens = tf.reduce_sum(tf.cast(inputs["input_mask"], tf.float32))
        own["replaced_tokens"] = num_tokens - num_masked
    context = tf.distribute.get_replica_context()
    counts = context.all_reduce(tf.distribute.ReduceOp.SUM, [*own.values()])
    return dict(zip(own, counts, strict=True))


def mean_loss(
    sums: dict[str, HeadSums],
    counts: dict[str, tf.Tensor],
    replaced_token_weight: float = 1.0,
) -> tf.Tensor:
    """What a part of a batch adds to the loss of the whole, a float32 scalar.

    Args:
      sums: of the part.
      counts: of the whole batch, as `global_counts` gives them.
      replaced_token_weight: of the mean of that head; the others' have 1.
    """
    means = {
        head: tf.math.divide_no_nan(own.loss, counts[head])
        for head, own in sums.items()
    }
    if "replaced_tokens" in means:
        means["replaced_tokens"] *= replaced_token_weight
    return tf.add_n([*means.values()])


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
