"""Medians, ratios, the table and the JSON of made-up samples."""

import json

import pytest

from albert_lsh_tf.benchmark.points import Plan, Work
from albert_lsh_tf.benchmark.report import make_report, to_markdown, write_report
from tests.benchmark.results import MACHINE, failed, sample

PLAN = Plan(
    lengths=(512, 8192),
    kinds=("garden-dense", "dense", "lsh"),
    modes=("forward",),
    rounds=3,
)
WORK = Work()

# A machine that is ten times as slow in round 1, for everybody.
SAMPLES = [
    sample("garden-dense", number=0, seconds=(4.0, 4.5, 9.0), peak=200.0),
    sample("lsh", number=0, seconds=(1.0, 1.5, 2.0), peak=100.0, budget=0.25),
    sample("garden-dense", number=1, seconds=(40.0,), peak=210.0),
    sample("lsh", number=1, seconds=(20.0,), peak=105.0, budget=0.25),
    sample("garden-dense", number=2, seconds=(4.0,), peak=190.0),
    sample("lsh", number=2, seconds=(3.0,), peak=95.0, budget=0.25),
]


def row_of(report, kind, length=512):
    (row,) = (
        row
        for row in report.rows
        if (row.point.kind, row.point.length) == (kind, length)
    )
    return row


def test_medians_over_rounds_and_extremes_over_all_steps():
    row = row_of(make_report(PLAN, WORK, SAMPLES), "lsh")
    assert (row.seconds, row.fastest, row.slowest) == (3.0, 1.0, 20.0)
    assert row.peak_mib == 105.0
    assert row.batch_size == 8
    assert row.microseconds_per_token == pytest.approx(3e6 / 4096)


def test_time_is_compared_round_by_round():
    report = make_report(PLAN, WORK, SAMPLES)
    assert report.peer == "garden-dense"
    row = row_of(report, "lsh")
    # 1.5 / 4.5, 20 / 40 and 3 / 4; the ratio of the medians would be 3 / 4.5.
    assert row.time_ratio == 0.5
    assert row.memory_ratio == 0.5
    assert row_of(report, "garden-dense").time_ratio == 1.0


def test_without_model_garden_our_dense_encoder_is_the_peer():
    plan = PLAN.replace(kinds=("lsh", "dense"))
    samples = [*SAMPLES, sample("dense", number=0, seconds=(3.0,), peak=50.0)]
    report = make_report(plan, WORK, samples)
    assert report.peer == "dense"
    assert [row.point.kind for row in report.rows] == ["lsh", "dense"]
    # Only round 0 has both.
    assert row_of(report, "lsh").time_ratio == 0.5
    assert row_of(report, "lsh").memory_ratio == 2.1


def test_without_a_peer_there_are_no_ratios():
    report = make_report(PLAN.replace(kinds=("lsh",)), WORK, SAMPLES)
    assert report.peer is None
    assert row_of(report, "lsh").time_ratio is None
    assert "÷" not in to_markdown(report)


def test_one_failure_makes_the_row_one():
    samples = [*SAMPLES, failed("dense", "timeout", "no result"), sample(number=1)]
    row = row_of(make_report(PLAN, WORK, samples), "dense")
    assert (row.status, row.message, row.seconds) == ("timeout", "no result", None)
    assert row.time_ratio is None


def test_a_peer_that_failed_gives_no_ratio():
    samples = [
        failed("garden-dense", length=8192),
        sample("lsh", length=8192, budget=0.25),
    ]
    row = row_of(make_report(PLAN, WORK, samples), "lsh", 8192)
    assert (row.status, row.time_ratio, row.memory_ratio) == ("ok", None, None)


def test_unknown_memory_is_no_number():
    samples = [
        sample("garden-dense", peak=None),
        sample("lsh", peak=None, budget=0.25),
    ]
    row = row_of(make_report(PLAN, WORK, samples), "lsh")
    assert (row.peak_mib, row.memory_ratio, row.time_ratio) == (None, None, 1.0)


def test_rounds_and_points_that_are_not_planned_are_left_aside():
    samples = [*SAMPLES, sample("garden-bigbird"), sample("dense", length=64)]
    report = make_report(PLAN.replace(rounds=1), WORK, samples)
    assert len(report.rows) == 2
    assert row_of(report, "lsh").seconds == 1.5


def test_the_table():
    samples = [*SAMPLES, failed("dense", length=8192)]
    lines = to_markdown(make_report(PLAN, WORK, samples)).splitlines()
    assert "Some CPU, 3 cores, 7.0 GiB of memory, Linux" in lines[2]
    assert "3 rounds" in lines[4]
    assert lines[6] == "## Forward"
    assert lines[8:] == [
        "| tokens | batch | encoder | s / step | fastest - slowest | µs / token "
        "| peak MiB | time ÷ Model Garden, dense | memory ÷ Model Garden, dense |",
        "| ---: | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: |",
        "| 512 | 8 | Model Garden, dense | 4.500 | 4.000 - 40.000 | 1098.6 | 210 "
        "| 1.00 | 1.00 |",
        "| 512 | 8 | ours, LSH, budget 0.25 | 3.000 | 1.000 - 20.000 | 732.4 | 105 "
        "| 0.50 | 0.50 |",
        "| 8192 | 1 | ours, dense | out of memory | - | - | - | - | - |",
    ]


def test_a_gpu_is_named_instead_of_the_cpu():
    samples = [sample(machine={**MACHINE, "gpu": "Some GPU"})]
    assert "\nSome GPU, 7.0 GiB" in to_markdown(make_report(PLAN, WORK, samples))


def test_the_json_has_every_sample_once_and_the_machine(tmp_path):
    write_report(make_report(PLAN, WORK, [*SAMPLES, failed("dense")]), tmp_path)
    results = json.loads((tmp_path / "results.json").read_text())
    assert results["machine"] == MACHINE
    assert results["work"] == WORK.to_dict()
    assert results["plan"] == PLAN.to_dict()
    garden, dense, lsh = results["points"]
    assert (dense["kind"], dense["status"]) == ("dense", "out of memory")
    assert (lsh["budget"], lsh["time_ratio"]) == (0.25, 0.5)
    assert [each["seconds"] for each in garden["samples"]] == [
        [4.0, 4.5, 9.0],
        [40.0],
        [4.0],
    ]
    assert (tmp_path / "results.md").read_text().startswith("# Benchmark")
    assert (tmp_path / "forward.png").read_bytes().startswith(b"\x89PNG")
    assert not (tmp_path / "training.png").exists()
