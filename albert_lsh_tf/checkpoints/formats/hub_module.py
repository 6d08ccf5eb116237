"""TF1 modules of TF-Hub, `google/albert_*`, and other SavedModels of TF1.

Such a module is a program of TF1 with the signatures tokens, mlm, sop and
tokenization_info, once as it is and once tagged "train". It is not loaded or run: its
variables are a checkpoint with Google's names. The oldest modules hold no
albert_config.json; then the nodes of the graph, read as data, tell what the shapes of
variables do not: the number of layers and heads, the activation and dropout.

Source: google-research/albert, export_to_tfhub.py, and modeling.py, `transformer_model`
for the scopes of layers, `dense_layer_3d` for the constant that splits heads.
"""

import contextlib
import pathlib
import re
from collections.abc import Iterable, Iterator
from typing import Any

import tensorflow as tf
from tensorflow.core.framework import node_def_pb2
from tensorflow.core.protobuf import saved_model_pb2

from albert_lsh_tf.checkpoints.config_files import (
    CONFIG_FILE,
    first_file,
    read_config,
)
from albert_lsh_tf.checkpoints.formats.saved_model import (
    PROGRAM_FILE,
    asset_folders,
    config_from_facts,
    has_objects,
    open_variables,
    read_program,
)
from albert_lsh_tf.checkpoints.vocabulary import find_vocabulary
from albert_lsh_tf.checkpoints.weight_source import WeightSource

# The first layer lies in the scope group_0, the next ones in group_0_1, group_0_2, ...
_LAYER = re.compile(
    r"(?:^|/)encoder/transformer/group_0(?:_\d+)?/layer_(\d+)/inner_group_0/(.*)"
)
_SPLIT_INTO_HEADS = re.compile(r"attention_1/self/(query|key|value)/Reshape(_\d+)?$")
_INSIDE_FEED_FORWARD = re.compile(r"ffn_1/intermediate/(?!output/)")
_HIDDEN_DROPOUT = re.compile(
    r"(?:^|/)(embeddings|attention_1/output|ffn_1)/dropout(_\d+)?/"
)
_ATTENTION_DROPOUT = re.compile(r"/attention_1/self/dropout(_\d+)?/")

# Operations of the feed-forward part, and the activation that is made of them.
_ACTIVATIONS = {
    frozenset(): "linear",
    frozenset({"Relu"}): "relu",
    frozenset({"Tanh"}): "tanh",
    frozenset({"Tanh", "Pow"}): "gelu",
    frozenset({"Erf"}): "gelu_erf",
}
_ACTIVATION_OPS = {"Elu", "Erf", "Pow", "Relu", "Relu6", "Selu", "Sigmoid", "Tanh"}
# Of the constants that are looked for: rates, flags, and shapes of three sizes. Others
# are not even decoded; a tensor can say that it is huge.
_READABLE_SHAPES = ([], [3])
_READABLE_TYPES = {each.as_datatype_enum for each in (tf.bool, tf.int32, tf.float32)}


def is_hub_module(folder: pathlib.Path) -> bool:
    """Whether a folder holds a SavedModel of TF1.

    Raises:
      InputError: `saved_model.pb` is there, but damaged.
    """
    return (folder / PROGRAM_FILE).exists() and not has_objects(read_program(folder))


def open_hub_module(
    folder: pathlib.Path, albert_config_file: str | pathlib.Path | None = None
) -> WeightSource:
    """Opens the variables of a TF1 module.

    Args:
      folder: of the module.
      albert_config_file: replaces the albert_config.json in its assets. Where there is
        none either, shapes and graph tell the architecture.

    Returns:
      The source.

    Raises:
      InputError: variables are missing or damaged, or the graph does not tell the
        architecture.
    """
    program = read_program(folder)
    variables = open_variables(folder)
    folders = asset_folders(folder)
    config_file = albert_config_file or first_file(folders, [CONFIG_FILE])
    if config_file is not None:
        config = read_config(config_file)
    else:
        config = config_from_facts(folder, variables, facts_of_graphs(program))
    vocabulary = find_vocabulary(folders)
    return WeightSource(
        kind="hub_module",
        path=str(folder),
        config=config,
        spm_model_file=vocabulary.spm_model_file,
        description=f"TF1 TF-Hub module {folder}",
        variables=variables,
        vocab_file=vocabulary.vocab_file,
        do_lower_case=_do_lower_case(program),
    )


def facts_of_graphs(program: saved_model_pb2.SavedModel) -> dict[str, object]:
    """What the graphs of a module tell about its architecture.

    Args:
      program: the module's description.

    Returns:
      Settings of albert_config.json; None for what the graphs do not tell, or not with
      one voice. Dropout is missing where no graph is tagged "train".
    """
    facts: dict[str, object] = {}
    for key, read in {
        "num_hidden_layers": _num_layers,
        "num_attention_heads": _num_heads,
        "hidden_act": _activation,
    }.items():
        facts[key] = _only(read(graph.graph_def.node) for graph in program.meta_graphs)
    training = [
        graph.graph_def.node
        for graph in program.meta_graphs
        if "train" in graph.meta_info_def.tags
    ]
    if training:
        facts["hidden_dropout_prob"] = _only(
            _dropout_rate(nodes, _HIDDEN_DROPOUT) for nodes in training
        )
        facts["attention_probs_dropout_prob"] = _only(
            _dropout_rate(nodes, _ATTENTION_DROPOUT) for nodes in training
        )
    return facts


def _num_layers(nodes: Iterable[node_def_pb2.NodeDef]) -> int | None:
    """The number of layers, if they are numbered without a gap, and whole."""
    depths: dict[str, set[int]] = {"query": set(), "key": set(), "value": set()}
    for node, depth in _head_splits(nodes):
        depths[_SPLIT_INTO_HEADS.search(node.name).group(1)].add(depth)
    num_layers = len(depths["query"])
    is_whole = all(each == set(range(num_layers)) for each in depths.values())
    return num_layers if num_layers and is_whole else None


def _num_heads(nodes: Iterable[node_def_pb2.NodeDef]) -> int | None:
    """From the constant [M, H, D] by which kernels [M, HD] are split into heads."""
    constants = _constants(nodes)
    shapes = [constants.get(node.input[1], []) for node, _ in _head_splits(nodes)]
    # The others split biases, [H, D], or are of sizes that are not constant.
    return _only(
        shape[1]
        for shape in shapes
        if len(shape) == 3 and shape[1] * shape[2] == shape[0]
    )


def _head_splits(
    nodes: Iterable[node_def_pb2.NodeDef],
) -> Iterator[tuple[node_def_pb2.NodeDef, int]]:
    """What splits queries, keys and values into heads, and the depth of each."""
    for node in nodes:
        if node.op == "Reshape" and len(node.input) == 2:
            layer = _LAYER.search(node.name)
            if layer and _SPLIT_INTO_HEADS.search(layer.group(2)):
                yield node, int(layer.group(1))


def _activation(nodes: Iterable[node_def_pb2.NodeDef]) -> str | None:
    operations: dict[str, set[str]] = {}
    for node in nodes:
        layer = _LAYER.search(node.name)
        if layer and _INSIDE_FEED_FORWARD.search(layer.group(2)):
            operations.setdefault(layer.group(1), set()).add(node.op)
    return _only(
        _ACTIVATIONS.get(frozenset(layer & _ACTIVATION_OPS))
        for layer in operations.values()
    )


def _dropout_rate(
    nodes: Iterable[node_def_pb2.NodeDef], scope: re.Pattern
) -> float | None:
    """The rate of the dropout in a scope: 0 where there is none, None if unclear.

    TF1's versions differ: some have a constant `rate` or `keep_prob`, in others random
    numbers are compared with the rate.
    """
    constants = _constants(nodes)
    inside = [node for node in nodes if scope.search(node.name)]
    if not inside:
        return 0.0
    rates = set()
    for node in inside:
        name = node.name.rsplit("/", 1)[-1]
        if name == "rate":
            rates.update(constants.get(node.name, []))
        elif name == "keep_prob":
            rates.update(1 - value for value in constants.get(node.name, []))
        elif node.op == "GreaterEqual" and len(node.input) == 2:
            rates.update(constants.get(node.input[1], []))
    # In the graph they are float32, where 0.1 is 0.10000000149.
    return _only(round(rate, 6) for rate in rates)


def _do_lower_case(program: saved_model_pb2.SavedModel) -> bool | None:
    """What the signature tokenization_info would give, were it run."""
    values: list[bool] = []
    for graph in program.meta_graphs:
        if "tokenization_info" in graph.signature_def:
            outputs = graph.signature_def["tokenization_info"].outputs
            name = outputs["do_lower_case"].name.removesuffix(":0")
            values += _constants(graph.graph_def.node).get(name, [])
    return _only(values)


def _constants(nodes: Iterable[node_def_pb2.NodeDef]) -> dict[str, list]:
    """Name to values of the constants of a graph that are scalars or short vectors."""
    constants = {}
    for node in nodes:
        if node.op != "Const":
            continue
        tensor = node.attr["value"].tensor
        sizes = [axis.size for axis in tensor.tensor_shape.dim]
        if sizes not in _READABLE_SHAPES or tensor.dtype not in _READABLE_TYPES:
            continue
        # One whose content does not fit its shape is left out, and missed if needed.
        with contextlib.suppress(TypeError, ValueError):
            constants[node.name] = tf.make_ndarray(tensor).ravel().tolist()
    return constants


def _only(values: Iterable) -> Any:
    """The value that all agree on; None where they do not, or where there is none."""
    seen = set(values)
    return seen.pop() if len(seen) == 1 else None
