"""Windows on disk: what the network reads of them, and how they come there."""

import os

import numpy as np
import pytest
import tensorflow as tf

from albert_lsh_tf.data.input_pipeline import evaluation_dataset, training_dataset
from albert_lsh_tf.errors import InputError, is_disk_full
from tests.data.other_writers import let_files_be


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
        # All but a blank that is a token of its own, which these texts have not.
        np.testing.assert_array_equal(
            rows["has_characters"][place], rows["is_context"][place]
        )
    assert not {"start_position", "token_start", "token_end"} & set(rows)


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


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="Linux has it")
def test_a_full_disk_is_told_with_its_file(make, monkeypatch):
    with monkeypatch.context() as patch:
        let_files_be("/dev/full", "/question.bin", patch)
        with pytest.raises(OSError) as caught:
            make()
    assert is_disk_full(caught.value)
    assert caught.value.strerror and caught.value.filename.endswith("/question.bin")
    assert make().counts["questions"] == 4


def test_files_that_are_too_short_are_not_called_finished(make, monkeypatch):
    with monkeypatch.context() as patch:
        let_files_be("/dev/null", "/question.bin", patch)
        with pytest.raises(InputError, match="question.bin: 0 bytes are there, and "):
            make()
    assert make().counts["questions"] == 4
