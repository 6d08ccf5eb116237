"""Which errors become one line, and which keep their traceback."""

import errno

import pytest
import tensorflow as tf

from albert_lsh_tf.cli import messages
from albert_lsh_tf.errors import InputError

FULL = OSError(errno.ENOSPC, "No space left on device", "runs/mrpc/metrics.json")


@pytest.mark.parametrize(
    "error, line",
    [
        (InputError("task_name='X' is\nunknown."), "task_name='X' is unknown."),
        (FULL, "the disk is full (runs/mrpc/metrics.json). Free some space"),
        (tf.errors.UnknownError(None, None, "a; No space left on device"), "disk is f"),
        (
            tf.errors.PermissionDeniedError(None, None, "a/b; Read-only"),
            "a/b; Read-only",
        ),
        (
            tf.errors.ResourceExhaustedError(None, None, "OOM"),
            "Lower train_batch_size, eval_batch_size, predict_batch_size or max_seq",
        ),
        (tf.errors.UnavailableError(None, None, "gone"), "another worker"),
        (PermissionError(errno.EACCES, "Permission denied", "x"), "x: Permission den"),
        (KeyboardInterrupt(), "interrupted; the same command goes on"),
    ],
)
def test_what_the_user_can_mend_is_one_line_and_a_status(error, line, capsys):
    with pytest.raises(SystemExit) as stopped, messages.errors_in_one_line():
        raise error
    assert stopped.value.code != 0
    printed = capsys.readouterr().err
    assert printed.startswith("error: ")
    assert printed.count("\n") == 1
    assert line in printed


@pytest.mark.parametrize("error", [KeyError("x"), ValueError("x"), AssertionError()])
def test_mistakes_of_the_program_keep_their_traceback(error):
    with pytest.raises(type(error)), messages.errors_in_one_line():
        raise error
