"""Spans next to all that may be, one by one."""

import numpy as np
import pytest
import tensorflow as tf

from albert_lsh_tf.data.squad.spans import (
    IMPOSSIBLE,
    best_spans,
    candidates_of_beam,
    candidates_of_logits,
)
from albert_lsh_tf.data.squad.windows import make_windows
from tests.data.squad.example_windows import (
    QUESTIONS,
    SETTINGS,
    SPECIAL_IDS,
    ragged,
    windows_of,
)


def made_up_logits(windows, seed):
    random = np.random.default_rng(seed)
    return random.normal(0, 3, [2, *windows.token.shape]).astype(np.float32)


def candidates_of(start, end, windows, num_spans):
    return candidates_of_logits(
        tf.constant(start),
        tf.constant(end),
        windows.may_start,
        windows.token >= 0,
        has_characters(windows.token),
        SETTINGS.max_answer_length,
        num_spans,
    )


def has_characters(token):
    """Not at the second and third token of every five: blanks alone."""
    return (token >= 0) & (token % 5 != 1) & (token % 5 != 2)


def test_no_span_in_a_batch_without_any_text():
    windows = make_windows(ragged([[5], []]), ragged([[], []]), SPECIAL_IDS, SETTINGS)
    logits = tf.zeros(tf.shape(windows.token))
    spans = best_spans(candidates_of(logits, logits, windows, 1), windows)
    assert spans.first.numpy().tolist() == spans.last.numpy().tolist() == [0, 0]
    assert (spans.score <= IMPOSSIBLE / 2).numpy().all()


@pytest.mark.parametrize("seed", range(4))
def test_spans_are_the_best_of_all_that_may_be(seed):
    windows = windows_of()
    start, end = made_up_logits(windows, seed)
    spans = best_spans(candidates_of(start, end, windows, 2), windows)
    token, may_start = windows.token.numpy(), windows.may_start.numpy()
    for row in range(len(QUESTIONS)):
        of_row = np.flatnonzero(windows.row.numpy() == row)
        candidates = [
            (start[w, first] + end[w, last], token[w, first], token[w, last])
            for w in of_row
            for first in np.flatnonzero(may_start[w])
            for last in range(first, first + SETTINGS.max_answer_length)
            if last < token.shape[1]
            and token[w, last] >= 0
            and has_characters(token[w, first : last + 1]).any()
        ]
        null = min(start[w, 0] + end[w, 0] for w in of_row)
        np.testing.assert_allclose(spans.null_score[row], null, rtol=1e-6)
        if not candidates:
            assert spans.score[row] <= IMPOSSIBLE / 2
            continue
        score, first, last = max(candidates)
        np.testing.assert_allclose(spans.score[row], score, rtol=1e-6)
        assert (spans.first[row], spans.last[row]) == (first, last)


@pytest.mark.parametrize(("seed", "num_spans"), [(0, 1), (1, 4), (2, 60)])
def test_candidates_are_the_best_of_all_spans_of_a_window(seed, num_spans):
    windows = windows_of()
    start, end = made_up_logits(windows, seed)
    token, may_start = windows.token.numpy(), windows.may_start.numpy()
    found = candidates_of(start, end, windows, num_spans)
    for window in range(len(token)):
        spans = [
            (start[window, first] + end[window, last], first, last)
            for first in np.flatnonzero(may_start[window])
            for last in range(first, first + 3)
            if last < token.shape[1]
            and token[window, last] >= 0
            and has_characters(token[window, first : last + 1]).any()
        ]
        spans = sorted(spans, reverse=True)[:num_spans]
        for place in range(num_spans):
            first, last, start_score, end_score = (
                column[window, place].numpy() for column in found[:4]
            )
            if place < len(spans):
                assert (first, last) == spans[place][1:]
                assert start_score == start[window, first]
                assert end_score == end[window, last]
            else:
                assert first == last == 0
                assert start_score == end_score == np.float32(IMPOSSIBLE)
        null = start[window, 0] + end[window, 0]
        np.testing.assert_allclose(found.null_score[window], null, rtol=1e-6)


def test_there_may_be_fewer_spans_than_are_asked_for_at_all():
    ones = tf.ones([1, 2])
    are_all = ones > 0
    found = candidates_of_logits(
        ones, ones, are_all, are_all, are_all, max_answer_length=2, num_spans=9
    )
    assert found.first[0].numpy().tolist() == [0, 0, 1] + [0] * 6
    assert found.last[0].numpy().tolist() == [0, 1, 1] + [0] * 6


def test_of_a_beam_only_what_may_be_an_answer_stays():
    outputs = {
        "start_positions": [[2, 0], [3, 4]],
        "start_log_probs": [[-0.5, -1.0], [-0.1, -2.0]],
        "end_positions": [[[3, 1], [0, 2]], [[6, 3], [4, 5]]],
        "end_log_probs": [
            [[-1.0, -0.2], [-0.1, -3.0]],
            [[-0.3, -0.9], [-1.0, IMPOSSIBLE]],
        ],
        "no_answer_logits": [0.5, -0.5],
    }
    may_start = tf.constant([[0, 0, 1, 1, 1, 0, 0], [0, 0, 1, 1, 1, 1, 0]]) == 1
    outputs = {name: tf.constant(values) for name, values in outputs.items()}
    found = candidates_of_beam(outputs, may_start, may_start, 3)
    # First row: 2 to 3; 2 to 1 is backwards, and nothing starts at 0. Second row: 3 to
    # 6 is too long, 4 to 5 barred; 3 to 3 is likelier than 4 to 4.
    assert found.first.numpy().tolist() == [[2, 0, 0, 0], [3, 4, 0, 0]]
    assert found.last.numpy().tolist() == [[3, 0, 0, 0], [3, 4, 0, 0]]
    scores = (found.start_score + found.end_score).numpy()
    np.testing.assert_allclose(scores[:, 0], [-1.5, -1.0], rtol=1e-6)
    np.testing.assert_allclose(scores[1, 1], -3.0, rtol=1e-6)
    assert (scores[0, 1:] <= IMPOSSIBLE).all() and (scores[1, 2:] <= IMPOSSIBLE).all()
    assert found.null_score.numpy().tolist() == [0.5, -0.5]
    # 3 and 4 of the second row are blanks alone; of the first, only 2 is.
    wide = tf.constant([[0, 0, 0, 1, 1, 0, 0], [0, 0, 1, 0, 0, 1, 0]]) == 1
    found = candidates_of_beam(outputs, may_start, wide, 3)
    assert found.first.numpy().tolist() == [[2, 0, 0, 0], [0, 0, 0, 0]]
    assert found.last.numpy().tolist() == [[3, 0, 0, 0], [0, 0, 0, 0]]
    assert (found.start_score[1] == IMPOSSIBLE).numpy().all()


@pytest.mark.parametrize("length", [3, 5])
def test_a_beam_of_short_windows_is_as_wide_as_one_of_long_ones(length):
    # What a model gives that is asked for 4 starts and 4 ends.
    beam = min(4, length)
    starts = np.tile(np.arange(beam, dtype=np.int32), [2, 1])
    outputs = {
        "start_positions": starts,
        "start_log_probs": np.zeros([2, beam], np.float32),
        "end_positions": np.tile(starts[:, np.newaxis], [1, beam, 1]),
        "end_log_probs": np.zeros([2, beam, beam], np.float32),
        "no_answer_logits": np.zeros([2], np.float32),
    }
    may_start = np.array([[0] + [1] * (length - 1), [0] * length]) == 1
    found = candidates_of_beam(
        outputs, may_start, may_start, max_answer_length=2, num_spans=16
    )
    assert all(column.shape == (2, 16) for column in found[:4])
    # Spans of one token or two, from each column but the first.
    num_spans = [2 * (beam - 1) - 1, 0]
    is_span = np.arange(16) < np.array(num_spans)[:, np.newaxis]
    np.testing.assert_array_equal(found.start_score == IMPOSSIBLE, ~is_span)
    np.testing.assert_array_equal(found.end_score == IMPOSSIBLE, ~is_span)
    assert not found.first.numpy()[~is_span].any()
    assert not found.last.numpy()[~is_span].any()
