"""A lock keeps others out of a folder for as long as its process lives."""

import errno
import fcntl
import os
import signal
import subprocess
import sys

import pytest

from albert_lsh_tf.tasks.folder_lock import LOCK_FILE, FolderLock

HOLDER = """
import fcntl, sys, time
file = open(sys.argv[1], "ab")
fcntl.flock(file, fcntl.LOCK_EX)
print("held", flush=True)
time.sleep(600)
"""


def test_a_killed_process_lets_go(tmp_path):
    command = [sys.executable, "-c", HOLDER, str(tmp_path / LOCK_FILE)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "held\n"
        lock = FolderLock(tmp_path)
        assert not lock.acquire()
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    assert lock.acquire() and lock.acquire()
    assert not FolderLock(tmp_path).acquire()
    lock.release()
    assert not list(tmp_path.iterdir())
    lock.release()
    assert FolderLock(tmp_path).acquire()  # And gives it back at once.
    assert not list(tmp_path.iterdir())


def test_a_file_that_was_removed_meanwhile_keeps_nobody_out(tmp_path, monkeypatch):
    flock, first = fcntl.flock, FolderLock(tmp_path)
    assert first.acquire()
    asked = []

    def late(file, operation):
        if not asked:  # Between opening the file and asking for the lock.
            first.release()
        asked.append(file)
        flock(file, operation)

    monkeypatch.setattr(fcntl, "flock", late)
    second = FolderLock(tmp_path)
    assert second.acquire() and len(asked) == 2
    assert os.listdir(tmp_path) == [LOCK_FILE]
    assert not FolderLock(tmp_path).acquire()


def test_file_systems_without_locks_still_work(tmp_path, monkeypatch):
    def fail(file, operation):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", fail)
    locks = [FolderLock(tmp_path), FolderLock(tmp_path)]
    assert all(lock.acquire() for lock in locks)
    for lock in locks:
        lock.release()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("is_there", [True, False])
def test_anothers_file_is_left(tmp_path, is_there):
    """In a folder that was deleted and made again."""
    lock = FolderLock(tmp_path)
    assert lock.acquire()
    (tmp_path / LOCK_FILE).unlink()
    if is_there:
        (tmp_path / LOCK_FILE).touch()
    lock.release()
    assert (tmp_path / LOCK_FILE).exists() == is_there
