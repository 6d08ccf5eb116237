"""Windows on disk: what is in them, and when they are made anew."""

import json
import zlib

import numpy as np
import pytest
import tensorflow as tf

from albert_lsh_tf.data.input_pipeline import evaluation_dataset, training_dataset
from albert_lsh_tf.data.manifest import FILE_NAME
from albert_lsh_tf.data.squad import features as features_module
from albert_lsh_tf.data.squad.features import QuestionFiles, make_features
from albert_lsh_tf.data.squad.featurizing import Featurizer, QuestionBatch
from albert_lsh_tf.data.squad.settings import AnswerSettings
from albert_lsh_tf.data.tokenization import AlbertTokenizer
from albert_lsh_tf.embedded import EMBEDDED_MODEL_DIR
from albert_lsh_tf.errors import InputError
from tests.shared_data import shared_data

SETTINGS = AnswerSettings(max_seq_length=30, doc_stride=9, max_query_length=7)
CONTEXTS = [
    "Ada Lovelace wrote the first program in 1843, for an engine that was never built. "
    "It computed Bernoulli numbers, and was printed as a note.",
    "The engine was designed by Charles Babbage.",
]


@pytest.fixture(scope="module")
def tokenizer():
    return AlbertTokenizer(EMBEDDED_MODEL_DIR / "spiece.model")


def save(path, faulty=False):
    def asked(number, answer, start):
        answers = [{"text": answer, "answer_start": start}]
        return {"id": f"q{number}", "question": "who or what?", "answers": answers}

    first = [asked(n, w, CONTEXTS[0].index(w)) for n, w in enumerate(["1843", "note"])]
    second = [asked(2, "Charles Babbage", 27), {**asked(3, "", 0), "answers": []}]
    second[1]["is_impossible"] = True
    if faulty:
        second.append(asked(4, "Ada", 5))
    paragraphs = [
        {"context": context, "qas": questions}
        for context, questions in zip(CONTEXTS, [first, second], strict=True)
    ]
    path.write_text(json.dumps({"data": [{"paragraphs": paragraphs}]}))
    return path


@pytest.fixture
def make(tmp_path, tokenizer):
    save(tmp_path / "squad.json")

    def make(for_training=True, settings=SETTINGS, say=lambda line: None, **fields):
        fields = {"version_2": True, **fields}
        files = QuestionFiles((str(tmp_path / "squad.json"),), for_training, **fields)
        return make_features(files, tokenizer, settings, tmp_path / "features", say)

    return make


def expected(tokenizer, tmp_path, for_training=True):
    """All questions at once, without files."""
    files = QuestionFiles((str(tmp_path / "squad.json"),), for_training, True)
    batch = QuestionBatch.of(list(files.questions()))
    return Featurizer(tokenizer, SETTINGS)(batch)._asdict()


@pytest.mark.parametrize("for_training", [True, False])
@pytest.mark.parametrize(("questions", "characters"), [(64, 400_000), (2, 1), (1, 1)])
def test_files_hold_the_windows_of_all_questions(
    make, tokenizer, tmp_path, monkeypatch, for_training, questions, characters
):
    monkeypatch.setattr(features_module, "_QUESTIONS", questions)
    monkeypatch.setattr(features_module, "_CHARACTERS", characters)
    features = make(for_training)
    windows = expected(tokenizer, tmp_path, for_training)
    assert len(features) == len(windows["question"]) > 6
    left_out = {"token_start", "token_end", "may_start"}
    if not for_training:
        left_out = {"start_position", "end_position"}
    assert set(features.columns) == set(windows) - left_out
    for name, values in features.columns.items():
        np.testing.assert_array_equal(values, windows[name], name)
    counts = {"questions": 4, "answered": 3, "impossible": 1, "skipped": 0}
    counts["windows"] = len(features)
    assert features.counts == ({**counts, "shown": 3} if for_training else counts)


def test_rows_are_what_the_network_reads(make, tokenizer):
    features = make()
    rows = features.gather(tf.constant([3, 0], tf.int64))
    assert rows["example_id"].numpy().tolist() == [3, 0]
    for place, window in enumerate([3, 0]):
        ids = features.columns["input_word_ids"][window]
        np.testing.assert_array_equal(rows["input_word_ids"][place], ids)
        separators = np.flatnonzero(ids == tokenizer.sep_id)
        columns = np.arange(30)
        np.testing.assert_array_equal(
            rows["input_mask"][place], columns <= separators[-1]
        )
        np.testing.assert_array_equal(
            rows["input_type_ids"][place],
            (columns > separators[0]) & (columns <= separators[-1]),
        )
        assert features.token_counts[window] == separators[-1] + 1
        start = features.columns["start_position"][window]
        assert rows["start_position"][place] == start
    assert "is_context" not in rows


def test_rows_for_predictions_tell_where_answers_may_be(make):
    features = make(for_training=False)
    rows = features.gather(tf.constant([2, 1], tf.int64))
    for place, window in enumerate([2, 1]):
        first = features.columns["first_of_context"][window]
        behind = first + features.columns["num_of_context"][window]
        np.testing.assert_array_equal(
            np.flatnonzero(rows["is_context"][place]), np.arange(first, behind)
        )
        np.testing.assert_array_equal(
            rows["may_start"][place], features.columns["may_start"][window]
        )
    assert "start_position" not in rows


def test_batches_of_training_and_evaluation(make):
    features = make()
    num_windows = len(features)
    batches = training_dataset(features, 3, seed=1).take(num_windows)
    seen = np.concatenate([batch["example_id"].numpy() for batch in batches])
    for epoch in np.split(seen, 3):
        assert sorted(epoch) == list(range(num_windows))
    [batch] = evaluation_dataset(features, num_windows + 2, shortest_first=True)
    order = np.argsort(features.token_counts, kind="stable")
    np.testing.assert_array_equal(batch["example_id"], [*order, -1, -1])
    assert batch["input_mask"][-1].numpy().sum() == 1
    assert batch["start_position"].shape == [num_windows + 2]


def test_features_on_disk_are_used_again(make):
    said = []
    first = make(say=said.append)
    again = make(say=said.append)
    assert "kept in" in said[0] and ", from " in said[1]
    for name, values in first.columns.items():
        np.testing.assert_array_equal(values, again.columns[name])


def test_features_of_something_else_are_made_anew(make, tmp_path):
    said = []
    make(say=said.append)
    longer = AnswerSettings(max_seq_length=40, doc_stride=9, max_query_length=7)
    assert (
        make(settings=longer, say=said.append).columns["input_word_ids"].shape[1] == 40
    )
    assert "token_end" in make(False, longer, said.append).columns
    path = tmp_path / "squad.json"
    path.write_text(path.read_text().replace("Charles", "CHARLES"))
    make(False, longer, say=said.append)
    assert len(said) == 4 and all("kept in" in line for line in said)
    # An answer's length changes nothing about windows.
    other = AnswerSettings(40, 9, 7, max_answer_length=5)
    make(False, other, say=said.append)
    assert ", from " in said[-1]


def test_features_that_were_cut_off_are_made_anew(make, tmp_path, monkeypatch):
    calls = []

    def interrupted(*arguments):
        calls.append(arguments)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(features_module.Manifest, "add", interrupted)
        with pytest.raises(KeyboardInterrupt):
            make()
    with monkeypatch.context() as patch:
        patch.setattr(features_module, "_featurized", interrupted)
        with pytest.raises(KeyboardInterrupt):
            make()
    assert (tmp_path / "features" / FILE_NAME).exists()
    assert make().counts["questions"] == 4
    # And a file that is shorter than it was.
    file = tmp_path / "features" / "question.bin"
    file.write_bytes(file.read_bytes()[:-1])
    said = []
    make(say=said.append)
    assert "kept in" in said[0]


def test_what_is_not_ours_is_left_alone(make, tmp_path):
    (tmp_path / "features").mkdir()
    (tmp_path / "features" / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match="holds files, and no manifest.json"):
        make()
    assert (tmp_path / "features" / "thesis.txt").exists()


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


def test_memory_does_not_hold_the_windows(tokenizer, tmp_path):
    path = shared_data("squad/covidqa-long-dev-v1.1.json")
    files = QuestionFiles((str(path),), for_training=False, version_2=False)
    settings = AnswerSettings(max_seq_length=384, doc_stride=128)
    features = make_features(files, tokenizer, settings, tmp_path / "f", lambda _: None)
    assert features.counts["questions"] == 297
    assert isinstance(features.columns["token_end"], np.memmap)
    assert features.columns["token_end"].nbytes > 10_000_000
