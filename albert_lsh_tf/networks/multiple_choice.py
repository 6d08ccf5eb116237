"""A model that chooses one of several options, on an ALBERT encoder."""

from typing import Any

import tensorflow as tf
import tf_keras

from albert_lsh_tf.layers import initializers
from albert_lsh_tf.layers.keras_version import refuse_keras_3
from albert_lsh_tf.layers.without_autograph import without_autograph
from albert_lsh_tf.networks.with_encoder import (
    ModelWithEncoder,
    dropout_and_dense,
    encoder_inputs,
)


@tf_keras.utils.register_keras_serializable(package="albert_lsh_tf")
class AlbertMultipleChoice(ModelWithEncoder):
    """The encoder over each option; its pooled output, dropout and one number.

    Inputs, as a list in this order or a dict by these names, int32 [B, C, T]; a row for
    each of C options, with all that is read to judge it:
      input_word_ids: pieces of the vocabulary.
      input_mask: 1 at tokens, 0 at padding.
      input_type_ids: 0 in the first segment, 1 in the second.

    Output: logits of the options, float32 [B, C].

    Example:
      >>> encoder = AlbertLSHEncoder(vocab_size=30000)
      >>> ids = tf.ones([1, 4, 300], tf.int32)
      >>> AlbertMultipleChoice(encoder)([ids, ids, ids * 0]).shape
      TensorShape([1, 4])

    Args:
      encoder: an encoder with the three inputs and a dict output that has
        `pooled_output`, such as `AlbertLSHEncoder`.
      dropout_rate: on the pooled output.
      initializer: of the dense kernel.
      **kwargs: `name` and the like, for `tf_keras.Model`.

    Raises:
      TypeError: a Keras 3 object was passed in.

    Source: google-research/albert, race_utils.py, `create_model`.
    """

    def __init__(
        self,
        encoder: tf_keras.Model,
        dropout_rate: float = 0.1,
        initializer: Any = None,
        **kwargs: Any,
    ) -> None:
        refuse_keras_3(encoder=encoder, initializer=initializer)
        initializer = initializers.of_weights(initializer)
        inputs = encoder_inputs(per_option=True)
        rows = _OptionsToRows(name="options_to_rows")(inputs)
        pooled = encoder(rows)["pooled_output"]
        logits = dropout_and_dense(pooled, 1, dropout_rate, initializer, name="logit")
        super().__init__(
            encoder,
            inputs=inputs,
            outputs=_RowsToOptions(dtype="float32", name="logits")([logits, inputs[0]]),
            settings=dict(
                dropout_rate=dropout_rate,
                initializer=tf_keras.initializers.serialize(initializer),
            ),
            **kwargs,
        )


class _OptionsToRows(tf_keras.layers.Layer):
    """[B, C, T] each to [B * C, T]."""

    @without_autograph
    def call(self, inputs: list[tf.Tensor]) -> list[tf.Tensor]:
        return [tf.reshape(x, [-1, x.shape[2] or tf.shape(x)[2]]) for x in inputs]


class _RowsToOptions(tf_keras.layers.Layer):
    """Logits [B * C, 1] to [B, C], as an input [B, C, T] has them."""

    @without_autograph
    def call(self, inputs: list[tf.Tensor]) -> tf.Tensor:
        logits, like = inputs
        return tf.reshape(logits, [-1, like.shape[1] or tf.shape(like)[1]])
