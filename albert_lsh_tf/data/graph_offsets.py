"""Where each token stands in the text that it was made of, inside a graph.

Three texts lie behind a token: the text as it came, that text preprocessed (blanks
collapsed, accents gone, lower case), and what SentencePiece makes of it. Places are
counted in characters and carried back step by step:

    tokens         lengths of their pieces; together they are SentencePiece's text
    SentencePiece  tensorflow_text says which bytes of its input each piece is from
    preprocessing  every character becomes some characters, or none, on its own

All texts of a batch are laid end to end, so that a place is one number.
"""

from typing import NamedTuple

import tensorflow as tf
import tensorflow_text as tf_text
from sentencepiece import sentencepiece_model_pb2 as spm

from albert_lsh_tf.data import characters
from albert_lsh_tf.data.graph_tokenization import GraphPreprocessing, GraphTokenizer
from albert_lsh_tf.data.tokenization import AlbertTokenizer

# What SentencePiece drops or makes blanks of where it stands before a word.
_INVISIBLE = rf"[{characters.blanks()}\p{{Cc}}\p{{Cf}}\x{{FFFD}}]"


class LocatedTokens(NamedTuple):
    """Tokens of texts, and where they stand; all int32 [B, (T)].

    ids: as `GraphTokenizer` gives them.
    starts: characters of the text before the token. Blanks before a word are no part of
      its first token, so a piece that is a blank alone has `starts == ends`.
    ends: characters of the text up to the end of the token; marks on its last letter
      are part of it.
    """

    ids: tf.RaggedTensor
    starts: tf.RaggedTensor
    ends: tf.RaggedTensor


class TokenLocator(tf.Module):
    """Tokenizes texts, and tells where in them each token is.

    Characters are counted as Python counts those of a `str`: `text[start:end]` is what
    a token was made of. Bytes that are no UTF-8 count as in
    `bytes.decode("utf-8", "replace")`.

        locate = TokenLocator(AlbertTokenizer("30k-clean.model"))
        tokens = locate(tf.constant(["Café au lait"]))

    Args:
      tokenizer: whose ids are given.

    Raises:
      InputError: see `GraphTokenizer`.
    """

    def __init__(self, tokenizer: AlbertTokenizer):
        super().__init__(name="token_locator")
        self.tokenize = GraphTokenizer(tokenizer)
        self._preprocess = GraphPreprocessing(tokenizer.do_lower_case)
        self._model_bytes = tokenizer.model_bytes()
        self._unk_id = tokenizer.unk_id
        pieces = spm.ModelProto.FromString(self._model_bytes).pieces
        self._piece_lengths = tf.constant([len(each.piece) for each in pieces])

    def __call__(self, text: tf.Tensor) -> LocatedTokens:
        """Tokens of string [B]."""
        text = tf.strings.unicode_transcode(text, "UTF-8", "UTF-8")
        preprocessed = self._preprocess(text)
        pieces = _pieces_of(preprocessed, self._model_bytes)
        ids = self.tokenize(text).with_row_splits_dtype(tf.int64)
        lengths = self._token_lengths(ids, pieces)
        starts, ends = _in_preprocessed(lengths, pieces)
        row = ids.value_rowids()
        starts, ends = _in_text(starts, ends, row, text, self._preprocess)
        return LocatedTokens(ids, ids.with_values(starts), ids.with_values(ends))

    def _token_lengths(
        self, ids: tf.RaggedTensor, pieces: "_Pieces"
    ) -> tf.RaggedTensor:
        """Characters of SentencePiece's text in each token."""
        lengths = tf.cast(tf.gather(self._piece_lengths, ids.values), tf.int64)
        # The first unknown stretch of a text is the first one of its pieces, and so on.
        is_unknown = ids.with_values(ids.values == self._unk_id)
        stretches = tf.ragged.boolean_mask(
            pieces.lengths, pieces.ids.with_values(pieces.ids.values == self._unk_id)
        )
        number = _totals(tf.cast(is_unknown, tf.int64)) - 1
        number += tf.gather(stretches.row_starts(), ids.value_rowids())
        pool = tf.concat([stretches.values, [1]], axis=0)
        number = tf.clip_by_value(number, 0, tf.size(pool, tf.int64) - 1)
        return ids.with_values(
            tf.where(is_unknown.values, tf.gather(pool, number), lengths)
        )


class _Pieces(NamedTuple):
    """How tensorflow_text splits preprocessed texts; all [B, (pieces)].

    It may decide a tie in another way than `GraphTokenizer`, so these are no tokens;
    but they tell what became of which part of a text.

    ids: int32.
    lengths: int64, in characters of SentencePiece's text.
    starts, ends: int64, places in the preprocessed texts.
    """

    ids: tf.RaggedTensor
    lengths: tf.RaggedTensor
    starts: tf.RaggedTensor
    ends: tf.RaggedTensor


def _pieces_of(preprocessed: tf.Tensor, model_bytes: bytes) -> _Pieces:
    # Made anew in each graph, as `GraphSentencePiece` does.
    names, first_bytes, end_bytes = tf_text.SentencepieceTokenizer(
        model_bytes, tf.string
    ).tokenize_with_offsets(preprocessed)
    ids = tf_text.SentencepieceTokenizer(model_bytes).tokenize(preprocessed)
    _, bytes_of_characters = tf.strings.unicode_decode_with_offsets(
        preprocessed, "UTF-8"
    )
    row_bytes = tf.cast(tf.strings.length(preprocessed), tf.int64)
    bytes_before = tf.cumsum(row_bytes, exclusive=True)

    def place_of(each_byte: tf.RaggedTensor) -> tf.RaggedTensor:
        laid_out = each_byte.values + tf.gather(bytes_before, each_byte.value_rowids())
        places = tf.searchsorted(characters_at, laid_out, out_type=tf.int64)
        return each_byte.with_values(places)

    characters_at = bytes_of_characters.values + tf.gather(
        bytes_before, bytes_of_characters.value_rowids()
    )
    lengths = tf.cast(tf.strings.length(names.values, unit="UTF8_CHAR"), tf.int64)
    return _Pieces(
        ids, names.with_values(lengths), place_of(first_bytes), place_of(end_bytes)
    )


def _in_preprocessed(
    lengths: tf.RaggedTensor, pieces: _Pieces
) -> tuple[tf.Tensor, tf.Tensor]:
    """Tokens of these lengths to places in the preprocessed texts: two int64 [tokens].

    Inside of a piece places are counted from its end: SentencePiece puts a blank before
    the first word of a text that is not there.
    """
    row_lengths = tf.reduce_sum(pieces.lengths, axis=1)
    row = lengths.value_rowids()
    row_start = tf.gather(tf.cumsum(row_lengths, exclusive=True), row)
    ends = row_start + tf.minimum(_totals(lengths), tf.gather(row_lengths, row))
    starts = tf.maximum(ends - lengths.values, row_start)
    piece_ends = tf.cumsum(pieces.lengths.values)
    piece_starts = piece_ends - pieces.lengths.values

    def place_of(place: tf.Tensor, piece: tf.Tensor, is_start: bool) -> tf.Tensor:
        piece = tf.minimum(piece, tf.size(piece_ends) - 1)
        first, end = (tf.gather(x.values, piece) for x in (pieces.starts, pieces.ends))
        inside = tf.maximum(first, end - (tf.gather(piece_ends, piece) - place))
        if is_start:
            return tf.where(place == tf.gather(piece_starts, piece), first, inside)
        return inside

    first_piece = tf.searchsorted(piece_ends, starts, side="right")
    last_piece = tf.searchsorted(piece_ends, ends, side="left")
    return place_of(starts, first_piece, True), place_of(ends, last_piece, False)


def _in_text(
    starts: tf.Tensor,
    ends: tf.Tensor,
    row: tf.Tensor,
    text: tf.Tensor,
    preprocess: GraphPreprocessing,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Places in preprocessed texts to characters of one's own text: int32 [tokens]."""
    chars = tf.strings.unicode_split(text, "UTF-8")
    row_start = tf.gather(chars.row_starts(), row)
    row_end = row_start + tf.gather(chars.row_lengths(), row)
    is_blank = tf.strings.regex_full_match(chars.values, f"[{characters.blanks()}]")
    lengths = _preprocessed_lengths(chars, is_blank, preprocess)
    # Which character each one of the preprocessed text is from.
    origin = tf.repeat(tf.range(tf.size(lengths)), lengths)
    # Behind each character, marks that only change it; not what has a place of its own.
    has_place = tf.where((lengths > 0) | is_blank)[:, 0]
    has_place = tf.concat([has_place, [tf.size(lengths, tf.int64)]], axis=0)

    def origin_of(place: tf.Tensor) -> tf.Tensor:
        place = tf.clip_by_value(place, 0, tf.size(origin, tf.int64) - 1)
        return tf.cast(tf.gather(origin, place), tf.int64)

    next_place = tf.searchsorted(has_place, origin_of(ends - 1), side="right")
    end = tf.where(ends > 0, tf.gather(has_place, next_place), 0)
    end = tf.clip_by_value(end, row_start, row_end)
    is_visible = ~tf.strings.regex_full_match(chars.values, _INVISIBLE)
    visible = tf.where(is_visible & (lengths > 0))[:, 0]
    visible = tf.concat([visible, [tf.size(lengths, tf.int64)]], axis=0)
    next_visible = tf.searchsorted(visible, origin_of(starts), side="left")
    start = tf.minimum(tf.gather(visible, next_visible), end)
    return tf.cast(start - row_start, tf.int32), tf.cast(end - row_start, tf.int32)


def _preprocessed_lengths(
    chars: tf.RaggedTensor, is_blank: tf.Tensor, preprocess: GraphPreprocessing
) -> tf.Tensor:
    """How many characters of the preprocessed text each character becomes."""
    # Of a stretch of blanks the first one stays, if there are words around it.
    is_letter = chars.with_values(tf.cast(~is_blank, tf.int64))
    before, all_of_row = _totals(is_letter), tf.reduce_sum(is_letter, axis=1)
    is_inside = (before > 0) & (before < tf.gather(all_of_row, chars.value_rowids()))
    follows_blank = tf.concat([[False], is_blank[:-1]], axis=0)
    as_blank = tf.cast(is_inside & ~follows_blank, tf.int32)
    alone = preprocess(chars.values)
    return tf.where(is_blank, as_blank, tf.strings.length(alone, unit="UTF8_CHAR"))


def _totals(x: tf.RaggedTensor) -> tf.Tensor:
    """Running totals within each row, laid end to end."""
    through_all = tf.concat([[0], tf.cumsum(x.values)], axis=0)
    before_row = tf.gather(through_all, tf.gather(x.row_starts(), x.value_rowids()))
    return through_all[1:] - before_row
