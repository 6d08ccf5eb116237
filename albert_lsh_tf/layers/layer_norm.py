"""Layer normalization as a Keras layer."""

import tensorflow as tf
import tf_keras

from albert_lsh_tf.layers.without_autograph import without_autograph
from albert_lsh_tf.ops.layer_norm import layer_norm


@tf_keras.utils.register_keras_serializable(package="albert_lsh_tf")
class LayerNorm(tf_keras.layers.LayerNormalization):
    """`tf_keras.layers.LayerNormalization` over the last axis, in float32.

    The same variables and the same result, with a backward pass that keeps one tensor
    instead of four and takes half the time on CPUs.
    """

    @without_autograph
    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Normalizes rows.

        Args:
          inputs: [..., M], float.

        Returns:
          The shape of `inputs`, float32.
        """
        gamma, beta = map(tf.convert_to_tensor, (self.gamma, self.beta))
        return layer_norm(tf.cast(inputs, tf.float32), gamma, beta, self.epsilon)
