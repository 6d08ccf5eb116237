"""The head that predicts masked pieces."""

from typing import Any

import tensorflow as tf
import tf_keras

from albert_lsh_tf.layers.layer_norm import LayerNorm
from albert_lsh_tf.layers.without_autograph import without_autograph


@tf_keras.utils.register_keras_serializable(package="albert_lsh_tf")
class MaskedLM(tf_keras.layers.Layer):
    """Hidden states at some positions to logits over the vocabulary.

    A dense layer to the embedding width, layer norm, then the embedding table of the
    encoder, transposed, and a bias. Names of variables and attributes are those of
    Model Garden's layer of this name, so checkpoints go both ways; unlike it, it runs
    in half precision, with float32 logits.

    Args:
      embedding_table: [V, E], a variable that belongs to the encoder; it is shared.
      activation: of the dense layer.
      initializer: of the dense kernel.
      **kwargs: `name` and the like.

    Source: google-research/albert, run_pretraining.py, `get_masked_lm_output`.
    """

    def __init__(
        self,
        embedding_table: tf.Variable,
        activation: Any,
        initializer: Any = "glorot_uniform",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.embedding_table = embedding_table
        self.activation = tf_keras.activations.get(activation)
        self.initializer = tf_keras.initializers.get(initializer)

    def build(self, input_shape: tf.TensorShape) -> None:
        vocab_size, embedding_width = self.embedding_table.shape
        self.dense = tf_keras.layers.Dense(
            embedding_width,
            activation=self.activation,
            kernel_initializer=self.initializer,
            name="transform/dense",
        )
        self.layer_norm = LayerNorm(
            epsilon=1e-12, dtype=tf.float32, name="transform/LayerNorm"
        )
        self.bias = self.add_weight(
            "output_bias/bias", shape=[vocab_size], initializer="zeros"
        )
        super().build(input_shape)

    @without_autograph
    def call(self, sequence_output: tf.Tensor, masked_positions: tf.Tensor):
        """Predicts pieces.

        Args:
          sequence_output: [B, T, M], float.
          masked_positions: [B, P], int32, each below T.

        Returns:
          Logits [B, P, V], float32.
        """
        hidden = tf.gather(sequence_output, masked_positions, batch_dims=1)
        hidden = tf.cast(self.layer_norm(self.dense(hidden)), self.compute_dtype)
        table = tf.cast(tf.convert_to_tensor(self.embedding_table), self.compute_dtype)
        logits = tf.einsum("BPE,VE->BPV", hidden, table)
        bias = tf.convert_to_tensor(self.bias)
        return tf.cast(logits, tf.float32) + tf.cast(bias, tf.float32)

    def get_config(self) -> dict[str, Any]:
        raise NotImplementedError(
            "MaskedLM shares a variable with the encoder, so it cannot be made from a "
            "config; AlbertPretrainer can."
        )
