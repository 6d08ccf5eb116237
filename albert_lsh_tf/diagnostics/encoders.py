"""The same weights with another attention, and what happens inside an encoder."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import tensorflow as tf
import tf_keras

from albert_lsh_tf.layers.encoder_block import SharedEncoderBlock
from albert_lsh_tf.layers.self_attention import SelfAttention
from albert_lsh_tf.lsh_config import LSHConfig
from albert_lsh_tf.networks.albert_encoder import AlbertLSHEncoder

Inputs = Mapping[str, np.ndarray]
INPUT_NAMES = ("input_word_ids", "input_mask", "input_type_ids")


class Heads(NamedTuple):
    """What a layer projects its input to: [B, H, T, D] each, float32.

    The query is not scaled.
    """

    query_BHTD: tf.Tensor
    key_BHTD: tf.Tensor
    value_BHTD: tf.Tensor


def with_attention(
    encoder: AlbertLSHEncoder, attention: str, lsh_config: LSHConfig | None = None
) -> AlbertLSHEncoder:
    """A copy of an encoder, with its weights, that attends in another way."""
    settings = {**encoder.get_config(), "attention": attention}
    if lsh_config is not None:
        settings["lsh_config"] = lsh_config.to_dict()
    copy = AlbertLSHEncoder.from_config(settings)
    weights = {variable.name: variable for variable in encoder.variables}
    for variable in copy.variables:
        variable.assign(weights[variable.name])
    return copy


def states_of(encoder: AlbertLSHEncoder) -> Callable[[Inputs], list[tf.Tensor]]:
    """A function to the states of an encoder.

    Returns:
      From a batch of inputs to [B, T, M] for the input of the first layer and for the
      output of each layer, in order.
    """
    block = block_of(encoder)
    # One application of the shared block for each layer, as the encoder was built.
    outputs = [
        block.get_output_at(depth)
        for depth in range(encoder.get_config()["num_layers"])
    ]
    states = tf_keras.Model(encoder.inputs, [block.get_input_at(0), *outputs])

    def run(inputs: Inputs) -> list[tf.Tensor]:
        return states([inputs[name] for name in INPUT_NAMES], training=False)

    return run


def block_of(encoder: AlbertLSHEncoder) -> SharedEncoderBlock:
    """The block that the encoder applies at every depth."""
    return next(
        layer for layer in encoder.layers if isinstance(layer, SharedEncoderBlock)
    )


def project_heads(layer: SelfAttention, hidden_BTM: tf.Tensor) -> Heads:
    """Queries, keys and values of a layer for its input."""
    # The names of the base, `tf_keras.layers.MultiHeadAttention`.
    projections = layer._query_dense, layer._key_dense, layer._value_dense
    return Heads(
        *(
            tf.cast(tf.transpose(projection(hidden_BTM), [0, 2, 1, 3]), tf.float32)
            for projection in projections
        )
    )
