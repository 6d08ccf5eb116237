"""TensorFlow Lite files compute what TensorFlow computes."""

import warnings

import numpy as np
import pytest
import tensorflow as tf

from albert_lsh_tf.config import LSHConfig
from albert_lsh_tf.errors import InputError
from albert_lsh_tf.export.tflite import export_tflite
from albert_lsh_tf.networks.albert_encoder import AlbertLSHEncoder
from albert_lsh_tf.networks.classifier import AlbertClassifier
from albert_lsh_tf.networks.span_labeler import AlbertSpanLabeler

LENGTH = 48
LISTS = LSHConfig(
    num_hashes=0, block_length=4, window=2, heavy_keys=5, global_tokens=1, landmarks=3
)
ROUNDS = LISTS.replace(num_hashes=2, chunk_length=4)


def make_encoder(attention="lsh", lsh_config=LISTS, max_sequence_length=64):
    encoder = AlbertLSHEncoder(
        vocab_size=31,
        embedding_width=6,
        hidden_size=20,
        num_layers=2,
        num_attention_heads=2,
        max_sequence_length=max_sequence_length,
        intermediate_size=28,
        attention=attention,
        lsh_config=lsh_config,
    )
    random = np.random.default_rng(1)
    for variable in encoder.trainable_variables:
        variable.assign(random.normal(0, 0.3, variable.shape))
    return encoder


def make_inputs(batch_size=1):
    random = np.random.default_rng(5)
    ids = random.integers(5, 31, [batch_size, LENGTH], dtype=np.int32)
    mask = np.ones_like(ids)
    mask[0, 31:] = 0
    types = mask * (np.arange(LENGTH) > 17)
    return {
        "input_word_ids": ids,
        "input_mask": mask,
        "input_type_ids": types.astype(np.int32),
    }


def run(file, inputs):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        interpreter = tf.lite.Interpreter(str(file))
    return interpreter.get_signature_runner()(**inputs)


@pytest.mark.parametrize(
    ("attention", "lsh_config"),
    [("dense", None), ("lsh", LISTS), ("lsh", ROUNDS)],
    ids=["dense", "lists", "rounds"],
)
def test_encoders_compute_the_same(tmp_path, attention, lsh_config):
    encoder = make_encoder(attention, lsh_config)
    written = export_tflite(encoder, tmp_path / "new" / "albert.tflite", LENGTH, 2)
    assert written.num_bytes == written.path.stat().st_size
    assert written.max_difference < 1e-5
    inputs = make_inputs(batch_size=2)
    outputs = run(written.path, inputs)
    assert set(outputs) == {"sequence_output", "pooled_output"}
    expected = encoder(inputs, training=False)
    for name, value in outputs.items():
        np.testing.assert_allclose(value, expected[name], atol=1e-5)
    # Attention at all, and the kind that was asked for.
    dense = make_encoder("dense")(inputs, training=False)["pooled_output"]
    is_dense = np.allclose(outputs["pooled_output"], dense, atol=1e-4)
    assert is_dense == (attention == "dense")


def test_dense_attention_in_turns(tmp_path):
    encoder = make_encoder("dense", max_sequence_length=600)
    written = export_tflite(encoder, tmp_path / "a.tflite", 600)
    assert written.max_difference < 1e-5


def test_classifiers_give_probabilities_and_span_labelers_logits(tmp_path):
    classifier = AlbertClassifier(make_encoder("dense"), num_classes=3)
    labeler = AlbertSpanLabeler(classifier.encoder)
    inputs = make_inputs()
    logits = classifier(inputs, training=False)
    expected = {
        "probabilities": tf.nn.softmax(logits),
        "predictions": tf.argmax(logits, axis=-1),
    }
    for model, outputs in ((classifier, expected), (labeler, labeler(inputs))):
        file = export_tflite(model, tmp_path / "a.tflite", LENGTH).path
        ours = run(file, inputs)
        assert set(ours) == set(outputs)
        for name, value in ours.items():
            np.testing.assert_allclose(value, outputs[name], atol=1e-5)
    assert [path.name for path in tmp_path.iterdir()] == ["a.tflite"]


def test_what_cannot_be_is_one_line(tmp_path):
    file = tmp_path / "a.tflite"
    encoder = make_encoder("dense")
    for length in (0, 65):
        with pytest.raises(InputError, match=f"length={length} must be .* 64, the m"):
            export_tflite(encoder, file, length)
    with pytest.raises(InputError, match="batch_size=0 must be"):
        export_tflite(encoder, file, LENGTH, batch_size=0)
    assert not file.exists()
