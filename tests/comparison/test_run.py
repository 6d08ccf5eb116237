"""Runs of a comparison through the command line, on the sample in the package."""

import json
import os
import pathlib
import subprocess
import sys
import time

import pytest

from albert_lsh_tf.checkpoints.sources import find_weights
from albert_lsh_tf.cli import compare
from albert_lsh_tf.comparison import run

PLAN = """
seeds: [1]
settings:
  max_seq_length: 16
  train_batch_size: 8
  eval_batch_size: 64
  train_step: 2
  save_checkpoints_steps: 2
tasks: {MRPC: {learning_rate: 1.0e-3}}
variants: {dense: {attention: dense}, lsh: {lsh: {dense_below: 0}}}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("comparison")
    (folder / "plan.yaml").write_text(PLAN)
    compare.main([str(folder / "plan.yaml"), f"--output_dir={folder / 'runs'}"])
    return folder


def argv(folder, *flags):
    return [str(folder / "plan.yaml"), f"--output_dir={folder / 'runs'}", *flags]


def test_every_run_leaves_its_scores_and_no_weights(folder):
    for variant in ("dense", "lsh"):
        run_folder = folder / "runs/MRPC" / variant / "seed-1"
        files = {p.name for p in run_folder.iterdir()}
        assert {"comparison.json", "config.yaml", "training_log.jsonl"} <= files
        assert not any(name.startswith(("ckpt", "best")) for name in files)
        content = json.loads((run_folder / "comparison.json").read_text())
        assert content["weights_sha256"] == find_weights("albert_lsh_tiny").sha256()
    table = (folder / "runs" / "results.md").read_text()
    assert "### MRPC" in table and "| dense | 1 |" in table and "| lsh | 1 |" in table
    assert len(json.loads((folder / "runs" / "results.json").read_text())) == 2


def test_a_setting_that_came_later_is_no_difference(folder):
    path = folder / "runs/MRPC/dense/seed-1/comparison.json"
    content = json.loads(path.read_text())
    del content["config"]["max_qa_length"]
    path.write_text(json.dumps(content))
    compare.main(argv(folder, "--report"))


def test_what_is_finished_is_not_made_again(folder, monkeypatch, capsys):
    monkeypatch.setattr(run, "run_in_own_process", lambda *_: pytest.fail("made again"))
    compare.main(argv(folder))
    printed = capsys.readouterr().out
    assert "[1/2] MRPC/dense/seed-1: eval_accuracy 0." in printed
    compare.main(argv(folder, "--report", "--variants=lsh"))
    printed = capsys.readouterr().out
    assert "| lsh | 1 |" in printed and "| dense" not in printed


def test_what_is_wrong_in_a_run_is_one_line(folder, capsys):
    with pytest.raises(SystemExit) as exit_:
        compare.main([*argv(folder, "--seeds=2"), f"--data_dir={folder}"])
    assert exit_.value.code == 1
    assert "no folder MRPC in it" in capsys.readouterr().err
    (folder / "MRPC").mkdir()
    with pytest.raises(SystemExit) as exit_:
        compare.main([*argv(folder, "--seeds=2"), f"--data_dir={folder}"])
    error = capsys.readouterr().err
    assert exit_.value.code == 1
    assert "error: 2 of 2 runs failed; the same command makes them again." in error
    assert "The first: MRPC/dense/seed-2: " in error
    assert "train.tsv: no such file" in error


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs two cores")
def test_runs_side_by_side_come_to_the_same(folder, tmp_path, capfd):
    command = [str(folder / "plan.yaml"), f"--output_dir={tmp_path}"]
    compare.main([*command, "--num_parallel_runs=2"])
    # What the two print would be mixed up on the screen.
    printed = capfd.readouterr().out
    assert "step 2/2" not in printed and "[2/2] MRPC/lsh/seed-1: " in printed
    for variant in ("dense", "lsh"):
        assert "step 2/2" in (tmp_path / "MRPC" / variant / "seed-1.txt").read_text()
        name = f"MRPC/{variant}/seed-1/comparison.json"
        alone = json.loads((folder / "runs" / name).read_text())["result"]
        beside = json.loads((tmp_path / name).read_text())["result"]
        assert beside["best"] == pytest.approx(alone["best"], abs=1e-5)


def test_a_killed_command_leaves_no_training_behind(folder, tmp_path):
    command = [sys.executable, "-m", "albert_lsh_tf.cli.compare"]
    plan = tmp_path / "plan.yaml"
    plan.write_text(PLAN.replace("train_step: 2", "train_step: 100000"))
    parent = subprocess.Popen(
        [*command, str(plan), f"--output_dir={tmp_path / 'runs'}", "--variants=dense"],
        stdout=subprocess.DEVNULL,
    )
    children = pathlib.Path(f"/proc/{parent.pid}/task")
    log = tmp_path / "runs/MRPC/dense/seed-1/training_log.jsonl"
    wait_for(lambda: log.exists() or parent.poll() is not None)
    started = {
        int(pid)
        for thread in children.iterdir()
        for pid in (thread / "children").read_text().split()
    }
    assert started
    parent.kill()
    parent.wait()
    wait_for(lambda: not any(is_running(pid) for pid in started))


def is_running(pid):
    """Not a process that only waits for its exit status to be read."""
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return stat.rsplit(")", 1)[1].split()[0] != "Z"


def wait_for(condition, seconds=120):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.2)


def test_there_is_nothing_to_report_yet(folder, tmp_path, capsys):
    with pytest.raises(SystemExit):
        compare.main(
            [str(folder / "plan.yaml"), f"--output_dir={tmp_path}", "--report"]
        )
    assert "holds no finished run" in capsys.readouterr().err


def test_flags_stand_in_the_help(capsys):
    compare.main(["--help"])
    page = capsys.readouterr().out
    for name in ("PLAN", "--data_dir", "--tasks", "--seeds", "--output_dir"):
        assert name in page
    with pytest.raises(SystemExit):
        compare.main(["plan.yaml", "--seeds=one"])
    assert "--seeds=one must be whole numbers" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        compare.main(["plan.yaml", "--num_parallel_runs=0"])
    assert "num_parallel_runs=0 must be at least 1." in capsys.readouterr().err
