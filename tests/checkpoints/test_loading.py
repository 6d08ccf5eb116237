import re

import numpy as np
import pytest
import tensorflow as tf
from official.nlp.modeling import models

from albert_lsh_tf.checkpoints.loading import load_encoder, restore_encoder
from albert_lsh_tf.checkpoints.sources import find_weights
from albert_lsh_tf.config import AlbertConfig, LSHConfig
from albert_lsh_tf.errors import InputError
from albert_lsh_tf.networks.albert_encoder import AlbertLSHEncoder
from albert_lsh_tf.networks.classifier import AlbertClassifier
from tests.fixtures import checkpoints
from tests.reference.albert import albert

WORD_IDS = np.random.default_rng(3).integers(0, 31, (3, 7))
MASK = np.array([[1] * 7, [1] * 4 + [0] * 3, [1] * 5 + [0] * 2])
TYPE_IDS = np.array([[0] * 3 + [1] * 4, [0] * 7, [0] * 2 + [1] * 3 + [0] * 2])
QUERY_KERNEL = (
    "bert/encoder/transformer/group_0/inner_group_0/attention_1/self/query/kernel"
)


def assert_computes_albert(encoder, variables, atol=1e-5):
    """The encoder's three outputs are NumPy's, wherever there are tokens."""
    expected = albert(variables, 3, 5, WORD_IDS, MASK, TYPE_IDS)
    inputs = [tf.constant(each, tf.int32) for each in (WORD_IDS, MASK, TYPE_IDS)]
    outputs = encoder(inputs)
    is_token = MASK.astype(bool)

    def assert_close(actual, desired):
        np.testing.assert_allclose(actual, desired, rtol=0, atol=atol)

    assert_close(outputs["pooled_output"], expected["pooled_output"])
    assert_close(
        outputs["sequence_output"].numpy()[is_token],
        expected["sequence_output"][is_token],
    )
    assert len(outputs["encoder_outputs"]) == 3
    for actual, desired in zip(
        outputs["encoder_outputs"], expected["encoder_outputs"], strict=True
    ):
        assert_close(actual.numpy()[is_token], desired[is_token])


def test_the_oracle_is_model_gardens_encoder(variables):
    # Ties the oracle to an implementation that the package did not write either.
    assert_computes_albert(checkpoints.garden_encoder(variables), variables)


def test_a_folder_of_googles(google_folder, variables):
    encoder = load_encoder(google_folder, attention="dense")
    assert len(encoder.variables) == 25
    assert_computes_albert(encoder, variables)


def test_a_raw_training_checkpoint_by_prefix_and_config(tmp_path, variables):
    prefix = checkpoints.write_google_checkpoint(
        tmp_path / "model.ckpt-125000",
        {**variables, **checkpoints.training_extras()},
    )
    config_file = checkpoints.write_config(tmp_path / "elsewhere")
    encoder = load_encoder(prefix, "dense", albert_config_file=config_file)
    assert_computes_albert(encoder, variables)


def test_a_tf1_hub_module(hub_module, variables):
    assert_computes_albert(load_encoder(hub_module, "dense"), variables)


def test_a_tf2_saved_model(saved_model, variables):
    assert_computes_albert(load_encoder(saved_model, "dense"), variables)


@pytest.mark.filterwarnings("ignore:Input dict contained keys:UserWarning")
def test_a_tf2_saved_model_with_a_head(tmp_path, variables):
    folder = checkpoints.write_saved_model(tmp_path / "mlm", variables, with_mlm=True)
    assert_computes_albert(load_encoder(folder, "dense"), variables)


@pytest.mark.parametrize("classifier", [models.BertClassifier, AlbertClassifier])
def test_a_task_checkpoint(tmp_path, variables, classifier):
    model = classifier(checkpoints.garden_encoder(variables), num_classes=2)
    prefix = checkpoints.write_task_checkpoint(tmp_path / "ckpt", model)
    checkpoints.write_config(tmp_path)
    stored = {
        variable.name.removesuffix(":0"): variable.numpy()
        for variable in model.variables
    }
    for variable in load_encoder(prefix, "dense").variables:
        np.testing.assert_array_equal(
            variable, stored[variable.name.removesuffix(":0")]
        )


def test_what_the_encoder_writes_it_reads(tmp_path, google_folder):
    written = load_encoder(google_folder, attention=["dense", "lsh", "lsh"])
    checkpoints.write_config(tmp_path)
    prefix = tf.train.Checkpoint(encoder=written).write(str(tmp_path / "ckpt"))
    read = load_encoder(prefix, "dense")
    for one, two in zip(written.variables, read.variables, strict=True):
        np.testing.assert_array_equal(one, two)


def test_under_a_strategy_every_replica_gets_the_weights(google_folder, variables):
    with tf.distribute.MirroredStrategy(["CPU:0"]).scope():
        encoder = load_encoder(google_folder, "dense")
    assert_computes_albert(encoder, variables)


def test_loading_twice_gives_equal_weights():
    one, two = load_encoder(None, "dense"), load_encoder("albert_lsh_tiny", "lsh")
    for first, second in zip(one.variables, two.variables, strict=True):
        np.testing.assert_array_equal(first, second)


def test_lsh_is_dense_where_chunks_cover_the_input(google_folder, variables):
    assert_computes_albert(load_encoder(google_folder), variables)


def test_arguments_reach_the_encoder(google_folder):
    lsh_config = LSHConfig(num_hashes=3, seed=5)
    attention = ["dense", "dense", "lsh"]
    config = load_encoder(google_folder, attention, lsh_config).get_config()
    assert config["attention"] == attention
    assert config["lsh_config"] == lsh_config.to_dict()
    assert (config["dropout_rate"], config["attention_dropout_rate"]) == (0.1, 0.2)
    config = load_encoder(
        google_folder, "dense", dropout_rate=0.0, attention_dropout_rate=0.3
    ).get_config()
    assert (config["dropout_rate"], config["attention_dropout_rate"]) == (0.0, 0.3)


def test_a_found_source_can_get_another_config(tmp_path, google_folder):
    config_file = checkpoints.write_config(tmp_path, num_hidden_layers=2)
    source = find_weights(google_folder)
    assert load_encoder(source, "dense").get_config()["num_layers"] == 3
    encoder = load_encoder(source, "dense", albert_config_file=config_file)
    assert encoder.get_config()["num_layers"] == 2


def test_embeddings_as_wide_as_the_layers_have_no_projection(tmp_path):
    variables = {
        name: np.zeros([20 if size == 6 else size for size in shape], np.float32)
        for name, shape in checkpoints.GOOGLE_SHAPES.items()
        if "hidden_mapping_in" not in name
    }
    checkpoints.write_config(tmp_path, embedding_size=20)
    checkpoints.write_google_checkpoint(tmp_path / "model.ckpt-best", variables)
    assert len(load_encoder(tmp_path, "dense").variables) == 23


def rewrite(folder, variables):
    checkpoints.write_google_checkpoint(folder / "model.ckpt-best", variables)


def test_everything_that_does_not_fit_is_listed(google_folder, variables):
    changed = dict(variables)
    del changed["bert/pooler/dense/bias"]
    del changed["bert/embeddings/LayerNorm/beta"]
    changed["bert/encoder/transformer/group_1/kernel"] = np.zeros([3, 4], np.float32)
    changed[QUERY_KERNEL] = np.zeros([20, 16], np.float32)
    rewrite(google_folder, changed)
    expected = (
        "model.ckpt-best: its variables are not those of the model; "
        "missing: embeddings/layer_norm/beta [6], pooler_transform/bias [20]; "
        "unexpected: bert/encoder/transformer/group_1/kernel [3, 4]; "
        f"of another shape: {QUERY_KERNEL} expected [20, 20] found [20, 16]."
    )
    with pytest.raises(InputError, match=re.escape(expected)):
        load_encoder(google_folder)


@pytest.mark.parametrize("name", checkpoints.GOOGLE_SHAPES)
def test_each_missing_variable_is_found_missing(
    google_folder, untouched, variables, name
):
    rewrite(google_folder, {key: variables[key] for key in variables if key != name})
    source = find_weights(google_folder)
    with pytest.raises(InputError, match=r"model; missing: \S+ \[[\d, ]+\]\.$"):
        restore_encoder(untouched, source)


def test_a_checkpoint_without_any_encoder_variable(google_folder):
    rewrite(google_folder, checkpoints.training_extras())
    with pytest.raises(
        InputError, match=r"missing: word_embeddings/embeddings \[31, 6\]"
    ):
        load_encoder(google_folder)


def test_a_variable_that_is_there_twice(google_folder, variables):
    twin = {"pooler_transform/bias": variables["bert/pooler/dense/bias"]}
    rewrite(google_folder, {**variables, **twin})
    with pytest.raises(InputError, match=r"model; unexpected: \S+ \[20\]\.$"):
        load_encoder(google_folder)


def test_a_config_that_contradicts_the_weights(google_folder):
    checkpoints.write_config(google_folder, hidden_size=25, vocab_size=30000)
    with pytest.raises(
        InputError,
        match="does not fit the weights: vocab_size is 30000 in the config but 31 in "
        "the weights; hidden_size is 25 in the config but 20",
    ):
        load_encoder(google_folder)


def test_heads_that_contradict_the_weights(tmp_path, saved_model):
    config_file = checkpoints.write_config(tmp_path, num_attention_heads=4)
    with pytest.raises(
        InputError, match="num_attention_heads is 4 in the config but 5"
    ):
        load_encoder(saved_model, albert_config_file=config_file)


@pytest.fixture(scope="module")
def untouched():
    """An encoder that failing tests must leave as it is."""
    return AlbertLSHEncoder.from_albert_config(
        AlbertConfig.from_dict(checkpoints.TINY_CONFIG), "dense"
    )


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_finite(google_folder, untouched, variables, value):
    # The last variable to be assigned, so that a half-restored encoder would show.
    broken = np.full([20], value, np.float32)
    rewrite(google_folder, {**variables, "bert/pooler/dense/bias": broken})
    before = untouched.get_weights()
    with pytest.raises(InputError, match="pooler_transform/bias hold NaN or infinity"):
        restore_encoder(untouched, find_weights(google_folder))
    for one, two in zip(before, untouched.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)


def test_a_truncated_data_file(google_folder, untouched):
    data = google_folder / "model.ckpt-best.data-00000-of-00001"
    data.write_bytes(data.read_bytes()[:-100])
    before = untouched.get_weights()
    with pytest.raises(InputError, match="the checkpoint is damaged or incomplete"):
        restore_encoder(untouched, find_weights(google_folder))
    for one, two in zip(before, untouched.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)
