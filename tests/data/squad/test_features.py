"""Windows on disk: what is in them, and when they are made anew."""

import concurrent.futures
import json
import threading
import tracemalloc

import numpy as np
import pytest

from albert_lsh_tf.data.manifest import FILE_NAME
from albert_lsh_tf.data.squad import features as features_module
from albert_lsh_tf.data.squad import featurizing
from albert_lsh_tf.data.squad.features import make_features
from albert_lsh_tf.data.squad.featurizing import Featurizer, QuestionBatch
from albert_lsh_tf.data.squad.question_files import QuestionFiles
from albert_lsh_tf.data.squad.settings import AnswerSettings
from albert_lsh_tf.errors import InputError
from tests.data.squad.four_questions import SETTINGS, save
from tests.shared_data import shared_data


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
    monkeypatch.setattr(featurizing, "_QUESTIONS", questions)
    monkeypatch.setattr(featurizing, "_CHARACTERS", characters)
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


def test_features_of_older_code_are_made_anew(make, monkeypatch):
    said = []
    make()
    monkeypatch.setattr(features_module, "_VERSION", features_module._VERSION + 1)
    make(say=said.append)
    assert "kept in" in said[0]


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
    # And one whose short size a manifest has, too.
    file.write_bytes(file.read_bytes()[:-1])
    path = tmp_path / "features" / FILE_NAME
    manifest = features_module.Manifest.read(path, features_module.KIND)
    manifest.add({file.name: {"bytes": file.stat().st_size}})
    make(say=said.append)
    assert "kept in" in said[1]


def test_of_two_at_once_each_has_its_own_windows(
    make, tokenizer, tmp_path, monkeypatch
):
    featurized = features_module._featurized
    is_at_work, may_go_on = threading.Event(), threading.Event()

    def with_a_pause(files, tokenizer, settings):
        if settings == SETTINGS:
            is_at_work.set()
            assert may_go_on.wait(60)
        return featurized(files, tokenizer, settings)

    said = []

    def say(line):
        said.append(line)
        may_go_on.set()

    monkeypatch.setattr(features_module, "_featurized", with_a_pause)
    longer = AnswerSettings(max_seq_length=40, doc_stride=9, max_query_length=7)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        first = pool.submit(make)
        assert is_at_work.wait(60)
        second = make(False, longer, say)
        first = first.result()
    assert "waiting for another process" in said[0] and "kept in" in said[1]
    assert second.columns["token_end"].shape[1] == 40
    # Its files are gone from the folder, and still there for it.
    assert not (tmp_path / "features" / "start_position.bin").exists()
    windows = expected(tokenizer, tmp_path)
    for name, values in first.columns.items():
        np.testing.assert_array_equal(values, windows[name], name)


def test_what_is_not_ours_is_left_alone(make, tmp_path):
    (tmp_path / "features").mkdir()
    (tmp_path / "features" / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match="holds files, and no manifest.json"):
        make()
    assert (tmp_path / "features" / "thesis.txt").exists()


def test_what_came_to_the_features_later_is_left_alone(make, tmp_path):
    folder = tmp_path / "features"
    make()
    (folder / "thesis.bin").write_text("mine")
    (folder / "figures").mkdir()
    assert "token_end" in make(for_training=False).columns
    assert not (folder / "start_position.bin").exists()
    assert (folder / "thesis.bin").read_text() == "mine"
    assert (folder / "figures").is_dir()


def test_the_folder_may_be_a_link(make, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "features").symlink_to(tmp_path / "elsewhere")
    make()
    make(for_training=False)
    assert (tmp_path / "features").is_symlink()
    assert (tmp_path / "elsewhere" / "token_end.bin").exists()


def test_a_file_instead_of_a_folder(make, tmp_path):
    (tmp_path / "features").write_text("")
    with pytest.raises(InputError, match="features: not a folder, .* give another"):
        make()


def test_questions_that_cannot_be_read_or_used(make, tmp_path):
    path = tmp_path / "squad.json"
    save(path, faulty=True)
    with pytest.raises(InputError, match="--skip_faulty_questions"):
        make()
    path.unlink()
    with pytest.raises(InputError, match="squad.json: cannot be read .No such file"):
        make()
    path.mkdir()
    with pytest.raises(InputError, match="squad.json: cannot be read .Is a directory"):
        make()
    assert not (tmp_path / "features").exists()


def test_places_of_answers_do_not_matter_for_predictions(make, tmp_path):
    path = tmp_path / "squad.json"
    path.write_text(
        path.read_text().replace('"answer_start": 27', f'"answer_start": {10**10}')
    )
    assert make(for_training=False).counts["answered"] == 3


def test_memory_does_not_hold_the_windows(tokenizer, tmp_path):
    path = shared_data("squad/covidqa-long-dev-v1.1.json")
    files = QuestionFiles((str(path),), for_training=False, version_2=False)
    settings = AnswerSettings(max_seq_length=384, doc_stride=128)
    features = make_features(files, tokenizer, settings, tmp_path / "f", lambda _: None)
    assert features.counts["questions"] == 297
    assert isinstance(features.columns["token_end"], np.memmap)
    assert features.columns["token_end"].nbytes > 10_000_000


def test_memory_does_not_grow_with_the_file(tokenizer, tmp_path, monkeypatch):
    monkeypatch.setattr(featurizing, "_QUESTIONS", 8)
    settings = AnswerSettings(max_seq_length=384, doc_stride=16)

    def peak_and_size(num_paragraphs):
        """The most that Python and NumPy held, and bytes of text and windows."""
        path = tmp_path / f"{num_paragraphs}.json"
        paragraphs = [
            {
                "context": " ".join(f"word{n + number}" for n in range(300)),
                "qas": [{"id": str(number), "question": "Which?", "answers": []}],
            }
            for number in range(num_paragraphs)
        ]
        path.write_text(json.dumps({"data": [{"paragraphs": paragraphs}]}))
        files = QuestionFiles((str(path),), for_training=False, version_2=False)
        folder = tmp_path / str(num_paragraphs)
        tracemalloc.start()
        features = make_features(files, tokenizer, settings, folder, lambda _: None)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        windows = sum(column.nbytes for column in features.columns.values())
        return peak, windows + path.stat().st_size

    peak_and_size(1)  # Traces the graph.
    small, large = peak_and_size(16), peak_and_size(128)
    assert large[0] - small[0] < (large[1] - small[1]) / 10
