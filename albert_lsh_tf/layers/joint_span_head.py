"""The head that marks a span, its end given its start, or finds that there is none."""

from typing import Any

import tensorflow as tf
import tf_keras

from albert_lsh_tf.layers import initializers
from albert_lsh_tf.layers.layer_norm import LayerNorm


@tf_keras.utils.register_keras_serializable(package="albert_lsh_tf")
class JointSpanHead(tf_keras.layers.Layer):
    """Logits of starts, of ends given a start, and of "no answer"; all in float32.

    Args:
      dropout_rate: before the last layer of "no answer".
      initializer: of the kernels.
      **kwargs: `name` and the like.

    Source: google-research/albert, squad_utils.py, `create_v2_model`; Yang et al. 2019
    (arXiv:1906.08237). One difference: the dense layer on a token beside a start is
    computed as the sum of a layer on the token and one on the start, which is the same,
    and does not repeat the tokens for every start.
    """

    def __init__(
        self,
        dropout_rate: float = 0.1,
        initializer: Any = "glorot_uniform",
        **kwargs: Any,
    ) -> None:
        # float32 under every policy: a loss on half-precision logits loses digits.
        super().__init__(**{**kwargs, "dtype": tf.float32})
        self.dropout_rate = dropout_rate
        self.initializer = tf_keras.initializers.get(initializer)

    def build(self, input_shape: tf.TensorShape) -> None:
        width = input_shape[-1]
        self.start = self._dense(1, "start_logits")
        self.end_of_token = self._dense(width, "end_logits/token")
        # The bias is that of the sum.
        self.end_of_start = self._dense(width, "end_logits/start", use_bias=False)
        self.layer_norm = LayerNorm(
            epsilon=1e-12, dtype=tf.float32, name="end_logits/LayerNorm"
        )
        self.end = self._dense(1, "end_logits/dense_1")
        self.answer_hidden = self._dense(
            width, "answer_class/dense_0", activation="tanh"
        )
        self.dropout = tf_keras.layers.Dropout(self.dropout_rate)
        self.answer = self._dense(1, "answer_class/dense_1", use_bias=False)
        super().build(input_shape)

    def _dense(self, units: int, name: str, **kwargs: Any) -> tf_keras.layers.Dense:
        return tf_keras.layers.Dense(
            units,
            kernel_initializer=initializers.clone(self.initializer),
            dtype=tf.float32,
            name=name,
            **kwargs,
        )

    def start_logits(self, states: tf.Tensor) -> tf.Tensor:
        """That an answer starts at a token.

        Args:
          states: [B, T, M], float32.

        Returns:
          [B, T], float32.
        """
        return tf.squeeze(self.start(states), -1)

    def end_logits(self, states: tf.Tensor, starts: tf.Tensor) -> tf.Tensor:
        """That an answer ends at a token, if it starts at one of some others.

        Args:
          states: [B, T, M], float32.
          starts: [B, K], int32 or int64, each below T.

        Returns:
          [B, K, T], float32.
        """
        start_states = tf.gather(states, starts, batch_dims=1)
        of_token = self.end_of_token(states)[:, tf.newaxis]
        of_start = self.end_of_start(start_states)[:, :, tf.newaxis]
        hidden = self.layer_norm(tf.tanh(of_token + of_start))
        return tf.squeeze(self.end(hidden), -1)

    def no_answer_logits(
        self, states: tf.Tensor, start_logits: tf.Tensor, training: bool | None = None
    ) -> tf.Tensor:
        """That there is no answer.

        Args:
          states: [B, T, M], float32.
          start_logits: [B, T], float32, very low where none can start.
          training: whether dropout is on.

        Returns:
          [B], float32.
        """
        probabilities = tf.nn.softmax(start_logits)
        of_starts = tf.linalg.matvec(states, probabilities, transpose_a=True)
        features = tf.concat([of_starts, states[:, 0]], axis=-1)
        hidden = self.dropout(self.answer_hidden(features), training=training)
        return tf.squeeze(self.answer(hidden), -1)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "dropout_rate": self.dropout_rate,
            "initializer": tf_keras.initializers.serialize(self.initializer),
        }
