"""Characters and what becomes of them, inside a TensorFlow graph."""

import itertools
from collections.abc import Mapping, Sequence

import tensorflow as tf

from albert_lsh_tf.data import characters


class CharacterRewriter(tf.Module):
    """Puts a text in the place of each character that a table has one for.

    Bytes that are no UTF-8 count as U+FFFD, as in `bytes.decode("utf-8", "replace")`.

    Args:
      table: code points, ascending, and the texts; see `rewritten_characters`.
    """

    def __init__(self, table: Mapping[int, str]):
        super().__init__(name="character_rewriter")
        # The last key is above all characters: a search always ends at a key.
        self._keys = tf.constant([*table, 0x110000])
        self._texts = ragged_rows([[*map(ord, text)] for text in table.values()] + [[]])

    def __call__(self, text: tf.Tensor) -> tf.Tensor:
        """Rewrites string [B] to string [B]."""
        chars = tf.strings.unicode_decode(text, "UTF-8")
        values = chars.values
        rows = tf.searchsorted(self._keys, values)
        found = tf.gather(self._keys, rows) == values
        # What is not in the table is taken from the text itself, behind the table.
        pool = tf.concat([self._texts.values, values], axis=0)
        table_size = tf.size(self._texts.values, tf.int64)
        own_place = table_size + tf.range(tf.size(values, tf.int64))
        starts = tf.where(found, tf.gather(self._texts.row_starts(), rows), own_place)
        lengths = tf.where(found, tf.gather(self._texts.row_lengths(), rows), 1)
        rewritten = tf.gather(pool, tf.ragged.range(starts, starts + lengths))
        chars = chars.with_values(rewritten).merge_dims(1, 2)
        return tf.strings.unicode_encode(chars, "UTF-8")


def lower_final_sigmas(text: tf.Tensor) -> tf.Tensor:
    """Lower-cases the capital sigmas of string [B] that end a word, as `str.lower`."""
    return tf.strings.regex_replace(
        text, characters.final_sigma(), rf"\1{characters.FINAL_SIGMA}\2"
    )


def ragged_rows(rows: Sequence[Sequence[int]]) -> tf.RaggedTensor:
    """An int32 [rows, (columns)] constant; quicker than `tf.ragged.constant`."""
    return tf.RaggedTensor.from_row_lengths(
        tf.constant([*itertools.chain.from_iterable(rows)], tf.int32),
        tf.constant([len(row) for row in rows], tf.int64),
    )
