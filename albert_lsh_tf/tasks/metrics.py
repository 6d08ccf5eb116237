"""Metrics on the host, from all logits of an evaluation set at once."""

from collections.abc import Mapping

import numpy as np
import scipy.special
import scipy.stats
import sklearn.metrics

from albert_lsh_tf.data.task import Task


def evaluation_metrics(
    task: Task, logits: np.ndarray, labels: np.ndarray
) -> dict[str, float]:
    """Scores predictions as the task defines it.

    Args:
      task: says which metrics, by the names that the results files use.
      logits: [n, classes], or [n, 1] scores for regression.
      labels: [n], class ids or scores.

    Returns:
      The task's metrics in their order, then `loss`: the mean over all examples of the
      cross entropy, or of the squared error for regression.
    """
    logits = np.asarray(logits, np.float64)
    predictions = _predictions(task, logits)
    metrics = {name: _METRICS[name](labels, predictions) for name in task.metrics}
    metrics["loss"] = mean_loss(task, logits, labels)
    return {name: float(value) for name, value in metrics.items()}


def metrics_of_groups(
    task: Task,
    logits: np.ndarray,
    labels: np.ndarray,
    groups: Mapping[str, np.ndarray],
) -> dict[str, float]:
    """`evaluation_metrics` of all examples, and the task's metrics of each group.

    Args:
      task: see `evaluation_metrics`.
      logits: see there.
      labels: see there.
      groups: name of a group to which examples are in it, bool [n].

    Returns:
      The metrics, those of a group with its name behind: `eval_accuracy_high`; the
      loss at the end.
    """
    metrics = evaluation_metrics(task, logits, labels)
    loss = metrics.pop("loss")
    for group, rows in groups.items():
        part = evaluation_metrics(task, logits[rows], labels[rows])
        metrics.update({f"{name}_{group}": part[name] for name in task.metrics})
    return {**metrics, "loss": loss}


def constant_prediction(task: Task, logits: np.ndarray) -> str | None:
    """The label or score that a model gives to every example; None if it does not.

    Such a model has learned nothing, whatever its accuracy: users meet this with a
    learning rate that does not suit the size of the model.
    """
    predictions = _predictions(task, logits)
    if len(predictions) < 2 or np.ptp(predictions) > 0:
        return None
    if task.is_regression:
        return f"{predictions[0]:.4g}"
    return repr(task.labels[predictions[0]])


def _predictions(task: Task, logits: np.ndarray) -> np.ndarray:
    """[n] ids of the likeliest classes, or scores."""
    return logits[:, 0] if task.is_regression else np.argmax(logits, axis=-1)


def mean_loss(task: Task, logits: np.ndarray, labels: np.ndarray) -> float:
    """The mean loss over all examples; see `evaluation_metrics`."""
    if task.is_regression:
        return float(np.mean(np.square(logits[:, 0] - labels)))
    log_probabilities = scipy.special.log_softmax(logits, axis=-1)
    return float(-np.mean(log_probabilities[np.arange(len(labels)), labels]))


def _correlation(correlate):
    """`correlate`, but 0 where one side is constant, and nan for a diverged model."""

    def metric(labels: np.ndarray, predictions: np.ndarray) -> float:
        if not np.all(np.isfinite(predictions)):
            return np.nan
        if len(labels) < 2 or np.ptp(predictions) == 0 or np.ptp(labels) == 0:
            return 0.0
        return correlate(labels, predictions).statistic

    return metric


_METRICS = {
    "eval_accuracy": sklearn.metrics.accuracy_score,
    "f1": lambda labels, predictions: sklearn.metrics.f1_score(
        labels, predictions, zero_division=0
    ),
    # The mean of the F1 of each class, however often it occurs.
    "f1_macro": lambda labels, predictions: sklearn.metrics.f1_score(
        labels, predictions, average="macro", zero_division=0
    ),
    "matthew_corr": sklearn.metrics.matthews_corrcoef,
    "pearson": _correlation(scipy.stats.pearsonr),
    "spearman": _correlation(scipy.stats.spearmanr),
    # Unlike scikit-learn's, which raises for predictions that are not finite.
    "MSE": lambda labels, predictions: np.mean(np.square(labels - predictions)),
}
