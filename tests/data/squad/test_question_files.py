"""Which questions of a file are used, and which are refused."""

import dataclasses
import zlib

import pytest

from albert_lsh_tf.data.squad.question_files import QuestionFiles
from albert_lsh_tf.errors import InputError
from tests.data.squad.four_questions import CONTEXTS, save


def test_faulty_questions_are_refused_or_left_out(make, tmp_path):
    save(tmp_path / "squad.json", faulty=True)
    with pytest.raises(InputError, match="'q4': answer_start=5 .*--skip_faulty_q"):
        make()
    with pytest.raises(
        InputError, match="'q3': it has no answer, .*, and 1 more; mend"
    ):
        make(version_2=False)
    features = make(skip_faulty=True)
    assert (features.counts["questions"], features.counts["skipped"]) == (4, 1)
    files = QuestionFiles((str(tmp_path / "squad.json"),), True, True, True)
    assert [str(fault).split("question ")[1][:4] for fault in files.check().faults] == [
        "'q4'"
    ]


def test_a_file_without_a_question_that_can_be_used(make, tmp_path):
    (tmp_path / "squad.json").write_text('{"data": []}')
    with pytest.raises(InputError, match="squad.json: no question in it can be used"):
        make()


def test_held_out_texts_are_the_others(make, tmp_path):
    path = str(tmp_path / "squad.json")
    # Both contexts lie somewhere between 0 and 1.
    places = sorted(zlib.crc32(context.encode()) / 2**32 for context in CONTEXTS)
    share = sum(places) / 2
    ids = [
        [
            question.id
            for question in QuestionFiles(
                (path,), True, True, held_out_share=share, held_out=held_out
            ).questions()
        ]
        for held_out in (False, True)
    ]
    assert sorted(ids[0] + ids[1]) == ["q0", "q1", "q2", "q3"]
    assert len(ids[0]) == len(ids[1]) == 2
    with pytest.raises(InputError, match="leaves no questions of .* give null_score_d"):
        make(held_out_share=places[0] / 2, held_out=True)


def test_held_out_questions_are_checked_as_those_of_training(tmp_path):
    path = save(tmp_path / "squad.json", faulty=True)
    held_out = QuestionFiles(
        (str(path),),
        for_training=False,
        version_2=True,
        held_out_share=1.0,
        held_out=True,
        skip_faulty=True,
    )
    ids = [question.id for question in held_out.questions()]
    assert ids == ["q0", "q1", "q2", "q3"]
    assert len(held_out.check().faults) == 1
    with pytest.raises(InputError, match="'q4': answer_start=5 "):
        dataclasses.replace(held_out, skip_faulty=False).check()
