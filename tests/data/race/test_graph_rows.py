"""Rows out of a graph next to those that training reads."""

import numpy as np
import pytest
import tensorflow as tf

from albert_lsh_tf.data.race.features import RaceFeatures
from albert_lsh_tf.data.race.graph_rows import OptionRows, fill_in
from albert_lsh_tf.data.race.questions import (
    TASKS,
    RaceExample,
    read_examples,
)
from albert_lsh_tf.data.race.questions import fill_in as fill_in_python
from albert_lsh_tf.data.tokenizers import open_tokenizer
from albert_lsh_tf.embedded import EMBEDDED_MODEL_DIR
from albert_lsh_tf.errors import InputError
from tests.shared_data import shared_data

LENGTH, QA_LENGTH = 40, 12
QUESTIONS = (
    "Who was it?",
    "They saw _ there.",
    "_ and _, or __",
    "Ｗｉｄｅ ＿ blank",
    "",
    "_",
    "Which of all the many things that are told was the one that was never seen by _",
)
OPTIONS = ("a king", "", "1999, or Crème_brûlée", "\\1 the longest of the options " * 4)


@pytest.fixture(scope="module")
def tokenizer():
    return open_tokenizer(EMBEDDED_MODEL_DIR / "spiece.model", do_lower_case=True)


def test_options_stand_in_every_blank_or_behind_the_question():
    pairs = [(question, option) for question in QUESTIONS for option in OPTIONS]
    filled = fill_in(*(tf.constant(texts) for texts in zip(*pairs, strict=True)))
    expected = [fill_in_python(*pair).encode() for pair in pairs]
    assert list(filled.numpy()) == expected


def assert_rows_are_those_of_training(tokenizer, questions, length, qa_length):
    """Compares rows of (article, question, options)."""
    examples = [
        RaceExample(
            guid=str(number),
            text_a=article,
            text_b=None,
            label=0,
            options=tuple(fill_in_python(question, option) for option in options),
            level="high",
        )
        for number, (article, question, options) in enumerate(questions)
    ]
    features = RaceFeatures(examples, tokenizer, length, qa_length)
    expected = features.gather(tf.range(len(examples), dtype=tf.int64))
    columns = [tf.constant(texts) for texts in zip(*questions, strict=True)]
    rows_of = tf.function(OptionRows(tokenizer, length, qa_length))
    rows = rows_of(*columns)
    assert set(rows) == {"input_word_ids", "input_mask", "input_type_ids"}
    for name, values in rows.items():
        assert values.dtype == tf.int32
        np.testing.assert_array_equal(values, expected[name])


def test_rows_are_those_of_training(tokenizer):
    questions = [
        ("It was seen in 1843. " * (number * 2), question, OPTIONS)
        for number, question in enumerate(QUESTIONS)
        if question.strip("_")  # Something is there with every option.
    ]
    assert_rows_are_those_of_training(tokenizer, questions, LENGTH, QA_LENGTH)


def test_rows_are_those_of_training_on_race(tokenizer):
    task = TASKS["RACE-middle"]
    examples = read_examples(task, shared_data("race"), "dev")[:200]
    # The blanks are filled already; so the options follow no question.
    questions = [(each.text_a, "_", each.options) for each in examples]
    assert_rows_are_those_of_training(tokenizer, questions, 384, 96)


def test_a_row_without_room_for_the_article_is_refused(tokenizer):
    with pytest.raises(InputError, match="max_seq_length=15 leaves no room for the ar"):
        OptionRows(tokenizer, 15, 12)
