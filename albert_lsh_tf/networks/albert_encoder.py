"""The ALBERT encoder, with dense or LSH attention at every depth."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import tensorflow as tf
import tf_keras
from official.modeling import tf_utils

from albert_lsh_tf.config import AlbertConfig, LSHConfig, check_attention_kinds
from albert_lsh_tf.errors import InputError
from albert_lsh_tf.layers import initializers
from albert_lsh_tf.layers.embeddings import PositionEmbedding
from albert_lsh_tf.layers.encoder_block import SharedEncoderBlock
from albert_lsh_tf.layers.keras_version import refuse_keras_3
from albert_lsh_tf.layers.layer_norm import LayerNorm
from albert_lsh_tf.layers.lsh_attention import LSHAttention
from albert_lsh_tf.layers.self_attention import DenseAttention, SelfAttention
from albert_lsh_tf.networks.calibration import calibrate
from albert_lsh_tf.ops.activations import gelu


@tf_keras.utils.register_keras_serializable(package="albert_lsh_tf")
class AlbertLSHEncoder(tf_keras.Model):
    """Model Garden's `networks.AlbertEncoder` with its attention replaced.

    The same constructor arguments, inputs and outputs, and the same 25 variables with
    the same names and shapes. With `attention="dense"` it computes the same; unlike the
    original it builds no [B, T, T] mask, has 2 token types as the checkpoints do, gives
    dict outputs unless told otherwise, and has every argument in `get_config`; not
    `trainable` and the dtype policy, which are those of the layers.

    Inputs, as a list in this order or a dict by these names, int32 [B, T], T up to
    `max_sequence_length`:
      input_word_ids: pieces of the vocabulary.
      input_mask: 1 at tokens, 0 at padding.
      input_type_ids: 0 in the first segment, 1 in the second.

    Outputs, float32:
      sequence_output: [B, T, M], the last layer.
      pooled_output: [B, M], tanh of a dense layer on the first token.
      encoder_outputs: [B, T, M] of each layer, in order.

    Example:
      >>> encoder = AlbertLSHEncoder(vocab_size=30000, lsh_config=LSHConfig(seed=7))
      >>> ids = tf.ones([1, 300], tf.int32)
      >>> encoder([ids, ids, ids * 0])["pooled_output"].shape
      TensorShape([1, 768])

    Args:
      vocab_size: V.
      embedding_width: E; None for `hidden_size`.
      hidden_size: M.
      num_layers: how often the shared block is applied.
      num_attention_heads: H; must divide `hidden_size`.
      max_sequence_length: positions in the table.
      type_vocab_size: token types.
      intermediate_size: F.
      activation: of the feed-forward layer; GELU in its tanh form, as in training.
      dropout_rate: on embeddings and after attention and feed-forward.
      attention_dropout_rate: on attention weights.
      initializer: of all kernels and tables.
      dict_outputs: False gives [sequence_output, pooled_output].
      attention: "lsh" or "dense" for all layers, or a list with one for each.
      lsh_config: an `LSHConfig`, its `to_dict()`, or None for what
        `LSHConfig.for_length(max_sequence_length, dense_below=None)` recommends.
      recompute: "block" keeps the input of each block alone for the backward pass and
        computes the block a second time there: slower, with far less memory.
      **kwargs: `name` and the like, for `tf_keras.Model`.

    Raises:
      InputError: an unknown attention, or not as many as layers; heads that do not
        divide `hidden_size`.
      TypeError: a Keras 3 object was passed in.
    """

    def __init__(
        self,
        vocab_size: int,
        embedding_width: int | None = 128,
        hidden_size: int = 768,
        num_layers: int = 12,
        num_attention_heads: int = 12,
        max_sequence_length: int = 512,
        type_vocab_size: int = 2,
        intermediate_size: int = 3072,
        activation: Any = gelu,
        dropout_rate: float = 0.1,
        attention_dropout_rate: float = 0.1,
        initializer: Any = None,
        dict_outputs: bool = True,
        attention: str | Sequence[str] = "lsh",
        lsh_config: LSHConfig | Mapping[str, Any] | None = None,
        recompute: str | None = None,
        **kwargs: Any,
    ) -> None:
        refuse_keras_3(activation=activation, initializer=initializer)
        activation = tf_keras.activations.get(activation)
        initializer = initializers.of_weights(initializer)
        if lsh_config is None:
            lsh_config = LSHConfig.for_length(max_sequence_length, dense_below=None)
        elif not isinstance(lsh_config, LSHConfig):
            lsh_config = LSHConfig.from_dict(lsh_config, source="lsh_config")
        if not isinstance(attention, str):
            attention = tuple(attention)
        embedding_width = embedding_width or hidden_size

        def embedding(num_rows: int, name: str) -> tf_keras.layers.Layer:
            return tf_keras.layers.Embedding(
                num_rows,
                embedding_width,
                embeddings_initializer=tf_utils.clone_initializer(initializer),
                name=name,
            )

        word_ids, mask, type_ids = (
            tf_keras.Input([None], dtype=tf.int32, name=name)
            for name in ("input_word_ids", "input_mask", "input_type_ids")
        )
        embedding_layer = embedding(vocab_size, "word_embeddings")
        word_embeddings = embedding_layer(word_ids)
        position_layer = PositionEmbedding(
            max_sequence_length,
            initializer=tf_utils.clone_initializer(initializer),
            name="position_embedding",
        )
        position_embeddings = position_layer(word_embeddings)
        type_embeddings = embedding(type_vocab_size, "type_embeddings")(type_ids)
        hidden = word_embeddings + position_embeddings + type_embeddings
        hidden = LayerNorm(
            epsilon=1e-12, dtype=tf.float32, name="embeddings/layer_norm"
        )(hidden)
        hidden = tf_keras.layers.Dropout(dropout_rate)(hidden)
        if embedding_width != hidden_size:
            hidden = tf_keras.layers.Dense(
                hidden_size,
                kernel_initializer=tf_utils.clone_initializer(initializer),
                name="embedding_projection",
            )(hidden)

        if hidden_size % num_attention_heads:
            raise InputError(
                f"hidden_size={hidden_size} must be a multiple of "
                f"num_attention_heads={num_attention_heads}."
            )
        block = SharedEncoderBlock(
            _attention_layers(
                check_attention_kinds(attention, num_layers),
                lsh_config,
                num_heads=num_attention_heads,
                key_dim=hidden_size // num_attention_heads,
                dropout=attention_dropout_rate,
                kernel_initializer=initializer,
            ),
            inner_dim=intermediate_size,
            inner_activation=activation,
            output_dropout=dropout_rate,
            kernel_initializer=tf_utils.clone_initializer(initializer),
            recompute=recompute,
            name="transformer",
        )
        is_token = tf.cast(mask, tf.bool)
        encoder_outputs = []
        block_inputs = []
        for depth in range(num_layers):
            block_inputs.append(hidden)
            hidden = block(hidden, attention_mask=is_token, depth=depth)
            encoder_outputs.append(hidden)

        pooler_layer = tf_keras.layers.Dense(
            hidden_size,
            activation="tanh",
            kernel_initializer=tf_utils.clone_initializer(initializer),
            name="pooler_transform",
        )
        pooled = tf.cast(pooler_layer(hidden[:, 0]), tf.float32)
        outputs = [hidden, pooled]
        if dict_outputs:
            outputs = dict(
                sequence_output=hidden,
                pooled_output=pooled,
                encoder_outputs=encoder_outputs,
            )
        super().__init__(inputs=[word_ids, mask, type_ids], outputs=outputs, **kwargs)
        self._embedding_layer = embedding_layer
        self._pooler_layer = pooler_layer
        # Functions, since Keras would track what they hold, and put it in checkpoints.
        self._list_attention_layers = lambda: list(block.attention_layers)
        self._make_block_inputs_model = lambda: tf_keras.Model(
            self.inputs, block_inputs
        )
        self._make_config = lambda: dict(
            vocab_size=vocab_size,
            embedding_width=embedding_width,
            hidden_size=hidden_size,
            num_layers=num_layers,
            num_attention_heads=num_attention_heads,
            max_sequence_length=max_sequence_length,
            type_vocab_size=type_vocab_size,
            intermediate_size=intermediate_size,
            activation=tf_keras.activations.serialize(activation),
            dropout_rate=dropout_rate,
            attention_dropout_rate=attention_dropout_rate,
            initializer=tf_keras.initializers.serialize(initializer),
            dict_outputs=dict_outputs,
            attention=attention if isinstance(attention, str) else list(attention),
            lsh_config=lsh_config.to_dict(),
            recompute=recompute,
            name=self.name,
        )

    @classmethod
    def from_albert_config(
        cls,
        config: AlbertConfig,
        attention: str | Sequence[str] = "lsh",
        lsh_config: LSHConfig | Mapping[str, Any] | None = None,
        *,
        dropout_rate: float | None = None,
        attention_dropout_rate: float | None = None,
        **kwargs: Any,
    ) -> "AlbertLSHEncoder":
        """An encoder of the shape that an albert_config.json describes, untrained.

        Args:
          config: the architecture.
          attention: see the class.
          lsh_config: see the class.
          dropout_rate: instead of the config's hidden_dropout_prob.
          attention_dropout_rate: instead of its attention_probs_dropout_prob.
          **kwargs: further arguments of the class.

        Returns:
          The encoder.
        """
        return cls(
            vocab_size=config.vocab_size,
            embedding_width=config.embedding_size,
            hidden_size=config.hidden_size,
            num_layers=config.num_hidden_layers,
            num_attention_heads=config.num_attention_heads,
            max_sequence_length=config.max_position_embeddings,
            type_vocab_size=config.type_vocab_size,
            intermediate_size=config.intermediate_size,
            activation=activation_named(config.hidden_act),
            dropout_rate=(
                config.hidden_dropout_prob if dropout_rate is None else dropout_rate
            ),
            attention_dropout_rate=(
                config.attention_probs_dropout_prob
                if attention_dropout_rate is None
                else attention_dropout_rate
            ),
            initializer=tf_keras.initializers.TruncatedNormal(
                stddev=config.initializer_range
            ),
            attention=attention,
            lsh_config=lsh_config,
            **kwargs,
        )

    @property
    def pooler_layer(self) -> tf_keras.layers.Layer:
        """The dense layer behind `pooled_output`."""
        return self._pooler_layer

    @property
    def attention_layers(self) -> list[SelfAttention]:
        """The attention layer of each depth; they share their projections."""
        return self._list_attention_layers()

    def block_inputs(self, inputs: Mapping[str, tf.Tensor]) -> list[tf.Tensor]:
        """What enters the block at each depth: [B, T, M], float32.

        Args:
          inputs: what the encoder takes.
        """
        outputs = self._make_block_inputs_model()(inputs)
        return outputs if isinstance(outputs, list) else [outputs]

    def calibrate(self, batches: Iterable[Mapping[str, tf.Tensor]]) -> None:
        """Measures covariances on real text, for hashing with `whiten`.

        Once is enough; they are stored with the weights. Without it `whiten` changes
        nothing.

        Args:
          batches: a few inputs of the encoder, as dicts. Some thousand tokens do.

        Raises:
          InputError: no layer hashes with `whiten` (up to 4096 tokens `for_length`
            does not hash), or there is no token.
        """
        layers = {
            depth: layer
            for depth, layer in enumerate(self.attention_layers)
            if isinstance(layer, LSHAttention)
            and layer.lsh_config.whiten
            and layer.lsh_config.hashes
        }
        calibrate(layers, self.block_inputs, batches)

    def get_embedding_table(self) -> tf.Variable:
        """Word embeddings: [V, E]."""
        return self._embedding_layer.embeddings

    def get_config(self) -> dict[str, Any]:
        return self._make_config()

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None
    ) -> "AlbertLSHEncoder":
        del custom_objects
        return cls(**config)


def activation_named(name: str) -> Any:
    """The function that `hidden_act` of an albert_config.json means.

    Args:
      name: "gelu" is the tanh form, as in Google's files; "gelu_erf", a name of this
        project's, is the one with the error function, which Keras and Hugging Face
        call "gelu". Others are Keras's.

    Raises:
      InputError: there is no such function.
    """
    own = {"gelu": gelu, "gelu_erf": tf_keras.activations.gelu}
    try:
        return own.get(name.lower()) or tf_utils.get_activation(name)
    except ValueError as error:
        raise InputError(
            f"hidden_act={name!r} is no activation of Keras's; ALBERT's is 'gelu'."
        ) from error


def _attention_layers(
    kinds: Sequence[str], lsh_config: LSHConfig, **kwargs: Any
) -> list[SelfAttention]:
    """One attention layer for each depth; the dense ones are one and the same."""
    dense = None
    layers: list[SelfAttention] = []
    for depth, kind in enumerate(kinds):
        name = "self_attention" if depth == 0 else f"self_attention_{depth}"
        if kind == "lsh":
            layer = LSHAttention(
                lsh_config=lsh_config, depth=depth, name=name, **kwargs
            )
        else:
            layer = dense = dense or DenseAttention(name=name, **kwargs)
        layers.append(layer)
    return layers
