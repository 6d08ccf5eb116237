"""Learned absolute positions."""

from typing import Any

import tensorflow as tf
import tf_keras

from albert_lsh_tf.layers.without_autograph import without_autograph


@tf_keras.utils.register_keras_serializable(package="albert_lsh_tf")
class PositionEmbedding(tf_keras.layers.Layer):
    """The first T rows of a learned table, for inputs of T tokens.

    One variable, `embeddings` [max_length, E], as Model Garden's layer of this name.
    Unlike it, a sequence longer than the table is refused by name.

    Args:
      max_length: positions in the table.
      initializer: of the table.
    """

    def __init__(
        self, max_length: int, initializer: Any = "glorot_uniform", **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.max_length = max_length
        self.initializer = tf_keras.initializers.get(initializer)

    def build(self, input_shape: tf.TensorShape) -> None:
        self.embeddings = self.add_weight(
            "embeddings",
            shape=[self.max_length, input_shape[-1]],
            initializer=self.initializer,
        )
        super().build(input_shape)

    @without_autograph
    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Position embeddings for `inputs` ([B, T, E], of which only T matters).

        Returns:
          [1, T, E] in the compute dtype, to be added to the inputs.

        Raises:
          ValueError: T is known and exceeds `max_length`.
          tf.errors.InvalidArgumentError: the same, found when the graph runs.
        """
        advice = (
            f"but the encoder has {self.max_length} positions; shorten the input, or "
            "load an encoder with more positions."
        )
        static_length = inputs.shape[1]
        if static_length is not None and static_length > self.max_length:
            raise ValueError(f"The sequence has {static_length} tokens, {advice}")
        length = tf.shape(inputs)[1]
        checks = []
        if static_length is None:
            checks = [
                tf.debugging.assert_less_equal(
                    length,
                    self.max_length,
                    message=f"The sequence has too many tokens, {advice}",
                )
            ]
        with tf.control_dependencies([check for check in checks if check is not None]):
            return self.embeddings[tf.newaxis, :length]

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        config.update(
            max_length=self.max_length,
            initializer=tf_keras.initializers.serialize(self.initializer),
        )
        return config
