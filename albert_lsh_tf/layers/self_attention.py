"""Multi-head self-attention with a padding mask per row, dense; the base of LSH."""

import abc
import math
from typing import Any

import tensorflow as tf
import tf_keras

from albert_lsh_tf.layers.keras_version import refuse_keras_3
from albert_lsh_tf.layers.without_autograph import without_autograph
from albert_lsh_tf.ops.branching import length_of
from albert_lsh_tf.ops.dense_attention import dense_attention
from albert_lsh_tf.ops.dropout import Dropout
from albert_lsh_tf.ops.projection import project


class SelfAttention(tf_keras.layers.MultiHeadAttention, abc.ABC):
    """`tf_keras.layers.MultiHeadAttention` for one sequence that attends to itself.

    Projections have its names and shapes: query, key and value kernels [M, H, D],
    output kernel [H, D, M]. Subclasses say how heads attend (`attend`). Differences:

    - `attention_mask` is [B, T], True at tokens and False at padding; also [B, 1, T]
      and [B, 1, 1, T]. A mask for every pair ([B, T, T]) is refused, since its memory
      alone would undo what hashing saves.
    - A row with nothing to attend to gives the output projection's bias.
    - Softmax runs in float32 whatever the policy.
    - No attention scores, no causal mask, no cross-attention, no ragged tensors: each
      is refused with a line that says so.

    Args:
      num_heads: H.
      key_dim: D.
      **kwargs: those of `MultiHeadAttention`; `attention_axes` must stay unset.
    """

    def __init__(self, num_heads: int, key_dim: int, **kwargs: Any) -> None:
        refuse_keras_3(**kwargs)
        super().__init__(num_heads=num_heads, key_dim=key_dim, **kwargs)
        if self._attention_axes not in (None, (1,)):
            raise ValueError(
                f"attention_axes={self._attention_axes} is not supported: attention "
                "runs over the token axis of [B, T, M]; leave it unset."
            )
        self._projection_owner = None

    @property
    def dropout_rate(self) -> float:
        """Share of the attention weights that is dropped in training."""
        return self._dropout

    def share_projections_of(self, owner: "SelfAttention") -> None:
        """Uses the four projections of another layer instead of making its own.

        Raises:
          ValueError: this layer has made its own already.
        """
        if self._built_from_signature:
            raise ValueError(
                f"{self.name} already has projections of its own; share before the "
                "first call."
            )
        self._projection_owner = owner

    @abc.abstractmethod
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
        """Attention of projected heads; the query is not scaled yet."""

    def __call__(self, *args: Any, **kwargs: Any) -> tf.Tensor:
        refuse_keras_3(**{f"input {n}": each for n, each in enumerate(args)}, **kwargs)
        if len(args) < 2 and kwargs.get("value") is None:
            # Mixed precision casts the first argument alone, which loses its mask.
            kwargs["value"] = args[0] if args else kwargs["query"]
        return super().__call__(*args, **kwargs)

    @without_autograph
    def call(
        self,
        query: tf.Tensor,
        value: tf.Tensor | None = None,
        key: tf.Tensor | None = None,
        attention_mask: tf.Tensor | None = None,
        return_attention_scores: bool = False,
        training: bool | None = None,
        use_causal_mask: bool = False,
        global_mask: tf.Tensor | None = None,
        dropout_seed: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """Attends.

        Args:
          query: [B, T, M], float.
          value: the same sequence; unset means `query`.
          key: the same sequence; unset means `value`.
          attention_mask: [B, T], True (or not 0) at tokens; unset means the Keras mask
            of the inputs, or that all are tokens.
          return_attention_scores: must be False.
          training: whether to drop attention weights.
          use_causal_mask: must be False.
          global_mask: [B, T], True at tokens that every token shall attend to. Dense
            attention has them anyway. LSH attention gives them places among its
            `heavy_keys + global_tokens`, from the front, and drops what is more.
          dropout_seed: [2], int32: the same seed drops the same weights; unset: drawn
            from the global generator.

        Returns:
          [B, T, M] in the compute dtype.

        Raises:
          ValueError: an argument that this layer does not support, as a `global_mask`
            where LSH attention lists no keys.
        """
        value = query if value is None else value
        if return_attention_scores:
            raise ValueError(
                f"{type(self).__name__} never holds a [T, T] tensor, so it has no "
                "attention scores to return; leave return_attention_scores=False."
            )
        if use_causal_mask:
            raise ValueError(
                f"{type(self).__name__} is bidirectional, as ALBERT is; leave "
                "use_causal_mask=False."
            )
        for name, each in (("query", query), ("value", value), ("key", key)):
            if isinstance(each, tf.RaggedTensor):
                raise ValueError(
                    f"{name} is ragged; pass {name}.to_tensor() and an attention_mask "
                    "of the row lengths."
                )
            if each is not None and not query.shape[1:2].is_compatible_with(
                each.shape[1:2]
            ):
                raise ValueError(
                    f"{type(self).__name__} is for self-attention, but query has "
                    f"{query.shape[1]} tokens and {name} {each.shape[1]}; use "
                    "tf_keras.layers.MultiHeadAttention across sequences."
                )
        if not self._built_from_signature:
            self._build_from_signature(query=query, value=value, key=key)
        key = value if key is None else key
        training = False if training is None else training
        output_BHTD = self.attend(
            self._heads_of(self._query_dense, query),
            self._heads_of(self._key_dense, key),
            self._heads_of(self._value_dense, value),
            self._compute_attention_mask(query, value, key, attention_mask),
            is_global_BT=None if global_mask is None else tf.cast(global_mask, tf.bool),
            dropout=Dropout.when_training(self._dropout, training, dropout_seed),
            training=training,
        )
        return self._output_of(output_BHTD)

    def heads(self, inputs: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """What attends: queries, keys and values of a sequence.

        Args:
          inputs: [B, T, M], float; this layer must have been called before.

        Returns:
          [B, H, T, D] each, in the compute dtype; queries scaled by 1 / sqrt(D).
        """
        return (
            self._scaled(self._heads_of(self._query_dense, inputs)),
            self._heads_of(self._key_dense, inputs),
            self._heads_of(self._value_dense, inputs),
        )

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "SelfAttention":
        """A layer from `get_config`. Its variables are made at the first call."""
        shapes = ("query_shape", "key_shape", "value_shape")
        return cls(**{key: config[key] for key in config if key not in shapes})

    def _build_from_signature(self, query: Any, value: Any, key: Any = None) -> None:
        owner = self._projection_owner
        if owner is None:
            super()._build_from_signature(query, value, key)
            return
        if not owner._built_from_signature:
            owner._build_from_signature(query, value, key)
        for name in (
            "_query_shape",
            "_key_shape",
            "_value_shape",
            "_query_dense",
            "_key_dense",
            "_value_dense",
            "_output_dense",
        ):
            setattr(self, name, getattr(owner, name))
        self._built_from_signature = True

    def _build_attention(self, rank: int) -> None:
        """Nothing: `attend` needs neither the einsums nor the softmax of the base."""

    def _compute_attention_mask(
        self,
        query: tf.Tensor,
        value: tf.Tensor,
        key: tf.Tensor | None = None,
        attention_mask: tf.Tensor | None = None,
        use_causal_mask: bool = False,
    ) -> tf.Tensor:
        """All masks of keys together: [B, T], bool."""
        masks = [getattr(each, "_keras_mask", None) for each in (value, key)]
        if attention_mask is not None:
            masks.append(_padding_mask(attention_mask))
        masks = [tf.cast(mask, tf.bool) for mask in masks if mask is not None]
        if not masks:
            return tf.ones(tf.shape(query)[:2], tf.bool)
        is_token_BT = masks[0]
        for mask in masks[1:]:
            is_token_BT &= mask
        return is_token_BT

    def _heads_of(
        self, projection: tf_keras.layers.EinsumDense, x: tf.Tensor
    ) -> tf.Tensor:
        """[B, T, M] to [B, H, T, D], in the compute dtype."""
        if not projection.built:
            projection(x)
        x = tf.cast(x, self.compute_dtype)
        width, num_heads, head_width = projection.kernel.shape
        kernel = self._parameter(projection.kernel, [width, num_heads * head_width])
        bias = self._parameter(projection.bias, [num_heads * head_width])
        x = project(x, kernel, bias)
        sizes = [length_of(x, 0), length_of(x, 1), num_heads, head_width]
        return tf.transpose(tf.reshape(x, sizes), [0, 2, 1, 3])

    def _output_of(self, x_BHTD: tf.Tensor) -> tf.Tensor:
        """[B, H, T, D] to [B, T, M]."""
        x_BTHD = tf.transpose(x_BHTD, [0, 2, 1, 3])
        if not self._output_dense.built:
            self._output_dense(x_BTHD)
        num_heads, head_width, width = self._output_dense.kernel.shape
        rows = num_heads * head_width
        kernel = self._parameter(self._output_dense.kernel, [rows, width])
        bias = self._parameter(self._output_dense.bias, [width])
        sizes = [length_of(x_BTHD, 0), length_of(x_BTHD, 1), rows]
        return project(tf.reshape(x_BTHD, sizes), kernel, bias)

    def _parameter(
        self, variable: tf.Variable | None, shape: list[int]
    ) -> tf.Tensor | None:
        """A variable in the compute dtype, to which Keras casts inside a call alone."""
        if variable is None:
            return None
        return tf.reshape(tf.cast(variable, self.compute_dtype), shape)

    def _scaled(self, query: tf.Tensor) -> tf.Tensor:
        return query * (1.0 / math.sqrt(self._key_dim))


@tf_keras.utils.register_keras_serializable(package="albert_lsh_tf")
class DenseAttention(SelfAttention):
    """Every token attends to every token: `SelfAttention` as ALBERT has it.

    The peer of `LSHAttention`: same arguments, same variables, same masks.
    """

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
        del is_global_BT, training
        return dense_attention(
            self._scaled(query_BHTD),
            key_BHTD,
            value_BHTD,
            is_token_BT,
            dropout=dropout,
        )


def _padding_mask(attention_mask: tf.Tensor) -> tf.Tensor:
    """[B, T], [B, 1, T] or [B, 1, 1, T] as [B, T]; anything else is refused."""
    attention_mask = tf.convert_to_tensor(attention_mask)
    shape = attention_mask.shape
    middle = shape[1:-1]
    if shape.rank not in (2, 3, 4) or any(axis != 1 for axis in middle):
        raise ValueError(
            f"attention_mask has shape {tuple(shape)}; expected [B, T] with True at "
            "tokens and False at padding (or [B, 1, T], [B, 1, 1, T]). A mask for "
            "every pair of tokens is not supported: pass the encoder's input_mask."
        )
    for _ in middle:
        attention_mask = tf.squeeze(attention_mask, axis=1)
    return attention_mask
