"""What a run of pre-training comes to, in a dict and in a picture."""

import json

import numpy as np
import pytest

from albert_lsh_tf.tasks.pretraining import results
from albert_lsh_tf.tasks.results import write_summary
from albert_lsh_tf.tasks.run_folder import RunFolder
from albert_lsh_tf.tasks.training_log import TrainingLog


@pytest.fixture
def log(tmp_path):
    log = TrainingLog(tmp_path / "log.jsonl")
    speeds = [(9.0, 2.0), (0.2, 89.0), (0.5, 37.0), (0.3, 61.0)]
    for step, (seconds, speed) in enumerate(speeds, start=1):
        log.append(
            {
                "step": step,
                "loss": 7 / step,
                "seconds_per_step": seconds,
                # A run that was stopped compiles once more.
                "compiled": step in (1, 3),
                "masked_lm_accuracy": step / 10,
                "sentence_order_accuracy": 0.5 + step / 20,
                "tokens_per_second": speed,
                "share_of_peak": speed / 1000,
            }
        )
    for step, accuracy in ((2, 0.3), (4, 0.2)):
        scores = {"masked_lm_accuracy": accuracy, "sentence_order_accuracy": 0.7}
        log.append({"step": step, "eval": {**scores, "loss": 3.0}})
    return log


def test_speed_is_the_median_without_compilation(log, tmp_path):
    best = {"step": 2, "masked_lm_accuracy": 0.3}
    summary = results.summarize(log, best)
    assert summary["tokens_per_second"] == pytest.approx((89 + 61) / 2)
    assert summary["share_of_peak"] == pytest.approx(0.075)
    assert summary["seconds_per_step"] == pytest.approx(0.25)
    assert summary["best"] == best
    assert [entry["step"] for entry in summary["history"]] == [2, 4]
    write_summary(RunFolder(tmp_path), summary)
    assert json.loads((tmp_path / "metrics.json").read_text()) == summary


def test_speed_of_nothing_but_compilation_is_not_known(tmp_path):
    log = TrainingLog(tmp_path / "log.jsonl")
    log.append({"step": 1, "loss": 7.0, "seconds_per_step": 9.0, "compiled": True})
    summary = results.summarize(log, None)
    assert summary["tokens_per_second"] is summary["share_of_peak"] is None


def test_a_peak_that_was_not_measured_leaves_the_speed(log):
    for entry in log.training:
        del entry["share_of_peak"]
    summary = results.summarize(log, None)
    assert summary["share_of_peak"] is None
    assert summary["tokens_per_second"] == pytest.approx(75)


def test_curves_are_those_of_both_heads(log):
    figure = results.curves(log)
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == ["masked words", "sentence order"]
    for axes, name in zip(
        figure.axes, ("masked_lm_accuracy", "sentence_order_accuracy"), strict=True
    ):
        points, smooth, evaluation = axes.get_lines()
        expected = [entry[name] for entry in log.training]
        for line in (points, smooth):
            np.testing.assert_array_equal(line.get_xdata(), [1, 2, 3, 4])
            np.testing.assert_allclose(line.get_ydata(), expected)
        np.testing.assert_array_equal(evaluation.get_xdata(), [2, 4])
        expected = [entry["eval"][name] for entry in log.evaluations]
        np.testing.assert_allclose(evaluation.get_ydata(), expected)


def test_curves_need_no_evaluation(log):
    log.entries = log.training
    for axes in results.curves(log).axes:
        assert len(axes.get_lines()) == 2


def test_curves_are_drawn_where_there_is_something_to_draw(log, tmp_path):
    results.draw_curves(RunFolder(tmp_path / "run"), log)
    file = tmp_path / "run" / "learning_curves.png"
    assert file.read_bytes().startswith(b"\x89PNG")
    results.draw_curves(RunFolder(tmp_path / "nothing"), TrainingLog(tmp_path / "no"))
    results.draw_curves(RunFolder(tmp_path / "worker", writable=False), log)
    assert not (tmp_path / "nothing").exists() and not (tmp_path / "worker").exists()
