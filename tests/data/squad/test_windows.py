"""Windows and spans next to Google's loops, written plainly."""

import numpy as np
import pytest
import tensorflow as tf

from albert_lsh_tf.data.squad.spans import IMPOSSIBLE, best_spans
from albert_lsh_tf.data.squad.windows import AnswerSettings, make_windows
from albert_lsh_tf.errors import InputError

PAD, CLS, SEP = SPECIAL_IDS = 0, 2, 3
SETTINGS = AnswerSettings(
    max_seq_length=17, doc_stride=5, max_query_length=4, max_answer_length=3
)
QUESTIONS = [[11, 12], [], [13, 14, 15, 16, 17, 18], [19], [20], [21, 22, 23]]
# One window, no text, several windows, and texts that just fit.
CONTEXT_LENGTHS = [7, 0, 41, 13, 14, 23]


def contexts():
    start = np.cumsum([100, *CONTEXT_LENGTHS[:-1]])
    return [
        [*range(first, first + length)]
        for first, length in zip(start, CONTEXT_LENGTHS, strict=True)
    ]


def ragged(rows):
    return tf.ragged.constant(rows, tf.int32, row_splits_dtype=tf.int64)


def windows_of(settings=SETTINGS):
    return make_windows(ragged(QUESTIONS), ragged(contexts()), SPECIAL_IDS, settings)


def expected_windows(settings=SETTINGS):
    """squad_utils.py, `convert_examples_to_features`: dicts, in order."""
    found = []
    for row, (question, context) in enumerate(zip(QUESTIONS, contexts(), strict=True)):
        question = question[: settings.max_query_length]
        room = settings.max_seq_length - len(question) - 3
        spans, start = [], 0
        while start < len(context) or not spans:
            length = min(len(context) - start, room)
            spans.append((start, length))
            if start + length == len(context):
                break
            start += min(length, settings.doc_stride)
        for number, (start, length) in enumerate(spans):
            ids = [CLS, *question, SEP, *context[start : start + length], SEP]
            before = len(question) + 2
            padding = [0] * (settings.max_seq_length - len(ids))
            token = {
                before + place: start + place + sum(CONTEXT_LENGTHS[:row])
                for place in range(length)
            }
            may_start = [
                before + place
                for place in range(length)
                if is_max_context(spans, number, start + place)
            ]
            found.append(
                {
                    "input_word_ids": ids + padding,
                    "input_mask": [1] * len(ids) + padding,
                    "input_type_ids": [0] * before + [1] * (length + 1) + padding,
                    "row": row,
                    "token": [token.get(c, -1) for c in range(settings.max_seq_length)],
                    "may_start": [
                        c in may_start for c in range(settings.max_seq_length)
                    ],
                }
            )
    return found


def is_max_context(spans, current, position):
    """squad_utils.py, `_check_is_max_context`."""
    best_score, best = None, None
    for number, (start, length) in enumerate(spans):
        end = start + length - 1
        if position < start or position > end:
            continue
        score = min(position - start, end - position) + 0.01 * length
        if best_score is None or score > best_score:
            best_score, best = score, number
    return current == best


def test_windows_are_those_of_google():
    windows, expected = windows_of(), expected_windows()
    assert len(expected) == 17
    for name, values in windows._asdict().items():
        np.testing.assert_array_equal(values, [each[name] for each in expected], name)
    for name in ("input_word_ids", "input_mask", "input_type_ids"):
        assert getattr(windows, name).dtype == tf.int32


def test_a_batch_without_any_text():
    windows = make_windows(ragged([[5], []]), ragged([[], []]), SPECIAL_IDS, SETTINGS)
    assert windows.input_word_ids[0, :4].numpy().tolist() == [CLS, 5, SEP, SEP]
    logits = tf.zeros(tf.shape(windows.token))
    spans = best_spans(logits, logits, windows, SETTINGS)
    assert spans.first.numpy().tolist() == spans.last.numpy().tolist() == [0, 0]
    assert (spans.score <= IMPOSSIBLE / 2).numpy().all()


@pytest.mark.parametrize("seed", range(4))
def test_spans_are_the_best_of_all_that_may_be(seed):
    windows = windows_of()
    random = np.random.default_rng(seed)
    start, end = random.normal(0, 3, [2, *windows.token.shape]).astype(np.float32)
    spans = best_spans(tf.constant(start), tf.constant(end), windows, SETTINGS)
    token, may_start = windows.token.numpy(), windows.may_start.numpy()
    for row in range(len(QUESTIONS)):
        of_row = np.flatnonzero(windows.row.numpy() == row)
        candidates = [
            (start[w, first] + end[w, last], token[w, first], token[w, last])
            for w in of_row
            for first in np.flatnonzero(may_start[w])
            for last in range(first, first + SETTINGS.max_answer_length)
            if last < token.shape[1] and token[w, last] >= 0
        ]
        null = min(start[w, 0] + end[w, 0] for w in of_row)
        np.testing.assert_allclose(spans.null_score[row], null, rtol=1e-6)
        if not candidates:
            assert spans.score[row] <= IMPOSSIBLE / 2
            continue
        score, first, last = max(candidates)
        np.testing.assert_allclose(spans.score[row], score, rtol=1e-6)
        assert (spans.first[row], spans.last[row]) == (first, last)


def test_settings_that_cannot_be():
    for name in ("max_seq_length", "doc_stride", "max_answer_length"):
        with pytest.raises(InputError, match=f"{name}=0 must be at least 1"):
            AnswerSettings(**{name: 0})
    with pytest.raises(InputError, match="leaves no room .* give at most 60"):
        AnswerSettings(max_seq_length=64)
