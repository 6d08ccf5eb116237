"""An exported encoder computes what the encoder does, for those who have TensorFlow."""

import pathlib

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_hub as hub
import tf_keras

from albert_lsh_tf.checkpoints.loading import load_encoder, load_pretrainer
from albert_lsh_tf.checkpoints.sources import find_weights
from albert_lsh_tf.config import LSHConfig
from albert_lsh_tf.errors import InputError
from albert_lsh_tf.export.encoder import albert_config_of, export_encoder
from albert_lsh_tf.networks.albert_encoder import AlbertLSHEncoder, activation_named
from albert_lsh_tf.networks.pretrainer import AlbertPretrainer
from tests.fixtures.vocabularies import spm_model, wordpiece_text
from tests.tensorflow_alone import run_alone

INPUTS = ("input_word_ids", "input_mask", "input_type_ids")
LISTS = LSHConfig(num_hashes=0, block_length=8, window=2, heavy_keys=5, landmarks=3)
ENCODERS = {
    "dense": {"attention": "dense"},
    "lists": {"lsh_config": LISTS, "recompute": "block"},
}
ROUNDS = {
    "attention": ["lsh", "dense"],
    "lsh_config": LSHConfig(
        chunk_length=4, num_hashes=2, num_hashes_at_evaluation=3, seed=7
    ),
}
KINDS = (*ENCODERS, "heads")


def make_encoder(**arguments):
    encoder = AlbertLSHEncoder(
        **{
            "vocab_size": 31,
            "embedding_width": 6,
            "hidden_size": 20,
            "num_layers": 2,
            "num_attention_heads": 2,
            "max_sequence_length": 64,
            "intermediate_size": 28,
            "dropout_rate": 0.0,
            "attention_dropout_rate": 0.0,
            **arguments,
        }
    )
    return randomize(encoder)


def randomize(model):
    random = np.random.default_rng(1)
    for variable in model.trainable_variables:
        variable.assign(random.normal(0, 0.3, variable.shape))
    return model


def make_inputs(batch, length):
    """Rows of different lengths; what stands in their padding is not 0."""
    random = np.random.default_rng(length)
    ids = random.integers(5, 31, [batch, length], dtype=np.int32)
    lengths = np.maximum(length - 3 * np.arange(batch), 1)
    mask = (np.arange(length) < lengths[:, np.newaxis]).astype(np.int32)
    types = (np.arange(length) >= lengths[:, np.newaxis] // 2).astype(np.int32)
    return dict(zip(INPUTS, map(tf.constant, (ids, mask, types)), strict=True))


def at_tokens(sequence_output, inputs):
    """Padding is left out: nobody reads it, and it depends on how much there is."""
    return np.asarray(sequence_output)[np.asarray(inputs["input_mask"]) == 1]


@pytest.fixture(scope="module")
def exports(tmp_path_factory):
    """Kind to model and folder; all of `ENCODERS`, and `heads` with a vocabulary."""
    folder = tmp_path_factory.mktemp("exports")
    models = {kind: make_encoder(**ENCODERS[kind]) for kind in ENCODERS}
    for kind, model in models.items():
        export_encoder(model, folder / kind)
    models["heads"] = randomize(AlbertPretrainer(make_encoder(**ROUNDS)))
    (folder / "30k.model").write_bytes(spm_model())
    export_encoder(
        models["heads"],
        folder / "heads",
        vocabulary_file=folder / "30k.model",
        do_lower_case=False,
    )
    return {kind: (model, folder / kind) for kind, model in models.items()}


@pytest.fixture(scope="module")
def loaded(exports):
    """Kind to what TensorFlow loads."""
    return {kind: tf.saved_model.load(str(exports[kind][1])) for kind in exports}


def encoder_in(exports, kind):
    model, _ = exports[kind]
    return model.encoder if kind == "heads" else model


@pytest.mark.parametrize(("batch", "length"), [(1, 1), (3, 11), (2, 64)])
@pytest.mark.parametrize("kind", KINDS)
def test_it_gives_what_the_encoder_gives(exports, loaded, kind, batch, length):
    inputs = make_inputs(batch, length)
    expected, outputs = encoder_in(exports, kind)(inputs), loaded[kind](inputs)
    assert set(outputs) == {*expected, "default"}
    np.testing.assert_allclose(
        outputs["pooled_output"], expected["pooled_output"], atol=1e-5
    )
    np.testing.assert_array_equal(outputs["default"], outputs["pooled_output"])
    assert len(outputs["encoder_outputs"]) == 2
    for got, wanted in zip(
        [*outputs["encoder_outputs"], outputs["sequence_output"]],
        [*expected["encoder_outputs"], expected["sequence_output"]],
        strict=True,
    ):
        assert got.shape == wanted.shape
        np.testing.assert_allclose(
            at_tokens(got, inputs), at_tokens(wanted, inputs), atol=1e-5
        )


def test_the_signature_gives_the_same(loaded):
    inputs = make_inputs(2, 23)
    served = loaded["lists"].signatures["serving_default"](**inputs)
    assert set(served) == {"default", "pooled_output", "sequence_output"}
    outputs = loaded["lists"](inputs)
    for name, value in served.items():
        np.testing.assert_allclose(value, outputs[name], atol=1e-6)


# Gradients of each export in turn: of the encoder, and through the heads.
ALONE = """
import numpy as np, tensorflow as tf
given = np.load(sys.argv[1])
inputs = {name: tf.constant(given[name]) for name in given}
positions = {"masked_lm_positions": inputs.pop("masked_lm_positions")}
for folder in sys.argv[2:]:
    loaded = tf.saved_model.load(folder)
    results = {}
    def differentiate(model, inputs, prefix, loss_of):
        with tf.GradientTape() as tape:
            loss = loss_of(model(inputs, training=True))
        gradients = tape.gradient(loss, model.trainable_variables)
        for variable, gradient in zip(model.trainable_variables, gradients):
            results[prefix + variable.name] = tf.convert_to_tensor(gradient)
    differentiate(loaded, inputs, "encoder ", lambda outputs: tf.reduce_sum(
        outputs["pooled_output"] * outputs["sequence_output"][:, 1]))
    if hasattr(loaded, "mlm"):
        differentiate(loaded.mlm, inputs | positions, "heads ", lambda outputs:
            tf.reduce_sum(outputs["mlm_logits"] ** 2)
            + tf.reduce_sum(outputs["sop_logits"] ** 2))
    np.savez(folder + ".npz", **results)
modules = {name.split(".")[0] for name in sys.modules}
assert not modules & {"albert_lsh_tf", "official", "tf_keras", "tensorflow_hub"}
"""


def assert_same_gradients(got, prefix, model, inputs, loss_of):
    with tf.GradientTape() as tape:
        loss = loss_of(model(inputs, training=True))
    variables = model.trainable_variables
    gradients = [tf.convert_to_tensor(g) for g in tape.gradient(loss, variables)]
    largest = max(tf.reduce_max(abs(gradient)) for gradient in gradients)
    assert sum(name.startswith(prefix) for name in got) == len(variables)
    for variable, gradient in zip(variables, gradients, strict=True):
        np.testing.assert_allclose(
            got[prefix + variable.name],
            gradient,
            atol=1e-5 * largest,
            err_msg=variable.name,
        )


def test_tensorflow_alone_trains_all_its_variables(exports, tmp_path):
    inputs = make_inputs(2, 31)
    positions = {"masked_lm_positions": tf.constant([[1, 3], [4, 2]])}
    np.savez(tmp_path / "given", **inputs, **positions)
    folders = {kind: exports[kind][1] for kind in ("lists", "heads")}
    done = run_alone(ALONE, ["tensorflow"], tmp_path / "given.npz", *folders.values())
    # Gradients that were not saved are told of there, when the SavedModel is loaded.
    assert "WARNING" not in done.stderr and "gradient" not in done.stderr
    for kind, folder in folders.items():
        encoder = encoder_in(exports, kind)
        assert len(encoder.trainable_variables) == 25
        got = dict(np.load(f"{folder}.npz"))
        assert_same_gradients(
            got,
            "encoder ",
            encoder,
            inputs,
            lambda outputs: tf.reduce_sum(
                outputs["pooled_output"] * outputs["sequence_output"][:, 1]
            ),
        )
    assert_same_gradients(
        got,
        "heads ",
        exports["heads"][0],
        inputs | positions,
        lambda outputs: (
            tf.reduce_sum(outputs["mlm_logits"] ** 2)
            + tf.reduce_sum(outputs["sop_logits"] ** 2)
        ),
    )


def test_heads_give_their_logits(exports, loaded):
    pretrainer, _ = exports["heads"]
    inputs = make_inputs(2, 13)
    inputs["masked_lm_positions"] = tf.constant([[1, 3, 0], [4, 2, 1]])
    expected, outputs = pretrainer(inputs), loaded["heads"].mlm(inputs)
    assert set(outputs) == {*expected, "default"}
    for name in ("mlm_logits", "sop_logits", "pooled_output"):
        np.testing.assert_allclose(outputs[name], expected[name], atol=1e-5)


def test_a_keras_model_trains_it(exports):
    encoder, folder = exports["dense"]
    layer = hub.KerasLayer(str(folder), trainable=True)
    assert len(layer.trainable_variables) == 25
    inputs = {name: tf_keras.Input([12], dtype=tf.int32, name=name) for name in INPUTS}
    pooled = layer(inputs)["pooled_output"]
    assert pooled.shape == (None, 20)
    model = tf_keras.Model(inputs, tf_keras.layers.Dense(1)(pooled))
    model.compile(tf_keras.optimizers.SGD(0.1), "mse")
    model.fit(make_inputs(4, 12), tf.ones([4, 1]), verbose=0)
    before = {each.name: each.numpy() for each in encoder.variables}
    for variable in layer.trainable_variables:
        # Softmax does not change when all keys move alike.
        if not variable.name.endswith("key/bias:0"):
            assert (variable.numpy() != before[variable.name]).any(), variable.name
    frozen = hub.KerasLayer(str(folder))
    assert not frozen.trainable_variables
    np.testing.assert_allclose(
        frozen(make_inputs(2, 5))["default"],
        encoder(make_inputs(2, 5))["pooled_output"],
        atol=1e-5,
    )


def test_wordpiece_and_dropout(tmp_path):
    (tmp_path / "chinese.txt").write_text(wordpiece_text(), encoding="utf-8")
    encoder = make_encoder(attention="dense", num_layers=1, dropout_rate=0.2)
    folder = tmp_path / "export"
    export_encoder(encoder, folder, vocabulary_file=tmp_path / "chinese.txt")
    loaded = tf.saved_model.load(str(folder))
    file = pathlib.Path(loaded.vocab_file.asset_path.numpy().decode())
    assert file == folder / "assets" / "vocab.txt"
    assert file.read_text(encoding="utf-8") == wordpiece_text()
    assert loaded.do_lower_case.numpy()
    assert find_weights(folder).vocab_file == str(file)

    inputs = make_inputs(2, 9)
    first, second = (loaded(inputs, training=True)["default"] for _ in range(2))
    assert np.abs(first - second).max() > 1e-3
    first, second = (loaded(inputs, training=False)["default"] for _ in range(2))
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(first, loaded(inputs)["default"])


def test_it_is_a_source_of_the_same_weights(exports):
    pretrainer, folder = exports["heads"]
    source = find_weights(folder)
    assert source.spm_model_file == str(folder / "assets" / "spiece.model")
    assert source.do_lower_case is False
    assert source.config == albert_config_of(pretrainer.encoder)
    loaded = load_pretrainer(source, "dense")
    assert loaded.heads == ("mlm", "sop")
    for original, model in (
        (pretrainer.encoder, load_encoder(folder, "dense")),
        (pretrainer, loaded),
    ):
        for expected, got in zip(original.variables, model.variables, strict=True):
            assert expected.name == got.name
            np.testing.assert_array_equal(expected.numpy(), got.numpy())


def test_the_vocabulary_travels_inside(loaded):
    file = pathlib.Path(loaded["heads"].sp_model_file.asset_path.numpy().decode())
    assert file.read_bytes() == spm_model()
    assert not loaded["heads"].do_lower_case.numpy()
    assert not hasattr(loaded["dense"], "do_lower_case")


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"input_word_ids": [[31]]}, "not in the vocabulary.*They are 0 to 30, but"),
        ({"input_word_ids": [[-1]]}, "not in the vocabulary"),
        ({"input_type_ids": [[2]]}, "of no segment; give 0 and 1"),
        (
            dict.fromkeys(INPUTS, [[1] * 65]),
            "too many tokens, but the encoder has 64 positions",
        ),
    ],
)
def test_what_does_not_fit_is_told(loaded, changed, words):
    inputs = dict.fromkeys(INPUTS, [[1]]) | changed
    inputs = {name: tf.constant(value) for name, value in inputs.items()}
    with pytest.raises(tf.errors.InvalidArgumentError, match=words):
        loaded["dense"](inputs)


def test_another_models_vocabulary_is_refused_before_anything_is_written(tmp_path):
    (tmp_path / "other.model").write_bytes(spm_model(27))
    with pytest.raises(InputError, match="27 pieces, but .* the encoder are of 31"):
        export_encoder(
            make_encoder(attention="dense", num_layers=1),
            tmp_path / "export",
            vocabulary_file=tmp_path / "other.model",
        )
    assert [path.name for path in tmp_path.iterdir()] == ["other.model"]


def test_outputs_without_names_are_refused(tmp_path):
    with pytest.raises(InputError, match="make it with dict_outputs=True"):
        export_encoder(make_encoder(dict_outputs=False), tmp_path / "export")


def test_the_sentence_order_head_alone_is_refused(tmp_path):
    pretrainer = AlbertPretrainer(make_encoder(), heads=["sop"])
    with pytest.raises(InputError, match="head sop alone.*export its encoder"):
        export_encoder(pretrainer, tmp_path / "export")


def test_what_is_dense_at_every_length_is_saved_as_dense(tmp_path):
    lsh = LISTS.replace(dense_below=64)
    encoder = make_encoder(num_layers=1, lsh_config=lsh)
    export_encoder(encoder, tmp_path / "export")
    loaded = tf.saved_model.load(str(tmp_path / "export"))
    inputs = make_inputs(2, 64)
    got, wanted = (each(inputs)["sequence_output"] for each in (loaded, encoder))
    np.testing.assert_allclose(
        at_tokens(got, inputs), at_tokens(wanted, inputs), atol=1e-5
    )
    card = (tmp_path / "export" / "README.md").read_text()
    assert "dense attention is what it has" in card
    # What LSH attention alone needs: the choice of heavy keys.
    assert b"TopKV2" not in (tmp_path / "export" / "saved_model.pb").read_bytes()


def test_shared_queries_and_keys_stay_so_where_attention_is_dense(tmp_path):
    lsh = LSHConfig.reformer(chunk_length=16, dense_below=64)
    encoder = make_encoder(num_layers=1, lsh_config=lsh)
    export_encoder(encoder, tmp_path / "export")
    loaded = tf.saved_model.load(str(tmp_path / "export"))
    inputs = make_inputs(2, 40)
    got, wanted = (each(inputs)["sequence_output"] for each in (loaded, encoder))
    np.testing.assert_allclose(
        at_tokens(got, inputs), at_tokens(wanted, inputs), atol=1e-5
    )


def test_dense_attention_below_some_length_and_lsh_above(tmp_path):
    lsh = LISTS.replace(dense_below=20)
    encoder = make_encoder(num_layers=1, lsh_config=lsh)
    export_encoder(encoder, tmp_path / "export")
    loaded = tf.saved_model.load(str(tmp_path / "export"))
    for length in (20, 64):
        inputs = make_inputs(2, length)
        got, wanted = (each(inputs)["sequence_output"] for each in (loaded, encoder))
        np.testing.assert_allclose(
            at_tokens(got, inputs), at_tokens(wanted, inputs), atol=1e-5
        )


def test_half_precision_under_a_strategy_is_exported_in_float32(tmp_path):
    tf_keras.mixed_precision.set_global_policy("mixed_bfloat16")
    with tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]).scope():
        encoder = make_encoder(attention="dense", num_layers=1)
    export_encoder(encoder, tmp_path / "export")
    assert tf_keras.mixed_precision.global_policy().name == "mixed_bfloat16"
    loaded = tf.saved_model.load(str(tmp_path / "export"))
    tf_keras.mixed_precision.set_global_policy("float32")
    plain = load_encoder(tmp_path / "export", "dense")
    inputs = make_inputs(2, 9)
    np.testing.assert_allclose(
        loaded(inputs)["default"], plain(inputs)["pooled_output"], atol=1e-6
    )


@pytest.mark.parametrize("name", ["gelu", "gelu_erf", "relu", "tanh"])
def test_the_config_says_what_the_encoder_is(name):
    encoder = make_encoder(activation=activation_named(name), dropout_rate=0.25)
    config = albert_config_of(encoder)
    assert config.hidden_act == name
    rebuilt = AlbertLSHEncoder.from_albert_config(config).get_config()
    own = encoder.get_config()
    differing = {key for key in own if own[key] != rebuilt[key]}
    assert differing <= {"name", "lsh_config"}


def test_an_activation_without_a_name_is_refused():
    def squared(x):
        return tf.square(x)

    with pytest.raises(InputError, match="encoder's activation.*squared"):
        albert_config_of(make_encoder(activation=squared))


def test_the_card_runs_as_written(exports, monkeypatch, capsys):
    _, folder = exports["heads"]
    monkeypatch.chdir(folder.parent)
    card = (folder / "README.md").read_text()
    blocks = [part.split("```")[0] for part in card.split("```python\n")[1:]]
    assert len(blocks) == 3
    for block in blocks:
        # Ids of the tiny vocabulary instead of those of a real one.
        exec(block.replace("42", "24"), {})
    assert capsys.readouterr().out.count("[[") >= 3
