"""Text to SentencePiece ids, as ALBERT's pre-training did it. No TensorFlow here."""

import functools
import pathlib
import re
from collections.abc import Sequence

import sentencepiece

from albert_lsh_tf.data.characters import decompose
from albert_lsh_tf.errors import InputError

WORD_START = "\u2581"  # SentencePiece's mark for the blank before a word.

_SURROGATES = re.compile("[\ud800-\udfff]")

# ALBERT's special pieces; a vocabulary without them cannot feed an ALBERT encoder.
PAD, UNKNOWN, CLS, SEP, MASK = "<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]"


class AlbertTokenizer:
    """Splits text into the pieces of a SentencePiece model, and gives their ids.

    Special pieces are never found in text: the string "[SEP]" is five characters. No
    special ids are added either; `data.features` does that.

    Args:
      spm_model_file: SentencePiece model, such as Google's 30k-clean.model.
      do_lower_case: lower-case the text; what Google's English models want. Accents are
        stripped either way.

    Raises:
      InputError: no such file, not a SentencePiece model, or one without ALBERT's
        special pieces.

    Source: google-research/albert, tokenization.py, `preprocess_text`, `encode_pieces`.
    Quotes such as `` and '' are left as they are there. One difference: where a
    digit-comma piece stands within a word, the number loses the word-start mark that
    splitting it again gave it; the original compares a character with three bytes, so
    its own attempt at this never acts. In Google's vocabulary every such piece starts
    a word, so the two agree on it.
    """

    def __init__(
        self, spm_model_file: str | pathlib.Path, do_lower_case: bool = True
    ) -> None:
        self.model_file = str(spm_model_file)
        self.do_lower_case = do_lower_case
        self._model = _load_model(self.model_file)
        pieces = [
            self._model.IdToPiece(piece_id)
            for piece_id in range(self._model.GetPieceSize())
        ]
        all_ids = {piece: piece_id for piece_id, piece in enumerate(pieces)}
        missing = [p for p in (PAD, UNKNOWN, CLS, SEP, MASK) if p not in all_ids]
        if missing:
            raise InputError(
                f"{self.model_file}: the vocabulary has no {', '.join(missing)}; use a "
                "SentencePiece model made for ALBERT, such as 30k-clean.model."
            )
        self.vocab_size = len(pieces)
        self.pad_id = all_ids[PAD]
        self.unk_id = all_ids[UNKNOWN]
        self.cls_id = all_ids[CLS]
        self.sep_id = all_ids[SEP]
        self.mask_id = all_ids[MASK]
        # An unknown stretch of characters may spell the name of a control piece.
        self._ids = {
            piece: piece_id
            for piece, piece_id in all_ids.items()
            if not (self._model.IsControl(piece_id) or self._model.IsUnused(piece_id))
        }
        self._pieces = pieces
        # Only texts with one of these need a second look after SentencePiece: a piece
        # to split again, or an unknown stretch whose text may end in digit and comma.
        self._ids_to_revise = frozenset(
            piece_id
            for piece_id, piece in enumerate(pieces)
            if _ends_in_digit_and_comma(piece)
        ) | {self.unk_id}

    def tokenize(self, text: str) -> list[str]:
        """The pieces of `text`; an unknown stretch of characters is one piece."""
        pieces = self._model.EncodeAsPieces(preprocess_text(text, self.do_lower_case))
        return self._split_numbers_from_commas(pieces)

    def encode(self, text: str) -> list[int]:
        """The ids of the pieces of `text`."""
        return self._look_up(self.tokenize(text))

    def encode_batch(
        self, texts: Sequence[str], num_threads: int = 2
    ) -> list[list[int]]:
        """The same as `encode` of every text, and many times as fast.

        Args:
          texts: any number of texts.
          num_threads: threads SentencePiece may use; the result does not depend on it.

        Returns:
          One list of ids for each text, in order.
        """
        texts = [preprocess_text(text, self.do_lower_case) for text in texts]
        ids = self._model.EncodeAsIds(texts, num_threads=num_threads) if texts else []
        for row, row_ids in enumerate(ids):
            if not self._ids_to_revise.isdisjoint(row_ids):
                pieces = self._split_numbers_from_commas(
                    self._model.EncodeAsPieces(texts[row])
                )
                ids[row] = self._look_up(pieces)
        return ids

    @property
    def knows_comma(self) -> bool:
        """Whether a comma is a piece, so never part of an unknown stretch."""
        return "," in self._ids

    def final_ids(self) -> list[list[int]]:
        """For each id of SentencePiece's, the ids that `encode` gives in its place.

        One is the id itself, unless its piece is a number and a comma. What an unknown
        stretch of characters becomes depends on them if not `knows_comma`.
        """
        final_ids = [[piece_id] for piece_id in range(self.vocab_size)]
        for piece_id in self._ids_to_revise - {self.unk_id}:
            pieces = self._split_numbers_from_commas([self._pieces[piece_id]])
            final_ids[piece_id] = self._look_up(pieces)
        return final_ids

    def model_bytes(self) -> bytes:
        """The SentencePiece model, serialized."""
        return self._model.serialized_model_proto()

    def _look_up(self, pieces: list[str]) -> list[int]:
        return [self._ids.get(piece, self.unk_id) for piece in pieces]

    def _split_numbers_from_commas(self, pieces: list[str]) -> list[str]:
        """Makes "1999" and "," of a piece "1999,", so that the number is one number."""
        result = []
        for piece in pieces:
            if _ends_in_digit_and_comma(piece):
                result.extend(self._number_pieces(piece[:-1]))
                result.append(",")
            else:
                result.append(piece)
        return result

    def _number_pieces(self, number: str) -> list[str]:
        pieces = self._model.EncodeAsPieces(number.replace(WORD_START, ""))
        if not number.startswith(WORD_START) and pieces[0].startswith(WORD_START):
            first = pieces[0].removeprefix(WORD_START)
            pieces = [first, *pieces[1:]] if first else pieces[1:]
        return pieces


def preprocess_text(text: str, do_lower_case: bool = True) -> str:
    """Collapses blanks, decomposes characters (NFKD), drops combining marks.

    Args:
      text: any text. Half a surrogate pair, which is no character, counts as U+FFFD.
      do_lower_case: also lower-case it, with `str.lower`, so that "ß" stays one letter
        (`casefold` makes "ss" of it, which the vocabulary was not trained on).

    Returns:
      The text that SentencePiece gets. Zero-width characters are still in it: the
      model's own rules decide about them. Google's makes a blank of a joiner; models
      that newer versions of SentencePiece train keep it.

    Source: google-research/albert, tokenization.py, `preprocess_text`.
    """
    text = " ".join(text.split())
    if not text.isascii():  # ASCII has nothing to decompose.
        text = decompose(_SURROGATES.sub("\ufffd", text))
    return text.lower() if do_lower_case else text


def _ends_in_digit_and_comma(piece: str) -> bool:
    return len(piece) > 1 and piece[-1] == "," and piece[-2].isdigit()


@functools.lru_cache(maxsize=4)
def _load_model(path: str) -> sentencepiece.SentencePieceProcessor:
    mend = "give the .model file, such as 30k-clean.model."
    try:
        model_bytes = pathlib.Path(path).read_bytes()
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such SentencePiece model; {mend}") from error
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror}); {mend}"
        ) from error
    model = sentencepiece.SentencePieceProcessor()
    try:
        if not model_bytes:  # SentencePiece takes nothing for a model of no pieces.
            raise RuntimeError("the file is empty")
        model.LoadFromSerializedProto(model_bytes)
    except RuntimeError as error:
        if b"[CLS]\n" in model_bytes.replace(b"\r", b""):
            mend = "it is a WordPiece vocabulary: give it with vocab_file, as a .txt."
        raise InputError(f"{path}: not a SentencePiece model; {mend}") from error
    return model
