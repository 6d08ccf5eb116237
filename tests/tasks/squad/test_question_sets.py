"""What is known of the questions of a set."""

import types

import pytest

from albert_lsh_tf.data.squad.question_files import QuestionFiles
from albert_lsh_tf.data.squad.sample import write_sample
from albert_lsh_tf.errors import InputError
from albert_lsh_tf.tasks.squad.data import SquadData
from albert_lsh_tf.tasks.squad.question_sets import Predictions, QuestionSet
from tests.tasks.squad.tiny_squad import rewrite


@pytest.fixture
def make(tmp_path):
    """A set of the sample's questions, changed one by one, without their windows."""

    def make(change, version_2=True):
        source = write_sample(tmp_path / "sample", version_2)["dev"]
        path = rewrite(source, tmp_path / "dev.json", change)
        files = QuestionFiles((str(path),), for_training=False, version_2=version_2)
        found = files.check()
        counts = {
            "questions": found.total,
            "answered": found.answered,
            "impossible": found.impossible,
        }
        return QuestionSet(files, types.SimpleNamespace(counts=counts))

    return make


def test_questions_without_an_answer_are_scored(make):
    questions = make(lambda _, question: question.update(is_impossible=True))
    questions.refuse_partly_labeled()
    assert SquadData(None, None, questions).can_be_scored
    answers = {question.id: "" for question in questions.files.questions()}
    right = [types.SimpleNamespace(id=each, texts=()) for each in answers]
    scores = Predictions(right, answers, dict.fromkeys(answers, 0.0)).scores(-1.0)
    assert scores["exact"] == scores["NoAns_f1"] == 100


@pytest.mark.parametrize("version_2", [False, True])
def test_hidden_answers_are_not_scored(make, version_2):
    def hide(_, question):
        question.pop("answers")
        question.pop("is_impossible", None)

    questions = make(hide, version_2)
    questions.refuse_partly_labeled()
    assert not SquadData(None, None, questions).can_be_scored


@pytest.mark.parametrize("version_2", [False, True])
def test_a_part_of_the_answers_is_refused(make, version_2):
    def hide_one(number, question):
        if number == 3:
            question.update(answers=[], is_impossible=False)

    with pytest.raises(InputError, match="dev.json: 1 of .* have no answers, such as"):
        make(hide_one, version_2).refuse_partly_labeled()
