"""ALBERT's one transformer block, which the encoder applies at every depth."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tf_keras

from albert_lsh_tf.layers.keras_version import refuse_keras_3
from albert_lsh_tf.layers.self_attention import SelfAttention
from albert_lsh_tf.ops.activations import gelu

# Known to Keras by name, so that configs can hold it.
tf_keras.utils.register_keras_serializable(package="albert_lsh_tf")(gelu)


@tf_keras.utils.register_keras_serializable(package="albert_lsh_tf")
class SharedEncoderBlock(tf_keras.layers.Layer):
    """Self-attention and feed-forward, each with residual and LayerNorm after it.

    Its variables serve every depth; how a depth attends may differ. The attention
    layers of all depths share the projections of the first. Object-graph names are
    those of Model Garden's `TransformerEncoderBlock`, so its checkpoints load.

    Args:
      attention_layers: one layer for all depths, or one for each; a layer may occur
        more than once.
      inner_dim: feed-forward width (F).
      inner_activation: of the feed-forward layer; by default GELU in its tanh form.
      output_dropout: dropout after attention and after the feed-forward layer.
      kernel_initializer: of the feed-forward kernels.
      norm_epsilon: of both LayerNorms; 1e-12 in ALBERT.

    Source: Lan et al. 2020, ALBERT (arXiv:1909.11942), section 3.1.
    """

    def __init__(
        self,
        attention_layers: Sequence[SelfAttention],
        inner_dim: int,
        inner_activation: Any = gelu,
        output_dropout: float = 0.0,
        kernel_initializer: Any = "glorot_uniform",
        norm_epsilon: float = 1e-12,
        **kwargs: Any,
    ) -> None:
        refuse_keras_3(
            inner_activation=inner_activation, kernel_initializer=kernel_initializer
        )
        super().__init__(**kwargs)
        self.attention_layers = list(attention_layers)
        self.inner_dim = inner_dim
        self.inner_activation = tf_keras.activations.get(inner_activation)
        self.output_dropout = output_dropout
        self.kernel_initializer = tf_keras.initializers.get(kernel_initializer)
        self.norm_epsilon = norm_epsilon
        self._attention_layer = self.attention_layers[0]
        for layer in self.attention_layers[1:]:
            if layer is not self._attention_layer:
                layer.share_projections_of(self._attention_layer)

    def build(self, input_shape: tf.TensorShape) -> None:
        width = input_shape[-1]
        self._attention_dropout = tf_keras.layers.Dropout(self.output_dropout)
        self._attention_layer_norm = self._layer_norm("self_attention_layer_norm")
        self._intermediate_dense = self._dense(self.inner_dim, "intermediate")
        self._output_dense = self._dense(width, "output")
        self._output_dropout = tf_keras.layers.Dropout(self.output_dropout)
        self._output_layer_norm = self._layer_norm("output_layer_norm")
        super().build(input_shape)

    def call(
        self,
        inputs: tf.Tensor,
        attention_mask: tf.Tensor | None = None,
        depth: int = 0,
        training: bool | None = None,
    ) -> tf.Tensor:
        """Applies the block once.

        Args:
          inputs: [B, T, M], float.
          attention_mask: [B, T], True at tokens.
          depth: which of the attention layers to use.
          training: whether dropout is on.

        Returns:
          [B, T, M], float32.
        """
        attention_layer = self.attention_layers[depth % len(self.attention_layers)]
        attended = attention_layer(
            inputs, inputs, attention_mask=attention_mask, training=training
        )
        attended = self._attention_dropout(attended, training=training)
        hidden = self._attention_layer_norm(inputs + attended)
        inner = self.inner_activation(self._intermediate_dense(hidden))
        output = self._output_dropout(self._output_dense(inner), training=training)
        # LayerNorm gives float32 under every policy; so must the residual be.
        return self._output_layer_norm(hidden + tf.cast(output, hidden.dtype))

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        config.update(
            attention_layers=[
                tf_keras.saving.serialize_keras_object(layer)
                for layer in self.attention_layers
            ],
            inner_dim=self.inner_dim,
            inner_activation=tf_keras.activations.serialize(self.inner_activation),
            output_dropout=self.output_dropout,
            kernel_initializer=tf_keras.initializers.serialize(self.kernel_initializer),
            norm_epsilon=self.norm_epsilon,
        )
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "SharedEncoderBlock":
        layers = [
            tf_keras.saving.deserialize_keras_object(layer)
            for layer in config["attention_layers"]
        ]
        return cls(**{**config, "attention_layers": layers})

    def _dense(self, width: int, name: str) -> tf_keras.layers.Layer:
        return tf_keras.layers.EinsumDense(
            "BTX,XY->BTY",
            output_shape=(None, width),
            bias_axes="Y",
            kernel_initializer=_clone(self.kernel_initializer),
            name=name,
        )

    def _layer_norm(self, name: str) -> tf_keras.layers.Layer:
        return tf_keras.layers.LayerNormalization(
            epsilon=self.norm_epsilon, dtype=tf.float32, name=name
        )


def _clone(initializer: Any) -> Any:
    """The same initializer anew: Keras warns where one instance is used twice."""
    return type(initializer).from_config(initializer.get_config())
