import dataclasses
import pathlib

import ml_dtypes
import numpy as np
import pytest

from albert_lsh_tf.checkpoints.sources import find_weights
from albert_lsh_tf.checkpoints.writing.weights import (
    check_activation,
    copy_vocabulary,
    read_weights,
)
from albert_lsh_tf.config import AlbertConfig
from albert_lsh_tf.errors import InputError
from tests.fixtures import checkpoints, huggingface

CONFIG = AlbertConfig.from_dict(checkpoints.TINY_CONFIG)


@pytest.fixture
def everything(variables):
    return huggingface.with_heads(variables)


@pytest.fixture
def weights(tmp_path, everything):
    source = checkpoints.write_google_folder(tmp_path / "source", everything)
    return read_weights(find_weights(source))


def test_what_there_is(weights):
    assert (weights.config, weights.heads) == (CONFIG, ("mlm", "sop"))
    assert len(weights.values) == 32
    assert weights.spm_model_file.endswith("30k-clean.model")
    assert (weights.vocab_file, weights.do_lower_case) == (None, None)
    assert weights.origin.endswith("source/model.ckpt-best")


def test_layouts(weights, everything):
    expected = {
        "google": everything,
        "huggingface": huggingface.huggingface_variables(everything),
    }
    for kind, variables in expected.items():
        found = weights.in_layout(kind)
        assert found.keys() == variables.keys()
        for name, value in variables.items():
            np.testing.assert_array_equal(found[name], value)


def test_fewer_heads(weights):
    assert weights.with_heads(("sop", "mlm")) == weights
    fewer = weights.with_heads(["sop"])
    assert fewer.heads == ("sop",) and len(fewer.values) == 27
    assert not any("predictions" in name for name in fewer.values)


@pytest.mark.parametrize("dtype", ["f2", ml_dtypes.bfloat16])
def test_half_precision_grows_exactly(tmp_path, variables, dtype):
    halves = {name: value.astype(dtype) for name, value in variables.items()}
    folder = huggingface.write_folder(tmp_path / "half", halves)
    found = read_weights(find_weights(folder)).in_layout("google")
    for name, value in halves.items():
        assert found[name].dtype == np.float32
        np.testing.assert_array_equal(found[name], value.astype("f4"))


def test_a_wrong_model_is_refused(tmp_path, variables):
    folder = checkpoints.write_google_folder(tmp_path / "source", variables)
    checkpoints.write_config(folder, intermediate_size=29)
    with pytest.raises(InputError, match="intermediate_size is 29 in the config but"):
        read_weights(find_weights(folder))
    variables = {**variables, "bert/pooler/dense/bias": np.full(20, np.nan, "f4")}
    folder = checkpoints.write_google_folder(tmp_path / "diverged", variables)
    with pytest.raises(InputError, match="pooler_transform/bias hold NaN or infinity"):
        read_weights(find_weights(folder))


def test_activations_of_googles():
    check_activation(CONFIG, "files")
    check_activation(CONFIG.replace(hidden_act="RELU"), "files")
    with pytest.raises(InputError, match="swish is a function that files cannot name"):
        check_activation(CONFIG.replace(hidden_act="swish"), "files")
    with pytest.raises(InputError, match='gelu_erf .* calls "gelu".*hidden_act=gelu.$'):
        check_activation(CONFIG.replace(hidden_act="gelu_erf"), "files")


def test_vocabularies_are_copied(tmp_path, weights):
    copy_vocabulary(weights, tmp_path, "new.model")
    original = pathlib.Path(weights.spm_model_file)
    assert (tmp_path / "new.model").read_bytes() == original.read_bytes()
    assert not (tmp_path / "vocab.txt").exists()
    words = tmp_path / "words"
    words.write_text("[PAD]\t0\n")
    weights = dataclasses.replace(weights, spm_model_file=None, vocab_file=str(words))
    copy_vocabulary(weights, tmp_path, "other.model")
    assert (tmp_path / "vocab.txt").read_text() == "[PAD]\t0\n"
    assert not (tmp_path / "other.model").exists()
