"""Memory that a run needed, also in processes that have ended."""

import pathlib
import re
import sys

import pytest

from albert_lsh_tf.tasks.peak_memory import peak_memory, peak_memory_of_run
from albert_lsh_tf.tasks.training_log import TrainingLog


def log_with(path, *peaks):
    log = TrainingLog(path)
    for step, peak in enumerate(peaks):
        log.append({"step": step, "loss": 1.0, "peak_memory_mib": peak})
    return log


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_process_is_measured_as_linux_does():
    status = pathlib.Path("/proc/self/status").read_text()
    (high_water,) = re.findall(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
    assert peak_memory()["host"] == pytest.approx(int(high_water) / 2**10, rel=0.02)


def test_an_earlier_process_may_have_needed_more(tmp_path):
    log = log_with(tmp_path / "log", {"host": 2.0**30, "GPU:0": 7.0}, {"host": 1.0})
    assert peak_memory_of_run(log) == {"host": 2.0**30, "GPU:0": 7.0}


def test_this_process_may_need_more(tmp_path):
    log = log_with(tmp_path / "log", {"host": 1.0})
    assert peak_memory_of_run(log)["host"] == pytest.approx(peak_memory()["host"], 0.1)


def test_logs_without_memory_are_read(tmp_path):
    log = TrainingLog(tmp_path / "log")
    log.append({"step": 1, "loss": 1.0})
    assert peak_memory_of_run(log)["host"] > 50
