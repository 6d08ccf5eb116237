"""The encoders that are compared: ours, and Model Garden's."""

from typing import Any

import tf_keras
from official.nlp.modeling import layers as garden_layers
from official.nlp.modeling import networks as garden_networks
from official.projects.bigbird.encoder import BigBirdEncoder

from albert_lsh_tf.benchmark.points import Point, Work
from albert_lsh_tf.config import LSHConfig
from albert_lsh_tf.errors import InputError
from albert_lsh_tf.networks.albert_encoder import AlbertLSHEncoder

VOCAB_SIZE = 1000  # Small: word embeddings are the same for everybody.
EMBEDDING_WIDTH = 128
BIGBIRD_BLOCK = 64


def build_encoder(point: Point, work: Work) -> tf_keras.Model:
    """An untrained encoder of ALBERT's shape, without dropout.

    Args:
      point: which encoder, and for how many tokens.
      work: its size.

    Returns:
      A model of [word ids, mask, type ids], int32 [B, T] each, to a dict that has
      `sequence_output`, [B, T, M].

    Raises:
      InputError: the encoder cannot be built for that length.
    """
    sizes = dict(
        vocab_size=VOCAB_SIZE,
        embedding_width=EMBEDDING_WIDTH,
        hidden_size=work.hidden_size,
        num_attention_heads=work.num_heads,
        intermediate_size=4 * work.hidden_size,
        type_vocab_size=2,
        dropout_rate=0.0,
        attention_dropout_rate=0.0,
    )
    if point.kind == "garden-bigbird":
        return _bigbird(point.length, work.layers, sizes)
    sizes.update(num_layers=work.layers, max_sequence_length=point.length)
    if point.kind == "garden-dense":
        return garden_networks.AlbertEncoder(dict_outputs=True, **sizes)
    return AlbertLSHEncoder(**sizes, **attention_arguments(point))


def attention_arguments(point: Point) -> dict[str, Any]:
    """What sets one of our encoders apart from another."""
    attention, _, recompute = point.kind.partition("-")
    arguments: dict[str, Any] = {"attention": attention}
    if attention == "lsh":
        arguments["lsh_config"] = lsh_config_for(point.length, point.budget)
    if recompute:
        arguments["recompute"] = "block"
    return arguments


def lsh_config_for(length: int, budget: float) -> LSHConfig:
    """The recommended setting for a length and a share of dense attention's logits."""
    return LSHConfig.for_length(length, budget)


def _bigbird(length: int, num_layers: int, sizes: dict[str, Any]) -> tf_keras.Model:
    """Model Garden's BigBird with one layer, applied again and again as in ALBERT.

    Its own encoder has a layer of its own at each depth, so its weights, and in
    training their gradients, would not compare. Sharing them shares the random blocks.
    """
    num_blocks, rest = divmod(length, BIGBIRD_BLOCK)
    # Two blocks that everybody sees, three neighbours and three at random.
    if rest or num_blocks < 8:
        raise InputError(
            f"BigBird needs a multiple of {BIGBIRD_BLOCK} tokens, and at least "
            f"{8 * BIGBIRD_BLOCK}."
        )
    encoder = BigBirdEncoder(
        num_layers=1,
        max_position_embeddings=length,
        block_size=BIGBIRD_BLOCK,
        # Keras warns about its default, one unseeded initializer for all variables.
        initializer=tf_keras.initializers.TruncatedNormal(stddev=0.02, seed=0),
        **sizes,
    )
    (block,) = encoder.transformer_layers
    (masks,) = (
        layer.output
        for layer in encoder.layers
        if isinstance(layer, garden_layers.BigBirdMasks)
    )
    hidden = encoder.output["sequence_output"]
    for _ in range(num_layers - 1):
        hidden = block([hidden, masks])
    return tf_keras.Model(encoder.inputs, {"sequence_output": hidden})
