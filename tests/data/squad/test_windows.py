"""Windows next to Google's loops, written plainly."""

import numpy as np
import pytest
import tensorflow as tf

from albert_lsh_tf.data.squad.settings import AnswerSettings
from albert_lsh_tf.data.squad.windows import make_windows
from albert_lsh_tf.errors import InputError
from tests.data.squad.example_windows import (
    CLS,
    CONTEXT_LENGTHS,
    QUESTIONS,
    SEP,
    SETTINGS,
    SPECIAL_IDS,
    contexts,
    ragged,
    windows_of,
)


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
    assert not windows.may_start.numpy().any()


def test_settings_that_cannot_be():
    for name in ("max_seq_length", "doc_stride", "max_answer_length"):
        with pytest.raises(InputError, match=f"{name}=0 must be at least 1"):
            AnswerSettings(**{name: 0})
    with pytest.raises(InputError, match="leaves no room .* give at most 60"):
        AnswerSettings(max_seq_length=64)
