"""`albert-lsh compare` where no run is made; comparison/test_run.py makes some."""

import json

import pytest

from albert_lsh_tf.cli import compare
from albert_lsh_tf.comparison import run
from albert_lsh_tf.errors import InputError
from tests.comparison.finished_runs import finish

PLAN = """
seeds: [1]
tasks: {MRPC: {}}
variants: {dense: {attention: dense}, lsh: {attention: lsh}}
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The working directory, where runs with LSH attention fail."""

    def make(planned, run_folder, share):
        if planned.variant == "lsh":
            raise InputError("no such data.")
        finish(planned, run_folder.parents[2], 0.75, {"host": 1.0})

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(run, "run_in_own_process", make)
    for name in ("one.yaml", "two.yaml"):
        (tmp_path / name).write_text(PLAN)
    return tmp_path


def test_each_plan_has_a_folder_of_its_own(folder, capsys):
    compare.main(["one.yaml", "--variants=dense"])
    assert (folder / "runs/comparison/one/results.md").exists()
    assert "output_dir: runs/comparison/one\n" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        compare.main([str(folder / "two.yaml"), "--report"])
    error = capsys.readouterr().err
    assert "runs/comparison/two holds no finished run of " in error
    compare.main(["--help"])
    assert "(runs/comparison/NAME_OF_PLAN)" in capsys.readouterr().out


def test_what_is_finished_is_shown_where_other_runs_fail(folder, capsys):
    with pytest.raises(SystemExit) as exit_:
        compare.main(["one.yaml", "--output_dir=runs"])
    assert exit_.value.code == 1
    printed = capsys.readouterr()
    assert "[2/2] MRPC/lsh/seed-1: failed: no such data.\n" in printed.out
    assert "| dense | 1 | 75.0 |" in printed.out and "| lsh" not in printed.out
    assert len(json.loads((folder / "runs/results.json").read_text())) == 1
    assert printed.err.startswith("error: 1 of 2 runs failed; ")
    assert len(printed.err.splitlines()) == 1


def test_nothing_is_shown_where_all_fail(folder, capsys):
    with pytest.raises(SystemExit):
        compare.main(["one.yaml", "--variants=lsh"])
    printed = capsys.readouterr()
    assert "output_dir" not in printed.out
    assert printed.err.startswith("error: 1 of 1 runs failed; ")
