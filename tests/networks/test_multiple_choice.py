"""The model for options: one logit each, from rows that know nothing of the others."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from albert_lsh_tf.config import LSHConfig
from albert_lsh_tf.networks.albert_encoder import AlbertLSHEncoder
from albert_lsh_tf.networks.multiple_choice import AlbertMultipleChoice

BATCH, OPTIONS, LENGTH = 2, 4, 7
NAMES = ("input_word_ids", "input_mask", "input_type_ids")


def make_model(attention="lsh", **arguments):
    encoder = AlbertLSHEncoder(
        vocab_size=11,
        embedding_width=3,
        hidden_size=10,
        num_layers=1,
        num_attention_heads=2,
        max_sequence_length=13,
        intermediate_size=7,
        attention=attention,
        lsh_config=LSHConfig(chunk_length=2, seed=5),
    )
    model = AlbertMultipleChoice(encoder, **arguments)
    random = np.random.default_rng(2)
    for variable in model.variables:
        variable.assign_add(random.normal(0, 0.3, variable.shape).astype(np.float32))
    return model


@pytest.fixture(scope="module", params=["lsh", "dense"])
def model(request):
    return make_model(request.param, dropout_rate=0.5, name="race")


def make_inputs(batch=BATCH, options=OPTIONS):
    random = np.random.default_rng(1)
    shape = (batch, options)
    place = np.arange(LENGTH)
    total = random.integers(4, LENGTH + 1, shape)[..., np.newaxis]
    first = random.integers(2, 4, shape)[..., np.newaxis]
    columns = (
        np.where(place < total, random.integers(2, 11, (*shape, LENGTH)), 0),
        place < total,
        (place >= first) & (place < total),
    )
    return {
        name: tf.constant(values.astype(np.int32))
        for name, values in zip(NAMES, columns, strict=True)
    }


def test_logits_are_those_of_each_option_alone(model):
    inputs = make_inputs()
    logits = model(inputs, training=False)
    kernel, bias = (each.numpy() for each in model.get_layer("logit").weights)
    assert logits.shape == (BATCH, OPTIONS) and kernel.shape == (10, 1)
    encode = tf.function(model.encoder)
    for row in range(BATCH):
        for option in range(OPTIONS):
            alone = {name: x[row, option][tf.newaxis] for name, x in inputs.items()}
            pooled = encode(alone, training=False)["pooled_output"].numpy()[0]
            expected = pooled @ kernel[:, 0] + bias[0]
            np.testing.assert_allclose(logits[row, option], expected, atol=1e-5)
    assert np.ptp(logits.numpy(), axis=1).min() > 1e-2
    assert len(model.trainable_variables) == 25 + 2


def test_options_in_another_order_have_their_logits_in_that_order(model):
    inputs = make_inputs()
    order = [2, 0, 3, 1]
    moved = {name: tf.gather(x, order, axis=1) for name, x in inputs.items()}
    logits = model(inputs).numpy()
    np.testing.assert_allclose(model(moved), logits[:, order], atol=1e-5)
    turned = {name: x[::-1] for name, x in inputs.items()}
    np.testing.assert_allclose(model(turned), logits[::-1], atol=1e-5)


def test_gradients_reach_every_weight(model):
    inputs = make_inputs()
    with tf.GradientTape() as tape:
        loss = tf.nn.sparse_softmax_cross_entropy_with_logits(
            [3, 0], model(inputs, training=True)
        )
    gradients = tape.gradient(loss, model.trainable_variables)
    for gradient, variable in zip(gradients, model.trainable_variables, strict=True):
        values = tf.convert_to_tensor(gradient).numpy()
        assert np.isfinite(values).all(), variable.name
        # What is added to all logits of a softmax changes nothing.
        is_bias = variable.name.endswith("/bias:0")
        assert is_bias or np.abs(values).max() > 1e-6, variable.name


def test_inputs_may_be_a_list_and_have_any_sizes(model):
    inputs = make_inputs()
    listed = model([inputs[name] for name in NAMES])
    np.testing.assert_array_equal(listed, model(inputs))
    assert model(make_inputs(batch=3, options=5)).shape == (3, 5)
    assert model(make_inputs(batch=1, options=1)).shape == (1, 1)
    assert model.output_shape == (None, None)


def test_shapes_that_are_known_stay_known_in_graphs(model):
    @tf.function(input_signature=[[tf.TensorSpec([None, 4, 7], tf.int32)] * 3])
    def logits_of(inputs):
        logits = model(inputs)
        assert logits.shape.as_list() == [None, 4]
        return logits

    inputs = make_inputs()
    found = logits_of([inputs[name] for name in NAMES])
    np.testing.assert_allclose(found, model(inputs), atol=1e-5)


def test_dropout_acts_in_training_only(model):
    inputs = make_inputs()
    still = [model(inputs, training=False) for _ in range(2)]
    np.testing.assert_array_equal(*still)
    moving = [model(inputs, training=True) for _ in range(2)]
    assert np.abs(moving[0] - moving[1]).max() > 1e-6


def test_dense_kernel_is_truncated_normal():
    encoder = AlbertLSHEncoder(
        vocab_size=11,
        hidden_size=997,
        num_layers=1,
        num_attention_heads=1,
        intermediate_size=1,
        attention="dense",
    )
    kernel = AlbertMultipleChoice(encoder).get_layer("logit").kernel.numpy()
    assert np.abs(kernel).max() <= 0.04
    assert 0.015 < kernel.std() < 0.02


def test_config_round_trip(model):
    again = AlbertMultipleChoice.from_config(model.get_config())
    assert again.get_config() == model.get_config()
    again.set_weights(model.get_weights())
    np.testing.assert_allclose(again(make_inputs()), model(make_inputs()), atol=1e-6)


def test_a_saved_model_is_the_same_again(model, tmp_path):
    model.save(tmp_path / "race.keras")
    again = tf_keras.models.load_model(tmp_path / "race.keras")
    assert isinstance(again, AlbertMultipleChoice)
    np.testing.assert_allclose(again(make_inputs()), model(make_inputs()), atol=1e-6)


def test_logits_are_float32_in_half_precision():
    tf_keras.mixed_precision.set_global_policy("mixed_float16")
    model = make_model()
    assert model(make_inputs()).dtype == tf.float32
    assert model.get_layer("logit").compute_dtype == "float32"


def test_keras_3_is_refused(model):
    with pytest.raises(TypeError, match="encoder is a Keras 3 object"):
        AlbertMultipleChoice(keras.Sequential())
    initializer = keras.initializers.Zeros()
    with pytest.raises(TypeError, match="initializer is a Keras 3 object"):
        AlbertMultipleChoice(model.encoder, initializer=initializer)
