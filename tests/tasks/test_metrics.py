"""GLUE's metrics on small cases worked out by hand."""

import numpy as np
import pytest

from albert_lsh_tf.data.glue_tasks import find_task
from albert_lsh_tf.data.jsonl_task import make_task
from albert_lsh_tf.data.race import questions as race
from albert_lsh_tf.tasks.metrics import (
    constant_prediction,
    evaluation_metrics,
    metrics_of_groups,
)


def logits_for(predictions, num_classes=2):
    return np.eye(num_classes)[predictions] * 2.0


def test_mrpc_has_accuracy_and_f1():
    labels = np.array([1, 1, 1, 0, 0])
    metrics = evaluation_metrics(find_task("mrpc"), logits_for([1, 1, 0, 1, 0]), labels)
    assert list(metrics) == ["eval_accuracy", "f1", "loss"]
    assert metrics["eval_accuracy"] == pytest.approx(3 / 5)
    # Of the positives: 2 found, 1 missed, 1 false alarm.
    assert metrics["f1"] == pytest.approx(2 * 2 / (2 * 2 + 1 + 1))
    right, wrong = np.log(1 + np.exp(-2)), np.log(1 + np.exp(2))
    assert metrics["loss"] == pytest.approx((3 * right + 2 * wrong) / 5)


def test_own_data_have_accuracy_and_the_mean_f1_of_their_classes():
    task = make_task("own", ["x", "y", "z"])
    labels = np.array([0, 0, 0, 1, 2])
    logits = logits_for([0, 0, 1, 1, 0], num_classes=3)
    metrics = evaluation_metrics(task, logits, labels)
    assert list(metrics) == ["eval_accuracy", "f1_macro", "loss"]
    assert metrics["eval_accuracy"] == pytest.approx(3 / 5)
    # 2 of x found, 1 missed, 1 false alarm; 1 of y found, 1 false alarm; no z.
    expected = (2 * 2 / (2 * 2 + 1 + 1) + 2 * 1 / (2 * 1 + 1) + 0) / 3
    assert metrics["f1_macro"] == pytest.approx(expected)


def test_cola_has_matthews_correlation():
    labels = np.array([1, 1, 1, 0, 0, 0])
    metrics = evaluation_metrics(
        find_task("cola"), logits_for([1, 1, 0, 0, 0, 1]), labels
    )
    # 2 true and 1 false on each side: (2*2 - 1*1) / (3*3).
    assert metrics["matthew_corr"] == pytest.approx(3 / 9)
    assert metrics["eval_accuracy"] == pytest.approx(4 / 6)


def test_stsb_has_both_correlations_and_the_squared_error():
    labels = np.array([0.0, 1.0, 2.0, 5.0])
    scores = np.array([[0.0], [1.0], [2.0], [3.0]])
    metrics = evaluation_metrics(find_task("sts-b"), scores, labels)
    assert metrics["spearman"] == pytest.approx(1.0)
    assert metrics["pearson"] == pytest.approx(np.corrcoef(labels, scores[:, 0])[0, 1])
    assert metrics["MSE"] == metrics["loss"] == pytest.approx(1.0)


@pytest.mark.parametrize("name", ["sts-b", "cola", "mrpc"])
def test_constant_predictions_score_zero(name):
    task = find_task(name)
    labels = np.array([1, 0, 1, 0])
    logits = np.full([4, 1], 2.5) if task.is_regression else logits_for([0, 0, 0, 0])
    metrics = evaluation_metrics(task, logits, labels)
    for metric in {"pearson", "spearman", "matthew_corr", "f1"} & set(task.metrics):
        assert metrics[metric] == 0.0
    expected = "2.5" if task.is_regression else "'0'"
    assert constant_prediction(task, logits) == expected


@pytest.mark.parametrize("name", ["sts-b", "mrpc"])
def test_diverged_models_have_no_loss(name):
    task = find_task(name)
    logits = np.full([4, 1 if task.is_regression else 2], np.nan)
    metrics = evaluation_metrics(task, logits, np.array([1, 0, 1, 0]))
    assert np.isnan(metrics["loss"])
    assert name == "mrpc" or np.isnan(metrics["pearson"])


def test_two_different_predictions_are_not_constant():
    assert constant_prediction(find_task("mrpc"), logits_for([0, 0, 1])) is None


def test_groups_have_scores_of_their_own_before_the_loss():
    task = race.TASKS["RACE"]
    labels = np.array([0, 1, 2, 3, 0])
    logits = logits_for([0, 1, 3, 3, 2], num_classes=4)
    is_high = np.array([True, False, True, False, True])
    groups = {"middle": ~is_high, "high": is_high}
    metrics = metrics_of_groups(task, logits, labels, groups)
    assert list(metrics) == [
        *("eval_accuracy", "eval_accuracy_middle", "eval_accuracy_high"),
        "loss",
    ]
    assert metrics["eval_accuracy"] == pytest.approx(3 / 5)
    assert metrics["eval_accuracy_middle"] == 1.0
    assert metrics["eval_accuracy_high"] == pytest.approx(1 / 3)
    right, wrong = np.log(1 + 3 * np.exp(-2)), np.log(np.exp(2) + 3)
    assert metrics["loss"] == pytest.approx((3 * right + 2 * wrong) / 5)


def test_each_metric_of_a_task_is_that_of_the_group():
    task = find_task("mrpc")
    labels, logits = np.array([1, 0, 1, 1]), logits_for([1, 0, 0, 1])
    odd = np.array([False, True, False, True])
    metrics = metrics_of_groups(task, logits, labels, {"odd": odd})
    part = evaluation_metrics(task, logits[odd], labels[odd])
    assert list(metrics) == [
        "eval_accuracy",
        "f1",
        "eval_accuracy_odd",
        "f1_odd",
        "loss",
    ]
    assert metrics["f1_odd"] == part["f1"] == 1.0 != metrics["f1"]


def test_without_groups_all_is_as_before():
    task = find_task("sts-b")
    labels, scores = np.array([0.0, 1.0, 3.0]), np.array([[0.5], [1.0], [2.0]])
    found = metrics_of_groups(task, scores, labels, {})
    expected = evaluation_metrics(task, scores, labels)
    assert list(found.items()) == list(expected.items())
