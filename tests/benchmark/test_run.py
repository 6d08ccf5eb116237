"""The process that starts the others: order, failures, and going on."""

import json
import signal
import subprocess
import sys

import pytest

from albert_lsh_tf.benchmark import run
from albert_lsh_tf.benchmark.points import Plan, Point, Work
from albert_lsh_tf.benchmark.samples import FILE_NAME
from tests.benchmark.results import MACHINE, failed, sample

PLAN = Plan(lengths=(64,), kinds=("dense", "lsh"), modes=("forward",), rounds=2)
WORK = Work(tokens=64)


@pytest.fixture
def measured(monkeypatch):
    """Stands in for the processes; gives a list of what was measured."""
    calls = []

    def measure(point, number, work, timeout):
        calls.append((number, point.kind))
        return measure.outcome(point, number)

    measure.outcome = lambda point, number: sample(
        point.kind, point.mode, point.length, number, budget=point.budget
    )
    measure.calls = calls
    monkeypatch.setattr(run, "measure_in_process", measure)
    return measure


def test_every_round_is_measured_and_told_and_reported(tmp_path, measured):
    lines = []
    report = run.run_benchmark(PLAN, WORK, tmp_path, say=lines.append)
    assert measured.calls == [(0, "dense"), (0, "lsh"), (1, "dense"), (1, "lsh")]
    assert lines[0] == (
        "[1/4] ours, dense, forward, 64 tokens, round 1: 2.000 s, 8 MiB"
    )
    assert lines[3].startswith("[4/4] ours, LSH, budget 0.25, forward")
    assert [len(row.samples) for row in report.rows] == [2, 2]
    assert {path.name for path in tmp_path.iterdir()} == {
        FILE_NAME,
        "results.json",
        "results.md",
        "forward.png",
    }


def test_an_interrupted_benchmark_goes_on(tmp_path, measured):
    fine = measured.outcome

    def outcome(point, number):
        if len(measured.calls) == 3:
            raise KeyboardInterrupt
        return fine(point, number)

    measured.outcome = outcome
    with pytest.raises(KeyboardInterrupt):
        run.run_benchmark(PLAN, WORK, tmp_path)
    assert not (tmp_path / "results.md").exists()
    measured.calls.clear()
    measured.outcome = fine
    report = run.run_benchmark(PLAN, WORK, tmp_path)
    assert measured.calls == [(1, "dense"), (1, "lsh")]
    assert [len(row.samples) for row in report.rows] == [2, 2]


def test_a_finished_benchmark_measures_only_what_was_added(tmp_path, measured):
    run.run_benchmark(PLAN, WORK, tmp_path)
    measured.calls.clear()
    plan = PLAN.replace(kinds=("dense", "garden-dense", "lsh"), rounds=3)
    run.run_benchmark(plan, WORK, tmp_path)
    assert sorted(measured.calls) == [
        (0, "garden-dense"),
        (1, "garden-dense"),
        (2, "dense"),
        (2, "garden-dense"),
        (2, "lsh"),
    ]


@pytest.mark.parametrize("status, again", [("out of memory", []), ("error", [0])])
def test_a_failure_is_a_row_and_not_repeated_in_this_run(
    tmp_path, measured, status, again
):
    fine = measured.outcome

    def outcome(point, number):
        if point.kind == "dense":
            return failed("dense", status, length=64, number=number)
        return fine(point, number)

    measured.outcome = outcome
    report = run.run_benchmark(PLAN, WORK, tmp_path)
    assert measured.calls == [(0, "dense"), (0, "lsh"), (1, "lsh")]
    assert [row.status for row in report.rows] == [status, "ok"]
    # A bug may have been mended before the next run; too little memory stays so.
    measured.calls.clear()
    run.run_benchmark(PLAN, WORK, tmp_path)
    assert measured.calls == [(number, "dense") for number in again]


@pytest.mark.parametrize(
    "status, stderr, expected",
    [
        (-signal.SIGKILL, "", ("out of memory", "ended by signal 9")),
        (-signal.SIGABRT, "x\nstd::bad_alloc\n", ("out of memory", "std::bad_alloc")),
        (1, "Traceback\nValueError: odd\n\n", ("error", "status 1: ValueError: odd")),
        (-signal.SIGSEGV, "", ("error", "exit status -11: no message")),
    ],
)
def test_how_a_process_ended_is_a_status(status, stderr, expected):
    found = run.read_outcome(status, "", stderr)
    assert found["status"] == expected[0]
    assert expected[1] in found["message"]


def test_the_last_line_of_a_process_counts():
    found = {"status": "ok", "seconds": [1.0], "peak_mib": 2.0, "machine": MACHINE}
    printed = f"some library says hello\n{json.dumps(found)}\n"
    assert run.read_outcome(0, printed, "and complains") == found


def test_a_process_that_takes_too_long_is_a_timeout(monkeypatch):
    def wait(command, timeout, **_):
        raise subprocess.TimeoutExpired(command, timeout)

    monkeypatch.setattr(subprocess, "run", wait)
    point = Point("dense", "forward", 64)
    got = run.measure_in_process(point, 1, WORK, 12.5)
    assert got == failed(
        "dense", "timeout", "no result after 12.5 seconds", length=64, number=1
    )


def test_the_process_gets_the_task_this_interpreter_and_this_package(monkeypatch):
    started = {}

    def start(command, **options):
        started.update(options, command=command)
        found = {"status": "ok", "seconds": [1.5], "peak_mib": 2.0, "machine": MACHINE}
        return subprocess.CompletedProcess(command, 0, json.dumps(found), "")

    monkeypatch.setenv("PYTHONPATH", "elsewhere")
    monkeypatch.setattr(subprocess, "run", start)
    point = Point("lsh", "forward", 64, 0.25)
    got = run.measure_in_process(point, 0, WORK, 60)
    assert (got.seconds, got.peak_mib, got.point) == ((1.5,), 2.0, point)
    python, _, module, task = started["command"]
    assert (python, module) == (sys.executable, "albert_lsh_tf.benchmark.measure")
    assert json.loads(task) == {"point": point.to_dict(), "work": WORK.to_dict()}
    assert started["env"]["PYTHONPATH"].endswith(":elsewhere")
    assert started["timeout"] == 60


def test_messages_name_no_folders(monkeypatch):
    line = "ImportError: no 'x' in 'y' (/home/me/project/y.py) on /job:host/task:0"

    def fail(command, **_):
        return subprocess.CompletedProcess(command, 1, "", line)

    monkeypatch.setattr(subprocess, "run", fail)
    got = run.measure_in_process(Point("dense", "forward", 64), 0, WORK, 60)
    assert got.message == (
        "exit status 1: ImportError: no 'x' in 'y' (y.py) on /job:host/task:0"
    )


@pytest.mark.slow
def test_processes_from_start_to_report(tmp_path):
    """The one test that starts what it measures: a sample, and a failure."""
    plan = PLAN.replace(kinds=("dense", "garden-bigbird"), rounds=1)
    work = Work(tokens=64, hidden_size=20, num_heads=5, layers=1, repeats=2)
    report = run.run_benchmark(plan, work, tmp_path)
    dense, bigbird = report.rows
    assert dense.status == "ok", dense.message
    assert len(dense.samples[0].seconds) == 2
    assert (bigbird.status, bigbird.message) == (
        "not possible",
        "BigBird needs a multiple of 64 tokens, and at least 512.",
    )
    assert report.machine["python"] == sys.version.split()[0]
