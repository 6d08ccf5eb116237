"""Flags of `albert-lsh benchmark`: what they become, and what is refused."""

import dataclasses
import pathlib
import re
import shlex

import pytest

from albert_lsh_tf.benchmark import run
from albert_lsh_tf.benchmark.points import KINDS, Plan, Work
from albert_lsh_tf.benchmark.report import make_report
from albert_lsh_tf.cli import benchmark
from tests.benchmark.results import sample


def test_without_flags_everything_is_the_default():
    assert benchmark.parse([]) == (Plan(), Work(), "runs/benchmark")


def test_flags_become_settings():
    plan, work, output_dir = benchmark.parse(
        [
            "--lengths=512, 1024",
            "--kinds=lsh,dense",
            "--modes=training",
            "--budgets=0.5,0.1",
            "--rounds=7",
            "--nointerleave",
            "--timeout=12.5",
            "--tokens=64",
            "--layers=3",
            "--hidden_size=20",
            "--num_heads=5",
            "--repeats=2",
            "--mixed_precision=bfloat16",
            "--xla",
            "--threads=4",
            "--output_dir=here",
        ]
    )
    assert plan == Plan(
        lengths=(512, 1024),
        kinds=("lsh", "dense"),
        modes=("training",),
        budgets=(0.5, 0.1),
        rounds=7,
        interleave=False,
        timeout=12.5,
    )
    assert work == Work(
        tokens=64,
        layers=3,
        hidden_size=20,
        num_heads=5,
        repeats=2,
        mixed_precision="bfloat16",
        xla=True,
        threads=4,
    )
    assert output_dir == "here"


def test_help_names_every_flag_and_kind(capsys):
    benchmark.main(["--lengths=oops", "--help"])
    printed = capsys.readouterr().out
    for config in (Plan, Work):
        for field in dataclasses.fields(config):
            assert f"--{field.name} " in printed or f"--[no]{field.name} " in printed
    for kind in KINDS:
        assert kind in printed
    assert "--output_dir" in printed and "(runs/benchmark)" in printed


@pytest.mark.parametrize(
    "argv, line",
    [
        (["--length=5"], "unknown flag --length; did you mean 'lengths'?"),
        (["--lengths=5,x"], "--lengths=5,x: expected whole numbers, with commas."),
        (["--budgets=many"], "--budgets=many: expected numbers, with commas."),
        (["--lengths="], "lengths is empty; name at least one."),
        (["--kinds=lhs"], "kinds: 'lhs' is unknown; did you mean 'lsh'?"),
        (["--threads=0"], "threads=0 must be at least 1."),
        (["--xla=maybe"], "--xla=maybe: expected true or false."),
        (["512"], "'512' is not a flag; write flags as --name=value."),
    ],
)
def test_what_cannot_be_used_is_one_line_and_a_status(argv, line, capsys):
    with pytest.raises(SystemExit) as stopped:
        benchmark.main(argv)
    assert stopped.value.code == 1
    assert capsys.readouterr().err == f"error: {line}\n"


def test_the_report_is_printed(monkeypatch, capsys):
    def measure(plan, work, output_dir, say):
        say("one sample")
        return make_report(plan, work, [sample(length=512)])

    monkeypatch.setattr(run, "run_benchmark", measure)
    benchmark.main(["--lengths=512", "--kinds=dense", "--output_dir=there"])
    printed = capsys.readouterr().out
    assert printed.startswith("one sample\n# Benchmark\n")
    assert "| 512 | 8 | ours, dense | 2.000 |" in printed
    assert printed.endswith("output_dir: there\n")


def test_an_interruption_says_that_samples_are_kept(monkeypatch, capsys):
    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "run_benchmark", stop)
    with pytest.raises(SystemExit) as stopped:
        benchmark.main([])
    assert stopped.value.code == 130
    assert "goes on after the last sample" in capsys.readouterr().err


def test_the_documented_commands_and_kinds_are_those_there_are():
    text = (pathlib.Path(__file__).parents[2] / "docs" / "benchmarks.md").read_text(
        encoding="utf-8"
    )
    commands = re.findall(
        r"^albert-lsh benchmark (.+)$", text.replace("\\\n", " "), re.M
    )
    assert len(commands) == 2
    for command in commands:
        benchmark.parse(shlex.split(command))
    assert re.findall(r"^\| `(\w[\w-]*)` \|", text, re.M) == list(KINDS)
