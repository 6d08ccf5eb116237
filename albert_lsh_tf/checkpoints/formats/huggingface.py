"""Opens folders of Hugging Face's: config.json, safetensors and a vocabulary.

Any of the library's ALBERT classes may have written them. Names and shapes stand in
`name_map`; this file knows what else such a folder holds.
"""

import pathlib

import numpy as np

from albert_lsh_tf.checkpoints.config_files import read_config
from albert_lsh_tf.checkpoints.formats import huggingface_config
from albert_lsh_tf.checkpoints.formats.safetensors_file import (
    SafetensorsVariables,
    files_of_index,
    is_safetensors,
)
from albert_lsh_tf.checkpoints.vocabulary import find_vocabulary
from albert_lsh_tf.checkpoints.weight_source import WeightSource
from albert_lsh_tf.config_io import read_mapping
from albert_lsh_tf.errors import InputError

WEIGHTS_FILE = "model.safetensors"
INDEX_FILE = "model.safetensors.index.json"
# PyTorch's own name for its pickles, under which some keep safetensors.
PYTORCH_FILE = "pytorch_model.bin"
TOKENIZER_FILE = "tokenizer_config.json"

# Constants that old releases of transformers saved with the weights.
_CONSTANTS = frozenset(
    f"{scope}embeddings.{name}_ids"
    for scope in ("", "albert.")
    for name in ("position", "token_type")
)
# What the masked language model's output layer shares with other variables; some
# releases save it a second time.
_SHARED = {
    "predictions.decoder.weight": "albert.embeddings.word_embeddings.weight",
    "predictions.decoder.bias": "predictions.bias",
}


def is_huggingface(folder: pathlib.Path) -> bool:
    """Whether a folder has weights as Hugging Face keeps them, without a pickle."""
    return any(
        (folder / name).is_file() for name in (WEIGHTS_FILE, INDEX_FILE)
    ) or is_safetensors(folder / PYTORCH_FILE)


def open_huggingface(
    folder: pathlib.Path, albert_config_file: str | pathlib.Path | None = None
) -> WeightSource:
    """Opens a folder that `AlbertModel.save_pretrained`, or a like method, wrote.

    Args:
      folder: one for which `is_huggingface` holds.
      albert_config_file: replaces its config.json. In Google's albert_config.json
        "gelu" is the tanh form; see `huggingface_config`.

    Returns:
      The source. What shapes and names tell is checked when a model is restored.

    Raises:
      InputError: no config, of another model, or one that is not supported; a file is
        damaged or missing; no pooler; an output layer that is not the embedding table.
    """
    config_file = folder / huggingface_config.CONFIG_FILE
    if albert_config_file is not None:
        config = read_config(albert_config_file)
    elif config_file.is_file():
        config = huggingface_config.read_config(config_file)
    else:
        raise InputError(
            f"{folder}: no {config_file.name} beside the weights; copy it there, or "
            "give albert_config_file."
        )
    files = _files(folder)
    variables = SafetensorsVariables(folder, files, _CONSTANTS)
    _check_pooler(variables)
    if copies := _second_copies(variables):
        variables = SafetensorsVariables(folder, files, _CONSTANTS | copies)
    vocabulary = find_vocabulary([folder])
    return WeightSource(
        kind="huggingface",
        path=str(folder),
        config=config,
        spm_model_file=vocabulary.spm_model_file,
        description=f"Hugging Face folder {folder}",
        variables=variables,
        vocab_file=vocabulary.vocab_file,
        do_lower_case=_do_lower_case(folder / TOKENIZER_FILE),
    )


def _files(folder: pathlib.Path) -> list[pathlib.Path]:
    # In the order in which transformers looks for them.
    if (folder / WEIGHTS_FILE).is_file():
        return [folder / WEIGHTS_FILE]
    if (folder / INDEX_FILE).is_file():
        return files_of_index(folder / INDEX_FILE)
    return [folder / PYTORCH_FILE]


def _check_pooler(variables: SafetensorsVariables) -> None:
    """Explains a gap that many folders have: not all classes keep the pooler."""
    if any(name.endswith("pooler.weight") for name in variables):
        return
    has_head = any(name.startswith("predictions.") for name in variables)
    name = "AlbertForPreTraining" if has_head else "AlbertModel"
    raise InputError(
        f"{variables.path}: the weights have no pooler: Hugging Face's classes for "
        "masked language models, questions and tokens save none, but the encoder here "
        f"has one. In transformers, {name}.from_pretrained(FOLDER)."
        "save_pretrained(NEW_FOLDER) adds one with random weights."
    )


def _second_copies(variables: SafetensorsVariables) -> frozenset[str]:
    """Names in `_SHARED`, after a look at whether the values are the original's."""
    # One that stands alone is left for the loader to report.
    copies = [copy for copy in _SHARED if {copy, _SHARED[copy]} <= variables.keys()]
    for copy in copies:
        if not np.array_equal(variables[copy], variables[_SHARED[copy]]):
            raise InputError(
                f"{variables.path}: {copy} is not equal to {_SHARED[copy]}. ALBERT's "
                "masked language model shares the two, so this one cannot be loaded."
            )
    return frozenset(copies)


def _do_lower_case(tokenizer_file: pathlib.Path) -> bool | None:
    if not tokenizer_file.is_file():
        return None
    value = read_mapping(tokenizer_file).get("do_lower_case")
    return value if isinstance(value, bool) else None
