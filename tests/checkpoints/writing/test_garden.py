"""What is written, through Model Garden's own classes."""

import numpy as np
import pytest
import tensorflow as tf
import yaml
from official.core import config_definitions
from official.modeling import hyperparams
from official.nlp.configs import encoders
from official.nlp.modeling import models
from official.nlp.tasks import sentence_prediction

from albert_lsh_tf.checkpoints.sources import find_weights
from albert_lsh_tf.checkpoints.writing.garden import write_garden
from albert_lsh_tf.checkpoints.writing.weights import read_weights
from albert_lsh_tf.errors import InputError
from tests.fixtures import checkpoints, huggingface
from tests.fixtures.weights import HEADS, check_equal, google_variables_with

SECOND = checkpoints.google_variables(seed=9)


def written(tmp_path, variables, heads):
    """A folder of Model Garden's, and the weights in it."""
    source = huggingface.write_folder(
        tmp_path / "source", google_variables_with(variables, heads)
    )
    weights = read_weights(find_weights(source))
    folder = tmp_path / "garden"
    folder.mkdir()
    write_garden(weights, folder)
    return folder, weights


def values(model):
    return {each.name.split(":")[0]: each.numpy() for each in model.variables}


@pytest.mark.parametrize("heads", HEADS.values(), ids=HEADS)
def test_is_read_again(tmp_path, variables, heads):
    folder, weights = written(tmp_path, variables, heads)
    source = find_weights(folder)
    assert (source.kind, source.path) == ("object", str(folder / "ckpt-1"))
    assert source.config == weights.config
    check_equal(source, weights)


@pytest.mark.parametrize("item", ["encoder", "model"])
def test_model_gardens_encoder_restores_it(tmp_path, variables, item):
    folder, _ = written(tmp_path, variables, ())
    encoder = checkpoints.garden_encoder(SECOND)
    checkpoint = tf.train.Checkpoint(**{item: encoder})
    status = checkpoint.restore(str(folder / "ckpt-1"))
    status.assert_existing_objects_matched()
    expected = values(checkpoints.garden_encoder(variables))
    for name, value in values(encoder).items():
        np.testing.assert_array_equal(value, expected[name])


@pytest.mark.filterwarnings("ignore:Input dict contained keys:UserWarning")
def test_model_gardens_pretrainer_restores_it(tmp_path, variables):
    folder, weights = written(tmp_path, variables, ("mlm", "sop"))
    encoder = checkpoints.garden_encoder(SECOND)
    pretrainer = models.BertPretrainerV2(encoder, mlm_activation="gelu")
    pretrainer({each.name: each for each in pretrainer.inputs})
    checkpoint = tf.train.Checkpoint(**pretrainer.checkpoint_items)
    checkpoint.restore(tf.train.latest_checkpoint(str(folder))).expect_partial()
    restored = values(pretrainer)
    assert len(restored) == 30
    for name, value in restored.items():
        np.testing.assert_array_equal(
            value, weights.values[name.removeprefix("bert/")], name
        )


def test_params_are_model_gardens(tmp_path, variables):
    folder, weights = written(tmp_path, variables, ())
    # As its trainer reads --config_file.
    task = sentence_prediction.SentencePredictionConfig()
    config = hyperparams.override_params_dict(
        config_definitions.ExperimentConfig(task=task),
        str(folder / "params.yaml"),
        is_strict=True,
    )
    albert = config.task.model.encoder.get()
    assert albert.initializer_range == weights.config.initializer_range
    assert albert.dropout_rate == 0.1 and albert.attention_dropout_rate == 0.2
    encoder = encoders.build_encoder(config.task.model.encoder)
    tf.train.Checkpoint(encoder=encoder).restore(
        str(folder / "ckpt-1")
    ).assert_existing_objects_matched()
    # Without the file that this project reads first, it is enough for it as well.
    (folder / "albert_config.json").unlink()
    assert find_weights(folder).config == weights.config


def test_embeddings_as_wide_as_the_model(tmp_path, variables):
    names = ("word_embeddings", "position_embeddings", "token_type_embeddings")
    wide = {
        name: np.tile(value, 4)[..., :20] if name.endswith(names) else value
        for name, value in variables.items()
        if "embedding_hidden_mapping_in" not in name
    }
    for part in ("beta", "gamma"):
        wide[f"bert/embeddings/LayerNorm/{part}"] = np.ones(20, "f4")
    folder = checkpoints.write_google_folder(tmp_path / "wide", wide)
    checkpoints.write_config(folder, embedding_size=20)
    weights = read_weights(find_weights(folder))
    assert len(weights.values) == 23
    (tmp_path / "garden").mkdir()
    write_garden(weights, tmp_path / "garden")
    check_equal(find_weights(tmp_path / "garden"), weights)


def test_what_model_garden_cannot_say_is_refused(tmp_path, variables):
    source = huggingface.write_folder(tmp_path / "v1", variables, hidden_act="gelu")
    with pytest.raises(InputError, match="gelu_erf is .* that Model Garden's configs"):
        write_garden(read_weights(find_weights(source)), tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["v1"]


def test_params_name_the_encoder_only(tmp_path, variables):
    folder, _ = written(tmp_path, variables, ())
    params = yaml.safe_load((folder / "params.yaml").read_text())
    assert list(params) == ["task"] and list(params["task"]) == ["model"]
