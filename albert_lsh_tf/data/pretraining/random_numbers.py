"""Random numbers by name: each is a function of a key, so that order means nothing.

A key is 64 bits. `fold_in` makes others of it, one for each number folded in; a draw is
made from a key of its own. What is drawn for a document or a word thus never depends on
what was drawn before, in the same process or elsewhere.
"""

import enum

import numpy as np


class Draw(enum.IntEnum):
    """What is drawn. Numbers that are folded into the same key must differ."""

    # For a document.
    IS_SHORT = 0
    SHORT_LENGTH = 1
    PAIR = 2  # The key of a pair, by its first sentence.
    # For a pair of segments.
    CUT = 3
    IS_SWAPPED = 4
    FRONT_OF_FIRST = 5
    FRONT_OF_SECOND = 6
    ORDER = 7  # Among the pairs of a corpus.
    NGRAM_LENGTH = 8  # For each n-gram of a segment, by its number.
    NGRAM_ORDER = 9  # For each n-gram, by the position of its first token.
    REPLACEMENT = 10  # For each masked token, by its position.
    RANDOM_PIECE = 11
    IS_COPIED = 12
    COPY_LENGTH = 13
    COPY_SOURCE = 14
    COPY_TARGET = 15


_STEP = np.uint64(0x9E3779B97F4A7C15)
_MIXERS = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB), (31, 1))


def fold_in(key: np.ndarray | int, number: np.ndarray | int) -> np.ndarray:
    """Another key for each number.

    Args:
      key: uint64 of any shape, or a whole number of any size or sign.
      number: integers, of a shape that fits.

    Returns:
      uint64, of the shape that both make.

    Source: Steele et al. 2014, "Fast splittable pseudorandom number generators",
    SplitMix64: `number` is the place in the sequence that `key` is the seed of.
    """
    if isinstance(key, int):
        key = key % 2**64
    key = np.asarray(key, np.uint64)
    with np.errstate(over="ignore"):  # Arithmetic is modulo 2^64.
        bits = key + (np.asarray(number).astype(np.uint64) + np.uint64(1)) * _STEP
        for shift, factor in _MIXERS:
            bits = (bits ^ (bits >> np.uint64(shift))) * np.uint64(factor)
    return bits


def uniform(key: np.ndarray) -> np.ndarray:
    """A float64 in [0, 1) for each key, in steps of 2^-53."""
    return (key >> np.uint64(11)) * 2.0**-53


def below(key: np.ndarray, limit: np.ndarray | int) -> np.ndarray:
    """An int64 in [0, limit) for each key; `limit` is at least 1."""
    return np.minimum((uniform(key) * limit).astype(np.int64), np.subtract(limit, 1))
