"""How a run in its own process ends where it does not end well."""

import pathlib
import signal
import types

import pytest

from albert_lsh_tf.comparison.own_process import (
    RESULT_FILE,
    run_in_own_process,
    write_result,
)
from albert_lsh_tf.comparison.shares import Share
from albert_lsh_tf.errors import InputError


class Deadly:
    """Kills the process that it is sent to."""

    def __reduce__(self):
        return signal.raise_signal, (signal.SIGKILL,)


def run_of(config):
    return types.SimpleNamespace(config=config, folder="MRPC/dense/seed-1")


def test_a_process_that_was_killed_is_told_of(tmp_path):
    message = "^its process was killed by signal 9; memory may have run out"
    with pytest.raises(InputError, match=message):
        run_in_own_process(run_of(Deadly()), tmp_path / "run", share=None)


@pytest.mark.parametrize("share", [None, Share(cores=(), gpus=())])
def test_where_an_error_was_printed_is_told(tmp_path, capfd, share):
    folder = tmp_path / "run"
    with pytest.raises(InputError, match="its process failed; the reason is ") as error:
        run_in_own_process(run_of("no config"), folder, share)
    reason = "'str' object has no attribute"
    if share is None:
        assert "the reason is above." in str(error.value)
        assert reason in capfd.readouterr().err
    else:
        assert f"at the end of {folder}.txt" in str(error.value)
        assert reason in (tmp_path / "run.txt").read_text().splitlines()[-1]


def test_a_run_that_is_killed_leaves_no_half_a_result(tmp_path, monkeypatch):
    def write_half(path, text, encoding):
        path.write_bytes(text[: len(text) // 2].encode(encoding))
        raise KeyboardInterrupt

    monkeypatch.setattr(pathlib.Path, "write_text", write_half)
    with pytest.raises(KeyboardInterrupt):
        write_result(tmp_path, {"machine": None})
    assert not (tmp_path / RESULT_FILE).exists()
