"""A batch of questions about texts that need several windows, one, or none."""

import numpy as np
import tensorflow as tf

from albert_lsh_tf.data.squad.settings import AnswerSettings
from albert_lsh_tf.data.squad.windows import make_windows

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
