"""Text files to sequences of equal length. Imports no TensorFlow."""

import pathlib
import re
from collections.abc import Iterator, Sequence

import numpy as np

from albert_lsh_tf.data.tokenizers import Tokenizer
from albert_lsh_tf.errors import InputError

# The start of a larger file is enough.
MAX_CHARACTERS = 2**24
_PASSAGES_AT_ONCE = 256


def read_passages(path: str | pathlib.Path) -> list[str]:
    """Reads documents that blank lines separate, or else a passage a line.

    Args:
      path: UTF-8 text; of a file of more than `MAX_CHARACTERS` the start is read.

    Returns:
      The passages, in order. None of them is blank.

    Raises:
      InputError: no such file, not UTF-8 text, or nothing in it.
    """
    try:
        with open(path, encoding="utf-8-sig") as file:
            text = file.read(MAX_CHARACTERS).strip()
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such text file.") from error
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}: not UTF-8 text ({error.reason}); convert it first."
        ) from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}).") from error
    if not text:
        raise InputError(f"{path}: there is no text in it.")
    documents = re.split(r"\n\s*\n", text)
    passages = documents if len(documents) > 1 else text.splitlines()
    return [passage for passage in passages if passage.strip()]


def pack_passages(
    passages: Sequence[str],
    tokenizer: Tokenizer,
    max_seq_length: int,
    num_sequences: int,
) -> dict[str, np.ndarray]:
    """Lays passages out as `[CLS] passage passage ... [SEP]`, then padding.

    A sequence takes whole passages as long as the next one fits. A passage that is
    longer than a sequence is cut, and goes on in the next one.

    Args:
      passages: texts, in the order to take them.
      tokenizer: gives the ids.
      max_seq_length: tokens of a sequence (T), special ones included; at least 3.
      num_sequences: how many to make at most.

    Returns:
      The encoder's inputs, int32 [n, T] each.

    Raises:
      InputError: the passages have no tokens.
    """
    shape = (num_sequences, max_seq_length)
    word_ids = np.full(shape, tokenizer.pad_id, np.int32)
    mask = np.zeros(shape, np.int32)
    num_rows = 0
    encoded = _encoded(passages, tokenizer)
    for ids in _rows(encoded, room=max_seq_length - 2):
        ids = [tokenizer.cls_id, *ids, tokenizer.sep_id]
        word_ids[num_rows, : len(ids)] = ids
        mask[num_rows, : len(ids)] = 1
        num_rows += 1
        if num_rows == num_sequences:
            break
    if not num_rows:
        raise InputError("the text has no tokens; give some that has words in it.")
    return {
        "input_word_ids": word_ids[:num_rows],
        "input_mask": mask[:num_rows],
        "input_type_ids": np.zeros_like(mask[:num_rows]),
    }


def _encoded(passages: Sequence[str], tokenizer: Tokenizer) -> Iterator[list[int]]:
    for start in range(0, len(passages), _PASSAGES_AT_ONCE):
        yield from tokenizer.encode_batch(passages[start : start + _PASSAGES_AT_ONCE])


def _rows(encoded: Iterator[list[int]], room: int) -> Iterator[list[int]]:
    row: list[int] = []
    for ids in encoded:
        if row and len(row) + len(ids) > room:
            yield row
            row = []
        row = row + ids
        while len(row) > room:
            yield row[:room]
            row = row[room:]
    if row:
        yield row
