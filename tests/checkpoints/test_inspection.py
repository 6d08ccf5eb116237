import json

import numpy as np
import pytest

from albert_lsh_tf.checkpoints.inspection import inspect
from albert_lsh_tf.checkpoints.loading import load_encoder, load_pretrainer
from albert_lsh_tf.checkpoints.matching import expected_shapes
from albert_lsh_tf.config import AlbertConfig
from albert_lsh_tf.errors import InputError
from albert_lsh_tf.networks.albert_encoder import AlbertLSHEncoder
from albert_lsh_tf.networks.pretrainer import AlbertPretrainer
from tests.fixtures import checkpoints


@pytest.fixture
def raw_folder(tmp_path, variables):
    """A raw training checkpoint with a classifier on top."""
    return checkpoints.write_google_folder(
        tmp_path / "raw",
        {
            **variables,
            **checkpoints.training_extras(),
            "output_weights": np.zeros([2, 20], np.float32),
        },
    )


def test_a_raw_training_checkpoint(raw_folder):
    found = inspect(raw_folder)
    assert found.kind == "google"
    assert found.heads == ("mlm", "sop")
    assert found.num_variables == {"encoder": 25, "mlm": 5, "sop": 2}
    model = load_pretrainer(raw_folder, "dense")
    assert sum(found.parameters.values()) == model.count_params()
    assert found.parameters["encoder"] == model.encoder.count_params()
    assert found.dtypes == {"float32": 32}
    assert found.vocabulary_file == str(raw_folder / "30k-clean.model")
    assert found.problem is None
    # Two slots for each of 32 variables, the step, and the classifier's kernel.
    assert len(found.left_aside) == 66


def test_the_table_has_a_line_for_each_fact(raw_folder):
    lines = dict(
        line.split("  ", 1) for line in inspect(raw_folder).table().split("\n")
    )
    facts = {title: line.strip() for title, line in lines.items()}
    assert facts["format"] == f"Google's checkpoint {raw_folder}/model.ckpt-best"
    assert facts["config"].startswith("3 layers of width 20, 5 heads, feed-forward 28")
    assert facts["encoder"].endswith("parameters in 25 variables")
    assert facts["sentence order"] == "42 parameters in 2 variables"
    assert facts["dtype"] == "float32 (32)"
    assert facts["vocabulary"].startswith("30k-clean.model: SentencePiece")
    assert facts["left aside"] == "output_weights, 65 optimiser slots and counters"
    assert facts["load_encoder"] == (
        "would load 25 variables, for inputs of up to 11 tokens; load_pretrainer would "
        "add masked language model and sentence order"
    )


def test_a_folder_without_heads(google_folder):
    found = inspect(google_folder)
    assert found.heads == ()
    assert set(found.parameters) == {"encoder"}
    assert "load_pretrainer" not in found.table()
    assert json.loads(json.dumps(found.to_dict()))["config"]["hidden_size"] == 20


def damage_data(folder):
    data = folder / "model.ckpt-best.data-00000-of-00001"
    data.write_bytes(data.read_bytes()[:-7])


def change_config(folder):
    checkpoints.write_config(folder, intermediate_size=29)


def lose_a_variable(folder):
    variables = checkpoints.google_variables()
    del variables["bert/pooler/dense/bias"]
    checkpoints.write_google_checkpoint(folder / "model.ckpt-best", variables)


def diverge(folder):
    variables = checkpoints.google_variables()
    variables["bert/pooler/dense/bias"][3] = np.nan
    checkpoints.write_google_checkpoint(folder / "model.ckpt-best", variables)


@pytest.mark.parametrize("harm", [damage_data, change_config, lose_a_variable, diverge])
def test_the_problem_is_what_loading_says(google_folder, harm):
    harm(google_folder)
    with pytest.raises(InputError) as caught:
        load_encoder(google_folder, "dense")
    found = inspect(google_folder)
    assert found.problem == str(caught.value)
    assert f"would refuse it: {found.problem}" in found.table()


def test_a_source_that_is_not_there():
    with pytest.raises(InputError, match="no such folder"):
        inspect("/no/such/folder")


@pytest.mark.parametrize("embedding_size, num_variables", [(6, 25), (20, 23)])
def test_expected_shapes_are_those_of_the_model(embedding_size, num_variables):
    config = AlbertConfig.from_dict(
        {**checkpoints.TINY_CONFIG, "embedding_size": embedding_size}
    )

    model = AlbertPretrainer(AlbertLSHEncoder.from_albert_config(config, "dense"))
    assert expected_shapes(config, ("mlm", "sop")) == {
        variable.name.split(":")[0]: tuple(variable.shape)
        for variable in model.variables
    }
    assert len(expected_shapes(config)) == num_variables
