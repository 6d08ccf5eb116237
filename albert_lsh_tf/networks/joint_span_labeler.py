"""A model that marks an answer in a text, or finds that the text has none."""

from typing import Any

import tensorflow as tf
import tf_keras

from albert_lsh_tf.layers import initializers
from albert_lsh_tf.layers.joint_span_head import JointSpanHead
from albert_lsh_tf.layers.keras_version import refuse_keras_3
from albert_lsh_tf.layers.without_autograph import without_autograph
from albert_lsh_tf.networks.with_encoder import ModelWithEncoder, encoder_inputs

# Logits of what may not be are lowered by this: finite when two are added.
_IMPOSSIBLE = -tf.float32.min / 4


@tf_keras.utils.register_keras_serializable(package="albert_lsh_tf")
class AlbertJointSpanLabeler(ModelWithEncoder):
    """The encoder, and a head for starts, for ends given a start, and for "no answer".

    An answer may start and end at tokens of the text, and, for questions that have
    none, at the first token of all; not in the question, at separators and padding.

    Inputs, as a list in this order or a dict by these names, int32 [B, T]:
      input_word_ids: pieces of the vocabulary.
      input_mask: 1 at tokens, 0 at padding behind them.
      input_type_ids: 0 in the question, 1 in the text that may hold the answer and at
        the separator behind it.

    Outputs, a dict, for the K likeliest starts and the N likeliest ends of each:
      start_positions: [B, K], int32.
      start_log_probs: [B, K], float32.
      end_positions: [B, K, N], int32.
      end_log_probs: [B, K, N], float32: given the start.
      no_answer_logits: [B], float32.

    For training, see `log_probs_given_start`.

    Example:
      >>> labeler = AlbertJointSpanLabeler(AlbertLSHEncoder(vocab_size=30000))
      >>> ids = tf.ones([1, 300], tf.int32)
      >>> labeler([ids, ids, ids])["end_positions"].shape
      TensorShape([1, 5, 5])

    Args:
      encoder: an encoder with the three inputs and a dict output that has
        `sequence_output`, such as `AlbertLSHEncoder`.
      start_n_top: K, at least 1; no more than T are given.
      end_n_top: N, at least 1; no more than T are given.
      dropout_rate: in the head.
      initializer: of the dense kernels.
      **kwargs: `name` and the like, for `tf_keras.Model`.

    Raises:
      TypeError: a Keras 3 object was passed in.

    Source: google-research/albert, squad_utils.py, `create_v2_model`, the head of
    run_squad_v2.py.
    """

    def __init__(
        self,
        encoder: tf_keras.Model,
        start_n_top: int = 5,
        end_n_top: int = 5,
        dropout_rate: float = 0.1,
        initializer: Any = None,
        **kwargs: Any,
    ) -> None:
        refuse_keras_3(encoder=encoder, initializer=initializer)
        initializer = initializers.of_weights(initializer)
        head = JointSpanHead(dropout_rate, initializer, name="joint_span_head")
        inputs = encoder_inputs()
        states = encoder(inputs)["sequence_output"]
        super().__init__(
            encoder,
            inputs=inputs,
            outputs=_BestSpans(head, start_n_top, end_n_top, name="best_spans")(
                states, input_mask=inputs[1], input_type_ids=inputs[2]
            ),
            settings=dict(
                start_n_top=start_n_top,
                end_n_top=end_n_top,
                dropout_rate=dropout_rate,
                initializer=tf_keras.initializers.serialize(initializer),
            ),
            **kwargs,
        )

    @property
    def head(self) -> JointSpanHead:
        """What stands on the encoder."""
        return self.get_layer("best_spans").head

    def log_probs_given_start(
        self,
        inputs: dict[str, tf.Tensor],
        start_positions: tf.Tensor,
        training: bool | None = None,
    ) -> dict[str, tf.Tensor]:
        """What training needs: ends given the right start.

        Args:
          inputs: by name.
          start_positions: [B], int32 or int64: the right starts; 0 for no answer.
          training: whether dropout is on.

        Returns:
          start_log_probs and end_log_probs, float32 [B, T], and no_answer_logits,
          float32 [B].
        """
        states = self.encoder(inputs, training=training)["sequence_output"]
        states = tf.cast(states, tf.float32)
        barred = _barred(inputs["input_mask"], inputs["input_type_ids"])
        starts = self.head.start_logits(states) - barred
        ends = self.head.end_logits(states, start_positions[:, tf.newaxis])[:, 0]
        return {
            "start_log_probs": tf.nn.log_softmax(starts),
            "end_log_probs": tf.nn.log_softmax(ends - barred),
            "no_answer_logits": self.head.no_answer_logits(states, starts, training),
        }


class _BestSpans(tf_keras.layers.Layer):
    """A head, and the search for the likeliest spans."""

    def __init__(
        self, head: JointSpanHead, start_n_top: int, end_n_top: int, **kwargs: Any
    ) -> None:
        super().__init__(**{**kwargs, "dtype": tf.float32})
        self.head = head
        self.start_n_top = start_n_top
        self.end_n_top = end_n_top

    def build(self, input_shape: tf.TensorShape) -> None:
        self.head.build(input_shape)
        super().build(input_shape)

    @without_autograph
    def call(
        self, states: tf.Tensor, input_mask: tf.Tensor, input_type_ids: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        barred = _barred(input_mask, input_type_ids)
        length = tf.shape(states)[1]
        starts = self.head.start_logits(states) - barred
        start_log_probs, start_positions = tf.nn.top_k(
            tf.nn.log_softmax(starts), tf.minimum(self.start_n_top, length)
        )
        ends = self.head.end_logits(states, start_positions) - barred[:, tf.newaxis]
        end_log_probs, end_positions = tf.nn.top_k(
            tf.nn.log_softmax(ends), tf.minimum(self.end_n_top, length)
        )
        return {
            "start_positions": start_positions,
            "start_log_probs": start_log_probs,
            "end_positions": end_positions,
            "end_log_probs": end_log_probs,
            "no_answer_logits": self.head.no_answer_logits(states, starts),
        }


def _barred(input_mask: tf.Tensor, input_type_ids: tf.Tensor) -> tf.Tensor:
    """What to subtract from logits: float32 [B, T], 0 where an answer may be."""
    column = tf.range(tf.shape(input_mask)[1])
    # The last token is a separator.
    last = tf.reduce_sum(input_mask, axis=1, keepdims=True) - 1
    is_text = (input_type_ids == 1) & (column < last)
    may_be = is_text | (column == 0)
    return tf.where(may_be, 0.0, _IMPOSSIBLE)
