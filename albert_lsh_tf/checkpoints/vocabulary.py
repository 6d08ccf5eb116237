"""Finds the vocabulary beside weights, and checks that the two belong together."""

import dataclasses
import pathlib
from collections.abc import Sequence

import sentencepiece

from albert_lsh_tf.errors import InputError

SPM_FILES = ("spiece.model", "30k-clean.model")
VOCAB_FILES = ("vocab.txt", "vocab_chinese.txt")  # WordPiece, of Chinese models.

# The ids that ALBERT's pre-training gave its special pieces.
_SPECIAL_PIECES = ("<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]")
_SPECIAL_WORDS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")

# An embedding table may have rows that no piece uses: padding to a multiple of up to
# 128, or tokens added in fine-tuning. Another model's vocabulary differs by more.
_SPARE_ROWS = 128
_SPARE_SHARE = 0.1


@dataclasses.dataclass(frozen=True)
class Vocabulary:
    """The vocabulary that lies beside weights.

    Attributes:
      spm_model_file: SentencePiece model; None where there is none, or where several
        make it unclear which.
      vocab_file: WordPiece vocabulary, one word a line; None likewise.
    """

    spm_model_file: str | None
    vocab_file: str | None


def find_vocabulary(folders: Sequence[pathlib.Path]) -> Vocabulary:
    """The vocabulary in some folders: by its usual name, or the only one there."""
    return Vocabulary(
        _usual_or_only(folders, SPM_FILES, "*.model"),
        _usual_or_only(folders, VOCAB_FILES, "vocab*.txt"),
    )


def check_vocabulary(
    vocab_size: int, weights: str, vocabulary_file: str | pathlib.Path
) -> None:
    """Refuses a vocabulary that is not the one the weights were trained with.

    Args:
      vocab_size: rows of the embedding table.
      weights: folder or prefix of the weights, for the message.
      vocabulary_file: a WordPiece vocabulary if it ends in .txt, else a SentencePiece
        model.

    Raises:
      InputError: more pieces than rows, or many fewer; ALBERT's special pieces are not
        there or have other ids; or the file cannot be read.
    """
    is_wordpiece = pathlib.Path(vocabulary_file).suffix.lower() == ".txt"
    count = _wordpiece_words if is_wordpiece else _spm_pieces
    num_pieces = count(vocabulary_file)
    spare = vocab_size - num_pieces
    if not 0 <= spare < min(_SPARE_ROWS, _SPARE_SHARE * vocab_size):
        raise InputError(
            f"{vocabulary_file} has {num_pieces} pieces, but the weights in {weights} "
            f"are of {vocab_size}; one of the two is of another model. Give the "
            "vocabulary that came with the weights."
        )


def _usual_or_only(
    folders: Sequence[pathlib.Path], names: Sequence[str], pattern: str
) -> str | None:
    for name in names:
        for folder in folders:
            if (folder / name).is_file():
                return str(folder / name)
    found = [file for folder in folders for file in sorted(folder.glob(pattern))]
    return str(found[0]) if len(found) == 1 else None


def _spm_pieces(path: str | pathlib.Path) -> int:
    """The number of pieces of a SentencePiece model made for ALBERT."""
    content = _read(path)
    model = sentencepiece.SentencePieceProcessor()
    try:
        if not content:  # SentencePiece takes nothing for a model of no pieces.
            raise RuntimeError
        model.LoadFromSerializedProto(content)
    except RuntimeError as error:
        raise InputError(
            f"{path}: not a SentencePiece model, or a damaged one. Copy or download it "
            "again."
        ) from error
    num_pieces = model.GetPieceSize()
    wrong = [
        f"{piece} should be {piece_id}"
        for piece_id, piece in enumerate(_SPECIAL_PIECES)
        if piece_id >= num_pieces or model.IdToPiece(piece_id) != piece
    ]
    if wrong:
        raise InputError(
            f"{path}: not a vocabulary of ALBERT's, whose special pieces have fixed "
            f"ids: {', '.join(wrong)}. Give the vocabulary that came with the weights."
        )
    return num_pieces


def _wordpiece_words(path: str | pathlib.Path) -> int:
    """The number of words of a WordPiece vocabulary."""
    try:
        lines = _read(path).decode("utf-8").rstrip("\r\n").split("\n")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}: not UTF-8 text, one word a line. Copy or download it again."
        ) from error
    # Google's Chinese files have the count of each word after a tab.
    words = {line.split("\t")[0].strip() for line in lines}
    if missing := [word for word in _SPECIAL_WORDS if word not in words]:
        raise InputError(
            f"{path}: the vocabulary has no {', '.join(missing)}. Give the vocabulary "
            "that came with the weights."
        )
    return len(lines)


def _read(path: str | pathlib.Path) -> bytes:
    try:
        return pathlib.Path(path).read_bytes()
    except OSError as error:
        raise InputError(
            f"{path}: the vocabulary cannot be read ({error.strerror}); give the one "
            "that came with the weights."
        ) from error
