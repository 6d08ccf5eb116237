import gzip
import json

import pytest

from albert_lsh_tf.data.squad.questions import (
    Answer,
    Fault,
    Question,
    read_questions,
)
from albert_lsh_tf.errors import InputError
from tests.shared_data import shared_data

CONTEXT = "Ada wrote it in 1843."


def question(**fields):
    return {"id": "q", "question": "Who?", "answers": [answer("Ada", 0)], **fields}


def answer(text, start):
    return {"text": text, "answer_start": start}


@pytest.fixture
def save(tmp_path):
    def save(*questions, context=CONTEXT, name="squad.json"):
        data = [{"paragraphs": [{"context": context, "qas": list(questions)}]}]
        path = tmp_path / name
        text = json.dumps({"version": "1.1", "data": data}, indent=1)
        raw = text.encode()
        path.write_bytes(gzip.compress(raw) if name.endswith(".gz") else raw)
        return path

    return save


def read(path, for_training=True, version_2=False):
    return list(read_questions(path, for_training=for_training, version_2=version_2))


@pytest.mark.parametrize("name", ["squad.json", "squad.json.gz"])
def test_reads_questions_in_order(save, name):
    path = save(
        question(id="a", answers=[answer("Ada", 0), answer("1843", 16)]),
        question(id=7, question="When?", answers=[answer("1843", 16)]),
        name=name,
    )
    assert read(path) == [
        Question("a", "Who?", CONTEXT, (Answer("Ada", 0), Answer("1843", 16)), False),
        Question("7", "When?", CONTEXT, (Answer("1843", 16),), False),
    ]


def test_what_seems_an_answer_to_an_impossible_question_is_none(save):
    path = save(question(is_impossible=True), question(id="b"))
    first, second = read(path, version_2=True)
    assert first == Question("q", "Who?", CONTEXT, (), True)
    assert second.answers == (Answer("Ada", 0),)


def test_the_file_of_a_test_set_has_no_answers(save):
    fields = question()
    del fields["answers"]
    assert read(save(fields), for_training=False) == [
        Question("q", "Who?", CONTEXT, (), False)
    ]


def test_places_do_not_matter_for_predictions(save):
    path = save(question(answers=[answer("Ada", 5), {"text": "Ada"}]))
    assert len(read(path, for_training=False)[0].answers) == 2


@pytest.mark.parametrize(
    ("fields", "version_2", "reason"),
    [
        ({"answers": [answer("Ada", 1)]}, False, "answer_start=1 .*'Ada'.*'da ' stan"),
        ({"answers": [answer("Ada", -21)]}, False, "answer_start=-21 is not where"),
        ({"answers": [answer("Ada", 99)]}, False, "'' stands there"),
        ({"answers": [answer(" ", 3)]}, False, "the text of an answer is empty"),
        ({"answers": [{"text": "Ada"}]}, False, "answer_start=-1"),
        ({"answers": [{"answer_start": 0}]}, False, "an answer without text"),
        ({"answers": [answer("Ada", "0")]}, False, "answer_start must be a whole"),
        ({"answers": ["Ada"]}, False, "an answer is str"),
        ({"answers": "Ada"}, False, "answers must be a list"),
        ({"answers": []}, False, "it has no answer$"),
        ({"answers": []}, True, "it has no answer; .* is_impossible must be true"),
        ({"is_impossible": True}, False, "only version_2"),
        ({"is_impossible": "no"}, True, "is_impossible must be true or false"),
        ({"question": " "}, False, "question is empty"),
        ({"question": None}, False, "question must be a string"),
        ({"question": "\ud800"}, False, r"question holds half of a character .\\ud800"),
        ({"id": ""}, False, "id is empty"),
        ({"id": None}, False, "id must be a string"),
    ],
)
def test_says_what_is_wrong_with_a_question(save, fields, version_2, reason):
    path = save(question(**fields), question(id="next"))
    fault, following = read(path, version_2=version_2)
    assert isinstance(fault, Fault)
    name = "'q'" if fields.get("id", "q") else "1 of the paragraph"
    assert fault.where == f"{path}, line 6, question {name}"
    with pytest.raises(InputError, match=reason):
        raise InputError(fault.reason)
    assert str(fault) == f"{fault.where}: {fault.reason}"
    assert following.id == "next"


def test_an_id_counts_once(save):
    first, fault = read(save(question(), question()))
    assert first.id == "q"
    assert fault.reason == "the id is that of an earlier question"


def test_an_answer_without_text_is_none_to_score_with_either(save):
    path = save(question(answers=[answer("Ada", 0), answer("", 3)]))
    assert read(path, for_training=False)[0].reason == "the text of an answer is empty"


def test_nothing_can_be_learned_of_an_empty_context(save):
    path = save(question(answers=[]), context=" \n")
    assert read(path)[0].reason == "its context is empty"
    assert read(path, for_training=False)[0].context == " \n"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"version": "1.1"}', "no data; expected"),
        ("[1]", "line 1: .*instead of an object"),
        ('{"data": [{"paragraphs": [{"qas": []}]}]}', "line 1: a paragraph without"),
        ('{"data": [{"paragraphs": [\n3]}]}', "line 2: a paragraph without context"),
        ('{"data": [{"paragraphs": [\n', "line 2: .*cut off"),
    ],
)
def test_a_file_of_another_layout_is_refused(tmp_path, text, reason):
    path = tmp_path / "other.json"
    path.write_text(text)
    with pytest.raises(InputError, match=reason):
        read(path)


@pytest.mark.parametrize(
    ("name", "total", "impossible"),
    [
        ("squadshifts-newwiki-train-v1.1", 7938, 0),
        ("covidqa-long-train-v1.1", 1045, 0),
        ("subjqa-dev-v2.0", 1423, 858),
        ("squad2-subset-dev-v2.0", 1124, 541),
    ],
)
def test_real_files_have_no_fault(name, total, impossible):
    path = shared_data(f"squad/{name}.json")
    found = read(path, version_2="v2.0" in name)
    assert len(found) == total
    assert not [each for each in found if isinstance(each, Fault)]
    assert sum(question.is_impossible for question in found) == impossible
