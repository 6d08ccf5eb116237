"""The files of a run: names, columns, order."""

import json

import numpy as np
import pytest

from albert_lsh_tf.data.glue import Example
from albert_lsh_tf.data.glue_tasks import find_task
from albert_lsh_tf.tasks import results
from albert_lsh_tf.tasks.run_folder import RunFolder
from albert_lsh_tf.tasks.training_log import TrainingLog


def read(folder, name):
    return (folder.path / name).read_text().splitlines()


def examples(*guids):
    return [Example(guid, "a", "b", None) for guid in guids]


def test_scores_are_key_value_lines(tmp_path):
    folder = RunFolder(tmp_path)
    metrics = {"eval_accuracy": 0.75, "f1": 0.5, "loss": 0.25}
    results.write_scores(folder, metrics, step=800)
    assert read(folder, "eval_results.txt") == [
        "eval_accuracy = 0.75",
        "f1 = 0.5",
        "global_step = 800",
        "loss = 0.25",
    ]


@pytest.mark.parametrize(
    ("split", "names"),
    [
        ("test", ["test_results.tsv", "MNLI-m.tsv"]),
        ("test_mismatched", ["test_results_mismatched.tsv", "MNLI-mm.tsv"]),
        ("diagnostic", ["test_results_diagnostic.tsv", "AX.tsv"]),
    ],
)
def test_every_test_set_of_mnli_has_its_files(tmp_path, split, names):
    folder = RunFolder(tmp_path)
    logits = np.array([[0.0, 9.0, 0.0], [9.0, 0.0, 0.0]])
    written = results.write_predictions(
        folder, find_task("mnli"), split, examples("7", "8"), logits
    )
    assert written == names
    assert read(folder, names[1]) == [
        "index\tprediction",
        "7\tentailment",
        "8\tcontradiction",
    ]
    rows = [row.split("\t") for row in read(folder, names[0])]
    np.testing.assert_allclose(np.array(rows, float).sum(axis=1), 1, atol=1e-7)


def test_scores_of_regression_stay_in_range(tmp_path):
    folder = RunFolder(tmp_path)
    logits = np.array([[-0.5], [2.25], [6.0]])
    results.write_predictions(
        folder, find_task("sts-b"), "test", examples("0", "1", "2"), logits
    )
    assert read(folder, "test_results.tsv") == ["-0.5", "2.25", "6"]
    assert read(folder, "STS-B.tsv")[1:] == ["0\t0", "1\t2.25", "2\t5"]


def test_predictions_that_differ_by_rounding_may_be_kept(tmp_path):
    folder = RunFolder(tmp_path)

    def write(logits, keep=True):
        names = results.write_predictions(
            folder, find_task("mrpc"), "test", examples("0", "1"), logits, keep
        )
        return [(tmp_path / name).read_text() for name in names]

    logits = np.array([[0.5, 0.5 + 1e-6], [2.0, 1.0]])
    first = write(logits)
    assert first[1] == "index\tprediction\n0\t1\n1\t0\n"
    rounded = logits + [[2e-6, 0.0], [0.0, 0.0]]
    assert write(rounded) == first
    assert write(rounded, keep=False) != first
    assert write(-logits)[1] == "index\tprediction\n0\t0\n1\t1\n"
    # The same probabilities, of examples that have other ids.
    write(logits)
    names = results.write_predictions(
        folder, find_task("mrpc"), "test", examples("0", "two"), logits, keep=True
    )
    assert read(folder, names[1])[1:] == ["0\t1", "two\t0"]
    # A file that is gone, or cut off, is written again.
    (tmp_path / "MRPC.tsv").unlink()
    assert write(logits) == first
    (tmp_path / "test_results.tsv").write_text("0.5\n")
    assert write(logits) == first


def test_scores_agree_up_to_rounding():
    recorded = {"f1": 0.5, "loss": 0.25}
    assert results.agree(recorded, {"f1": 0.5, "loss": 0.2501, "more": 1.0})
    assert not results.agree(recorded, {"f1": 0.5, "loss": 0.26})


def make_log(path):
    log = TrainingLog(path)
    for step, seconds in enumerate([9.0, 0.2, 0.3, 0.4], start=1):
        log.append(
            {
                "step": step,
                "loss": 1 / step,
                "learning_rate": 1e-5,
                "seconds_per_step": seconds,
                "compiled": step == 1,
            }
        )
    log.append({"step": 4, "eval": {"matthew_corr": -0.1, "loss": 0.6}})
    return log


def test_summary_leaves_compilation_out_of_the_time(tmp_path):
    folder = RunFolder(tmp_path)
    summary = results.summarize(make_log(tmp_path / "log"), {"step": 4, "f1": 0.5})
    results.write_summary(folder, summary)
    read_back = json.loads((tmp_path / "metrics.json").read_text())
    assert read_back == summary
    assert summary["seconds_per_step"] == pytest.approx(0.3)
    assert summary["train_loss"] == pytest.approx(0.25)
    assert summary["last"] == {"step": 4, "matthew_corr": -0.1, "loss": 0.6}
    assert summary["peak_memory_mib"]["host"] > 50


def test_summary_of_nothing(tmp_path):
    summary = results.summarize(TrainingLog(tmp_path / "log"), None)
    assert summary["last"] is summary["train_loss"] is summary["best"] is None


@pytest.mark.parametrize("values", [[-0.1], [0.2, None, -0.3], [0.4, -1.0]])
def test_no_point_below_zero_is_cut(tmp_path, values):
    log = make_log(tmp_path / "log")
    for step, value in enumerate(values, start=5):
        log.append({"step": step, "eval": {"pearson": value, "loss": 0.6}})
    log.entries = [entry for entry in log.entries if entry["step"] != 4]
    axes = results.curves(log, "STS-B", "pearson").axes[-1]
    lowest = min(value for value in values if value is not None)
    assert axes.get_ylim()[0] < lowest
    assert axes.get_ylim()[1] == 1


def test_curves_without_negative_points_start_at_zero(tmp_path):
    log = make_log(tmp_path / "log")
    log.append({"step": 5, "eval": {"eval_accuracy": 0.6, "loss": 0.6}})
    log.entries = [entry for entry in log.entries if entry["step"] != 4]
    assert results.curves(log, "SST-2", "eval_accuracy").axes[-1].get_ylim() == (0, 1)


def test_curves_are_drawn(tmp_path):
    folder = RunFolder(tmp_path)
    results.draw_curves(folder, make_log(tmp_path / "log"), "CoLA", "matthew_corr")
    assert (tmp_path / "train_loss.png").read_bytes().startswith(b"\x89PNG")
    nothing = RunFolder(tmp_path / "nothing")
    results.draw_curves(nothing, TrainingLog(tmp_path / "no"), "CoLA", "matthew_corr")
    assert not nothing.path.exists()
