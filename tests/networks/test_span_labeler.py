"""The span labeler next to NumPy: logits, names, dtypes, config round trip."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from albert_lsh_tf.config import LSHConfig
from albert_lsh_tf.networks.albert_encoder import AlbertLSHEncoder
from albert_lsh_tf.networks.span_labeler import AlbertSpanLabeler

INPUTS = {
    "input_word_ids": [[2, 5, 7, 3, 0], [2, 8, 3, 0, 0], [2, 6, 9, 4, 3]],
    "input_mask": [[1, 1, 1, 1, 0], [1, 1, 1, 0, 0], [1, 1, 1, 1, 1]],
    "input_type_ids": [[0, 0, 1, 1, 0], [0, 0, 0, 0, 0], [0, 0, 0, 1, 1]],
}


def make_labeler(**arguments):
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
    return AlbertSpanLabeler(encoder, **arguments)


def inputs():
    return {name: tf.constant(rows) for name, rows in INPUTS.items()}


def test_logits_are_two_weighted_sums_of_each_token():
    model = make_labeler()
    bias = np.array([0.3, -0.7], np.float32)
    model.get_layer("logits").bias.assign(bias)
    logits = model(inputs(), training=False)
    states = model.encoder(inputs(), training=False)["sequence_output"].numpy()
    kernel = model.get_layer("logits").kernel.numpy()
    assert list(logits) == ["start_logits", "end_logits"]
    for column, name in enumerate(logits):
        expected = [
            [np.dot(state, kernel[:, column]) + bias[column] for state in row]
            for row in states
        ]
        np.testing.assert_allclose(logits[name], expected, atol=1e-6)
    assert len(model.trainable_variables) == 25 + 2


def test_a_list_of_inputs_is_the_dict_in_order():
    model = make_labeler()
    by_name, in_order = model(inputs()), model(list(inputs().values()))
    for name in by_name:
        np.testing.assert_array_equal(by_name[name], in_order[name])


def test_dense_kernel_is_truncated_normal():
    encoder = AlbertLSHEncoder(
        vocab_size=7, embedding_width=2, hidden_size=996, num_layers=1
    )
    kernel = AlbertSpanLabeler(encoder).get_layer("logits").kernel.numpy()
    assert np.abs(kernel).max() <= 0.04
    assert 0.015 < kernel.std() < 0.02


def test_config_round_trip():
    model = make_labeler(initializer="zeros", name="squad")
    again = AlbertSpanLabeler.from_config(model.get_config())
    assert again.get_config() == model.get_config()
    again.get_layer("logits").kernel.assign(np.ones([10, 2]))
    model.set_weights(again.get_weights())
    for name, logits in again(inputs()).items():
        np.testing.assert_allclose(logits, model(inputs())[name], atol=1e-6)


def test_logits_are_float32_in_half_precision():
    tf_keras.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        assert all(x.dtype == tf.float32 for x in make_labeler()(inputs()).values())
    finally:
        tf_keras.mixed_precision.set_global_policy("float32")


def test_a_checkpoint_holds_the_encoder_by_its_name(tmp_path):
    model = make_labeler()
    items = model.checkpoint_items
    prefix = tf.train.Checkpoint(model=model, **items).write(str(tmp_path / "ckpt"))
    encoder = make_labeler().encoder
    tf.train.Checkpoint(encoder=encoder).read(prefix).expect_partial()
    for ours, theirs in zip(encoder.weights, model.encoder.weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_keras_3_is_refused():
    with pytest.raises(TypeError, match="encoder is a Keras 3 object"):
        AlbertSpanLabeler(keras.Sequential())
