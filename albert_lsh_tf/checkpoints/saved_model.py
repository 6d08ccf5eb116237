"""Reads facts out of a SavedModel's description, without loading or running it.

A SavedModel is a program. Its weights are an ordinary object checkpoint, and what else
the encoder needs to know stands in `saved_model.pb` as data.
"""

import pathlib
from collections.abc import Iterator

from google.protobuf.message import DecodeError
from tensorflow.core.protobuf import saved_model_pb2, struct_pb2

from albert_lsh_tf.errors import InputError

PROGRAM_FILE = "saved_model.pb"


def read_num_layers(folder: pathlib.Path) -> int | None:
    """The number of layers, which the variables of a shared-weight model do not tell.

    Args:
      folder: of a SavedModel whose functions return `encoder_outputs`, a list with one
        tensor for each layer, as encoders on TF-Hub do.

    Returns:
      The length of that list; None when there is none, or several that differ.

    Raises:
      InputError: `saved_model.pb` is damaged.
    """
    file = folder / PROGRAM_FILE
    saved_model = saved_model_pb2.SavedModel()
    try:
        saved_model.ParseFromString(file.read_bytes())
    except (DecodeError, OSError) as error:
        raise InputError(
            f"{file}: the SavedModel is damaged ({error}). Copy or download it again."
        ) from error
    lengths = {
        length
        for meta_graph in saved_model.meta_graphs
        for function in meta_graph.object_graph_def.concrete_functions.values()
        for length in _lengths_of_encoder_outputs(function.output_signature)
    }
    return lengths.pop() if len(lengths) == 1 else None


def _lengths_of_encoder_outputs(value: struct_pb2.StructuredValue) -> Iterator[int]:
    """Lengths of all lists called `encoder_outputs` in a function's signature."""
    match value.WhichOneof("kind"):
        case "dict_value":
            for name, each in value.dict_value.fields.items():
                if name == "encoder_outputs" and each.list_value.values:
                    yield len(each.list_value.values)
        case "tuple_value":
            for each in value.tuple_value.values:
                yield from _lengths_of_encoder_outputs(each)
