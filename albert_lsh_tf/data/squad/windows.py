"""Questions and their texts as the network reads them, in a graph.

A text that is longer than the model takes is seen through windows that overlap. A token
may start an answer in one window only: in that which shows most of what is around it.

Source: google-research/albert, squad_utils.py, `convert_examples_to_features`.
"""

from typing import NamedTuple

import tensorflow as tf

from albert_lsh_tf.data.squad.settings import AnswerSettings


class Windows(NamedTuple):
    """Windows of all texts of a batch. W windows, T tokens each.

    input_word_ids, input_mask, input_type_ids: int32 [W, T], what the network takes.
    row: int64 [W]: which row of the batch the window is of.
    token: int64 [W, T]: which token of all texts, laid end to end; -1 for others.
    may_start: bool [W, T]: whether an answer may start there.
    """

    input_word_ids: tf.Tensor
    input_mask: tf.Tensor
    input_type_ids: tf.Tensor
    row: tf.Tensor
    token: tf.Tensor
    may_start: tf.Tensor


def make_windows(
    question: tf.RaggedTensor,
    context: tf.RaggedTensor,
    special_ids: tuple[int, int, int],
    settings: AnswerSettings,
) -> Windows:
    """Lays out `[CLS] question [SEP] part of the context [SEP]`, as often as needed.

    Args:
      question: int32 [B, (tokens)].
      context: int32 [B, (tokens)].
      special_ids: of <pad>, [CLS] and [SEP].
      settings: lengths.

    Returns:
      The windows of the first row in order, those of the second, and so on.
    """
    query_length = tf.minimum(question.row_lengths(), settings.max_query_length)
    room = settings.max_seq_length - 3 - query_length
    stride = tf.minimum(room, settings.doc_stride)
    unseen = tf.maximum(context.row_lengths() - room, 0)
    num_windows = 1 - (-unseen // stride)
    row = tf.repeat(tf.range(question.nrows()), num_windows)
    number = tf.ragged.range(num_windows).values
    first = number * tf.gather(stride, row)
    size = tf.minimum(
        tf.gather(room, row), tf.gather(context.row_lengths(), row) - first
    )

    column = tf.range(settings.max_seq_length, dtype=tf.int64)
    end_of_query, first, size = (
        each[:, tf.newaxis] for each in (tf.gather(query_length, row) + 1, first, size)
    )
    begin = end_of_query + 1
    end = begin + size
    pool = tf.concat([special_ids, question.values, context.values], axis=0)
    question_at = 3 + tf.gather(question.row_starts(), row)[:, tf.newaxis]
    token_at = first + tf.gather(context.row_starts(), row)[:, tf.newaxis]
    is_context = (column >= begin) & (column < end)
    token = tf.where(is_context, token_at + column - begin, -1)
    pad, cls, sep = tf.unstack(tf.range(3, dtype=tf.int64))
    place = tf.where(column == end, sep, pad)
    place = tf.where(is_context, 3 + tf.size(question.values, tf.int64) + token, place)
    place = tf.where(column == end_of_query, sep, place)
    place = tf.where(column < end_of_query, question_at + column - 1, place)
    place = tf.where(column == 0, cls, place)
    return Windows(
        input_word_ids=tf.gather(pool, place),
        input_mask=tf.cast(column <= end, tf.int32),
        input_type_ids=tf.cast((column >= begin) & (column <= end), tf.int32),
        row=row,
        token=token,
        may_start=_shows_most(token, column - begin, size, number[:, tf.newaxis]),
    )


def _shows_most(
    token: tf.Tensor, place: tf.Tensor, size: tf.Tensor, number: tf.Tensor
) -> tf.Tensor:
    """Whether a window shows most around a token, the first of equals: bool [W, T].

    Source: squad_utils.py, `_check_is_max_context`, whose score is a hundredth of that
    here: the smaller of the contexts to the left and the right, then the window's size.
    """
    shown = 100 * tf.minimum(place, size - 1 - place) + size
    # Higher for earlier windows, and less than what one more token around it counts.
    num_numbers = tf.reduce_max(number) + 1
    shown = shown * num_numbers + (num_numbers - 1 - number)
    most = tf.math.unsorted_segment_max(shown, token, tf.reduce_max(token) + 2)
    return (token >= 0) & (shown == tf.gather(most, tf.maximum(token, 0)))
