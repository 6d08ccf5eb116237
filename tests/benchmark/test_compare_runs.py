"""Runs side by side, from the files that a run leaves behind."""

import json

import pytest

from albert_lsh_tf.benchmark import compare_runs
from albert_lsh_tf.config import ClassifierConfig, LSHConfig
from albert_lsh_tf.tasks.pretraining.settings import PretrainingConfig
from albert_lsh_tf.tasks.squad.settings import SquadConfig


def write_run(folder, attention, loss, peaks, kind=ClassifierConfig, **lsh):
    folder.mkdir()
    config = kind(attention=attention, max_seq_length=128, lsh=LSHConfig(**lsh))
    config.save(folder / "config.yaml")
    best = {"step": 20, "eval_accuracy": 0.75, "f1": 0.8, "loss": 0.5}
    metrics = {"best": best, "seconds_per_step": 0.1234, "peak_memory_mib": peaks}
    (folder / "metrics.json").write_text(json.dumps(metrics))
    log = [{"step": step, "loss": loss} for step in (10, 20)]
    log.append({"step": 20, "eval": best})
    (folder / "training_log.jsonl").write_text(
        "".join(json.dumps(entry) + "\n" for entry in log)
    )
    return str(folder)


def test_a_line_for_each_run_and_a_picture(tmp_path, capsys):
    dense = write_run(tmp_path / "a", "dense", 0.25, {"host": 900.4})
    lsh = write_run(
        tmp_path / "b",
        "lsh",
        0.5,
        {"host": 900.4, "GPU:0": 50.0, "GPU:1": 70.0},
        share_query_key=True,
    )
    compare_runs.main([dense, lsh, "--plot", str(tmp_path / "loss.png")])
    assert capsys.readouterr().out.splitlines() == [
        "| run | eval_accuracy | f1 | best step | last loss | s / step | peak MiB |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        "| dense, 128 tokens | 0.7500 | 0.8000 | 20 | 0.250 | 0.123 | 900 |",
        "| lsh, shared query-key, 128 tokens | 0.7500 | 0.8000 | 20 | 0.500 | 0.123 "
        "| 70 |",
    ]
    assert (tmp_path / "loss.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("kind", [SquadConfig, PretrainingConfig])
def test_runs_of_every_kind(kind, tmp_path, capsys):
    run = write_run(tmp_path / "a", "dense", 0.25, {"host": 900.4}, kind)
    compare_runs.main([run])
    assert "| dense, 128 tokens | 0.7500 | 0.8000 | 20 |" in capsys.readouterr().out


def test_runs_of_equal_label_are_told_apart_by_their_folders(tmp_path, capsys):
    folders = [
        write_run(tmp_path / "a", "lsh", 0.25, {"host": 1.0}, num_hashes=2),
        write_run(tmp_path / "b", "dense", 0.25, {"host": 1.0}),
        write_run(tmp_path / "c", "lsh", 0.25, {"host": 1.0}, num_hashes=4),
    ]
    compare_runs.main(folders)
    lines = capsys.readouterr().out.splitlines()[2:]
    assert [line.split(" | ")[0] for line in lines] == [
        f"| lsh, 128 tokens ({folders[0]})",
        "| dense, 128 tokens",
        f"| lsh, 128 tokens ({folders[2]})",
    ]


def test_a_folder_without_a_run_is_named(tmp_path, capsys):
    with pytest.raises(SystemExit) as stopped:
        compare_runs.main([str(tmp_path)])
    assert stopped.value.code == 1
    assert "config.yaml: no such file" in capsys.readouterr().err
