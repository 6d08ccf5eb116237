"""Text to ids inside a TensorFlow graph, as the tokenizers in Python do it."""

import tensorflow as tf

from albert_lsh_tf.data import characters
from albert_lsh_tf.data.graph_characters import (
    CharacterRewriter,
    lower_final_sigmas,
    ragged_rows,
)
from albert_lsh_tf.data.graph_sentencepiece import GraphSentencePiece
from albert_lsh_tf.data.graph_wordpiece import GraphWordPiece
from albert_lsh_tf.data.tokenization import AlbertTokenizer
from albert_lsh_tf.data.tokenizers import Tokenizer
from albert_lsh_tf.data.wordpiece import WordPieceTokenizer
from albert_lsh_tf.errors import InputError


class GraphTokenizer(tf.Module):
    """`encode_batch` of a tokenizer for string tensors, in TensorFlow ops alone.

    It can be saved: tables and vocabulary travel inside the SavedModel, which needs
    TensorFlow and tensorflow_text to load. Bytes that are no UTF-8, among them encoded
    surrogates, count as U+FFFD, as in `bytes.decode("utf-8", "replace")`.

        tokenize = GraphTokenizer(open_tokenizer("30k-clean.model"))
        tokenize(tf.constant(["Crème brûlée, 1999, 3"]))

    Args:
      tokenizer: whose ids are given.

    Raises:
      InputError: a vocabulary that only Python can follow; see `GraphSentencePiece` and
        `GraphAlbert`.
    """

    def __init__(self, tokenizer: Tokenizer):
        super().__init__(name="tokenizer")
        if isinstance(tokenizer, WordPieceTokenizer):
            self._ids_of = GraphWordPiece(tokenizer)
        else:
            self._ids_of = GraphAlbert(tokenizer)
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
        return self._ids_of(inputs)

    @tf.function(input_signature=[], autograph=False)
    def get_special_tokens_dict(self) -> dict[str, tf.Tensor]:
        """TF-Hub's names of the special ids, and the vocabulary's size; int32 []."""
        return {name: tf.constant(id_) for name, id_ in self._special_tokens.items()}


class GraphAlbert(tf.Module):
    """`AlbertTokenizer.encode_batch` inside a graph.

    Args:
      tokenizer: whose ids are given.

    Raises:
      InputError: the vocabulary has no comma of its own, so that which texts hold a
        number and a comma cannot be told from their ids.

    Source: `AlbertTokenizer`. Model Garden's layer of the same purpose decomposes with
    NFD, drops all non-spacing marks, and leaves numbers and commas together.
    """

    def __init__(self, tokenizer: AlbertTokenizer):
        super().__init__(name="albert")
        if not tokenizer.knows_comma:
            raise InputError(
                f'{tokenizer.model_file}: the vocabulary has no piece "," and cannot '
                "tokenize inside a graph; tokenize in Python, or train it on text that "
                "has commas."
            )
        self._preprocess = GraphPreprocessing(tokenizer.do_lower_case)
        self._sentencepiece = GraphSentencePiece(
            tokenizer.model_bytes(), tokenizer.model_file
        )
        self._final_ids = ragged_rows(tokenizer.final_ids())

    def __call__(self, text: tf.Tensor) -> tf.RaggedTensor:
        ids = self._sentencepiece(self._preprocess(text))
        return tf.gather(self._final_ids, ids).merge_dims(1, 2)


class GraphPreprocessing(tf.Module):
    """`preprocess_text` inside a graph: string [B] to string [B].

    Args:
      do_lower_case: as there.
    """

    def __init__(self, do_lower_case: bool = True):
        super().__init__(name="preprocessing")
        self.do_lower_case = do_lower_case
        self._rewrite = CharacterRewriter(
            characters.preprocessed_characters(do_lower_case)
        )

    def __call__(self, text: tf.Tensor) -> tf.Tensor:
        text = tf.strings.regex_replace(text, f"[{characters.blanks()}]+", " ")
        text = self._rewrite(tf.strings.strip(text))
        if self.do_lower_case:
            text = tf.strings.regex_replace(
                lower_final_sigmas(text),
                characters.CAPITAL_SIGMA,
                characters.SMALL_SIGMA,
            )
        return text
