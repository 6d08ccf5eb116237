"""The encoder against Model Garden's, and what it adds to it."""

import keras as keras_3
import numpy as np
import pytest
import scipy.special
import tensorflow as tf
import tf_keras
from official.nlp.modeling import networks

from albert_lsh_tf.config import AlbertConfig, LSHConfig
from albert_lsh_tf.errors import InputError
from albert_lsh_tf.networks.albert_encoder import AlbertLSHEncoder, activation_named

SIZES = dict(
    vocab_size=31,
    embedding_width=6,
    hidden_size=20,
    num_layers=3,
    num_attention_heads=5,
    max_sequence_length=67,
    type_vocab_size=2,
    intermediate_size=28,
)
CONFIG = LSHConfig(chunk_length=7, seed=5)
MIXED = ["dense", "lsh", "lsh"]
each_attention = pytest.mark.parametrize("attention", ["dense", "lsh", MIXED])


def encoder(attention="lsh", **kwargs):
    return AlbertLSHEncoder(
        **{"attention": attention, "lsh_config": CONFIG, **SIZES, **kwargs}
    )


def inputs(length=41):
    rng = np.random.default_rng(0)
    return {
        "input_word_ids": tf.constant(rng.integers(0, 31, (2, length)), tf.int32),
        "input_mask": tf.sequence_mask([length, length // 2], length, dtype=tf.int32),
        "input_type_ids": tf.constant(rng.integers(0, 2, (2, length)), tf.int32),
    }


def garden_encoder(**kwargs):
    return networks.AlbertEncoder(**{**SIZES, "dict_outputs": True, **kwargs})


@each_attention
def test_has_the_25_variables_of_model_garden(attention):
    ours, peer = encoder(attention), garden_encoder()
    described = [
        [(weight.name, tuple(weight.shape)) for weight in each.trainable_variables]
        for each in (ours, peer)
    ]
    assert described[0] == described[1]
    assert len(ours.variables) == 25


def test_dense_equals_model_garden():
    ours, peer = encoder("dense"), garden_encoder()
    # Larger weights than the initial ones, so that attention is not near uniform.
    weights = [5 * weight for weight in peer.get_weights()]
    ours.set_weights(weights)
    peer.set_weights(weights)
    output, expected = ours(inputs()), peer(list(inputs().values()))
    assert set(output) == set(expected)
    assert len(output["encoder_outputs"]) == 3
    for one, other in zip(
        tf.nest.flatten(output), tf.nest.flatten(expected), strict=True
    ):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_lsh_equals_dense_where_chunks_cover_the_sequence_and_not_beyond():
    lsh, dense = encoder("lsh"), encoder("dense")
    dense.set_weights([5 * weight for weight in lsh.get_weights()])
    lsh.set_weights(dense.get_weights())
    for length, equal in ((14, True), (41, False)):
        difference = np.abs(
            lsh(inputs(length))["sequence_output"]
            - dense(inputs(length))["sequence_output"]
        ).max()
        assert (difference < 1e-5) == equal


@each_attention
def test_checkpoints_of_model_garden_load_by_object(attention, tmp_path):
    peer, ours = garden_encoder(), encoder(attention)
    path = tf.train.Checkpoint(model=peer).write(str(tmp_path / "checkpoint"))
    status = tf.train.Checkpoint(model=ours).read(path)
    status.assert_existing_objects_matched().assert_consumed()
    for one, other in zip(ours.get_weights(), peer.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@each_attention
def test_config_round_trip_loses_nothing(attention):
    original = encoder(
        attention, dropout_rate=0.3, activation="relu", dict_outputs=False, name="named"
    )
    copy = AlbertLSHEncoder.from_config(original.get_config())
    assert copy.get_config() == original.get_config()
    assert copy.name == "named"
    copy.set_weights(original.get_weights())
    for one, other in zip(copy(inputs()), original(inputs()), strict=True):
        np.testing.assert_array_equal(one, other)


@each_attention
def test_saving_and_loading_keeps_outputs_at_several_lengths(attention, tmp_path):
    original = encoder(attention)
    original.save(tmp_path / "saved_model")
    original.save(tmp_path / "encoder.keras")
    plain = tf.saved_model.load(str(tmp_path / "saved_model"))
    revived = tf_keras.models.load_model(tmp_path / "encoder.keras")
    for length in (3, 14, 41, 67):
        expected = original(inputs(length))["pooled_output"]
        by_position = list(inputs(length).values())
        np.testing.assert_allclose(
            plain(by_position)["pooled_output"], expected, atol=1e-6
        )
        np.testing.assert_allclose(
            revived(inputs(length))["pooled_output"], expected, atol=1e-6
        )


@each_attention
def test_every_variable_gets_a_gradient(attention):
    model = encoder(attention)
    with tf.GradientTape() as tape:
        outputs = model(inputs(), training=True)
        loss = tf.reduce_sum(outputs["pooled_output"] ** 2)
        loss += tf.reduce_sum(outputs["sequence_output"] ** 3)
    gradients = tape.gradient(loss, model.trainable_variables)
    for gradient, variable in zip(gradients, model.trainable_variables, strict=True):
        assert gradient is not None, variable.name
        assert np.isfinite(tf.convert_to_tensor(gradient)).all(), variable.name


@each_attention
def test_padding_never_changes_a_token(attention):
    model, original = encoder(attention), inputs()
    is_token = tf.cast(original["input_mask"], tf.bool)
    changed = dict(original)
    for name, other in (("input_word_ids", 7), ("input_type_ids", 1)):
        changed[name] = tf.where(is_token, original[name], other)
    tokens = is_token.numpy()
    np.testing.assert_array_equal(
        model(original)["sequence_output"].numpy()[tokens],
        model(changed)["sequence_output"].numpy()[tokens],
    )


@each_attention
@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_half_precision_gives_finite_float32_outputs(attention, policy):
    tf_keras.mixed_precision.set_global_policy(policy)
    model = encoder(attention)
    outputs = model(inputs())
    assert outputs["pooled_output"].dtype == tf.float32
    assert outputs["sequence_output"].dtype == tf.float32
    assert np.isfinite(outputs["sequence_output"]).all()
    assert all(variable.dtype == tf.float32 for variable in model.variables)


def test_xla_compiles_a_training_step():
    model = encoder("lsh", dropout_rate=0.0, attention_dropout_rate=0.0)

    def loss_and_gradient(features):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(model(features)["sequence_output"] ** 3)
        return loss, tape.gradient(loss, model.trainable_variables[7])

    eager = loss_and_gradient(inputs())
    compiled = tf.function(loss_and_gradient, jit_compile=True)(inputs())
    for one, other in zip(eager, compiled, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-5)


def test_a_list_of_attentions_must_name_every_layer():
    with pytest.raises(ValueError, match="names 2 layers, but the encoder has 3"):
        encoder(["dense", "lsh"])
    with pytest.raises(ValueError, match="attention='sparse' is unknown"):
        encoder("sparse")


def test_heads_must_divide_the_width():
    with pytest.raises(InputError, match="hidden_size=16 must be a multiple of num_a"):
        encoder(hidden_size=16, num_attention_heads=3)


def test_too_long_a_sequence_is_refused_by_name():
    with pytest.raises((ValueError, tf.errors.InvalidArgumentError), match="67 pos"):
        encoder()(inputs(68))


def test_keras_3_objects_are_refused_by_name():
    with pytest.raises(TypeError, match="initializer is a Keras 3 object"):
        encoder(initializer=keras_3.initializers.Zeros())


def test_albert_config_describes_an_encoder():
    config = AlbertConfig(
        vocab_size=31,
        embedding_size=6,
        hidden_size=20,
        num_hidden_layers=3,
        num_attention_heads=5,
        intermediate_size=28,
        max_position_embeddings=67,
        hidden_dropout_prob=0.2,
    )
    model = AlbertLSHEncoder.from_albert_config(config, "dense")
    made = model.get_config()
    assert {key: made[key] for key in SIZES} == SIZES
    assert made["dropout_rate"] == 0.2
    assert made["activation"] == encoder().get_config()["activation"]
    without = AlbertLSHEncoder.from_albert_config(config, dropout_rate=0.0)
    assert without.get_config()["dropout_rate"] == 0.0


@pytest.mark.parametrize(
    "name, exact",
    [
        ("gelu", lambda x: x / 2 * (1 + np.tanh(0.7978845608 * (x + 0.044715 * x**3)))),
        ("gelu_erf", lambda x: x / 2 * (1 + scipy.special.erf(x / np.sqrt(2)))),
        ("relu", lambda x: np.maximum(x, 0)),
    ],
)
def test_activations_by_name(name, exact):
    x = np.linspace(-4, 4, 81)
    activation = activation_named(name)
    np.testing.assert_allclose(activation(tf.constant(x)), exact(x), rtol=0, atol=1e-6)
    # As a saved model's config has it.
    again = tf_keras.activations.get(tf_keras.activations.serialize(activation))
    np.testing.assert_array_equal(again(tf.constant(x)), activation(tf.constant(x)))


@pytest.mark.parametrize("name", ["gelux", ""])
def test_an_unknown_activation(name):
    with pytest.raises(InputError, match=f"hidden_act='{name}' is no activation of K"):
        activation_named(name)


def test_width_of_embeddings_may_be_that_of_the_model():
    model = encoder(embedding_width=None)
    assert model.get_embedding_table().shape == (31, 20)
    assert len(model.variables) == 23
