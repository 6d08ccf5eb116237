"""Windows on disk: what the network reads of them, and how they come there."""

import errno
import os
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from albert_lsh_tf.data.input_pipeline import evaluation_dataset, training_dataset
from albert_lsh_tf.data.squad import span_features
from albert_lsh_tf.data.squad.span_features import LOCK_FILE, locked
from albert_lsh_tf.errors import InputError, is_disk_full


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


def writes_questions_to(device, monkeypatch):
    """Lets the file of one column, which is short, be a device."""

    def open_device(path, *arguments, **options):
        file = open(path, *arguments, **options)
        if path.name != "question.bin":
            return file
        file.close()
        return open(device, *arguments, **options)

    monkeypatch.setattr(span_features, "open", open_device, raising=False)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="Linux has it")
def test_a_full_disk_is_told_with_its_file(make, monkeypatch):
    with monkeypatch.context() as patch:
        writes_questions_to("/dev/full", patch)
        with pytest.raises(OSError) as caught:
            make()
    assert is_disk_full(caught.value)
    assert caught.value.strerror and caught.value.filename.endswith("/question.bin")
    assert make().counts["questions"] == 4


def test_files_that_are_too_short_are_not_called_finished(make, monkeypatch):
    with monkeypatch.context() as patch:
        writes_questions_to("/dev/null", patch)
        with pytest.raises(InputError, match="question.bin: 0 bytes are there, and "):
            make()
    assert make().counts["questions"] == 4


def test_a_killed_process_lets_go_of_its_folder(tmp_path):
    hold = (
        "import fcntl, sys, time; file = open(sys.argv[1], 'ab'); "
        "fcntl.flock(file, fcntl.LOCK_EX); print(flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", hold, str(tmp_path / LOCK_FILE)]
    said = []
    with subprocess.Popen(command, stdout=subprocess.PIPE) as holder:
        holder.stdout.readline()

        def say(line):
            said.append(line)
            holder.kill()

        with locked(tmp_path, say):
            assert len(said) == 1 and "waiting" in said[0]
        with locked(tmp_path, said.append):
            assert len(said) == 1


def test_file_systems_without_locks_do_not_stop_anybody(tmp_path, monkeypatch):
    def no_locks(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(span_features.fcntl, "flock", no_locks)
    with locked(tmp_path, print):
        pass
    with locked(tmp_path / "none", print):
        pass
