"""What training on questions minimises."""

import tensorflow as tf

from albert_lsh_tf.data.squad.spans import IMPOSSIBLE
from albert_lsh_tf.networks.joint_span_labeler import AlbertJointSpanLabeler
from albert_lsh_tf.networks.span_labeler import AlbertSpanLabeler
from albert_lsh_tf.tasks.fine_tuning_task import model_inputs


def span_loss(
    model: AlbertSpanLabeler, inputs: dict[str, tf.Tensor], training: bool
) -> tf.Tensor:
    """The mean cross entropy of first and last tokens of the answers (SQuAD 1.1).

    Args:
      model: with a logit of each.
      inputs: of the model, and start_position and end_position, int32 [B].
      training: whether dropout is on.

    Returns:
      float32 [].

    Source: google-research/albert, squad_utils.py, `v1_model_fn_builder`. Difference:
    padding is left out of the softmax, so the loss does not depend on its length.
    """
    logits = model(model_inputs(inputs), training=training)
    is_token = inputs["input_mask"] > 0
    losses = [
        tf.nn.sparse_softmax_cross_entropy_with_logits(
            inputs[f"{name}_position"],
            tf.where(is_token, logits[f"{name}_logits"], IMPOSSIBLE),
        )
        for name in ("start", "end")
    ]
    return tf.reduce_mean(tf.add_n(losses)) / 2.0


def joint_span_loss(
    model: AlbertJointSpanLabeler, inputs: dict[str, tf.Tensor], training: bool
) -> tf.Tensor:
    """The same, ends given the right starts, and whether there is one (SQuAD 2.0).

    A window that does not show the answer counts as one without.

    Args:
      model: with the joint head.
      inputs: as of `span_loss`.
      training: whether dropout is on.

    Returns:
      float32 [].

    Source: google-research/albert, squad_utils.py, `v2_model_fn_builder`.
    """
    start, end = inputs["start_position"], inputs["end_position"]
    outputs = model.log_probs_given_start(
        model_inputs(inputs), start, training=training
    )
    of_start = tf.gather(outputs["start_log_probs"], start, batch_dims=1)
    of_end = tf.gather(outputs["end_log_probs"], end, batch_dims=1)
    # Answers are not at the first token, which is [CLS].
    of_class = tf.nn.sigmoid_cross_entropy_with_logits(
        labels=tf.cast(start == 0, tf.float32), logits=outputs["no_answer_logits"]
    )
    return tf.reduce_mean(of_class - of_start - of_end) / 2.0
