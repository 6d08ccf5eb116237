"""What models with an encoder at the bottom and heads on top have in common."""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf
import tf_keras


class ModelWithEncoder(tf_keras.Model):
    """A functional model on an encoder, which can be made again from its config.

    Args:
      encoder: the encoder that `outputs` were made with.
      inputs: of the model.
      outputs: of the model.
      settings: the other arguments of the class, as they stand in `get_config`.
      **kwargs: `name` and the like, for `tf_keras.Model`.
    """

    def __init__(
        self,
        encoder: tf_keras.Model,
        *,
        inputs: list[tf.Tensor],
        outputs: Any,
        settings: Mapping[str, Any],
        **kwargs: Any,
    ) -> None:
        super().__init__(inputs=inputs, outputs=outputs, **kwargs)
        self._encoder = encoder
        # A function, since Keras would track a dict and put it in checkpoints.
        self._make_config = lambda: dict(
            encoder=tf_keras.utils.serialize_keras_object(encoder),
            **settings,
            name=self.name,
        )

    @property
    def encoder(self) -> tf_keras.Model:
        """The encoder below the heads."""
        return self._encoder

    @property
    def checkpoint_items(self) -> dict[str, Any]:
        """The encoder by its own name, for others that load only that part."""
        return {"encoder": self._encoder}

    def get_config(self) -> dict[str, Any]:
        return self._make_config()

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None
    ) -> "ModelWithEncoder":
        config = dict(config)
        encoder = tf_keras.utils.deserialize_keras_object(
            config.pop("encoder"), custom_objects=custom_objects
        )
        return cls(encoder=encoder, **config)


def encoder_inputs(per_option: bool = False) -> list[tf.Tensor]:
    """Symbolic inputs of an encoder, in its order: int32 [B, T] or [B, C, T] each."""
    return [
        tf_keras.Input([None] * (1 + per_option), dtype=tf.int32, name=name)
        for name in ("input_word_ids", "input_mask", "input_type_ids")
    ]


def dropout_and_dense(
    pooled: tf.Tensor,
    num_outputs: int,
    dropout_rate: float,
    initializer: tf_keras.initializers.Initializer,
    name: str,
) -> tf.Tensor:
    """Logits of an encoder's pooled output.

    Args:
      pooled: [B, M], symbolic.
      num_outputs: columns of the logits.
      dropout_rate: on the pooled output.
      initializer: of the dense kernel.
      name: of the dense layer.

    Returns:
      float32 [B, num_outputs] under every policy: a loss on half-precision logits loses
      digits.
    """
    pooled = tf_keras.layers.Dropout(dropout_rate, name="classifier_dropout")(pooled)
    return tf_keras.layers.Dense(
        num_outputs, kernel_initializer=initializer, dtype="float32", name=name
    )(pooled)
