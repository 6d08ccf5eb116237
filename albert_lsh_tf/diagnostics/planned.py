"""Finds what a plan names, and diagnoses it."""

import dataclasses
import pathlib
from collections.abc import Sequence

import tensorflow as tf

from albert_lsh_tf.checkpoints.loading import load_encoder
from albert_lsh_tf.checkpoints.sources import find_weights
from albert_lsh_tf.checkpoints.vocabulary import check_vocabulary
from albert_lsh_tf.checkpoints.weight_source import WeightSource
from albert_lsh_tf.data.sample import make_pairs
from albert_lsh_tf.data.tokenizers import open_tokenizer
from albert_lsh_tf.diagnostics.diagnosis import Diagnosis
from albert_lsh_tf.diagnostics.encoders import Inputs
from albert_lsh_tf.diagnostics.passages import pack_passages, read_passages
from albert_lsh_tf.diagnostics.plan import DiagnosisPlan
from albert_lsh_tf.diagnostics.run import Say, diagnose
from albert_lsh_tf.errors import InputError
from albert_lsh_tf.lsh_config import LSHConfig

DEFAULT_LENGTH = 512
_SEQUENCES_AT_ONCE = 4
# Enough made-up sentences for any number of sequences asked for.
_SENTENCES_A_TOKEN = 1 / 8


def run_plan(plan: DiagnosisPlan, say: Say | None = None) -> Diagnosis:
    """Finds model and text of a plan, and diagnoses.

    Args:
      plan: what to look at.
      say: gets a line for each batch.

    Returns:
      The figures.

    Raises:
      InputError: something that the plan names is not there or does not fit, or there
        is too little memory.
    """
    # Files that do not fit should not wait for the model.
    lsh_configs = _configs_of(plan.lsh_config)
    passages = read_passages(plan.text_file) if plan.text_file else None
    source = find_weights(plan.checkpoint, plan.albert_config_file)
    vocabulary_file = _vocabulary_file(plan, source)
    check_vocabulary(source.config.vocab_size, source.path, vocabulary_file)
    tokenizer = open_tokenizer(vocabulary_file, plan.do_lower_case)
    num_positions = source.config.max_position_embeddings
    length = plan.max_seq_length or min(DEFAULT_LENGTH, num_positions)
    if length > num_positions and plan.extend_positions is None:
        raise InputError(
            f"max_seq_length={length} is more than the {num_positions} positions of "
            f"{source.description}; lower it, or set extend_positions=tile."
        )
    if passages is None:
        passages = _made_up_sentences(length, plan.num_sequences)
    inputs = pack_passages(passages, tokenizer, length, plan.num_sequences)
    encoder = load_encoder(
        source,
        attention="dense",
        max_position_embeddings=max(length, num_positions),
        extend_positions=plan.extend_positions or "tile",
    )
    try:
        diagnosis = diagnose(
            encoder,
            _cut(inputs, _SEQUENCES_AT_ONCE),
            plan.budgets,
            lsh_configs,
            top_k=plan.top_k,
            say=say,
        )
    except tf.errors.ResourceExhaustedError as error:
        raise InputError("out of memory; lower max_seq_length.") from error
    return _described(diagnosis, plan, source)


def _configs_of(files: Sequence[str]) -> dict[str, LSHConfig]:
    """Settings from files, called by the file's name where that tells them apart."""
    stems = [pathlib.Path(file).stem for file in files]
    return {
        (stem if stems.count(stem) == 1 else file): LSHConfig.from_file(file)
        for stem, file in zip(stems, files, strict=True)
    }


def _vocabulary_file(plan: DiagnosisPlan, source: WeightSource) -> str:
    named = plan.spm_model_file or plan.vocab_file
    if file := named or source.spm_model_file or source.vocab_file:
        return file
    raise InputError(
        f"there is no vocabulary beside {source.path}; give a SentencePiece model with "
        "spm_model_file, or a vocab.txt with vocab_file."
    )


def _made_up_sentences(length: int, num_sequences: int) -> list[str]:
    num_sentences = 8 + int(length * num_sequences * _SENTENCES_A_TOKEN)
    pairs = make_pairs(num_sentences // 2)
    return [text for pair in pairs for text in (pair.text_a, pair.text_b)]


def _cut(inputs: Inputs, num_rows: int) -> list[Inputs]:
    return [
        {name: array[start : start + num_rows] for name, array in inputs.items()}
        for start in range(0, len(inputs["input_mask"]), num_rows)
    ]


def _described(
    diagnosis: Diagnosis, plan: DiagnosisPlan, source: WeightSource
) -> Diagnosis:
    text = plan.text_file or "made-up sentences of the embedded sample"
    return dataclasses.replace(diagnosis, encoder=source.description, text=text)
