import shutil

import numpy as np
import pytest
import tensorflow as tf

from albert_lsh_tf.checkpoints.formats.hub_module import facts_of_graphs, is_hub_module
from albert_lsh_tf.checkpoints.formats.saved_model import read_program
from albert_lsh_tf.checkpoints.loading import load_encoder, load_pretrainer
from albert_lsh_tf.checkpoints.sources import find_weights
from albert_lsh_tf.config import AlbertConfig
from albert_lsh_tf.errors import InputError
from tests.fixtures import checkpoints
from tests.fixtures.hub_module import HubModule, run_tokens
from tests.reference.albert import albert

CONFIG = AlbertConfig.from_dict(checkpoints.TINY_CONFIG)
WORD_IDS = np.random.default_rng(3).integers(0, 31, (3, 7))
MASK = np.array([[1] * 7, [1] * 4 + [0] * 3, [1] * 5 + [0] * 2])
TYPE_IDS = np.array([[0] * 3 + [1] * 4, [0] * 7, [0] * 2 + [1] * 3 + [0] * 2])
LAYER_1 = "bert/encoder/transformer/group_0_1/layer_1/inner_group_0/"


def assert_computes_the_same(encoder, expected):
    inputs = [tf.constant(each, tf.int32) for each in (WORD_IDS, MASK, TYPE_IDS)]
    outputs = encoder(inputs)
    is_token = MASK.astype(bool)
    for name in ("pooled_output", "sequence_output"):
        actual, desired = outputs[name].numpy(), expected[name]
        if name == "sequence_output":
            actual, desired = actual[is_token], desired[is_token]
        np.testing.assert_allclose(actual, desired, rtol=0, atol=1e-5)


def test_a_module_without_a_config_computes_what_it_computes_itself(
    hub_module, variables
):
    assert not list(hub_module.rglob("albert_config.json"))
    encoder = load_encoder(hub_module, "dense")
    assert_computes_the_same(encoder, run_tokens(hub_module, WORD_IDS, MASK, TYPE_IDS))
    expected = albert(variables, 3, 5, WORD_IDS, MASK, TYPE_IDS)
    assert_computes_the_same(encoder, expected)


def test_what_a_module_tells(hub_module):
    found = find_weights(hub_module)
    assert found.kind == "hub_module"
    assert found.path == str(hub_module)
    assert found.config == CONFIG
    assert found.spm_model_file == str(hub_module / "assets" / "30k-clean.model")
    assert found.do_lower_case is True
    assert found.description == f"TF1 TF-Hub module {hub_module}"


def test_the_heads_of_a_module(tmp_path, variables):
    heads = {
        name: value
        for name, value in checkpoints.training_extras().items()
        if name in checkpoints.HEAD_SHAPES
    }
    module = HubModule(scope="module", do_lower_case=False)
    folder = module.write(tmp_path / "module", {**variables, **heads})
    assert set(read_program(folder).meta_graphs[0].signature_def) == {
        "tokens",
        "mlm",
        "sop",
        "tokenization_info",
    }
    assert load_pretrainer(folder, "dense").heads == ("mlm", "sop")
    assert find_weights(folder).do_lower_case is False


@pytest.mark.parametrize("hidden_act", ["gelu", "relu", "tanh", "linear"])
def test_the_graph_tells_sizes_activation_and_dropout(tmp_path, variables, hidden_act):
    changes = dict(
        num_hidden_layers=2,
        num_attention_heads=4,
        hidden_act=hidden_act,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.25,
    )
    config = {**checkpoints.TINY_CONFIG, **changes}
    module = HubModule(config=config, use_einsum=False)
    folder = module.write(tmp_path / "module", variables)
    assert find_weights(folder).config == CONFIG.replace(**changes)


def test_without_a_graph_for_training_there_is_no_dropout(tmp_path, variables):
    folder = HubModule(tag_sets=(("serve",),)).write(tmp_path / "module", variables)
    assert find_weights(folder).config == CONFIG.replace(
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0
    )


def test_a_config_in_the_assets_comes_first(tmp_path, variables):
    config = {**checkpoints.TINY_CONFIG, "initializer_range": 0.5}
    folder = HubModule(config=config, with_config=True).write(
        tmp_path / "module", variables
    )
    assert find_weights(folder).config == CONFIG.replace(initializer_range=0.5)


def rename(graph, old, new):
    for node in graph.node:
        node.name = node.name.replace(old, new)
        node.input[:] = [name.replace(old, new) for name in node.input]


def cut_queries(graph):
    rename(graph, "/layer_2/inner_group_0/attention_1/self/query", "/elsewhere")


def cut_heads(graph):
    rename(graph, "/self/query/Reshape", "/self/query/Split")
    rename(graph, "/self/key/Reshape", "/self/key/Split")
    rename(graph, "/self/value/Reshape", "/self/value/Split")


def other_heads_in_one_layer(graph):
    for node in graph.node:
        if node.name == f"{LAYER_1}attention_1/self/query/Reshape/shape":
            node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto([20, 4, 5]))


def a_layer_is_not_there(graph):
    rename(graph, "/layer_1/", "/step_1/")


def no_layer_is_there(graph):
    rename(graph, "/layer_", "/step_")


def another_activation(graph):
    for node in graph.node:
        if node.name == f"{LAYER_1}ffn_1/intermediate/Tanh":
            node.op = "Erf"


def hidden_rates(graph):
    rename(graph, "/self/dropout/GreaterEqual", "/self/dropout/Compare")
    for node in graph.node:
        if node.op == "GreaterEqual":
            node.input[1] = "elsewhere"


@pytest.mark.parametrize(
    "change, missing",
    [
        (cut_heads, "num_attention_heads, num_hidden_layers"),
        (cut_queries, "num_hidden_layers"),
        (other_heads_in_one_layer, "num_attention_heads"),
        (a_layer_is_not_there, "num_hidden_layers"),
        (no_layer_is_there, "hidden_act, num_attention_heads, num_hidden_layers"),
        (another_activation, "hidden_act"),
        (hidden_rates, "attention_probs_dropout_prob, hidden_dropout_prob"),
    ],
)
def test_what_the_graph_does_not_tell_is_asked_for(
    tmp_path, hub_module, change, missing
):
    folder = shutil.copytree(hub_module, tmp_path / "copy")
    program = read_program(folder)
    for graph in program.meta_graphs:
        change(graph.graph_def)
    (folder / "saved_model.pb").write_bytes(program.SerializeToString())
    with pytest.raises(InputError, match=f"does not tell {missing}; copy its albert"):
        find_weights(folder)
    config_file = checkpoints.write_config(tmp_path)
    assert find_weights(folder, config_file).config == CONFIG


@pytest.mark.parametrize("name, value", [("rate", 0.3), ("keep_prob", 0.7)])
def test_dropout_of_older_versions_of_tensorflow(hub_module, name, value):
    program = read_program(hub_module)
    for graph in program.meta_graphs:
        for node in graph.graph_def.node:
            if node.name.endswith("dropout/GreaterEqual/y"):
                node.name = node.name.replace("GreaterEqual/y", name)
                node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value))
    facts = facts_of_graphs(program)
    assert facts["hidden_dropout_prob"] == 0.3
    assert facts["attention_probs_dropout_prob"] == 0.3


def test_a_constant_that_says_it_is_huge_is_not_made(hub_module):
    program = read_program(hub_module)
    for graph in program.meta_graphs:
        for node in graph.graph_def.node:
            if node.name.endswith("/self/query/Reshape/shape"):
                huge = tf.make_tensor_proto(20, shape=[3])
                huge.tensor_shape.dim[0].size = 2**40
                node.attr["value"].tensor.CopyFrom(huge)
    assert facts_of_graphs(program)["num_attention_heads"] == 5  # By key and value.


def test_saved_models_of_tf2_are_no_modules(hub_module, saved_model, tmp_path):
    assert is_hub_module(hub_module)
    assert not is_hub_module(saved_model)
    assert not is_hub_module(tmp_path)
