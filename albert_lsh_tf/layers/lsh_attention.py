"""Locality-sensitive hashing attention as a Keras layer."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras

from albert_lsh_tf.layers.self_attention import SelfAttention
from albert_lsh_tf.lsh_config import LSHConfig
from albert_lsh_tf.ops.dropout import Dropout
from albert_lsh_tf.ops.hashing import Whitening
from albert_lsh_tf.ops.lsh_attention import lsh_attention, unit_keys


@tf_keras.utils.register_keras_serializable(package="albert_lsh_tf")
class LSHAttention(SelfAttention):
    """Self-attention in which a token attends to the tokens that hash alike.

    Stands wherever `tf_keras.layers.MultiHeadAttention` stands for self-attention: a
    subclass with the same variables, so pre-trained projections load unchanged. Time
    and memory grow with T rather than T * T. See `ops.lsh_attention` for the algorithm.

    Masks: [B, T], True at tokens; padding is never attended to, and what stands in it
    never changes a token; `LSHConfig.ignores_padding` says when its length does not.
    Dtypes: hashes and softmax are float32 under every policy. Seeds: `lsh_config.seed`
    and `depth` fix the buckets, in eager mode, in graphs, under XLA and after saving;
    dropout follows `tf.random.set_seed`. Any T is allowed; sequences that chunks cover
    (up to `chunk_length * (1 + min(chunks_before, chunks_after))` tokens) get dense
    attention.

    Example:
      >>> attention = LSHAttention(num_heads=12, key_dim=64)
      >>> hidden = tf.random.normal([2, 1000, 768])
      >>> is_token = tf.sequence_mask([1000, 700], 1000)
      >>> attention(hidden, hidden, attention_mask=is_token).shape
      TensorShape([2, 1000, 768])

    Args:
      num_heads: H.
      key_dim: D.
      lsh_config: an `LSHConfig`, its `to_dict()`, or None for the defaults.
      depth: index of the encoder layer this attends in; each has its own rotations.
      **kwargs: those of `tf_keras.layers.MultiHeadAttention`.
    """

    def __init__(
        self,
        num_heads: int,
        key_dim: int,
        lsh_config: LSHConfig | Mapping[str, Any] | None = None,
        depth: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(num_heads=num_heads, key_dim=key_dim, **kwargs)
        if lsh_config is None:
            lsh_config = LSHConfig.for_length(512, dense_below=None)
        elif not isinstance(lsh_config, LSHConfig):
            lsh_config = LSHConfig.from_dict(lsh_config, source="lsh_config")
        self.lsh_config = lsh_config
        self.depth = depth
        self.whitening: Whitening | None = None

    def set_whitening(self, query_HDD: np.ndarray, key_HDD: np.ndarray) -> None:
        """Stores what queries and keys are multiplied by before they are hashed.

        Args:
          query_HDD: [H, D, D], float.
          key_HDD: [H, D, D], float: the inverse, transposed.

        Raises:
          ValueError: `lsh_config.whiten` is off, or the layer was never called.
        """
        if self.whitening is None:
            raise ValueError(
                f"{self.name} has nothing to store whitening in; set whiten=True in "
                "its lsh_config, and call the layer once."
            )
        self.whitening.query_HDD.assign(query_HDD)
        self.whitening.key_HDD.assign(key_HDD)

    def _build_from_signature(self, query: Any, value: Any, key: Any = None) -> None:
        super()._build_from_signature(query, value, key)
        if self.lsh_config.whiten:
            self.whitening = Whitening(
                *(
                    self.add_weight(
                        name,
                        shape=[self._num_heads, self._key_dim, self._key_dim],
                        dtype=tf.float32,
                        initializer=_identities,
                        trainable=False,
                        # Hashes are float32 under every policy.
                        autocast=False,
                    )
                    for name in ("query_whitening", "key_whitening")
                )
            )

    def attend(
        self,
        query_BHTD: tf.Tensor,
        key_BHTD: tf.Tensor,
        value_BHTD: tf.Tensor,
        is_token_BT: tf.Tensor,
        *,
        is_global_BT: tf.Tensor | None,
        dropout: Dropout | None,
        training: bool,
    ) -> tf.Tensor:
        config = self.lsh_config
        if config.share_query_key:
            # Reformer: no scale, since a unit key already keeps logits small.
            key_BHTD = unit_keys(query_BHTD)
        else:
            query_BHTD = self._scaled(query_BHTD)
        in_training = tf.get_static_value(training)
        return lsh_attention(
            query_BHTD,
            key_BHTD,
            value_BHTD,
            is_token_BT,
            config=config,
            # A symbolic `training` has no known value: use the rounds of training.
            num_hashes=(
                config.evaluation_hashes
                if in_training is not None and not in_training
                else config.num_hashes
            ),
            seed=tf.constant([config.seed, self.depth], tf.int32),
            is_global_BT=is_global_BT,
            whitening=self.whitening and Whitening(*map(tf.identity, self.whitening)),
            dropout=dropout,
        )

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        config.update(lsh_config=self.lsh_config.to_dict(), depth=self.depth)
        return config


def _identities(shape: tf.TensorShape, dtype: tf.DType, **_: Any) -> tf.Tensor:
    return tf.eye(shape[1], batch_shape=[shape[0]], dtype=dtype)
