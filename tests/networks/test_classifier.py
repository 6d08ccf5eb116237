"""The classifier: shapes, names, dtypes, config round trip, Keras 3 refused."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from albert_lsh_tf.config import LSHConfig
from albert_lsh_tf.networks.albert_encoder import AlbertLSHEncoder
from albert_lsh_tf.networks.classifier import AlbertClassifier

INPUTS = {
    "input_word_ids": [[2, 5, 7, 3, 0], [2, 8, 3, 0, 0], [2, 6, 9, 4, 3]],
    "input_mask": [[1, 1, 1, 1, 0], [1, 1, 1, 0, 0], [1, 1, 1, 1, 1]],
    "input_type_ids": [[0, 0, 1, 1, 0], [0, 0, 0, 0, 0], [0, 0, 0, 1, 1]],
}


def make_classifier(**arguments):
    encoder = AlbertLSHEncoder(
        vocab_size=11,
        embedding_width=3,
        hidden_size=10,
        num_layers=2,
        num_attention_heads=2,
        max_sequence_length=13,
        intermediate_size=7,
        lsh_config=LSHConfig(chunk_length=2, seed=5),
    )
    return AlbertClassifier(encoder, **{"num_classes": 3, **arguments})


def inputs():
    return {name: tf.constant(rows) for name, rows in INPUTS.items()}


def test_logits_are_the_dense_layer_on_the_pooled_output():
    model = make_classifier(dropout_rate=0.5)
    logits = model(inputs(), training=False)
    pooled = model.encoder(inputs(), training=False)["pooled_output"]
    kernel, bias = model.get_layer("logits").weights
    np.testing.assert_allclose(logits, pooled @ kernel + bias, atol=1e-6)
    assert logits.shape == (3, 3)
    assert len(model.trainable_variables) == 25 + 2


def test_dropout_acts_in_training_only():
    model = make_classifier(dropout_rate=0.9)
    still = [model(inputs(), training=False) for _ in range(2)]
    np.testing.assert_array_equal(*still)
    moving = [model(inputs(), training=True) for _ in range(2)]
    assert np.abs(moving[0] - moving[1]).max() > 1e-6


def test_dense_kernel_is_truncated_normal():
    kernel = make_classifier(num_classes=997).get_layer("logits").kernel.numpy()
    assert np.abs(kernel).max() <= 0.04
    assert 0.015 < kernel.std() < 0.02


def test_config_round_trip():
    model = make_classifier(dropout_rate=0.3, name="mrpc")
    again = AlbertClassifier.from_config(model.get_config())
    assert again.get_config() == model.get_config()
    again.set_weights(model.get_weights())
    np.testing.assert_allclose(again(inputs()), model(inputs()), atol=1e-6)


def test_logits_are_float32_in_half_precision():
    tf_keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        model = make_classifier()
        assert model(inputs()).dtype == tf.float32
    finally:
        tf_keras.mixed_precision.set_global_policy("float32")


def test_keras_3_is_refused():
    with pytest.raises(TypeError, match="encoder is a Keras 3 object"):
        AlbertClassifier(keras.Sequential(), num_classes=2)
