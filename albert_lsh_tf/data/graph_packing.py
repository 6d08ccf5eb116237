"""Ids to an encoder's inputs inside a TensorFlow graph, as `data.features` does it."""

from collections.abc import Sequence

import tensorflow as tf

from albert_lsh_tf.data.tokenizers import Tokenizer
from albert_lsh_tf.errors import InputError


class InputPacker(tf.Module):
    """Lays out `[CLS] a [SEP]` or `[CLS] a [SEP] b [SEP]`, cut and padded.

    A pair that is too long loses tokens as in `encode_examples`: the longer segment
    first. An empty second segment is no second segment; TF-Hub's preprocessing model
    gives it a [SEP] of its own.

        pack = InputPacker(open_tokenizer("30k-clean.model"))
        pack([tokenize(first), tokenize(second)], seq_length=512)

    Args:
      tokenizer: whose special ids are put in.
      default_seq_length: tokens a row holds where a call does not say it.

    Raises:
      InputError: `default_seq_length` has no room for a token of one segment.
    """

    def __init__(self, tokenizer: Tokenizer, default_seq_length: int = 128):
        super().__init__(name="packer")
        if default_seq_length < 3:
            raise InputError(_no_room(default_seq_length, num_segments=1))
        self.default_seq_length = default_seq_length
        self._cls_id = tokenizer.cls_id
        self._sep_id = tokenizer.sep_id
        self._pad_id = tokenizer.pad_id

    @tf.function(autograph=False)
    def __call__(
        self,
        inputs: Sequence[tf.RaggedTensor],
        seq_length: int | tf.Tensor | None = None,
    ) -> dict[str, tf.Tensor]:
        """Packs a batch.

        Args:
          inputs: a list of one or two segments, int32 [B, (T)] or
            [B, (words), (pieces)].
          seq_length: tokens a row holds, special ones included; None: the default.

        Returns:
          input_word_ids, input_mask and input_type_ids, int32 [B, seq_length].

        Raises:
          ValueError: not one or two segments.
          InputError: `seq_length` has no room for a token of each segment; where only
            the graph knows it, `tf.errors.InvalidArgumentError`.
        """
        if seq_length is None:
            seq_length = self.default_seq_length
        if not isinstance(inputs, list | tuple) or len(inputs) not in (1, 2):
            raise ValueError("inputs must be a list of one or two RaggedTensors.")
        _check_room(seq_length, len(inputs))
        first, *others = map(_flat, inputs)
        second = others[0] if others else _empty_rows(first.nrows())
        return self._pack(first, second, tf.cast(seq_length, tf.int64))

    def _pack(
        self, first: tf.RaggedTensor, second: tf.RaggedTensor, seq_length: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        is_pair = second.row_lengths()[:, tf.newaxis] > 0
        length_a, length_b = truncated_lengths(
            first.row_lengths()[:, tf.newaxis],
            second.row_lengths()[:, tf.newaxis],
            seq_length - tf.where(is_pair, tf.constant(3, tf.int64), 2),
        )
        # The columns of the one [SEP] and of the other, and of the first padding.
        end_a = length_a + 1
        end_b = end_a + length_b + 1
        end = tf.where(is_pair, end_b, end_a) + 1
        # Everything that a row may hold, and where in there its segments begin.
        special = tf.constant([self._pad_id, self._cls_id, self._sep_id])
        pad, cls, sep = tf.unstack(tf.range(3, dtype=tf.int64))
        pool = tf.concat([special, first.values, second.values], axis=0)
        begin_a = 3 + first.row_starts()[:, tf.newaxis]
        begin_b = 3 + tf.size(first.values, tf.int64)
        begin_b += second.row_starts()[:, tf.newaxis]
        # What each column holds, from the right end of a row to the left.
        column = tf.range(seq_length)
        source = tf.where(column == end - 1, sep, pad)
        source = tf.where(column < end_b, begin_b + column - (end_a + 1), source)
        source = tf.where(column == end_a, sep, source)
        source = tf.where(column < end_a, begin_a + column - 1, source)
        source = tf.where(column == 0, cls, source)
        return {
            "input_word_ids": tf.gather(pool, source),
            "input_mask": tf.cast(column < end, tf.int32),
            "input_type_ids": tf.cast((column > end_a) & (column < end), tf.int32),
        }

    def trace(self) -> None:
        """Makes the variants that a SavedModel holds: what callers of it may give."""
        for ragged_rank in (1, 2):
            spec = tf.RaggedTensorSpec([None] * (ragged_rank + 1), tf.int32)
            for segments in ([spec], [spec, spec]):
                self.__call__.get_concrete_function(segments)
                self.__call__.get_concrete_function(
                    segments, seq_length=tf.TensorSpec([], tf.int32)
                )


def truncated_lengths(
    length_a: tf.Tensor, length_b: tf.Tensor, room: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """`data.features.truncated_lengths` for integer tensors of equal shapes."""
    excess = tf.maximum(length_a + length_b - room, 0)
    off_longer = tf.minimum(excess, tf.abs(length_a - length_b))
    off_a = tf.where(length_a > length_b, off_longer, 0)
    rest = excess - off_longer
    return (
        length_a - off_a - rest // 2,
        length_b - (off_longer - off_a) - (rest + 1) // 2,
    )


def _flat(segment: tf.RaggedTensor) -> tf.RaggedTensor:
    """The segment as int32 [B, (T)], with int64 row splits."""
    segment = tf.cast(segment, tf.int32).with_row_splits_dtype(tf.int64)
    return segment.merge_dims(1, -1) if segment.shape.rank > 2 else segment


def _empty_rows(num_rows: tf.Tensor) -> tf.RaggedTensor:
    return tf.RaggedTensor.from_row_splits(
        tf.zeros([0], tf.int32), tf.zeros([num_rows + 1], tf.int64), validate=False
    )


def _check_room(seq_length: int | tf.Tensor, num_segments: int) -> None:
    message = _no_room(seq_length, num_segments)
    at_least = 1 + 2 * num_segments
    if not tf.is_tensor(seq_length):
        if seq_length < at_least:
            raise InputError(message)
        return
    tf.debugging.assert_greater_equal(seq_length, at_least, message)


def _no_room(seq_length: int | tf.Tensor, num_segments: int) -> str:
    shown = "" if tf.is_tensor(seq_length) else f"={seq_length}"
    return (
        f"seq_length{shown} leaves no room between the special tokens; give at least "
        f"{1 + 2 * num_segments}."
    )
