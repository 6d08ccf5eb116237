"""Text to WordPiece ids, for Google's Chinese ALBERTs."""

import pathlib
from collections.abc import Sequence

from albert_lsh_tf.errors import InputError

# ALBERT's special words; a vocabulary without them cannot feed an ALBERT encoder.
PAD, UNKNOWN, CLS, SEP, MASK = "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"

SUFFIX_MARK = "##"  # Before a piece that does not begin a word.
MAX_WORD_LENGTH = 200  # Characters; a longer word is unknown.


class WordPieceTokenizer:
    """Splits text into the words of a vocab.txt, and gives their ids.

    It can be used wherever `AlbertTokenizer` can. Chinese characters and punctuation
    are words of their own. Special words are never found in text: the string "[SEP]" is
    three words. The work is done by Model Garden, which is imported for it.

    Args:
      vocab_file: one word a line, such as Google's vocab_chinese.txt. What follows a
        word on its line, such as a count, is not read.
      do_lower_case: lower-case the text and strip accents; without it, both stay.

    Attributes:
      words: by id.
      split_words: a text to its words, yet to be looked up.

    Raises:
      InputError: no such file, not a WordPiece vocabulary, or one without the special
        words.

    Source: google-research/albert, tokenization.py, `FullTokenizer` and `load_vocab`.
    """

    def __init__(
        self, vocab_file: str | pathlib.Path, do_lower_case: bool = True
    ) -> None:
        from official.nlp.tools import tokenization  # Imports TensorFlow.

        self.model_file = str(vocab_file)
        self.do_lower_case = do_lower_case
        self.words = read_vocab(self.model_file)
        self._ids = {word: word_id for word_id, word in enumerate(self.words)}
        self.vocab_size = len(self.words)
        self.pad_id = self._ids[PAD]
        self.unk_id = self._ids[UNKNOWN]
        self.cls_id = self._ids[CLS]
        self.sep_id = self._ids[SEP]
        self.mask_id = self._ids[MASK]
        self.split_words = tokenization.BasicTokenizer(do_lower_case).tokenize
        self._split_word = tokenization.WordpieceTokenizer(
            self._ids, UNKNOWN, MAX_WORD_LENGTH
        ).tokenize

    def tokenize(self, text: str) -> list[str]:
        """The pieces of `text`; an unknown word is one piece, "[UNK]"."""
        words = self.split_words(text)
        return [piece for word in words for piece in self._split_word(word)]

    def encode(self, text: str) -> list[int]:
        """The ids of the pieces of `text`."""
        return [self._ids[piece] for piece in self.tokenize(text)]

    def encode_batch(
        self, texts: Sequence[str], num_threads: int = 2
    ) -> list[list[int]]:
        """The same as `encode` of every text.

        Args:
          texts: any number of texts.
          num_threads: for `AlbertTokenizer`; Python's own threads gain nothing here.

        Returns:
          One list of ids for each text, in order.
        """
        del num_threads
        return [self.encode(text) for text in texts]


def read_vocab(path: str) -> list[str]:
    """The words of a vocab.txt, by id.

    Args:
      path: the file.

    Returns:
      The first word of each line, once; of an empty line, a blank.

    Raises:
      InputError: no such file, not a WordPiece vocabulary, or one without the special
        words.
    """
    mend = "give the vocab.txt that came with the weights."
    try:
        text = pathlib.Path(path).read_bytes().decode("utf-8")
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such WordPiece vocabulary; {mend}") from error
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror}); {mend}"
        ) from error
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}: not a WordPiece vocabulary, which is text with a word a line; "
            "give a SentencePiece model with spm_model_file instead."
        ) from error
    lines = text.removesuffix("\n").split("\n")
    # A word that comes again gets no second id, and shifts all that follow.
    words = list(dict.fromkeys((line.split() or [" "])[0] for line in lines))
    missing = [w for w in (PAD, UNKNOWN, CLS, SEP, MASK) if w not in words]
    if missing and any(word.startswith("\u2581") for word in words):
        raise InputError(
            f"{path}: the list of pieces that SentencePiece writes beside a model, not "
            "a WordPiece vocabulary; give the model itself with spm_model_file."
        )
    if missing:
        raise InputError(f"{path}: the vocabulary has no {', '.join(missing)}; {mend}")
    return words
