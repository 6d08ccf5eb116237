"""Folders of Hugging Face's against the independent NumPy ALBERT."""

import json
import pathlib

import ml_dtypes
import numpy as np
import pytest
import scipy.special
import tensorflow as tf

from albert_lsh_tf.checkpoints.formats.huggingface import (
    is_huggingface,
    open_huggingface,
)
from albert_lsh_tf.checkpoints.loading import load_encoder, load_pretrainer
from albert_lsh_tf.checkpoints.matching import (
    BESIDE_A_PRETRAINER,
    expected_shapes,
    read_variables,
)
from albert_lsh_tf.checkpoints.variables import CheckpointVariables
from albert_lsh_tf.config import AlbertConfig
from albert_lsh_tf.errors import InputError
from tests.fixtures import checkpoints, huggingface
from tests.fixtures.weights import google_variables_with
from tests.reference import albert as reference

GOLDENS = pathlib.Path(__file__).parent / "goldens"
WORD_IDS = np.random.default_rng(3).integers(0, 31, (2, 7))
MASK = np.array([[1] * 7, [1] * 4 + [0] * 3])
TYPE_IDS = np.array([[0] * 3 + [1] * 4, [0] * 7])
POSITIONS = np.array([[1, 6], [3, 0]])
CONFIG = AlbertConfig.from_dict(checkpoints.TINY_CONFIG)


@pytest.fixture
def everything(variables):
    return huggingface.with_heads(variables)


@pytest.fixture
def folder(tmp_path, everything):
    return huggingface.write_folder(tmp_path / "albert-tiny", everything)


def check_outputs(pretrainer, everything):
    inputs = [WORD_IDS, MASK, TYPE_IDS, POSITIONS][: len(pretrainer.inputs)]
    outputs = pretrainer([tf.constant(each, tf.int32) for each in inputs])
    expected = reference.albert(everything, 3, 5, WORD_IDS, MASK, TYPE_IDS)
    expected |= reference.pretraining_heads(everything, expected, POSITIONS)
    for name in outputs.keys() - {"encoder_outputs"}:
        np.testing.assert_allclose(outputs[name], expected[name], rtol=0, atol=1e-5)


def check_values(source, everything):
    """Compares with Google's file of the same variables: it is quicker than to run."""
    prefix = f"{source.path}/googles"
    checkpoints.write_google_checkpoint(prefix, everything)
    shapes = expected_shapes(CONFIG, ("mlm", "sop"))
    values, expected = (
        read_variables(shapes, variables, BESIDE_A_PRETRAINER)
        for variables in (source.variables, CheckpointVariables(prefix))
    )
    assert len(values) == 32
    for name, value in values.items():
        assert value.dtype == expected[name].dtype
        np.testing.assert_array_equal(value, expected[name])


@pytest.mark.parametrize("name", ["huggingface_tanh", "huggingface_erf"])
def test_hugging_faces_own_library_computes_the_same(name):
    golden = np.load(GOLDENS / name / "outputs.npz")
    pretrainer = load_pretrainer(GOLDENS / name, "dense")
    mask = golden["attention_mask"]
    positions = np.tile(np.arange(mask.shape[1]), [len(mask), 1])
    names = ("input_ids", "attention_mask", "token_type_ids")
    inputs = [*(golden[each] for each in names), positions]
    outputs = pretrainer([tf.constant(each, tf.int32) for each in inputs])
    for output in ("sequence_output", "pooled_output", "mlm_logits", "sop_logits"):
        found, expected = outputs[output].numpy(), golden[output]
        if output in ("sequence_output", "mlm_logits"):  # One for each token.
            found, expected = found[mask == 1], expected[mask == 1]
        np.testing.assert_allclose(
            found,
            expected,
            rtol=0,
            atol=1e-5,
            err_msg=f"{output}; make_huggingface_goldens.py beside this file made it",
        )


def test_what_a_folder_holds(folder):
    assert is_huggingface(folder)
    source = open_huggingface(folder)
    assert (source.kind, source.path) == ("huggingface", str(folder))
    assert source.config == CONFIG
    assert source.spm_model_file == str(folder / "spiece.model")
    assert source.description == f"Hugging Face folder {folder}"
    assert source.do_lower_case is None
    (folder / "tokenizer_config.json").write_text('{"do_lower_case": false}')
    assert open_huggingface(folder).do_lower_case is False


def test_encoder_and_heads_compute_the_same(folder, everything):
    source = open_huggingface(folder)
    pretrainer = load_pretrainer(source, "dense")
    assert len(pretrainer.variables) == 32
    check_outputs(pretrainer, everything)
    check_values(source, everything)


def test_gelu_with_the_error_function(tmp_path, everything, monkeypatch):
    folder = huggingface.write_folder(tmp_path / "v1", everything, hidden_act="gelu")
    pretrainer = load_pretrainer(open_huggingface(folder), "dense")
    with pytest.raises(AssertionError):
        check_outputs(pretrainer, everything)
    monkeypatch.setattr(
        reference, "gelu", lambda x: 0.5 * x * (1 + scipy.special.erf(x / np.sqrt(2)))
    )
    check_outputs(pretrainer, everything)


def test_a_config_of_googles_says_that_it_is_the_tanh_form(tmp_path, everything):
    folder = huggingface.write_folder(tmp_path / "v1", everything, hidden_act="gelu")
    source = open_huggingface(folder, checkpoints.write_config(tmp_path / "config"))
    assert source.config == CONFIG


def test_the_base_models_names_have_no_scope(tmp_path, variables):
    folder = huggingface.write_folder(tmp_path / "base", variables, scope="")
    source = open_huggingface(folder)
    encoder = load_encoder(source, "dense")
    outputs = encoder([tf.constant(x, tf.int32) for x in (WORD_IDS, MASK, TYPE_IDS)])
    expected = reference.albert(variables, 3, 5, WORD_IDS, MASK, TYPE_IDS)
    for name in ("sequence_output", "pooled_output"):
        np.testing.assert_allclose(outputs[name], expected[name], rtol=0, atol=1e-5)
    with pytest.raises(InputError, match="there are no pre-training heads"):
        load_pretrainer(source)


@pytest.mark.parametrize("head", ["classifier", "qa_outputs"])
def test_heads_of_fine_tuning_are_left_aside(tmp_path, variables, head):
    extras = {
        f"{head}.weight": np.ones([2, 20], "f4"),
        f"{head}.bias": np.ones(2, "f4"),
    }
    folder = huggingface.write_folder(tmp_path / head, variables, extras=extras)
    variables_found = open_huggingface(folder).variables
    assert len(variables_found) == 27
    assert len(read_variables(expected_shapes(CONFIG), variables_found)) == 25


def test_old_releases_saved_constants_and_second_copies(tmp_path, everything):
    table = everything["bert/embeddings/word_embeddings"]
    extras = {
        "albert.embeddings.position_ids": np.arange(11)[None],
        "predictions.decoder.weight": table,
        "predictions.decoder.bias": everything["cls/predictions/output_bias"],
    }
    folder = huggingface.write_folder(tmp_path / "old", everything, extras=extras)
    source = open_huggingface(folder)
    assert len(source.variables) == 32
    check_values(source, everything)


@pytest.mark.parametrize("part", ["weight", "bias"])
def test_an_output_layer_of_its_own_is_refused(tmp_path, everything, part):
    value = {"weight": np.zeros([31, 6], "f4"), "bias": np.zeros(31, "f4")}[part]
    extras = {f"predictions.decoder.{part}": value}
    folder = huggingface.write_folder(tmp_path / "own", everything, extras=extras)
    with pytest.raises(InputError, match=rf"decoder.{part} is not equal to \w+\."):
        open_huggingface(folder)


def test_a_copy_without_its_original_is_reported(tmp_path, variables):
    extras = {"predictions.decoder.bias": np.zeros(31, "f4")}
    folder = huggingface.write_folder(tmp_path / "half", variables, extras=extras)
    variables = open_huggingface(folder).variables
    with pytest.raises(InputError, match=r"unexpected: predictions.decoder.bias"):
        read_variables(expected_shapes(CONFIG), variables, BESIDE_A_PRETRAINER)


@pytest.mark.parametrize("dtype", ["f2", ml_dtypes.bfloat16])
def test_half_precision_weights(tmp_path, everything, dtype):
    halves = {name: value.astype(dtype) for name, value in everything.items()}
    folder = huggingface.write_folder(tmp_path / "half", halves)
    check_values(open_huggingface(folder), halves)


def test_in_several_files(folder, everything):
    huggingface.split_folder(folder)
    assert is_huggingface(folder)
    check_values(open_huggingface(folder), everything)
    (folder / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(InputError, match="00002-of-00002.safetensors: no such file"):
        open_huggingface(folder)


def test_safetensors_under_pytorchs_name(folder, everything):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    assert is_huggingface(folder)
    check_values(open_huggingface(folder), everything)
    (folder / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    assert not is_huggingface(folder)


@pytest.mark.parametrize(
    "heads, remedy", [((), "AlbertModel"), (("mlm",), "AlbertForPreTraining")]
)
def test_without_a_pooler(tmp_path, variables, heads, remedy):
    some = {
        name: each
        for name, each in google_variables_with(variables, heads).items()
        if "pooler" not in name
    }
    folder = huggingface.write_folder(tmp_path / "squad", some)
    with pytest.raises(InputError, match=rf"no pooler: .* {remedy}.from_pretrained\("):
        open_huggingface(folder)


def test_a_second_layer_is_unexpected(tmp_path, variables):
    name = "albert.encoder.albert_layer_groups.1.albert_layers.0.ffn.bias"
    folder = huggingface.write_folder(
        tmp_path / "groups", variables, extras={name: np.ones(28, "f4")}
    )
    with pytest.raises(InputError, match=rf"unexpected: {name} \[28\]"):
        read_variables(expected_shapes(CONFIG), open_huggingface(folder).variables)


def test_a_config_of_another_size(tmp_path, variables):
    folder = huggingface.write_folder(tmp_path / "big", variables, hidden_size=40)
    with pytest.raises(InputError, match="hidden_size is 40 in the config but 20 in"):
        load_encoder(open_huggingface(folder))


def test_without_a_config(folder):
    (folder / "config.json").unlink()
    with pytest.raises(InputError, match="no config.json beside the weights; .*give"):
        open_huggingface(folder)


def test_other_folders_are_none(tmp_path, google_folder):
    assert not is_huggingface(google_folder)
    (tmp_path / "config.json").write_text(json.dumps(huggingface.CONFIG))
    assert not is_huggingface(tmp_path)
