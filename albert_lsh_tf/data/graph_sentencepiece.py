"""A unigram SentencePiece model inside a TensorFlow graph, equal to the last bit.

Where two ways to split a text score alike ("ahhhh" is "a h hhh" or "a hhh h"), the
rounding of their sums decides. The library adds in float32; tensorflow_text's op for
it is built on SentencePiece 0.1.96, which compares a float64 sum with a float32 one and
decides otherwise in one English sentence of several thousand. Its op for TensorFlow
Lite adds in float32, but has no penalty for an unknown character: one for each of its
bytes. So here the first op normalizes the text, and the second splits it with a model
in which no character is unknown.
"""

import itertools

import numpy as np
import tensorflow as tf
import tensorflow_text as tf_text
from sentencepiece import sentencepiece_model_pb2 as spm

from albert_lsh_tf.errors import InputError

_UNKNOWN_PENALTY = 10.0  # Below the worst piece; SentencePiece's kUnkPenalty.
_USER_DEFINED_BONUS = 0.1  # For each byte past the first, whatever the model says.

_Piece = spm.ModelProto.SentencePiece


class GraphSentencePiece(tf.Module):
    """`SentencePieceProcessor.EncodeAsIds` of SentencePiece 0.2.2 and later.

    Beyond about 10,000 tokens of one text the library starts its sums anew, to add more
    exactly; this does not, and may decide a tie in another way from there on.

    Args:
      model_bytes: the SentencePiece model, serialized.
      name: who is to blame in messages, such as the model's file.

    Raises:
      InputError: no unigram model, or one that falls back to bytes.
    """

    def __init__(self, model_bytes: bytes, name: str):
        super().__init__(name="sentencepiece")
        model = spm.ModelProto.FromString(model_bytes)
        if model.trainer_spec.model_type != spm.TrainerSpec.UNIGRAM or any(
            piece.type == _Piece.BYTE for piece in model.pieces
        ):
            raise InputError(
                f"{name}: only unigram models without byte fallback, as ALBERT's are, "
                "can tokenize inside a graph; tokenize in Python."
            )
        self._unk_id = model.trainer_spec.unk_id
        self._vocab_size = len(model.pieces)
        self._model_bytes = model_bytes
        known = _add_unknown_characters(model)
        self._known_chars = tf.constant([*map(ord, sorted(known))])
        self._unknown_char = ord(model.pieces[-1].piece)
        self._splitter = tf_text.FastSentencepieceTokenizer(model.SerializeToString())

    def __call__(self, text: tf.Tensor) -> tf.RaggedTensor:
        """The ids of each text: string [B] to int32 [B, (T)]."""
        # Made anew in each graph: one made outside is lost in `clear_session`.
        normalizer = tf_text.SentencepieceTokenizer(self._model_bytes, tf.string)
        # The pieces of a text are the whole of it, normalized.
        normalized = tf.strings.reduce_join(normalizer.tokenize(text), axis=-1)
        chars = tf.strings.unicode_decode(normalized, "UTF-8")
        rows = tf.searchsorted(self._known_chars, chars.values)
        rows = tf.minimum(rows, tf.size(self._known_chars) - 1)
        is_known = tf.gather(self._known_chars, rows) == chars.values
        chars = chars.with_values(tf.where(is_known, chars.values, self._unknown_char))
        ids = self._splitter.tokenize(tf.strings.unicode_encode(chars, "UTF-8"))
        return self._merge_unknown(ids.with_row_splits_dtype(tf.int64))

    def _merge_unknown(self, ids: tf.RaggedTensor) -> tf.RaggedTensor:
        """Makes one id of each stretch of unknown characters, as SentencePiece does."""
        values = tf.where(ids.values < self._vocab_size, ids.values, self._unk_id)
        before = tf.concat([[-1], values[:-1]], axis=0)
        starts_text = tf.ragged.range(ids.row_lengths()).values == 0
        stays = starts_text | (values != self._unk_id) | (before != self._unk_id)
        ids = ids.with_values(values)
        return tf.ragged.boolean_mask(ids, ids.with_values(stays))


def _add_unknown_characters(model: spm.ModelProto) -> set[str]:
    """Changes a model for text that is normalized already and holds no unknown ones.

    Every character that may stand alone as an unknown one becomes a piece that scores
    as an unknown one does. The last piece stands for all that are in no piece at all.

    Args:
      model: changed in place.

    Returns:
      The characters that are in a piece.

    Source: SentencePiece, unigram_model.cc, `EncodeOptimized`.
    """
    normal = [p.score for p in model.pieces if p.type == _Piece.NORMAL]
    unknown_score = np.float32(min(normal)) - np.float32(_UNKNOWN_PENALTY)
    alone, known = set(), set()
    for piece in model.pieces:
        if piece.type == _Piece.USER_DEFINED:
            num_bytes = len(piece.piece.encode("utf-8"))
            piece.score = _USER_DEFINED_BONUS * (num_bytes - 1)
        elif piece.type == _Piece.UNUSED:
            piece.type = _Piece.CONTROL  # Neither is ever found in text.
        if piece.type in (_Piece.NORMAL, _Piece.USER_DEFINED):
            known.update(piece.piece)
            if len(piece.piece) == 1:
                alone.add(piece.piece)
    stand_in = next(char for char in map(chr, itertools.count(1)) if char not in known)
    for char in (*sorted(known - alone), stand_in):
        model.pieces.add(piece=char, score=unknown_score, type=_Piece.NORMAL)
    model.normalizer_spec.Clear()
    model.normalizer_spec.add_dummy_prefix = False
    model.normalizer_spec.remove_extra_whitespaces = False
    model.normalizer_spec.escape_whitespaces = False
    return known
