"""TF2 SavedModels, as on TF-Hub: their variables, and facts out of their description.

A SavedModel is a program. It is not loaded or run: its weights are an ordinary object
checkpoint, and what else the encoder needs to know stands in `saved_model.pb` as data.
"""

import pathlib
from collections.abc import Iterator

from google.protobuf.message import DecodeError
from tensorflow.core.protobuf import saved_model_pb2, struct_pb2

from albert_lsh_tf.checkpoints import name_map
from albert_lsh_tf.checkpoints.config_files import (
    CONFIG_FILE,
    first_file,
    read_config,
)
from albert_lsh_tf.checkpoints.variables import CheckpointVariables, Variables
from albert_lsh_tf.checkpoints.vocabulary import find_vocabulary
from albert_lsh_tf.checkpoints.weight_source import WeightSource
from albert_lsh_tf.config import AlbertConfig
from albert_lsh_tf.errors import InputError

PROGRAM_FILE = "saved_model.pb"
_DO_LOWER_CASE = "do_lower_case"  # A variable beside the model's.


def is_saved_model(folder: pathlib.Path) -> bool:
    """Whether a folder holds a SavedModel of TF2: one that describes its objects.

    Raises:
      InputError: `saved_model.pb` is there, but damaged.
    """
    return (folder / PROGRAM_FILE).exists() and has_objects(read_program(folder))


def open_saved_model(
    folder: pathlib.Path, albert_config_file: str | pathlib.Path | None = None
) -> WeightSource:
    """Opens the variables of a SavedModel of TF2.

    Args:
      folder: of the SavedModel.
      albert_config_file: replaces the albert_config.json in it. Where there is none
        either, shapes and signatures tell the architecture.

    Returns:
      The source.

    Raises:
      InputError: variables are missing or damaged, or do not tell the architecture.
    """
    variables = open_variables(folder)
    folders = asset_folders(folder)
    config_file = albert_config_file or first_file(folders, [CONFIG_FILE])
    if config_file is not None:
        config = read_config(config_file)
    else:
        config = config_from_facts(
            folder, variables, {"num_hidden_layers": read_num_layers(folder)}
        )
    vocabulary = find_vocabulary(folders)
    return WeightSource(
        kind="saved_model",
        path=str(folder),
        config=config,
        spm_model_file=vocabulary.spm_model_file,
        description=f"SavedModel {folder}",
        variables=variables,
        vocab_file=vocabulary.vocab_file,
        do_lower_case=(
            bool(variables[_DO_LOWER_CASE]) if _DO_LOWER_CASE in variables else None
        ),
    )


def asset_folders(folder: pathlib.Path) -> list[pathlib.Path]:
    """Where a SavedModel's config and vocabulary may lie."""
    return [folder, folder / "assets", folder / "assets.extra"]


def open_variables(folder: pathlib.Path) -> CheckpointVariables:
    """The variables of a SavedModel of TF1 or TF2.

    Raises:
      InputError: they are missing or damaged.
    """
    prefix = folder / "variables" / "variables"
    if not prefix.with_name("variables.index").exists():
        raise InputError(
            f"{folder}: the SavedModel has no variables/variables.index. Copy or "
            "download it again, with all of its files."
        )
    return CheckpointVariables(str(prefix))


def config_from_facts(
    folder: pathlib.Path, variables: Variables, facts: dict[str, object]
) -> AlbertConfig:
    """What the shapes and the description of a SavedModel tell about its architecture.

    Args:
      folder: for messages.
      variables: their shapes tell the sizes.
      facts: settings that the shapes do not tell; None where that is unknown.

    Returns:
      The config; what neither tells has `AlbertConfig`'s defaults.

    Raises:
      InputError: lists what is unknown.

    Source: TF-Hub's encoders carry no config. They have GELU and, as ALBERT version 2,
    no dropout, which are `AlbertConfig`'s defaults.
    """
    dimensions = variables.dimensions()
    settings = {
        key: dimensions.get(letter) for letter, key in name_map.CONFIG_KEYS.items()
    }
    settings |= facts
    unknown = sorted(key for key, value in settings.items() if value is None)
    if unknown:
        raise InputError(
            f"{folder}: the SavedModel does not tell {', '.join(unknown)}; copy its "
            f"{CONFIG_FILE} into the folder, or give albert_config_file."
        )
    return AlbertConfig.from_dict(settings, source=str(folder))


def read_program(folder: pathlib.Path) -> saved_model_pb2.SavedModel:
    """A SavedModel's description, as data.

    Raises:
      InputError: it is missing, damaged, or empty, as a half-written one is.
    """
    file = folder / PROGRAM_FILE
    saved_model = saved_model_pb2.SavedModel()
    try:
        saved_model.ParseFromString(file.read_bytes())
        if not saved_model.meta_graphs:
            raise DecodeError("it describes no graph")
    except (DecodeError, OSError) as error:
        raise InputError(
            f"{file}: the SavedModel is damaged ({error}). Copy or download it again."
        ) from error
    return saved_model


def has_objects(saved_model: saved_model_pb2.SavedModel) -> bool:
    """Whether a description is TF2's, with an object graph; TF1's have none."""
    return any(graph.object_graph_def.nodes for graph in saved_model.meta_graphs)


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
    lengths = {
        length
        for meta_graph in read_program(folder).meta_graphs
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
