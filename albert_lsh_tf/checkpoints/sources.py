"""Recognises what a source of weights is, from what is there.

A source is a folder of Google's (albert_config.json, model.ckpt-best.*, a SentencePiece
model) or a checkpoint prefix; a SavedModel folder or TF-Hub handle; a run folder of
this project or a Model Garden checkpoint; or the model that comes with the package.
Nothing is ever run: a SavedModel's variables are read as the checkpoint that they are.
"""

import dataclasses
import glob
import pathlib
import re

import tensorflow as tf

from albert_lsh_tf.checkpoints import name_map, saved_model
from albert_lsh_tf.checkpoints.variables import CheckpointVariables
from albert_lsh_tf.config import AlbertConfig
from albert_lsh_tf.embedded import EMBEDDED_MODEL_DIR, EMBEDDED_MODEL_NAME
from albert_lsh_tf.errors import InputError

CONFIG_FILE = "albert_config.json"
BEST_CHECKPOINT = "model.ckpt-best"  # In Google's released folders.
BEST_FOLDER = "best"  # In a run folder of this project.
SPM_FILES = ("spiece.model", "30k-clean.model")

# Formats that run code when they are opened.
_PICKLE_SUFFIXES = (".bin", ".pt", ".pth", ".pkl", ".pickle")
_CHECKPOINT_FILE = re.compile(r"\.(index|meta|data-\d{5}-of-\d{5})$")
# Only these publishers' ALBERTs may be named without https://, so that a mistyped path
# never turns into a download.
_SHORT_HANDLE = re.compile(r"(tensorflow|google)/albert_\w+/\d+")


@dataclasses.dataclass(frozen=True)
class WeightSource:
    """Weights that were found, with all that is needed to use them.

    Attributes:
      kind: "embedded", "google" (names of TF1), "saved_model" or "object" (TF2).
      path: folder or checkpoint prefix, as a local path.
      config: the architecture.
      spm_model_file: the SentencePiece model beside the weights; None where there is
        none, or where several make it unclear which.
      description: what it is, in one line for the user.
      variables: name to array, read when asked for.
    """

    kind: str
    path: str
    config: AlbertConfig
    spm_model_file: str | None
    description: str
    variables: CheckpointVariables = dataclasses.field(repr=False)


def find_weights(
    source: str | pathlib.Path | None = None,
    albert_config_file: str | pathlib.Path | None = None,
) -> WeightSource:
    """Finds out what a source of weights is, and opens it.

    Args:
      source: folder, checkpoint prefix, TF-Hub handle (downloads it, unless it is in
        TF-Hub's cache), or "albert_lsh_tiny"; None means the latter, the model that
        comes with the package.
      albert_config_file: replaces the albert_config.json beside the weights.

    Returns:
      The source. Its variables are not read yet, and not compared with its config.

    Raises:
      InputError: nothing there, or not to be recognised, or damaged, or a pickle, or
        without a config.
    """
    if source is None or str(source) == EMBEDDED_MODEL_NAME:
        found = _from_folder(EMBEDDED_MODEL_DIR, albert_config_file)
        return dataclasses.replace(
            found,
            kind="embedded",
            description=f"{EMBEDDED_MODEL_NAME}, the model that comes with the package",
        )
    if not str(source):
        raise InputError("The source of weights is an empty string; give a folder.")
    path = _local_path(str(source))
    if path.suffix in _PICKLE_SUFFIXES:
        raise InputError(_pickle_message(path))
    if not path.is_dir():
        return _from_prefix(_as_prefix(path), albert_config_file)
    has_program = (path / saved_model.PROGRAM_FILE).exists()
    if has_program and (prefixes := _prefixes(path)):
        raise InputError(
            f"{path} holds both a SavedModel and checkpoints; give the prefix of the "
            f"one you mean, as {prefixes[0]}, or move the SavedModel elsewhere."
        )
    if has_program:
        return _from_saved_model(path, str(source), albert_config_file)
    return _from_folder(path, albert_config_file)


def _local_path(source: str) -> pathlib.Path:
    """A path on this machine; a TF-Hub handle is fetched."""
    path = pathlib.Path(source).expanduser()
    if path.exists():
        return path
    if _SHORT_HANDLE.fullmatch(source):
        source = f"https://tfhub.dev/{source}"
    if "://" not in source:
        return path
    try:
        import tensorflow_hub  # Slow to import, and only handles need it.

        return pathlib.Path(tensorflow_hub.resolve(source))
    except (ImportError, OSError, RuntimeError, ValueError, tf.errors.OpError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(
            f"{source}: cannot be fetched from TF-Hub ({reason}). Check the handle and "
            "the network, or download and unpack the model and give its folder."
        ) from error


def _as_prefix(path: pathlib.Path) -> str:
    """The checkpoint prefix that a path means; one of its files will do."""
    prefix = _CHECKPOINT_FILE.sub("", str(path))
    if pathlib.Path(f"{prefix}.index").exists():
        return prefix
    if path.exists() and prefix == str(path):
        raise InputError(
            f"{path} is a file, but neither a folder nor a checkpoint; unpack archives "
            "first, and give the folder."
        )
    if list(path.parent.glob(f"{glob.escape(pathlib.Path(prefix).name)}.data-*")):
        raise InputError(
            f"{prefix}.index: no such file, though the checkpoint's .data file is "
            "there. Copy or download the checkpoint again, with all of its files."
        )
    raise InputError(
        f"{path}: no such folder or checkpoint ({prefix}.index does not exist). Give a "
        "folder with a checkpoint or SavedModel, a checkpoint prefix, a TF-Hub handle "
        f"that starts with https://, or {EMBEDDED_MODEL_NAME}."
    )


def _from_folder(
    folder: pathlib.Path, albert_config_file: str | pathlib.Path | None
) -> WeightSource:
    """A folder of Google's, or of a run: the best checkpoint in it, or the newest."""
    if _prefixes(folder / BEST_FOLDER):
        return _from_prefix(_choose(folder / BEST_FOLDER), albert_config_file)
    if _prefixes(folder):
        return _from_prefix(_choose(folder), albert_config_file)
    for file in sorted(folder.iterdir()):
        if file.suffix in _PICKLE_SUFFIXES:
            raise InputError(_pickle_message(file))
    raise InputError(
        f"{folder}: no ALBERT weights found. Looked for a checkpoint ({BEST_CHECKPOINT}"
        f".index, or any *.index, here or in {BEST_FOLDER}/) and for a SavedModel "
        f"({saved_model.PROGRAM_FILE} with variables/variables.index)."
    )


def _choose(folder: pathlib.Path) -> str:
    """Of a folder's checkpoints: Google's best, the newest on record, or the only."""
    prefixes = _prefixes(folder)
    best = str(folder / BEST_CHECKPOINT)
    if best in prefixes:
        return best
    if (state := tf.train.get_checkpoint_state(str(folder))) is not None:
        # By name alone: in a folder that was copied, the full path may be the old one.
        newest = str(folder / pathlib.Path(state.model_checkpoint_path).name)
        if newest in prefixes:
            return newest
    if len(prefixes) > 1:
        raise InputError(
            f"{folder} holds {len(prefixes)} checkpoints and no record of which is "
            f"newest; give one of {', '.join(prefixes)}."
        )
    return prefixes[0]


def _prefixes(folder: pathlib.Path) -> list[str]:
    return sorted(str(file)[: -len(".index")] for file in folder.glob("*.index"))


def _from_prefix(
    prefix: str, albert_config_file: str | pathlib.Path | None
) -> WeightSource:
    folder = pathlib.Path(prefix).parent
    # A run keeps its best checkpoint one level below its config.
    folders = [folder, folder.parent] if folder.name == BEST_FOLDER else [folder]
    variables = CheckpointVariables(prefix)
    config_file = albert_config_file or _first_file(folders, CONFIG_FILE)
    if config_file is None:
        raise InputError(
            f"{prefix}: no {CONFIG_FILE} beside the checkpoint; copy it there, or give "
            "albert_config_file."
        )
    is_object_based = variables.is_object_based
    label = "TensorFlow 2 checkpoint" if is_object_based else "Google's checkpoint"
    return WeightSource(
        kind="object" if is_object_based else "google",
        path=prefix,
        config=AlbertConfig.from_file(config_file),
        spm_model_file=_spm_model_file(folders),
        description=f"{label} {prefix}",
        variables=variables,
    )


def _from_saved_model(
    folder: pathlib.Path, source: str, albert_config_file: str | pathlib.Path | None
) -> WeightSource:
    if not (folder / "variables" / "variables.index").exists():
        raise InputError(
            f"{folder}: the SavedModel has no variables/variables.index. Copy or "
            "download it again, with all of its files."
        )
    variables = CheckpointVariables(str(folder / "variables" / "variables"))
    folders = [folder, folder / "assets", folder / "assets.extra"]
    config_file = albert_config_file or _first_file(folders, CONFIG_FILE)
    if config_file is None:
        config = _config_from_variables(folder, variables)
    else:
        config = AlbertConfig.from_file(config_file)
    origin = "" if source == str(folder) else f", from {source}"
    return WeightSource(
        kind="saved_model",
        path=str(folder),
        config=config,
        spm_model_file=_spm_model_file(folders),
        description=f"SavedModel {folder}{origin}",
        variables=variables,
    )


def _config_from_variables(
    folder: pathlib.Path, variables: CheckpointVariables
) -> AlbertConfig:
    """What the shapes and signatures of a SavedModel tell about its architecture.

    Source: TF-Hub's encoders carry no config. They have GELU and, as ALBERT version 2,
    no dropout, which are `AlbertConfig`'s defaults.
    """
    dimensions = variables.dimensions()
    settings = {
        key: dimensions.get(letter) for letter, key in name_map.CONFIG_KEYS.items()
    }
    settings["num_hidden_layers"] = saved_model.read_num_layers(folder)
    unknown = sorted(key for key, value in settings.items() if value is None)
    if unknown:
        raise InputError(
            f"{folder}: the SavedModel does not tell {', '.join(unknown)}; copy its "
            f"{CONFIG_FILE} into the folder, or give albert_config_file."
        )
    return AlbertConfig.from_dict(settings, source=str(folder))


def _first_file(folders: list[pathlib.Path], name: str) -> pathlib.Path | None:
    return next((folder / name for folder in folders if (folder / name).exists()), None)


def _spm_model_file(folders: list[pathlib.Path]) -> str | None:
    for name in SPM_FILES:
        if file := _first_file(folders, name):
            return str(file)
    models = [file for folder in folders for file in folder.glob("*.model")]
    return str(models[0]) if len(models) == 1 else None


def _pickle_message(path: pathlib.Path) -> str:
    return (
        f"{path} looks like a pickle, which can run any program when it is opened, so "
        "it is refused. Give a TensorFlow checkpoint or SavedModel."
    )
