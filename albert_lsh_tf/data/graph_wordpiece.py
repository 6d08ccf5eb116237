"""Text to WordPiece ids inside a TensorFlow graph, as `WordPieceTokenizer` does it."""

import functools
import unicodedata

import tensorflow as tf
import tensorflow_text as tf_text

from albert_lsh_tf.data.characters import rewritten_characters
from albert_lsh_tf.data.graph_characters import CharacterRewriter, lower_final_sigmas
from albert_lsh_tf.data.wordpiece import (
    MAX_WORD_LENGTH,
    SUFFIX_MARK,
    UNKNOWN,
    WordPieceTokenizer,
)

_CHINESE_BLOCKS = (
    *((0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0xF900, 0xFAFF)),
    *((0x20000, 0x2A6DF), (0x2A700, 0x2B73F), (0x2B740, 0x2B81F)),
    *((0x2B820, 0x2CEAF), (0x2F800, 0x2FA1F)),
)


class GraphWordPiece(tf.Module):
    """`WordPieceTokenizer.encode_batch` inside a graph.

    Args:
      tokenizer: whose ids are given.

    Source: google-research/albert, tokenization.py, `BasicTokenizer`. tensorflow_text's
    own decomposes ligatures and full-width letters, folds "ß" to "ss", and makes blanks
    of control characters. One difference: of two or more spacing marks in a row that
    combine in another order than they are written in (there are a handful, for tones
    and notes), the order is not changed.
    """

    def __init__(self, tokenizer: WordPieceTokenizer):
        super().__init__(name="wordpiece")
        self._do_lower_case = tokenizer.do_lower_case
        self._clean = CharacterRewriter(_clean_characters())
        self._part = CharacterRewriter(_word_characters(tokenizer.do_lower_case))
        self._wordpiece = tf_text.FastWordpieceTokenizer(
            tokenizer.words,
            SUFFIX_MARK,
            # Words that are too long are told by characters, not bytes: see below.
            max_bytes_per_word=4 * MAX_WORD_LENGTH,
            token_out_type=tf.int32,
            unknown_token=UNKNOWN,
            no_pretokenization=True,
        )

    def __call__(self, text: tf.Tensor) -> tf.RaggedTensor:
        """The ids of each text: string [B] to int32 [B, (T)]."""
        words = self.split_words(text)
        lengths = tf.strings.length(words.values, unit="UTF8_CHAR")
        words = words.with_values(
            tf.where(lengths > MAX_WORD_LENGTH, UNKNOWN, words.values)
        )
        return self._wordpiece.tokenize(words).merge_dims(1, 2)

    def split_words(self, text: tf.Tensor) -> tf.RaggedTensor:
        """The words of each text, yet to be looked up: string [B] to [B, (words)]."""
        text = self._clean(text)
        if self._do_lower_case:
            text = lower_final_sigmas(text)
        return tf.strings.split(self._part(text))


@functools.cache
def _clean_characters() -> dict[int, str]:
    """Drops control characters; blanks go around Chinese ones, and are all alike."""

    def rewrite(char: str) -> str:
        is_control = unicodedata.category(char) in ("Cc", "Cf") and char not in "\t\n\r"
        if is_control or char in "\0\ufffd":
            return ""
        if char.isspace():
            return " "
        code_point = ord(char)
        is_chinese = any(low <= code_point <= high for low, high in _CHINESE_BLOCKS)
        return f" {char} " if is_chinese else char

    return rewritten_characters(rewrite)


@functools.cache
def _word_characters(do_lower_case: bool) -> dict[int, str]:
    """Lower-cases, strips accents, and puts blanks around punctuation."""

    def rewrite(char: str) -> str:
        text = char
        if do_lower_case:
            decomposed = unicodedata.normalize("NFD", char.lower())
            text = "".join(c for c in decomposed if unicodedata.category(c) != "Mn")
        return "".join(f" {c} " if _is_punctuation(c) else c for c in text)

    return rewritten_characters(rewrite)


def _is_punctuation(char: str) -> bool:
    # ASCII counts as punctuation what is neither letter nor digit: "$", "^" and "`".
    is_ascii_symbol = "!" <= char <= "~" and not char.isalnum()
    return is_ascii_symbol or unicodedata.category(char).startswith("P")
