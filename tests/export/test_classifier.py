"""One SavedModel for any length, loaded with plain TensorFlow."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from tensorflow.core.protobuf import saved_model_pb2

from albert_lsh_tf.config import LSHConfig
from albert_lsh_tf.data.features import encode_examples
from albert_lsh_tf.data.glue import Example
from albert_lsh_tf.data.tokenization import AlbertTokenizer
from albert_lsh_tf.embedded import EMBEDDED_MODEL_DIR
from albert_lsh_tf.errors import InputError
from albert_lsh_tf.export.classifier import export_classifier
from albert_lsh_tf.export.text_inputs import TextInputs
from albert_lsh_tf.networks.albert_encoder import AlbertLSHEncoder
from albert_lsh_tf.networks.classifier import AlbertClassifier

LSH = LSHConfig(chunk_length=4, num_hashes=1, num_hashes_at_evaluation=3)


def make_classifier(num_classes=3, attention="lsh", vocab_size=31, lsh_config=LSH):
    encoder = AlbertLSHEncoder(
        vocab_size=vocab_size,
        embedding_width=6,
        hidden_size=20,
        num_layers=2,
        num_attention_heads=2,
        max_sequence_length=64,
        intermediate_size=28,
        attention=attention,
        lsh_config=lsh_config,
    )
    model = AlbertClassifier(encoder, num_classes)
    random = np.random.default_rng(1)
    for variable in model.trainable_variables:
        variable.assign(random.normal(0, 0.3, variable.shape))
    return model


def make_inputs(batch, length):
    random = np.random.default_rng(length)
    ids = random.integers(5, 31, [batch, length], dtype=np.int32)
    mask = np.ones_like(ids)
    mask[0, length // 2 :] = 0
    return {
        "input_word_ids": ids,
        "input_mask": mask,
        "input_type_ids": np.zeros_like(ids),
    }


@pytest.fixture(scope="module", params=["lsh", "dense"])
def exported(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("export") / "model"
    model = make_classifier(attention=request.param)
    export_classifier(model, folder, labels=["no", "maybe", "yes"])
    return folder, model


@pytest.fixture(scope="module")
def loaded(exported):
    return tf.saved_model.load(str(exported[0]))


@pytest.mark.parametrize(("batch", "length"), [(1, 5), (3, 11), (2, 32), (2, 64)])
def test_any_length_through_one_saved_model(exported, loaded, batch, length):
    _, model = exported
    served = loaded.signatures["serving_default"]
    inputs = make_inputs(batch, length)
    outputs = served(**{name: tf.constant(value) for name, value in inputs.items()})
    expected = tf.nn.softmax(model(inputs, training=False))
    np.testing.assert_allclose(outputs["probabilities"], expected, atol=1e-6)
    assert outputs["probabilities"].dtype == tf.float32
    best = np.argmax(expected, axis=-1)
    np.testing.assert_array_equal(outputs["predictions"], best)
    names = [[b"no", b"maybe", b"yes"][index] for index in best]
    assert list(outputs["label"].numpy()) == names


def test_no_gradients_are_saved(exported):
    saved = saved_model_pb2.SavedModel()
    saved.ParseFromString((exported[0] / "saved_model.pb").read_bytes())
    (graph,) = saved.meta_graphs
    assert len(graph.graph_def.library.registered_gradients) == 0


def test_labels_stand_beside_it(exported):
    folder, _ = exported
    assert (folder / "assets.extra" / "labels.txt").read_text() == "no\nmaybe\nyes\n"


def test_labels_must_be_as_many_as_classes(tmp_path):
    for num_classes, labels in ((3, ["no", "yes"]), (3, None), (1, ["a", "b"])):
        with pytest.raises(InputError, match=f"the model has {num_classes}; name each"):
            export_classifier(make_classifier(num_classes), tmp_path / "model", labels)
    assert not (tmp_path / "model").exists()


def test_text_that_does_not_fit_the_model(tmp_path):
    for length, vocab_size, message in (
        (65, 8000, "max_seq_length=65 is longer than the model's 64 positions"),
        (16, 31, "has 8000 pieces, but the weights in the model are of 31"),
    ):
        model = make_classifier(vocab_size=vocab_size)
        text = TextInputs(EMBEDDED_MODEL_DIR / "spiece.model", True, length, 1)
        with pytest.raises(InputError, match=message):
            export_classifier(model, tmp_path / "a", ["a", "b", "c"], text=text)
    assert not (tmp_path / "a").exists()


def test_single_texts_have_one_input(tmp_path):
    vocabulary = EMBEDDED_MODEL_DIR / "spiece.model"
    model = make_classifier(num_classes=2, vocab_size=8000)
    text = TextInputs(vocabulary, True, max_seq_length=16, num_texts=1)
    export_classifier(model, tmp_path / "sst", ["bad", "good"], text=text)
    loaded = tf.saved_model.load(str(tmp_path / "sst" / "text"))
    sentences = ["A dull film.", "Ä GREAT film, in 1999, with cats " * 3, ""]
    outputs = loaded.signatures["serve_text"](text_a=tf.constant(sentences))
    features = encode_examples(
        [Example("", sentence, None, None) for sentence in sentences],
        AlbertTokenizer(vocabulary),
        max_seq_length=16,
    )
    logits = model(
        [features.input_word_ids, features.input_mask, features.input_type_ids]
    )
    np.testing.assert_allclose(
        outputs["probabilities"], tf.nn.softmax(logits), atol=1e-5
    )
    expected = [[b"bad", b"good"][index] for index in np.argmax(logits, axis=-1)]
    assert list(outputs["label"].numpy()) == expected
    card = (tmp_path / "sst" / "README.md").read_text()
    assert "text_b" not in card
    assert (tmp_path / "sst" / "assets.extra" / "spiece.model").exists()


def test_regression_gives_scores(tmp_path):
    model = make_classifier(num_classes=1)
    export_classifier(model, tmp_path / "model", labels=None)
    served = tf.saved_model.load(str(tmp_path / "model")).signatures["serving_default"]
    inputs = make_inputs(2, 13)
    outputs = served(**{name: tf.constant(value) for name, value in inputs.items()})
    assert set(outputs) == {"probabilities", "predictions"}
    scores = model(inputs, training=False)
    np.testing.assert_allclose(outputs["probabilities"], scores, atol=1e-5)
    np.testing.assert_allclose(outputs["predictions"], scores[:, 0], atol=1e-5)


@pytest.fixture
def bfloat16():
    tf_keras.mixed_precision.set_global_policy("mixed_bfloat16")
    yield
    # Fixtures of the next module are made before anything else resets it.
    tf_keras.mixed_precision.set_global_policy("float32")


def test_where_lsh_is_always_dense_so_is_the_export(tmp_path):
    lists = LSHConfig.for_length(64, dense_below=None)
    assert lists.is_dense(64)
    model = make_classifier(lsh_config=lists)
    export_classifier(model, tmp_path / "model", labels=["a", "b", "c"])
    served = tf.saved_model.load(str(tmp_path / "model")).signatures["serving_default"]
    inputs = make_inputs(2, 64)
    outputs = served(**{name: tf.constant(value) for name, value in inputs.items()})
    expected = tf.nn.softmax(model(inputs, training=False))
    np.testing.assert_allclose(outputs["probabilities"], expected, atol=1e-6)


def test_half_precision_under_a_strategy_is_exported_in_float32(tmp_path, bfloat16):
    with tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]).scope():
        model = make_classifier()
    export_classifier(model, tmp_path / "model", labels=["a", "b", "c"])
    assert tf_keras.mixed_precision.global_policy().name == "mixed_bfloat16"
    loaded = tf.saved_model.load(str(tmp_path / "model"))
    graph = loaded.signatures["serving_default"].graph
    assert not [
        op.name
        for op in graph.get_operations()
        for t in op.outputs
        if t.dtype == tf.bfloat16
    ]
