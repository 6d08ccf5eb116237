"""Which tokenizer a vocabulary is for."""

import pathlib
from collections.abc import Sequence
from typing import Protocol

from albert_lsh_tf.data.tokenization import AlbertTokenizer
from albert_lsh_tf.data.wordpiece import WordPieceTokenizer


class Tokenizer(Protocol):
    """What `AlbertTokenizer` and `WordPieceTokenizer` have in common.

    Attributes:
      model_file: the vocabulary.
      do_lower_case: whether text is lower-cased.
      vocab_size: number of ids.
      pad_id, unk_id, cls_id, sep_id, mask_id: ids of ALBERT's special pieces.
    """

    model_file: str
    do_lower_case: bool
    vocab_size: int
    pad_id: int
    unk_id: int
    cls_id: int
    sep_id: int
    mask_id: int

    def tokenize(self, text: str) -> list[str]: ...

    def encode(self, text: str) -> list[int]: ...

    def encode_batch(
        self, texts: Sequence[str], num_threads: int = 2
    ) -> list[list[int]]: ...


def open_tokenizer(
    vocabulary_file: str | pathlib.Path, do_lower_case: bool = True
) -> Tokenizer:
    """Opens a vocabulary with the tokenizer that it is for.

    Args:
      vocabulary_file: a WordPiece vocabulary if it ends in .txt, as those of Google's
        Chinese models do, or else a SentencePiece model.
      do_lower_case: lower-case the text; as the weights were trained.

    Returns:
      A `WordPieceTokenizer` or an `AlbertTokenizer`.

    Raises:
      InputError: no such file, or not what its name says.
    """
    if is_wordpiece(vocabulary_file):
        return WordPieceTokenizer(vocabulary_file, do_lower_case)
    return AlbertTokenizer(vocabulary_file, do_lower_case)


def is_wordpiece(vocabulary_file: str | pathlib.Path) -> bool:
    """Whether a file is taken for a WordPiece vocabulary, by its name."""
    return pathlib.Path(vocabulary_file).suffix.lower() == ".txt"
