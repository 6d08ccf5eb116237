"""The shared block: config, depths, and Model Garden's block as its peer."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from official.modeling import activations
from official.nlp.modeling import layers as garden

from albert_lsh_tf.config import LSHConfig
from albert_lsh_tf.layers.embeddings import PositionEmbedding
from albert_lsh_tf.layers.encoder_block import SharedEncoderBlock
from albert_lsh_tf.layers.lsh_attention import LSHAttention
from albert_lsh_tf.layers.self_attention import DenseAttention
from albert_lsh_tf.networks.albert_encoder import AlbertLSHEncoder


def block(*attention_layers, **kwargs):
    layers = attention_layers or [DenseAttention(5, 4, name="self_attention")]
    return SharedEncoderBlock(layers, inner_dim=28, **kwargs)


def hidden(length=19):
    return tf.random.stateless_normal([2, length, 20], seed=[1, 2])


def test_equals_model_gardens_block():
    mask = tf.sequence_mask([19, 11], 19)
    peer = garden.TransformerEncoderBlock(5, 28, activations.gelu, name="transformer")
    expected = peer([hidden(), mask[:, tf.newaxis] & mask[:, :, tf.newaxis]])
    ours = block(name="transformer")
    ours(hidden(), attention_mask=mask)
    names = [[weight.name for weight in each.weights] for each in (ours, peer)]
    assert names[0] == names[1]
    ours.set_weights(peer.get_weights())
    output = ours(hidden(), attention_mask=mask)
    tokens = mask.numpy()
    np.testing.assert_allclose(output[tokens], expected[tokens], atol=1e-5)


def test_depths_share_variables_and_attend_on_their_own():
    config = LSHConfig(chunk_length=3)
    layers = [LSHAttention(5, 4, lsh_config=config, depth=depth) for depth in (0, 1)]
    layers.append(DenseAttention(5, 4))
    shared = block(*layers)
    outputs = [shared(hidden(), depth=depth).numpy() for depth in range(3)]
    assert len(shared.weights) == 16
    assert np.abs(outputs[0] - outputs[1]).max() > 1e-3
    assert np.abs(outputs[0] - outputs[2]).max() > 1e-3


def test_config_round_trip_loses_nothing():
    config = LSHConfig(chunk_length=3)
    layers = [DenseAttention(5, 4), LSHAttention(5, 4, lsh_config=config, depth=1)]
    shared = block(*layers, output_dropout=0.2, inner_activation="relu")
    shared(hidden())
    copy = SharedEncoderBlock.from_config(shared.get_config())
    copy(hidden())
    copy.set_weights(shared.get_weights())
    for depth in range(2):
        np.testing.assert_array_equal(
            copy(hidden(), depth=depth), shared(hidden(), depth=depth)
        )
    assert copy.output_dropout == 0.2
    assert copy.inner_activation is shared.inner_activation


def test_dropout_is_for_training_only():
    shared = block(output_dropout=0.5)
    np.testing.assert_array_equal(shared(hidden()), shared(hidden()))
    assert np.abs(shared(hidden(), training=True) - shared(hidden())).max() > 1e-2


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16", "mixed_float16"])
def test_training_may_be_a_tensor(policy):
    tf_keras.mixed_precision.set_global_policy(policy)
    shared = block(DenseAttention(5, 4, dropout=0.5), output_dropout=0.5)
    evaluated = shared(hidden(), training=False)
    call = tf.function(lambda training: shared(hidden(), training=training))
    np.testing.assert_allclose(call(tf.constant(False)), evaluated, atol=0.05)
    assert np.abs(call(tf.constant(True)) - evaluated).max() > 0.2


def test_positions_are_the_first_rows_of_the_table():
    layer = PositionEmbedding(11)
    output = layer(tf.zeros([2, 7, 5]))
    np.testing.assert_array_equal(output[0], layer.embeddings[:7])
    copy = PositionEmbedding.from_config(layer.get_config())
    assert copy.max_length == 11


def test_more_tokens_than_positions_are_refused_in_python_and_in_the_graph():
    layer = PositionEmbedding(11)
    with pytest.raises(ValueError, match="12 tokens.*11 positions"):
        layer(tf.zeros([2, 12, 5]))
    any_length = tf.function(layer, input_signature=[tf.TensorSpec([None, None, 5])])
    any_length(tf.zeros([2, 11, 5]))
    with pytest.raises(tf.errors.InvalidArgumentError, match="11 positions"):
        any_length(tf.zeros([2, 12, 5]))


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize("attention", ["dense", "lsh"])
def test_recomputing_gives_the_same_gradients_with_dropout(attention, policy):
    """The second computation drops what the first one dropped."""
    tf_keras.mixed_precision.set_global_policy(policy)

    def gradients(recompute):
        encoder = AlbertLSHEncoder(
            31,
            hidden_size=12,
            embedding_width=6,
            num_layers=2,
            num_attention_heads=2,
            intermediate_size=20,
            dropout_rate=0.3,
            attention_dropout_rate=0.3,
            attention=attention,
            lsh_config=LSHConfig.for_length(64),
            recompute=recompute,
        )
        rng = np.random.default_rng(0)
        for variable in encoder.trainable_variables:
            variable.assign(rng.normal(scale=0.3, size=variable.shape))
        ids = tf.constant(rng.integers(0, 31, size=(2, 64)), tf.int32)

        @tf.function
        def step():
            with tf.GradientTape() as tape:
                outputs = encoder([ids, ids * 0 + 1, ids * 0], training=True)
                loss = tf.reduce_mean(outputs["sequence_output"] ** 3)
            return loss, tape.gradient(loss, encoder.trainable_variables)

        tf.random.set_seed(7)
        return step()

    (loss, kept), (same_loss, recomputed) = gradients(None), gradients("block")
    assert float(loss) == pytest.approx(float(same_loss), rel=1e-6)
    for one, other in zip(kept, recomputed, strict=True):
        if one is not None:
            one, other = map(tf.convert_to_tensor, (one, other))
            assert one.dtype == other.dtype == tf.float32
            np.testing.assert_allclose(one, other, atol=1e-5)


def test_unknown_recompute_is_refused():
    with pytest.raises(ValueError, match="recompute='all' is unknown"):
        SharedEncoderBlock([DenseAttention(2, 4)], 8, recompute="all")
