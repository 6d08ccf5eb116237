"""Windows with answers: where they are, and whether they survive there and back."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from albert_lsh_tf.data.squad.featurizing import (
    Featurizer,
    QuestionBatch,
    in_batches,
)
from albert_lsh_tf.data.squad.questions import Answer, Question, read_questions
from albert_lsh_tf.data.squad.settings import AnswerSettings
from albert_lsh_tf.data.tokenization import AlbertTokenizer
from tests.data.hard_texts import TEXTS
from tests.shared_data import shared_data

SETTINGS = AnswerSettings(
    max_seq_length=24, doc_stride=7, max_query_length=6, max_answer_length=9
)
WORDS = [
    "Café",
    "“naïve”",
    "ﬁne",
    "ＡＢＣ",
    "½",
    "1999,",
    "won’t",
    "\u4e2d\u56fd",
    "the",
    "ß",
]


@pytest.fixture(scope="module")
def featurize(tokenizer):
    return as_function(tokenizer)


def as_function(tokenizer, answer_settings=SETTINGS):
    """A featurizer, traced once."""
    featurizer = Featurizer(tokenizer, answer_settings)
    specification = QuestionBatch(
        *(tf.TensorSpec([None], t) for t in (tf.string, tf.string, tf.int64)),
        *(tf.TensorSpec([None], tf.int32) for _ in range(2)),
    )

    @tf.function(input_signature=[specification], autograph=False)
    def features(batch):
        return featurizer(batch)

    features.featurizer = featurizer  # Or else its tables are gone.
    return lambda questions: (
        type(specification) and Numbers(features(QuestionBatch.of(questions)))
    )


class Numbers:
    """Features as arrays, by name."""

    def __init__(self, features):
        for name, values in features._asdict().items():
            setattr(self, name, values.numpy())

    def __len__(self):
        return len(self.question)

    def marked_text(self, window, context):
        """What stands at the place of the answer, in a window that shows it."""
        first, last = self.start_position[window], self.end_position[window]
        start = self.token_start[window, first]
        return context[start : self.token_end[window, last]]


def question(context, answer=None, start=None, text="who wrote the book?"):
    start = context.index(answer) if answer and start is None else start
    answers = () if answer is None else (Answer(answer, start),)
    return Question("q", text, context, answers, answer is None)


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("blank", [" ", "  \n\t", "\u00a0"])
def test_an_answer_of_whole_words_comes_back_as_it_was(featurize, word, blank):
    context = blank.join(["in", "a", word, "house", word, "it", "was"])
    answer = blank.join([word, "house", word])
    features = featurize([question(context, answer)])
    assert len(features) == 1 and features.start_position[0] > 0
    assert features.marked_text(0, context) == answer


@given(data=st.data())
@settings(max_examples=80, deadline=None)
def test_any_answer_between_tokens_survives(featurize, data):
    context = data.draw(TEXTS)
    places = featurize([question(context)])
    # Windows overlap; each token is taken from the first that shows it.
    tokens = sorted(
        {
            (start, end)
            for starts, ends in zip(places.token_start, places.token_end, strict=True)
            for start, end in zip(starts.tolist(), ends.tolist(), strict=True)
            if end > start
        }
    )
    if not tokens:
        return
    first = data.draw(st.integers(0, len(tokens) - 1))
    last = data.draw(st.integers(first, min(first + 5, len(tokens) - 1)))
    start, end = tokens[first][0], tokens[last][1]
    features = featurize([question(context, context[start:end], start)])
    showing = np.flatnonzero(features.start_position)
    assert len(showing) or end - start > 8
    for window in showing:
        marked = features.marked_text(window, context)
        # A character of which several pieces are made is in all of them.
        assert context[start:end] in marked
        assert features.start_position[window] <= features.end_position[window]


@given(context=TEXTS, data=st.data())
@settings(max_examples=40, deadline=None)
def test_tokens_that_an_answer_cuts_through_are_marked_whole(featurize, context, data):
    if not context:
        return
    start = data.draw(st.integers(0, len(context) - 1))
    end = data.draw(st.integers(start + 1, min(len(context), start + 6)))
    features = featurize([question(context, context[start:end], start)])
    for window in np.flatnonzero(features.start_position):
        first, last = features.start_position[window], features.end_position[window]
        starts, ends = features.token_start[window], features.token_end[window]
        assert ends[first] > start and starts[last] < end
        columns = features.first_of_context[window] + np.arange(
            features.num_of_context[window]
        )
        inside = [c for c in columns if ends[c] > start and starts[c] < end]
        assert (inside[0], inside[-1]) == (first, last)


def test_windows_that_do_not_show_all_of_an_answer_have_none(featurize):
    words = [f"w{number}" for number in range(40)]
    context = " ".join(words)
    features = featurize([question(context, "w20 w21")])
    assert len(features) > 3
    shows = features.start_position > 0
    assert 0 < shows.sum() < len(features)
    for window in range(len(features)):
        first = features.first_of_context[window]
        last = first + features.num_of_context[window] - 1
        start = features.token_start[window, first]
        shown = context[start : features.token_end[window, last]]
        assert shows[window] == ("w20 w21" in shown)
        if shows[window]:
            assert features.marked_text(window, context) == "w20 w21"
        else:
            assert features.end_position[window] == 0


def test_no_answer_no_tokens_and_no_text(featurize):
    features = featurize(
        [
            question("the book was old"),
            question("the \u200b book", "\u200b"),
            question(""),
            question("a cat", "cat"),
        ]
    )
    assert features.question.tolist() == [0, 1, 2, 3]
    assert features.start_position.tolist()[:3] == [0, 0, 0]
    assert features.num_of_context[2] == 0
    assert features.marked_text(3, "a cat") == "cat"


def test_ids_and_lengths_are_those_of_the_parts(featurize, tokenizer):
    asked, context = "who wrote the book?", "Ada wrote it."
    features = featurize([question(context, text=asked)])
    ids = [tokenizer.cls_id, *tokenizer.encode(asked)[:6], tokenizer.sep_id]
    text = tokenizer.encode(context)
    assert features.first_of_context[0] == len(ids)
    assert features.num_of_context[0] == len(text)
    row = features.input_word_ids[0].tolist()
    assert row[: len(ids) + len(text) + 1] == [*ids, *text, tokenizer.sep_id]
    assert set(row[len(ids) + len(text) + 1 :]) <= {tokenizer.pad_id}


def test_questions_about_one_text_are_as_those_about_several(featurize):
    questions = [question("a cat sat", "cat"), question("a cat sat", "sat")]
    questions += [question("the dog ran", "dog")]
    together = featurize(questions)
    assert QuestionBatch.of(questions).context.shape == [2]
    for row, each in enumerate(questions):
        alone = featurize([each])
        for name in ("input_word_ids", "start_position", "token_end", "may_start"):
            np.testing.assert_array_equal(
                getattr(together, name)[row : row + 1], getattr(alone, name)
            )


def test_long_texts_count_for_each_of_their_questions():
    def sizes(num_characters):
        asked = [question("a" * num_characters)] * 70
        return [len(batch) for batch in in_batches(iter(asked))]

    assert sizes(6_000) == [64, 6]
    assert sizes(20_000) == [20, 20, 20, 10]
    assert sizes(1_000_000) == [1] * 70


def test_answers_may_be_left_out():
    far = question("a cat sat", "cat", 10**10)
    batch = QuestionBatch.of([far, far], with_answers=False)
    for places in (batch.answer_start, batch.answer_end):
        assert places.dtype == tf.int32 and places.numpy().tolist() == [0, 0]


def test_answers_of_real_questions_come_back():
    tokenizer = AlbertTokenizer(shared_data("albert/30k-clean.model"))
    featurize = as_function(tokenizer, AnswerSettings())
    path = shared_data("squad/xquad-en-dev-v1.1.json")
    questions = list(read_questions(path, for_training=True, version_2=False))[:400]
    features = featurize(questions)
    same = shown = 0
    for window in np.flatnonzero(features.start_position):
        asked = questions[features.question[window]]
        marked = features.marked_text(window, asked.context)
        assert asked.answers[0].text in marked
        shown += 1
        same += marked == asked.answers[0].text
    assert shown >= 400
    # Some answers end inside of a word.
    assert same > 0.97 * shown
