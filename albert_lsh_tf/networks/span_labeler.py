"""A model that marks an answer in a text: logits of its first and last token."""

from typing import Any

import tf_keras

from albert_lsh_tf.layers import initializers
from albert_lsh_tf.layers.keras_version import refuse_keras_3
from albert_lsh_tf.networks.with_encoder import ModelWithEncoder, encoder_inputs


@tf_keras.utils.register_keras_serializable(package="albert_lsh_tf")
class AlbertSpanLabeler(ModelWithEncoder):
    """The encoder's sequence output and one dense layer with two outputs a token.

    Inputs, as a list in this order or a dict by these names, int32 [B, T]:
      input_word_ids: pieces of the vocabulary.
      input_mask: 1 at tokens, 0 at padding.
      input_type_ids: 0 in the question, 1 in the text that may hold the answer.

    Outputs, a dict of float32 [B, T]:
      start_logits: that the answer starts at a token.
      end_logits: that it ends there, with that token.

    Padding and the question have logits like all tokens; who picks a span leaves them
    out, and takes those of the first token as "no answer" where there may be none
    (SQuAD 2.0).

    Example:
      >>> labeler = AlbertSpanLabeler(AlbertLSHEncoder(vocab_size=30000))
      >>> ids = tf.ones([1, 300], tf.int32)
      >>> labeler([ids, ids, ids * 0])["start_logits"].shape
      TensorShape([1, 300])

    Args:
      encoder: an encoder with the three inputs and a dict output that has
        `sequence_output`, such as `AlbertLSHEncoder`.
      initializer: of the dense kernel.
      **kwargs: `name` and the like, for `tf_keras.Model`.

    Raises:
      TypeError: a Keras 3 object was passed in.

    Source: google-research/albert, squad_utils.py, `create_v1_model`, the head of
    run_squad_v1.py; Devlin et al. 2019 (arXiv:1810.04805), section 4.2.
    """

    def __init__(
        self,
        encoder: tf_keras.Model,
        initializer: Any = None,
        **kwargs: Any,
    ) -> None:
        refuse_keras_3(encoder=encoder, initializer=initializer)
        initializer = initializers.of_weights(initializer)
        inputs = encoder_inputs()
        # float32 under every policy: a loss on half-precision logits loses digits.
        logits = tf_keras.layers.Dense(
            2, kernel_initializer=initializer, dtype="float32", name="logits"
        )(encoder(inputs)["sequence_output"])
        super().__init__(
            encoder,
            inputs=inputs,
            outputs={"start_logits": logits[..., 0], "end_logits": logits[..., 1]},
            settings={"initializer": tf_keras.initializers.serialize(initializer)},
            **kwargs,
        )
