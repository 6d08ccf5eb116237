"""Text to SentencePiece ids inside a TensorFlow graph, as `AlbertTokenizer` does it."""

import itertools

import tensorflow as tf

from albert_lsh_tf.data import characters
from albert_lsh_tf.data.graph_sentencepiece import GraphSentencePiece
from albert_lsh_tf.data.tokenization import AlbertTokenizer
from albert_lsh_tf.errors import InputError


class GraphTokenizer(tf.Module):
    """`AlbertTokenizer.encode` for batches of strings, in TensorFlow ops alone.

    It can be saved: tables and vocabulary travel inside the SavedModel, which needs
    TensorFlow and tensorflow_text to load.

    Bytes that are no UTF-8, among them encoded surrogates, count as U+FFFD, as in
    `bytes.decode("utf-8", "replace")`.

        tokenize = GraphTokenizer(AlbertTokenizer("30k-clean.model"))
        tokenize(tf.constant(["Crème brûlée, 1999, 3"]))

    Args:
      tokenizer: whose ids are given.

    Raises:
      InputError: the vocabulary has no comma of its own, so that which texts hold a
        number and a comma cannot be told from their ids.

    Source: `AlbertTokenizer`. Model Garden's layer of the same purpose decomposes with
    NFD, drops all non-spacing marks, and leaves numbers and commas together.
    """

    def __init__(self, tokenizer: AlbertTokenizer):
        super().__init__(name="sentencepiece")
        if not tokenizer.knows_comma:
            raise InputError(
                f'{tokenizer.model_file}: the vocabulary has no piece "," and cannot '
                "tokenize inside a graph; tokenize in Python, or train it on text that "
                "has commas."
            )
        self._normalizer = TextNormalizer(tokenizer.do_lower_case)
        self._sentencepiece = GraphSentencePiece(
            tokenizer.model_bytes(), tokenizer.model_file
        )
        self._final_ids = _ragged(tokenizer.final_ids())
        self._special_tokens = {
            "vocab_size": tokenizer.vocab_size,
            "padding_id": tokenizer.pad_id,
            "start_of_sequence_id": tokenizer.cls_id,
            "end_of_segment_id": tokenizer.sep_id,
            "mask_id": tokenizer.mask_id,
        }

    @tf.function(
        input_signature=[tf.TensorSpec([None], tf.string, "sentences")],
        autograph=False,
    )
    def __call__(self, inputs: tf.Tensor) -> tf.RaggedTensor:
        """The ids of each text, without special ones: string [B] to int32 [B, (T)]."""
        ids = self._sentencepiece(self._normalizer(inputs))
        return tf.gather(self._final_ids, ids).merge_dims(1, 2)

    @tf.function(input_signature=[], autograph=False)
    def get_special_tokens_dict(self) -> dict[str, tf.Tensor]:
        """TF-Hub's names of the special ids, and the vocabulary's size; int32 []."""
        return {name: tf.constant(id_) for name, id_ in self._special_tokens.items()}


class TextNormalizer(tf.Module):
    """`preprocess_text` for string tensors of any shape [B].

    Args:
      do_lower_case: as there.
    """

    def __init__(self, do_lower_case: bool = True):
        super().__init__(name="normalizer")
        self.do_lower_case = do_lower_case
        rewritten = characters.rewritten_characters(do_lower_case)
        # The last key is above all characters: a search always ends at a key.
        self._keys = tf.constant([*rewritten, 0x110000])
        self._texts = _ragged([[*map(ord, text)] for text in rewritten.values()] + [[]])

    def __call__(self, text: tf.Tensor) -> tf.Tensor:
        text = tf.strings.regex_replace(text, f"[{characters.blanks()}]+", " ")
        text = self._rewrite(tf.strings.strip(text))
        if self.do_lower_case:
            text = tf.strings.regex_replace(
                text, characters.final_sigma(), rf"\1{characters.FINAL_SIGMA}\2"
            )
            text = tf.strings.regex_replace(
                text, characters.CAPITAL_SIGMA, characters.SMALL_SIGMA
            )
        return text

    def _rewrite(self, text: tf.Tensor) -> tf.Tensor:
        """Puts what the table says in the place of each character that it has."""
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


def _ragged(rows: list[list[int]]) -> tf.RaggedTensor:
    """An int32 [rows, (columns)] constant; quicker than `tf.ragged.constant`."""
    return tf.RaggedTensor.from_row_lengths(
        tf.constant([*itertools.chain.from_iterable(rows)], tf.int32),
        tf.constant([len(row) for row in rows], tf.int64),
    )
