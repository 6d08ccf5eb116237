import shutil

import pytest

from albert_lsh_tf.checkpoints.formats.saved_model import read_num_layers, read_program
from albert_lsh_tf.checkpoints.sources import find_weights
from albert_lsh_tf.config import AlbertConfig
from albert_lsh_tf.errors import InputError
from tests.fixtures import checkpoints

CONFIG = AlbertConfig.from_dict(checkpoints.TINY_CONFIG)


def test_the_number_of_layers_stands_in_the_signatures(saved_model):
    assert read_num_layers(saved_model) == 3


def test_without_encoder_outputs_it_is_unknown(hub_module):
    assert read_num_layers(hub_module) is None


def test_a_program_file_of_nothing_is_half_written(tmp_path):
    (tmp_path / "saved_model.pb").touch()
    with pytest.raises(InputError, match=r"damaged \(it describes no graph\)"):
        read_program(tmp_path)


def test_a_damaged_program_file_is_one_line(tmp_path, saved_model):
    content = (saved_model / "saved_model.pb").read_bytes()
    (tmp_path / "saved_model.pb").write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match=r"saved_model\.pb: the SavedModel is damaged"):
        read_num_layers(tmp_path)


def test_a_saved_model_tells_its_architecture(saved_model):
    found = find_weights(saved_model)
    assert found.kind == "saved_model"
    assert found.config == CONFIG.replace(
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0
    )
    assert found.spm_model_file == str(saved_model / "assets" / "30k-clean.model")
    assert found.description == f"SavedModel {saved_model}"


def test_a_config_beside_a_saved_model_comes_first(tmp_path, saved_model):
    folder = shutil.copytree(saved_model, tmp_path / "copy")
    checkpoints.write_config(folder / "assets")
    assert find_weights(folder).config == CONFIG


def test_a_saved_model_that_does_not_tell_its_layers(tmp_path, saved_model):
    folder = shutil.copytree(saved_model, tmp_path / "copy")
    silent = read_program(folder)
    for graph in silent.meta_graphs:
        graph.object_graph_def.concrete_functions.clear()
    (folder / "saved_model.pb").write_bytes(silent.SerializeToString())
    with pytest.raises(
        InputError, match="does not tell num_hidden_layers; .*give albert_config_file"
    ):
        find_weights(folder)
    config_file = checkpoints.write_config(tmp_path / "config")
    assert find_weights(folder, config_file).config == CONFIG


def test_a_saved_model_without_variables(tmp_path, saved_model):
    shutil.copy(saved_model / "saved_model.pb", tmp_path)
    with pytest.raises(InputError, match="has no variables/variables.index"):
        find_weights(tmp_path)
