import json
import random

import pytest
from official.nlp.tools import squad_evaluate_v1_1, squad_evaluate_v2_0

from albert_lsh_tf.data.squad.questions import read_questions
from albert_lsh_tf.data.squad.scores import (
    RightAnswers,
    best_threshold,
    score_answers,
    score_answers_or_none,
)
from tests.shared_data import shared_data

RIGHT = [
    RightAnswers("a", ("the red cat", "cat")),
    RightAnswers("b", ("1843",)),
    RightAnswers("c", ()),
    RightAnswers("d", ()),
]
PREDICTIONS = {"a": "A red dog.", "b": "1843", "c": "no one", "d": "Ada"}
NULL_ODDS = {"a": -2.0, "b": 1.0, "c": 3.0, "d": -1.0}


def test_scores_by_hand():
    # "red" of "red dog" and "red cat": precision and recall 1/2; none of "cat".
    scores = score_answers(RIGHT[:2], PREDICTIONS)
    assert scores == {"exact_match": 50.0, "f1": 75.0}


def test_percentages_are_rounded_as_the_official_script_rounds_them():
    right = [RightAnswers(str(number), ("Ada",)) for number in range(25)]
    predictions = {each.id: "Ada" if int(each.id) < 7 else "Bob" for each in right}
    # Shares, times a hundred: 28.000000000000004.
    assert 100.0 * (7 / 25) != 28.0
    assert score_answers(right, predictions) == {"exact_match": 28.0, "f1": 28.0}


def test_a_question_without_a_prediction_is_wrong():
    assert score_answers(RIGHT[:2], {"b": "1843"})["f1"] == 50.0


def test_scores_with_a_threshold_by_hand():
    scores = score_answers_or_none(RIGHT, PREDICTIONS, NULL_ODDS, threshold=0.0)
    # a 1/2, b taken as impossible, c found out, d not.
    assert scores["HasAns_exact"] == 0.0
    assert scores["HasAns_f1"] == 25.0
    assert scores["NoAns_exact"] == scores["NoAns_f1"] == 50.0
    assert (scores["exact"], scores["f1"]) == (25.0, 37.5)
    # With an answer to a alone: a 1/2, b 0, c 1, d 1.
    assert (scores["best_f1"], scores["best_f1_thresh"]) == (62.5, -2.0)
    assert scores["best_exact"] == 50.0


def test_the_best_threshold_gives_the_best_score():
    threshold = best_threshold(RIGHT, PREDICTIONS, NULL_ODDS)
    scores = score_answers_or_none(RIGHT, PREDICTIONS, NULL_ODDS, threshold)
    assert scores["f1"] == scores["best_f1"] == 62.5


def test_where_no_answer_is_best_none_is_given():
    odds = {"a": -2.0, "b": -5.0, "c": -3.0, "d": -9.0}
    predictions = dict.fromkeys("abcd", "wrong")
    threshold = best_threshold(RIGHT, predictions, odds)
    scores = score_answers_or_none(RIGHT, predictions, odds, threshold)
    assert scores["f1"] == scores["NoAns_f1"] / 2 == 50.0


def test_scores_of_one_kind_of_question_only():
    answers = {"a": "A red dog.", "b": "1843"}
    scores = score_answers_or_none(RIGHT[:2], answers, NULL_ODDS, 0.0)
    assert "NoAns_f1" not in scores and scores["HasAns_f1"] == 25.0
    answers = {"c": "no one", "d": "Ada"}
    scores = score_answers_or_none(RIGHT[2:], answers, NULL_ODDS, 0.0)
    assert "HasAns_f1" not in scores and scores["NoAns_exact"] == 50.0


def made_up_predictions(questions, seed):
    """Right ones, parts of right ones, other words and nothing."""
    rng = random.Random(seed)
    predictions = {}
    for question in questions:
        words = question.context.split()
        start = rng.randrange(len(words))
        choices = [" ".join(words[start : start + rng.randrange(1, 9)]), ""]
        choices += [answer.text for answer in question.answers]
        choices += [answer.text.partition(" ")[0] for answer in question.answers]
        predictions[question.id] = rng.choice(choices)
    return predictions


def test_the_scores_of_real_files_are_the_official_ones():
    path = shared_data("squad/squad2-subset-dev-v2.0.json")
    data = json.loads(path.read_text())["data"]
    questions = list(read_questions(path, for_training=False, version_2=True))
    right = [RightAnswers.of(question) for question in questions]
    predictions = made_up_predictions(questions, seed=3)
    rng = random.Random(4)
    odds = {question.id: rng.gauss(0, 2) for question in questions}

    scores = score_answers_or_none(right, predictions, odds, threshold=0.5)
    # The official script, for which probabilities above 1 stand for no answer.
    official = squad_evaluate_v2_0.evaluate(
        data, predictions, {name: value + 0.5 for name, value in odds.items()}
    )
    for name in ("exact", "f1", "HasAns_exact", "HasAns_f1", "NoAns_exact", "NoAns_f1"):
        assert scores[name] == pytest.approx(official[name], abs=1e-12)
    for name in ("exact", "f1"):
        assert scores[f"best_{name}"] == official[f"final_{name}"]

    answered = [question for question in questions if question.answers]
    for article in data:
        for paragraph in article["paragraphs"]:
            paragraph["qas"] = [qa for qa in paragraph["qas"] if qa["answers"]]
    official = squad_evaluate_v1_1.evaluate(data, predictions)
    scores = score_answers(map(RightAnswers.of, answered), predictions)
    # Shares, which are rounded before they are percentages.
    assert scores["f1"] == pytest.approx(100 * official["final_f1"], rel=1e-14)
    assert scores["exact_match"] == pytest.approx(
        100 * official["exact_match"], rel=1e-14
    )
