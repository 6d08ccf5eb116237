"""The head that tells which tokens were replaced."""

from typing import Any

import tensorflow as tf
import tf_keras

from albert_lsh_tf.layers import initializers
from albert_lsh_tf.layers.without_autograph import without_autograph


@tf_keras.utils.register_keras_serializable(package="albert_lsh_tf")
class ReplacedTokens(tf_keras.layers.Layer):
    """Hidden states of all tokens to one logit each.

    A dense layer of the same width, and one to a single number. Names of variables are
    those of google-research/electra.

    Args:
      activation: of the first layer.
      initializer: of the kernels.
      **kwargs: `name` and the like.

    Source: Clark et al. 2020 (arXiv:2003.10555), section 2; google-research/electra,
    run_pretraining.py, `_get_discriminator_output`.
    """

    def __init__(
        self, activation: Any, initializer: Any = "glorot_uniform", **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.activation = tf_keras.activations.get(activation)
        self.initializer = tf_keras.initializers.get(initializer)

    def build(self, input_shape: tf.TensorShape) -> None:
        self.dense = tf_keras.layers.Dense(
            input_shape[-1],
            activation=self.activation,
            kernel_initializer=self.initializer,
            name="dense",
        )
        self.logit = tf_keras.layers.Dense(
            1,
            kernel_initializer=initializers.clone(self.initializer),
            dtype=tf.float32,
            name="dense_1",
        )
        super().build(input_shape)

    @without_autograph
    def call(self, sequence_output: tf.Tensor) -> tf.Tensor:
        """Logits [B, T], float32, of hidden states [B, T, M], float."""
        return tf.squeeze(self.logit(self.dense(sequence_output)), -1)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "activation": tf_keras.activations.serialize(self.activation),
            "initializer": tf_keras.initializers.serialize(self.initializer),
        }
