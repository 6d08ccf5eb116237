"""Folders of several processes, and disks that are full."""

import errno
import os
import subprocess
import sys

import numpy as np
import pytest

from albert_lsh_tf.data import writing
from albert_lsh_tf.data.writing import (
    LOCK_FILE,
    check_sizes,
    locked,
    make_folder,
    open_arrays,
)
from albert_lsh_tf.errors import InputError, is_disk_full


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

    monkeypatch.setattr(writing.fcntl, "flock", no_locks)
    with locked(tmp_path, print):
        pass
    with locked(tmp_path / "none", print):
        pass


def test_arrays_are_written_one_behind_the_other(tmp_path):
    first, second = np.arange(7, dtype="<u2"), np.arange(11).reshape(1, 11)[:, ::2]
    with open_arrays(tmp_path / "a") as write:
        write(first)
        write(first[:0])
    with open_arrays(tmp_path / "a", "ab") as write:
        write(second)
    assert (tmp_path / "a").read_bytes() == first.tobytes() + second.tobytes()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="Linux has it")
@pytest.mark.parametrize("size", [1, 10**6])
def test_a_full_disk_is_told_at_once_with_reason_and_file(tmp_path, size):
    (tmp_path / "a").symlink_to("/dev/full")
    with open_arrays(tmp_path / "a") as write:
        with pytest.raises(OSError) as caught:
            write(np.zeros(size, np.uint8))
    assert is_disk_full(caught.value)
    assert caught.value.strerror and caught.value.filename == str(tmp_path / "a")


def test_files_have_the_size_that_was_written(tmp_path):
    (tmp_path / "a").write_bytes(b"12345")
    check_sizes(tmp_path, {"a": {"bytes": 5}})
    with pytest.raises(
        InputError, match="a: 5 bytes are there, and 7 were written. Is"
    ):
        check_sizes(tmp_path, {"a": {"bytes": 7}})


def test_a_folder_is_made_and_left_empty(tmp_path):
    for _ in range(2):
        make_folder(tmp_path / "a" / "b", "output_dir")
    assert not any((tmp_path / "a" / "b").iterdir())


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path):
    (tmp_path / "a").touch()
    message = "a/b: no file can be made there \\(Not a directory\\); give another outp"
    with pytest.raises(InputError, match=message):
        make_folder(tmp_path / "a" / "b", "output_dir")


def test_a_folder_that_may_only_be_read_is_one_line(tmp_path, monkeypatch):
    def denied(*_, **__):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(writing.tempfile, "NamedTemporaryFile", denied)
    with pytest.raises(InputError, match="no file can be made there \\(Permission den"):
        make_folder(tmp_path, "output_dir")
