"""Answers out of logits, in a graph: the best span in all windows over a text.

Source: google-research/albert, squad_utils.py, `write_predictions_v1`. One difference:
there a span is made of the 20 best starts and the 20 best ends; here of all.
"""

from typing import NamedTuple

import tensorflow as tf

from albert_lsh_tf.data.squad.windows import AnswerSettings, Windows

# Of what may not be: far below any logit, and finite when two are added.
IMPOSSIBLE = tf.float32.min / 4


class Spans(NamedTuple):
    """The best span of each row of a batch.

    first, last: int64 [B]: its tokens, numbered as in `Windows.token`; 0 where a text
      has no tokens.
    score: float32 [B]: the sum of its two logits; `IMPOSSIBLE` or below without tokens.
    null_score: float32 [B]: the same of the first token, which stands for "no answer";
      the lowest of all windows.
    """

    first: tf.Tensor
    last: tf.Tensor
    score: tf.Tensor
    null_score: tf.Tensor


def best_spans(
    start_logits: tf.Tensor,
    end_logits: tf.Tensor,
    windows: Windows,
    settings: AnswerSettings,
) -> Spans:
    """The span with the highest sum of its two logits, in any window of a row.

    Args:
      start_logits: [W, T], float32.
      end_logits: [W, T], float32.
      windows: what the logits are of.
      settings: `max_answer_length`.

    Returns:
      One span for each row.
    """
    starts = tf.where(windows.may_start, start_logits, IMPOSSIBLE)
    ends = tf.where(windows.token >= 0, end_logits, IMPOSSIBLE)
    longest = settings.max_answer_length
    padded = tf.pad(ends, [[0, 0], [0, longest - 1]], constant_values=IMPOSSIBLE)
    # For each start the ends of spans of 1, 2, ... tokens: [W, T, lengths].
    ends = tf.signal.frame(padded, longest, 1)
    lengths = tf.argmax(ends, axis=-1)
    scores = starts + tf.reduce_max(ends, axis=-1)
    column = tf.argmax(scores, axis=-1)
    score = tf.reduce_max(scores, axis=-1)

    # Every row has a window.
    num_rows = tf.reduce_max(tf.concat([windows.row, [-1]], axis=0)) + 1
    best = tf.math.unsorted_segment_max(score, windows.row, num_rows)
    window = tf.range(tf.size(score, tf.int64))
    is_best = score == tf.gather(best, windows.row)
    window = tf.math.unsorted_segment_min(
        tf.where(is_best, window, window.dtype.max), windows.row, num_rows
    )
    column = tf.gather(column, window)
    first = tf.gather_nd(windows.token, tf.stack([window, column], axis=-1))
    length = tf.gather_nd(lengths, tf.stack([window, column], axis=-1))
    has_span = best > IMPOSSIBLE / 2
    null = start_logits[:, 0] + end_logits[:, 0]
    return Spans(
        first=tf.where(has_span, first, 0),
        last=tf.where(has_span, first + length, 0),
        score=best,
        null_score=tf.math.unsorted_segment_min(null, windows.row, num_rows),
    )
