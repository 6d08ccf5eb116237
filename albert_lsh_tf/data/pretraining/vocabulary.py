"""What masking must know of a vocabulary, without the vocabulary."""

import dataclasses
import hashlib
import pathlib
import string

import numpy as np
import sentencepiece

from albert_lsh_tf.data.tokenization import WORD_START
from albert_lsh_tf.data.tokenizers import Tokenizer, is_wordpiece
from albert_lsh_tf.data.wordpiece import SUFFIX_MARK

# Marks that may be within a piece that goes on with a word; others begin one.
_MARKS = frozenset(string.punctuation) - frozenset("'<=>")
_GOES_ON = _MARKS | frozenset(string.ascii_letters)


@dataclasses.dataclass(frozen=True, eq=False)
class Vocabulary:
    """Ids and beginnings of words. V ids.

    Attributes:
      sha256: of the vocabulary's file, in hex.
      pad_id, cls_id, sep_id, mask_id: of the special pieces.
      starts_word: bool [V]; whether a piece is the first of a word.
      is_special: bool [V]; ids that stand for no text: control pieces and unknown.
    """

    sha256: str
    pad_id: int
    cls_id: int
    sep_id: int
    mask_id: int
    starts_word: np.ndarray
    is_special: np.ndarray

    @classmethod
    def of(cls, tokenizer: Tokenizer) -> "Vocabulary":
        """What is to be known of the vocabulary of a tokenizer."""
        if is_wordpiece(tokenizer.model_file):
            starts_word = [not w.startswith(SUFFIX_MARK) for w in tokenizer.words]
            is_control = np.zeros(tokenizer.vocab_size, bool)
        else:
            model = sentencepiece.SentencePieceProcessor(
                model_proto=tokenizer.model_bytes()
            )
            ids = range(tokenizer.vocab_size)
            starts_word = [piece_starts_word(model.IdToPiece(each)) for each in ids]
            is_control = np.array(
                [model.IsControl(e) or model.IsUnused(e) for e in ids]
            )
        special = [
            tokenizer.pad_id,
            tokenizer.unk_id,
            tokenizer.cls_id,
            tokenizer.sep_id,
            tokenizer.mask_id,
        ]
        is_control[special] = True
        content = pathlib.Path(tokenizer.model_file).read_bytes()
        return cls(
            sha256=hashlib.sha256(content).hexdigest(),
            pad_id=tokenizer.pad_id,
            cls_id=tokenizer.cls_id,
            sep_id=tokenizer.sep_id,
            mask_id=tokenizer.mask_id,
            starts_word=np.array(starts_word),
            is_special=is_control,
        )

    @property
    def id_dtype(self) -> np.dtype:
        """Of ids on disk."""
        return id_dtype(len(self.starts_word))

    def save(self, path: pathlib.Path) -> None:
        """Writes an .npz file; `load` reads it."""
        values = {
            field.name: np.asarray(getattr(self, field.name))
            for field in dataclasses.fields(self)
        }
        with open(path, "wb") as file:
            np.savez(file, **values)

    @classmethod
    def load(cls, path: pathlib.Path) -> "Vocabulary":
        """Reads what `save` wrote."""
        with np.load(path) as values:
            return cls(
                **{
                    name: values[name] if values[name].ndim else values[name].item()
                    for name in values.files
                }
            )


def id_dtype(vocab_size: int) -> np.dtype:
    """The smallest dtype that holds the ids of a vocabulary, little-endian."""
    return np.dtype("<u2" if vocab_size <= 2**16 else "<i4")


def piece_starts_word(piece: str) -> bool:
    """Whether a SentencePiece piece is the first of a word.

    One is that has the mark of a blank before it, and one that is more than letters of
    English: a punctuation mark, a number, another script. So "(world)" is three words,
    "dog's" is "dog" and "'s", and every Chinese piece is a word.

    Args:
      piece: such as IdToPiece gives.

    Source: google-research/albert, create_pretraining_data.py, `_is_start_piece_sp`.
    """
    if piece.startswith((WORD_START, "<")) or piece in _MARKS:
        return True
    return not _GOES_ON.issuperset(piece)
