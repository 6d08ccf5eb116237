import json

import pytest

from albert_lsh_tf.data.squad.questions import Question, read_questions
from albert_lsh_tf.data.squad.sample import (
    IMPOSSIBLE_SHARE,
    NUM_TEXTS,
    QUESTIONS_OF_TEXT,
    write_sample,
)


@pytest.mark.parametrize("version_2", [False, True])
def test_a_sample_is_a_file_of_squad(tmp_path, version_2):
    paths = write_sample(tmp_path, version_2)
    for split, path in paths.items():
        found = list(read_questions(path, for_training=True, version_2=version_2))
        assert all(isinstance(each, Question) for each in found)
        assert len(found) == NUM_TEXTS[split] * QUESTIONS_OF_TEXT
        impossible = sum(question.is_impossible for question in found) / len(found)
        assert abs(impossible - IMPOSSIBLE_SHARE * version_2) < 0.06
        for question in found:
            assert len(question.answers) == (not question.is_impossible)


def test_answers_are_told_in_a_sentence_with_what_the_question_names(tmp_path):
    path = write_sample(tmp_path, version_2=False)["dev"]
    for question in read_questions(path, for_training=True, version_2=False):
        [answer] = question.answers
        before = question.context[: answer.start].rpartition("On ")[2]
        sentence = before + question.context[answer.start :].partition(".")[0]
        names = question.text.rstrip("?").split()
        named = [word for word in names if word in sentence.replace(",", "").split()]
        # All but "Who", "How many ... were ... by" and the like.
        assert len(named) >= len(names) - 5
        assert answer.text not in question.text or answer.text.isdigit()


def test_the_same_seed_gives_the_same_bytes(tmp_path):
    first, again, other = (
        write_sample(tmp_path / name, True, seed)["train"].read_bytes()
        for name, seed in (("a", 3), ("b", 3), ("c", 4))
    )
    assert first == again != other


def test_texts_of_both_splits_differ(tmp_path):
    texts = [
        {
            paragraph["context"]
            for article in json.loads(path.read_text())["data"]
            for paragraph in article["paragraphs"]
        }
        for path in write_sample(tmp_path, False).values()
    ]
    assert texts[0].isdisjoint(texts[1])
