"""A sentence or sentence-pair classifier on an ALBERT encoder."""

from typing import Any

import tf_keras

from albert_lsh_tf.layers import initializers
from albert_lsh_tf.layers.keras_version import refuse_keras_3
from albert_lsh_tf.networks.with_encoder import (
    ModelWithEncoder,
    dropout_and_dense,
    encoder_inputs,
)


@tf_keras.utils.register_keras_serializable(package="albert_lsh_tf")
class AlbertClassifier(ModelWithEncoder):
    """The encoder's pooled output, dropout and one dense layer.

    Inputs, as a list in this order or a dict by these names, int32 [B, T]:
      input_word_ids: pieces of the vocabulary.
      input_mask: 1 at tokens, 0 at padding.
      input_type_ids: 0 in the first segment, 1 in the second.

    Output: logits, float32 [B, num_classes]; for regression, one column of scores.

    Example:
      >>> encoder = AlbertLSHEncoder(vocab_size=30000)
      >>> classifier = AlbertClassifier(encoder, num_classes=2)
      >>> ids = tf.ones([1, 300], tf.int32)
      >>> classifier([ids, ids, ids * 0]).shape
      TensorShape([1, 2])

    Args:
      encoder: an encoder with the three inputs and a dict output that has
        `pooled_output`, such as `AlbertLSHEncoder`.
      num_classes: labels; 1 for regression.
      dropout_rate: on the pooled output.
      initializer: of the dense kernel.
      **kwargs: `name` and the like, for `tf_keras.Model`.

    Raises:
      TypeError: a Keras 3 object was passed in.

    Source: Lan et al. 2020 (arXiv:1909.11942), section 4.2 and appendix A.4.
    """

    def __init__(
        self,
        encoder: tf_keras.Model,
        num_classes: int,
        dropout_rate: float = 0.1,
        initializer: Any = None,
        **kwargs: Any,
    ) -> None:
        refuse_keras_3(encoder=encoder, initializer=initializer)
        initializer = initializers.of_weights(initializer)
        inputs = encoder_inputs()
        pooled = encoder(inputs)["pooled_output"]
        logits = dropout_and_dense(
            pooled, num_classes, dropout_rate, initializer, name="logits"
        )
        super().__init__(
            encoder,
            inputs=inputs,
            outputs=logits,
            settings=dict(
                num_classes=num_classes,
                dropout_rate=dropout_rate,
                initializer=tf_keras.initializers.serialize(initializer),
            ),
            **kwargs,
        )
        self._num_classes = num_classes

    @property
    def num_classes(self) -> int:
        """Columns of the logits."""
        return self._num_classes
