"""Checkpoints are found, and training goes on, where TensorFlow's record is lost."""

import pytest
import tensorflow as tf

from albert_lsh_tf.tasks.checkpoint_record import (
    RECORD_FILE,
    list_checkpoints,
    mend_record,
)


@pytest.fixture
def folder(tmp_path):
    for step in (10, 2, 9):
        (tmp_path / f"ckpt-{step}.index").touch()
    (tmp_path / "ckpt-best.index").touch()
    (tmp_path / "encoder.index").touch()
    return tmp_path


@pytest.mark.parametrize(
    "record",
    [
        None,
        b"",
        b"\xff\xfe\x80",
        b'model_checkpoint_path: "ckpt-10"\nall_mod',
        b'model_checkpoint_path: "ckpt-4"\nall_model_checkpoint_paths: "ckpt-4"\n',
    ],
    ids=["missing", "empty", "no_text", "cut_off", "of_others"],
)
def test_a_lost_record_is_made_up_for(folder, record):
    if record is not None:
        (folder / RECORD_FILE).write_bytes(record)
    expected = [str(folder / f"ckpt-{step}") for step in (2, 9, 10)]
    assert list_checkpoints(folder) == expected
    mend_record(folder)
    state = tf.train.get_checkpoint_state(str(folder))
    assert list(state.all_model_checkpoint_paths) == expected
    assert state.model_checkpoint_path == expected[-1]
    # Those are deleted in their turn.
    checkpoint = tf.train.Checkpoint(variable=tf.Variable(0.0))
    manager = tf.train.CheckpointManager(
        checkpoint, str(folder), max_to_keep=2, checkpoint_name="ckpt"
    )
    manager.save(checkpoint_number=12)
    assert list_checkpoints(folder) == [expected[-1], str(folder / "ckpt-12")]


def test_an_empty_record_without_checkpoints_is_none(tmp_path):
    (tmp_path / RECORD_FILE).touch()
    assert list_checkpoints(tmp_path) == []
    mend_record(tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_record_that_can_be_read_stays(folder):
    text = 'model_checkpoint_path: "ckpt-9"\nall_model_checkpoint_paths: "ckpt-9"\n'
    (folder / RECORD_FILE).write_text(text)
    mend_record(folder)
    assert (folder / RECORD_FILE).read_text() == text
    assert list_checkpoints(folder) == [str(folder / "ckpt-9")]
