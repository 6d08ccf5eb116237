"""What is written, in the names and layout of the fixture's own table.

That transformers loads it without a missing or unexpected key, with equal outputs, was
seen with its releases 4.57 and 5.24; it is too large for these tests. One thing it does
report: its AlbertForMaskedLM has no use for the pooler, which is written all the same.
"""

import dataclasses
import json

import numpy as np
import pytest
from safetensors import safe_open

from albert_lsh_tf.checkpoints.sources import find_weights
from albert_lsh_tf.checkpoints.writing.huggingface import write_huggingface
from albert_lsh_tf.checkpoints.writing.weights import read_weights
from albert_lsh_tf.errors import InputError
from tests.fixtures import checkpoints, huggingface, vocabularies
from tests.fixtures.weights import HEADS, check_equal, google_variables_with

ARCHITECTURES = {
    "both": "AlbertForPreTraining",
    "mlm": "AlbertForMaskedLM",
    "sop": "AlbertForPreTraining",
    "none": "AlbertModel",
}


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "huggingface"
    folder.mkdir()
    return folder


def weights_of(folder, variables, **config):
    source = checkpoints.write_google_folder(folder, variables)
    checkpoints.write_config(source, **config)
    return read_weights(find_weights(source))


@pytest.mark.parametrize("case", HEADS)
def test_names_shapes_and_values(tmp_path, folder, variables, case):
    everything = google_variables_with(variables, HEADS[case])
    weights = weights_of(tmp_path / "source", everything)
    write_huggingface(weights, folder)
    scope = "" if case == "none" else "albert."
    expected = huggingface.huggingface_variables(everything, scope)
    with safe_open(folder / "model.safetensors", framework="numpy") as file:
        assert file.metadata() == {"format": "pt"}
        assert set(file.keys()) == expected.keys()
        for name, value in expected.items():
            np.testing.assert_array_equal(file.get_tensor(name), value)
    config = json.loads((folder / "config.json").read_text())
    assert config.pop("architectures") == [ARCHITECTURES[case]]
    assert config.items() <= huggingface.CONFIG.items()
    check_equal(find_weights(folder), weights)


def test_everybody_may_read_it_who_may_read_the_rest(tmp_path, folder, variables):
    write_huggingface(weights_of(tmp_path / "source", variables), folder)
    modes = {file.stat().st_mode for file in folder.iterdir()}
    assert len(modes) == 1


def test_a_sentencepiece_vocabulary(tmp_path, folder, variables):
    weights = weights_of(tmp_path / "source", variables)
    write_huggingface(dataclasses.replace(weights, do_lower_case=False), folder)
    assert (folder / "spiece.model").read_bytes() == vocabularies.spm_model()
    assert json.loads((folder / "tokenizer_config.json").read_text()) == {
        "do_lower_case": False,
        "model_input_names": ["input_ids", "token_type_ids", "attention_mask"],
        "model_max_length": 11,
        "tokenizer_class": "AlbertTokenizer",
    }
    assert find_weights(folder).do_lower_case is False


def test_a_wordpiece_vocabulary_loses_its_counts(tmp_path, folder, variables):
    weights = weights_of(tmp_path / "source", variables)
    counted = tmp_path / "vocab_chinese.txt"
    counted.write_text(vocabularies.wordpiece_text(), encoding="utf-8")
    weights = dataclasses.replace(weights, spm_model_file=None, vocab_file=str(counted))
    write_huggingface(weights, folder)
    words = (folder / "vocab.txt").read_text(encoding="utf-8").splitlines()
    assert words[:6] == ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "\u4e00"]
    assert len(words) == 31
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    assert settings["tokenizer_class"] == "BertTokenizer"
    assert settings["do_lower_case"] is True
    assert find_weights(folder).vocab_file == str(folder / "vocab.txt")


def test_without_a_vocabulary(tmp_path, folder, variables):
    weights = weights_of(tmp_path / "source", variables)
    write_huggingface(dataclasses.replace(weights, spm_model_file=None), folder)
    assert sorted(file.name for file in folder.iterdir()) == [
        "config.json",
        "model.safetensors",
    ]


def test_gelu_with_the_error_function(tmp_path, folder, variables):
    weights = weights_of(tmp_path / "source", variables, hidden_act="gelu_erf")
    write_huggingface(weights, folder)
    assert json.loads((folder / "config.json").read_text())["hidden_act"] == "gelu"
    assert find_weights(folder).config.hidden_act == "gelu_erf"


def test_a_model_without_a_projection_is_refused(tmp_path, folder, variables):
    weights = weights_of(tmp_path / "source", variables)
    config = weights.config.replace(embedding_size=20)
    with pytest.raises(InputError, match="embedding_size and hidden_size are both 20"):
        write_huggingface(dataclasses.replace(weights, config=config), folder)
    assert not list(folder.iterdir())
