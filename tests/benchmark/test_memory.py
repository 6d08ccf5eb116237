"""Peak memory above the start, of this process and of a made-up GPU."""

import gc
import pathlib

import numpy as np
import pytest
import tensorflow as tf

from albert_lsh_tf.benchmark import memory

needs_proc = pytest.mark.skipif(
    not pathlib.Path("/proc/self/status").exists(), reason="Linux tells it in /proc"
)


@needs_proc
def test_what_was_taken_and_given_back_counts():
    # What tests before this one left behind must not be given back meanwhile.
    gc.collect()
    before = memory.PeakMemory()
    array = np.ones(2**27, np.float64)  # 1 GiB, touched.
    assert array.all()
    del array
    assert 600 < before.above_start() < 1600


@needs_proc
def test_what_was_there_before_does_not_count():
    array = np.ones(2**25, np.float64)
    assert array.all()
    after = memory.PeakMemory()
    assert after.above_start() < 100


def test_without_proc_memory_is_not_known(monkeypatch, tmp_path):
    monkeypatch.setattr(memory, "_STATUS", tmp_path / "status")
    monkeypatch.setattr(memory, "_CLEAR_REFS", tmp_path / "no" / "clear_refs")
    assert memory.PeakMemory().above_start() is None


def test_on_a_gpu_its_allocator_is_asked(monkeypatch):
    read = {"current": 5 * 2**20, "peak": 9 * 2**20}
    calls = []
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [kind])
    monkeypatch.setattr(tf.config.experimental, "reset_memory_stats", calls.append)
    monkeypatch.setattr(
        tf.config.experimental, "get_memory_info", lambda device: dict(read)
    )
    peak = memory.PeakMemory()
    assert calls == ["GPU:0"]
    read["peak"] = 21 * 2**20
    assert peak.above_start() == 16.0
