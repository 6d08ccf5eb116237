"""Answers out of logits, in a graph: the best spans in windows over texts.

Source: google-research/albert, squad_utils.py, `write_predictions_v1`. One difference:
there a span is made of the 20 best starts and the 20 best ends; here of all.
"""

from typing import NamedTuple

import tensorflow as tf

from albert_lsh_tf.data.squad.windows import Windows

# Of what may not be: far below any logit, and finite when two are added.
IMPOSSIBLE = tf.float32.min / 4


class Spans(NamedTuple):
    """The best span of each row of a batch.

    first, last: int64 [B]: its tokens, numbered as in `Windows.token`; 0 where a text
      has no tokens.
    score: float32 [B]: the sum of its two scores; `IMPOSSIBLE` or below without tokens.
    null_score: float32 [B]: what speaks for no answer; the lowest of all windows.
    """

    first: tf.Tensor
    last: tf.Tensor
    score: tf.Tensor
    null_score: tf.Tensor


class Candidates(NamedTuple):
    """The best spans of each window, and what speaks for no answer. N spans a window.

    first, last: int32 [W, N]: columns of the window; 0 where there are no more spans.
    start_score, end_score: float32 [W, N]; `IMPOSSIBLE` where there are no more spans.
      Their sums go down from left to right.
    null_score: float32 [W]: the higher, the likelier there is no answer.
    """

    first: tf.Tensor
    last: tf.Tensor
    start_score: tf.Tensor
    end_score: tf.Tensor
    null_score: tf.Tensor


def candidates_of_logits(
    start_logits: tf.Tensor,
    end_logits: tf.Tensor,
    may_start: tf.Tensor,
    is_context: tf.Tensor,
    has_characters: tf.Tensor,
    max_answer_length: int,
    num_spans: int,
) -> Candidates:
    """The best spans where start and end have a logit each (SQuAD 1.1).

    Args:
      start_logits: [W, T], float32.
      end_logits: [W, T], float32.
      may_start: bool [W, T]; see `Windows`.
      is_context: bool [W, T]: where an answer may end.
      has_characters: bool [W, T]: not at tokens that are a blank alone. A span of no
        others would be an answer without text.
      max_answer_length: tokens of the longest span.
      num_spans: N.

    Returns:
      The candidates; a null score is the sum of the first token's two logits.
    """
    starts = tf.where(may_start, start_logits, IMPOSSIBLE)
    ends = tf.where(is_context, end_logits, IMPOSSIBLE)
    ends = _ends_of_lengths(ends, max_answer_length, IMPOSSIBLE)
    before, up_to = _characters_seen(has_characters)
    has_text = _ends_of_lengths(up_to, max_answer_length, 0) > before[:, :, tf.newaxis]
    scores = tf.where(has_text, starts[:, :, tf.newaxis] + ends, 2 * IMPOSSIBLE)
    num_windows, length = tf.unstack(tf.shape(starts))
    scores = tf.reshape(scores, [num_windows, -1])
    # Short windows have fewer spans than are asked for.
    padding = tf.maximum(num_spans - length * max_answer_length, 0)
    scores = tf.pad(scores, [[0, 0], [0, padding]], constant_values=2 * IMPOSSIBLE)
    scores, number = tf.nn.top_k(scores, num_spans)
    is_span = scores > IMPOSSIBLE / 2
    number = tf.where(is_span, number, 0)
    first = number // max_answer_length
    last = tf.where(is_span, first + number % max_answer_length, 0)

    def score_at(logits: tf.Tensor, column: tf.Tensor) -> tf.Tensor:
        return tf.where(is_span, tf.gather(logits, column, batch_dims=1), IMPOSSIBLE)

    return Candidates(
        first,
        last,
        score_at(start_logits, first),
        score_at(end_logits, last),
        null_score=start_logits[:, 0] + end_logits[:, 0],
    )


def candidates_of_beam(
    outputs: dict[str, tf.Tensor],
    may_start: tf.Tensor,
    has_characters: tf.Tensor,
    max_answer_length: int,
    num_spans: int = 0,
) -> Candidates:
    """The spans of `AlbertJointSpanLabeler` that may be answers (SQuAD 2.0).

    Args:
      outputs: of the model, for W windows.
      may_start: bool [W, T]; see `Windows`.
      has_characters: bool [W, T]; see `candidates_of_logits`.
      max_answer_length: tokens of the longest span.
      num_spans: the fewest that are given. The model gives fewer for short windows than
        for long ones, where it is asked for more starts or ends than they have tokens.

    Returns:
      The candidates, as many as there are pairs of a start and an end, or `num_spans`;
      a null score is the logit of "no answer".
    """
    last = outputs["end_positions"]
    num_windows, _, num_ends = tf.unstack(tf.shape(last))
    first = tf.repeat(outputs["start_positions"][:, :, tf.newaxis], num_ends, axis=2)
    start_score = tf.repeat(
        outputs["start_log_probs"][:, :, tf.newaxis], num_ends, axis=2
    )
    first, last, start_score, end_score = (
        tf.reshape(values, [num_windows, -1])
        for values in (first, last, start_score, outputs["end_log_probs"])
    )
    length = last - first + 1
    before, up_to = _characters_seen(has_characters)
    # Ends of a text's tokens are in its window, or else they are barred and no span.
    is_span = (
        tf.gather(may_start, first, batch_dims=1)
        & (
            tf.gather(up_to, last, batch_dims=1)
            > tf.gather(before, first, batch_dims=1)
        )
        & (length >= 1)
        & (length <= max_answer_length)
        & (end_score > IMPOSSIBLE / 2)
    )
    start_score, end_score = (
        tf.where(is_span, score, IMPOSSIBLE) for score in (start_score, end_score)
    )
    order = tf.argsort(start_score + end_score, direction="DESCENDING", stable=True)
    first, last, start_score, end_score = (
        tf.gather(values, order, batch_dims=1)
        for values in (
            tf.where(is_span, first, 0),
            tf.where(is_span, last, 0),
            start_score,
            end_score,
        )
    )
    found = Candidates(
        first, last, start_score, end_score, null_score=outputs["no_answer_logits"]
    )
    return _with_at_least(num_spans, found)


def best_spans(candidates: Candidates, windows: Windows) -> Spans:
    """The best span in any window of a row.

    Args:
      candidates: of the windows.
      windows: of the rows of a batch.

    Returns:
      One span for each row; of equal ones the first.
    """
    score = candidates.start_score[:, 0] + candidates.end_score[:, 0]
    # Every row has a window.
    num_rows = tf.reduce_max(tf.concat([windows.row, [-1]], axis=0)) + 1
    best = tf.math.unsorted_segment_max(score, windows.row, num_rows)
    window = tf.range(tf.size(score, tf.int64))
    is_best = score == tf.gather(best, windows.row)
    window = tf.math.unsorted_segment_min(
        tf.where(is_best, window, window.dtype.max), windows.row, num_rows
    )
    has_span = best > IMPOSSIBLE / 2

    def token_at(columns: tf.Tensor) -> tf.Tensor:
        column = tf.gather(tf.cast(columns[:, 0], tf.int64), window)
        token = tf.gather_nd(windows.token, tf.stack([window, column], axis=-1))
        return tf.where(has_span, token, 0)

    return Spans(
        first=token_at(candidates.first),
        last=token_at(candidates.last),
        score=best,
        null_score=tf.math.unsorted_segment_min(
            candidates.null_score, windows.row, num_rows
        ),
    )


def _with_at_least(num_spans: int, candidates: Candidates) -> Candidates:
    """Candidates, and none behind them up to so many a window."""
    *columns, null_score = candidates
    padding = tf.maximum(num_spans - tf.shape(candidates.first)[1], 0)
    padded = (
        tf.pad(column, [[0, 0], [0, padding]], constant_values=filler)
        for column, filler in zip(columns, (0, 0, IMPOSSIBLE, IMPOSSIBLE), strict=True)
    )
    return Candidates(*padded, null_score)


def _characters_seen(has_characters: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """How many tokens with characters are before each token, and up to it: [W, T]."""
    has_characters = tf.cast(has_characters, tf.int32)
    up_to = tf.cumsum(has_characters, axis=1)
    return up_to - has_characters, up_to


def _ends_of_lengths(ends: tf.Tensor, longest: int, filler: float) -> tf.Tensor:
    """For each start what is at the ends of spans of 1, 2, ... tokens.

    Args:
      ends: [W, T].
      longest: tokens of the longest span.
      filler: stands for ends behind the window.

    Returns:
      [W, T, lengths].
    """
    padded = tf.pad(ends, [[0, 0], [0, longest - 1]], constant_values=filler)
    return tf.signal.frame(padded, longest, 1)
