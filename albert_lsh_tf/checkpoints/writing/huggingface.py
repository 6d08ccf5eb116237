"""Writes folders that Hugging Face's transformers reads."""

import json
import pathlib
import shutil

import numpy as np
from safetensors.numpy import save_file

from albert_lsh_tf.checkpoints import name_map
from albert_lsh_tf.checkpoints.formats import huggingface, huggingface_config
from albert_lsh_tf.checkpoints.writing.weights import (
    VOCAB_FILE,
    Weights,
    copy_vocabulary,
)
from albert_lsh_tf.errors import InputError

_SPM_FILE = "spiece.model"


def write_huggingface(
    weights: Weights, folder: pathlib.Path, dtype: str = "float32"
) -> None:
    """Writes what transformers' `from_pretrained` reads, models and tokenizer.

    Args:
      weights: what to write.
      folder: an empty folder.
      dtype: of the values.

    Raises:
      InputError: Hugging Face's ALBERT has no such activation, or has a projection that
        these weights lack.
    """
    if weights.config.embedding_size == weights.config.hidden_size:
        raise InputError(
            "Hugging Face's ALBERT projects its embeddings, and these weights, whose "
            f"embedding_size and hidden_size are both {weights.config.hidden_size}, "
            "have no projection; they cannot be written for it."
        )
    variables = weights.in_layout("huggingface", dtype)
    if "mlm" in weights.heads and "sop" not in weights.heads:
        architecture = "AlbertForMaskedLM"
    elif weights.heads:
        architecture = "AlbertForPreTraining"
    else:
        architecture = "AlbertModel"
        variables = {
            name.removeprefix(name_map.HUGGINGFACE_SCOPE): value
            for name, value in variables.items()
        }
    config = huggingface_config.to_huggingface(weights.config, architecture)
    config_file = folder / huggingface_config.CONFIG_FILE
    config_file.write_text(config, encoding="utf-8")
    weights_file = folder / huggingface.WEIGHTS_FILE
    # safetensors writes an array's memory as it lies there, without its strides.
    save_file(
        {name: np.ascontiguousarray(value) for name, value in variables.items()},
        weights_file,
        metadata={"format": "pt"},  # transformers refuses a file without it.
    )
    # It lets nobody but the writer read its files.
    shutil.copymode(config_file, weights_file)
    copy_vocabulary(weights, folder, _SPM_FILE)
    _write_tokenizer_config(weights, folder)


def _write_tokenizer_config(weights: Weights, folder: pathlib.Path) -> None:
    """Says which of transformers' tokenizers reads the vocabulary."""
    if weights.spm_model_file is not None:
        tokenizer = "AlbertTokenizer"
    elif weights.vocab_file is not None:
        tokenizer = "BertTokenizer"
        _keep_words_alone(folder / VOCAB_FILE)
    else:
        return
    settings = {
        "do_lower_case": weights.do_lower_case is not False,
        # The segments, which transformers 5 leaves out for ALBERT unless told to.
        "model_input_names": ["input_ids", "token_type_ids", "attention_mask"],
        "model_max_length": weights.config.max_position_embeddings,
        "tokenizer_class": tokenizer,
    }
    text = json.dumps(settings, indent=2) + "\n"
    (folder / huggingface.TOKENIZER_FILE).write_text(text, encoding="utf-8")


def _keep_words_alone(vocab_file: pathlib.Path) -> None:
    """Takes off the counts that Google's Chinese vocabulary has after its words.

    Source: google-research/albert, tokenization.py, `load_vocab`, which also gives a
    word that comes twice the id of the first.
    """
    lines = vocab_file.read_text(encoding="utf-8").rstrip("\n").split("\n")
    words = dict.fromkeys((line.split() or [" "])[0] for line in lines)
    text = "".join(f"{word}\n" for word in words)
    vocab_file.write_text(text, encoding="utf-8")
