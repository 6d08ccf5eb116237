"""ALBERT's one transformer block, which the encoder applies at every depth."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tf_keras

from albert_lsh_tf.layers import initializers
from albert_lsh_tf.layers.keras_version import refuse_keras_3
from albert_lsh_tf.layers.layer_norm import LayerNorm
from albert_lsh_tf.layers.self_attention import SelfAttention
from albert_lsh_tf.layers.without_autograph import without_autograph
from albert_lsh_tf.ops.activations import gelu
from albert_lsh_tf.ops.branching import length_of
from albert_lsh_tf.ops.dropout import Dropout, new_seed
from albert_lsh_tf.ops.feed_forward import feed_forward

RECOMPUTE = (None, "block")

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
      recompute: "block" keeps the input of the block alone for the backward pass, and
        computes the block a second time there.

    Raises:
      ValueError: an unknown `recompute`.

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
        recompute: str | None = None,
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
        if recompute not in RECOMPUTE:
            raise ValueError(
                f"recompute={recompute!r} is unknown; expected None to keep what the "
                "backward pass needs, or 'block' to compute the block anew there."
            )
        self.recompute = recompute
        self._attention_layer = self.attention_layers[0]
        for layer in self.attention_layers[1:]:
            if layer is not self._attention_layer:
                layer.share_projections_of(self._attention_layer)

    def build(self, input_shape: tf.TensorShape) -> None:
        width = input_shape[-1]
        self._attention_layer_norm = self._layer_norm("self_attention_layer_norm")
        self._intermediate_dense = self._dense(self.inner_dim, "intermediate")
        self._output_dense = self._dense(width, "output")
        self._output_layer_norm = self._layer_norm("output_layer_norm")
        super().build(input_shape)

    @without_autograph
    def call(
        self,
        inputs: tf.Tensor,
        attention_mask: tf.Tensor | None = None,
        depth: int = 0,
        training: bool | None = None,
        global_mask: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """Applies the block once.

        Args:
          inputs: [B, T, M], float.
          attention_mask: [B, T], True at tokens.
          depth: which of the attention layers to use.
          training: whether dropout is on.
          global_mask: [B, T], True at tokens that all tokens attend to.

        Returns:
          [B, T, M], float32.
        """
        training = False if training is None else training
        # Drawn here, so that a block that is computed twice drops the same twice.
        seeds = [new_seed() if self._drops_in(training) else None for _ in range(3)]

        def block(inputs: tf.Tensor) -> tf.Tensor:
            return self._block(
                inputs, attention_mask, global_mask, depth, training, seeds
            )

        if self.recompute is None or tf.get_static_value(training) is False:
            return block(inputs)
        self._make_variables(inputs, depth)
        return tf.recompute_grad(block)(inputs)

    def _block(
        self,
        inputs: tf.Tensor,
        attention_mask: tf.Tensor | None,
        global_mask: tf.Tensor | None,
        depth: int,
        training: bool | tf.Tensor,
        seeds: list[tf.Tensor | None],
    ) -> tf.Tensor:
        attended = self._attention_at(depth)(
            inputs,
            inputs,
            attention_mask=attention_mask,
            global_mask=global_mask,
            dropout_seed=seeds[0],
            training=training,
        )
        attended = self._dropped(attended, training, seeds[1])
        hidden = self._attention_layer_norm(inputs + attended)
        output = self._dropped(self._feed_forward(hidden, training), training, seeds[2])
        # LayerNorm gives float32 under every policy; so must the residual be.
        return self._output_layer_norm(hidden + tf.cast(output, hidden.dtype))

    def _attention_at(self, depth: int) -> SelfAttention:
        return self.attention_layers[depth % len(self.attention_layers)]

    def _feed_forward(self, hidden: tf.Tensor, training: bool | tf.Tensor) -> tf.Tensor:
        self._make_dense_variables(hidden)
        hidden = tf.cast(hidden, self.compute_dtype)
        sizes = [length_of(hidden, axis) for axis in range(3)]
        parameters = (
            self._intermediate_dense.kernel,
            self._intermediate_dense.bias,
            self._output_dense.kernel,
            self._output_dense.bias,
        )
        output_XM = feed_forward(
            tf.reshape(hidden, [-1, sizes[2]]),
            # Where the block is computed anew, Keras does not cast its variables.
            *(tf.cast(parameter, self.compute_dtype) for parameter in parameters),
            self.inner_activation,
            training=training,
        )
        return tf.reshape(output_XM, sizes)

    def _dropped(
        self, x: tf.Tensor, training: bool | tf.Tensor, seed: tf.Tensor | None
    ) -> tf.Tensor:
        dropout = Dropout.when_training(self.output_dropout, training, seed)
        return x if dropout is None else dropout(x)

    def _drops_in(self, training: bool | tf.Tensor) -> bool:
        rates = [self.output_dropout]
        rates += [layer.dropout_rate for layer in self.attention_layers]
        return any(rates) and tf.get_static_value(training) is not False

    def _make_variables(self, inputs: tf.Tensor, depth: int) -> None:
        """Makes all variables: inside `tf.recompute_grad` it would be too late."""
        if not self._output_layer_norm.built:
            self._block(inputs, None, None, depth, False, [None] * 3)

    def _make_dense_variables(self, hidden: tf.Tensor) -> None:
        if not self._output_dense.built:
            self._output_dense(self._intermediate_dense(hidden))

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
            recompute=self.recompute,
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
            kernel_initializer=initializers.clone(self.kernel_initializer),
            name=name,
        )

    def _layer_norm(self, name: str) -> tf_keras.layers.Layer:
        return LayerNorm(epsilon=self.norm_epsilon, dtype=tf.float32, name=name)
