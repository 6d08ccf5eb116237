import json

import pytest

from albert_lsh_tf.checkpoints.formats.huggingface_config import (
    from_huggingface,
    read_config,
    to_huggingface,
)
from albert_lsh_tf.config import AlbertConfig
from albert_lsh_tf.errors import InputError
from tests.fixtures import checkpoints
from tests.fixtures.huggingface import CONFIG

EXPECTED = AlbertConfig.from_dict(checkpoints.TINY_CONFIG)


def test_the_architecture_and_nothing_else(tmp_path):
    file = tmp_path / "config.json"
    file.write_text(json.dumps({**CONFIG, "id2label": {"0": "a"}, "news": [1]}))
    assert read_config(file) == EXPECTED
    # A YAML parser takes this spelling for a string.
    assert "1e-12" in file.read_text()


@pytest.mark.parametrize(
    "theirs, ours",
    [
        ("gelu", "gelu_erf"),
        ("gelu_new", "gelu"),
        ("gelu_pytorch_tanh", "gelu"),
        ("relu", "relu"),
    ],
)
def test_activations_are_what_hugging_face_computes(theirs, ours):
    assert from_huggingface({**CONFIG, "hidden_act": theirs}, "").hidden_act == ours


def test_an_activation_that_is_not_told_is_the_tanh_form():
    values = {name: value for name, value in CONFIG.items() if name != "hidden_act"}
    assert from_huggingface(values, "").hidden_act == "gelu"


@pytest.mark.parametrize("activation", ["gelu", "gelu_erf", "relu"])
def test_there_and_back(activation):
    config = EXPECTED.replace(hidden_act=activation)
    written = json.loads(to_huggingface(config, "AlbertModel"))
    assert written["architectures"] == ["AlbertModel"]
    assert from_huggingface(written, "") == config


@pytest.mark.parametrize(
    "changes, line",
    [
        ({"model_type": "bert"}, "x: model_type is 'bert', but only 'albert' is read"),
        ({"layer_norm_eps": 1e-5}, "x: layer_norm_eps=1e-05 changes what the model"),
        ({"position_embedding_type": "relative_key"}, "position_embedding_type='rel"),
        ({"is_decoder": True}, "is_decoder=True changes"),
        ({"pruned_heads": {"0": [1]}}, "pruned_heads="),
        ({"quantization_config": {"bits": 8}}, "quantization_config="),
        ({"hidden_act": "xielu"}, "hidden_act='xielu' is not supported; .*gelu_new"),
        ({"num_hidden_groups": 2}, "num_hidden_groups=2 is not supported"),
        ({"inner_group_num": 2}, "inner_group_num=2 is not supported"),
        ({"hidden_size": "20"}, "x: hidden_size='20' is of type str"),
    ],
)
def test_what_the_encoder_does_not_compute_is_refused(changes, line):
    with pytest.raises(InputError, match=line):
        from_huggingface({**CONFIG, **changes}, "x")


def test_sizes_have_no_defaults():
    values = {name: value for name, value in CONFIG.items() if "hidden_size" != name}
    with pytest.raises(InputError, match="x: it does not tell hidden_size; add"):
        from_huggingface(values, "x")


def test_an_activation_that_cannot_be_written():
    with pytest.raises(InputError, match="hidden_act='mish' cannot be written"):
        to_huggingface(EXPECTED.replace(hidden_act="mish"), "AlbertModel")
