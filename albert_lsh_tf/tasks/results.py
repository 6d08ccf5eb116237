"""The files that a run leaves: scores, predictions, the loss curve."""

import io
import json
import math
import pathlib
import statistics
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.special

from albert_lsh_tf.data.glue_tasks import SCORE_RANGE
from albert_lsh_tf.data.task import Example, Task
from albert_lsh_tf.tasks.peak_memory import peak_memory_of_run
from albert_lsh_tf.tasks.run_folder import RunFolder
from albert_lsh_tf.tasks.training_log import TrainingLog

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_BEST_SCORES_FILE = "eval_results.txt"
_TEST_SCORES_FILE = "predict_results.txt"

# The same weights on other devices, or in other batches, give the same up to this.
_ROUNDING = 1e-3


def write_scores(
    folder: RunFolder, metrics: dict[str, float], step: int, is_best: bool = True
) -> str:
    """Writes `key = value` lines about the checkpoint of a step.

    Returns:
      The file's name: eval_results.txt for the best one, or one with the step in it.
    """
    name = _BEST_SCORES_FILE if is_best else f"eval_results_step_{step}.txt"
    lines = {**metrics, "global_step": step}
    if "loss" in lines:  # Google's scripts have it at the end.
        lines["loss"] = lines.pop("loss")
    folder.write(name, _one_a_line(lines))
    return name


def write_test_scores(folder: RunFolder, metrics: dict[str, float | str]) -> None:
    """Writes predict_results.txt: scores on a test set whose labels are known.

    Args:
      folder: where.
      metrics: the scores, and what else is to be said of them.
    """
    folder.write(_TEST_SCORES_FILE, _one_a_line(metrics))


def remove_scores(folder: RunFolder, of_test: bool) -> None:
    """Removes scores of predictions that are replaced; nothing on other workers.

    Args:
      folder: where.
      of_test: what `write_test_scores` has written; False: `write_scores`.
    """
    if folder.writable:
        name = _TEST_SCORES_FILE if of_test else _BEST_SCORES_FILE
        (folder.path / name).unlink(missing_ok=True)


def _one_a_line(metrics: dict[str, float | str]) -> str:
    return "".join(f"{name} = {value}\n" for name, value in metrics.items())


def summarize(
    log: TrainingLog, best: dict | None, recorded: Mapping[str, Any] | None = None
) -> dict:
    """Everything about a run in one dict, ready for JSON.

    Args:
      log: of the whole run, also of earlier processes.
      best: metrics and step of the best checkpoint; None where nothing was evaluated.
      recorded: the summary of that run, where this process does not train it.

    Returns:
      best, last, history (of evaluations), train_loss (last), seconds_per_step (median,
      without the loops that were compiled) and peak_memory_mib (of all processes).
    """
    # What training needed, not what it takes to score or to answer again.
    memory = (recorded or {}).get("peak_memory_mib") or peak_memory_of_run(log)
    history = [{"step": e["step"], **e["eval"]} for e in log.evaluations]
    # The first loop of a process is mostly tracing and compiling.
    timed = [e["seconds_per_step"] for e in log.training if not e["compiled"]]
    return {
        "best": best,
        "last": history[-1] if history else None,
        "history": history,
        "train_loss": log.training[-1]["loss"] if log.training else None,
        "seconds_per_step": statistics.median(timed) if timed else None,
        "peak_memory_mib": memory,
    }


def write_summary(folder: RunFolder, summary: dict) -> None:
    """Writes metrics.json."""
    folder.write("metrics.json", json.dumps(summary, indent=2) + "\n")


def read_summary(folder: RunFolder) -> dict | None:
    """What metrics.json holds; None where there is none."""
    try:
        return json.loads((folder.path / "metrics.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return None


def agree(recorded: dict[str, float], now: dict[str, float]) -> bool:
    """Whether two evaluations of the same weights differ by rounding at most."""
    return all(
        math.isclose(value, now.get(name, value), abs_tol=_ROUNDING)
        for name, value in recorded.items()
    )


def probabilities(task: Task, logits: np.ndarray) -> np.ndarray:
    """[n, classes] probabilities; for regression the [n, 1] scores as they are."""
    if task.is_regression:
        return logits
    return scipy.special.softmax(logits.astype(np.float64), axis=-1)


def write_predictions(
    folder: RunFolder,
    task: Task,
    split: str,
    examples: list[Example],
    logits: np.ndarray,
    keep: bool = False,
) -> list[str]:
    """Writes the predictions for one test set.

    Args:
      folder: where.
      task: which task.
      split: a key of `task.submissions`.
      examples: of that split.
      logits: [n, classes], one row for each example.
      keep: leave files that differ by rounding only.

    Returns:
      The names of the two files: test_results.tsv, the tab-separated probabilities of
      the classes (or scores), with a suffix for a second test set; and the file of
      answers, such as the GLUE server wants, columns index and prediction.
    """
    outputs = probabilities(task, logits)
    suffix = "" if split == "test" else "_" + split.removeprefix("test_")
    results_file = f"test_results{suffix}.tsv"
    submission_file = task.submissions[split]
    ids = [str(example.guid) for example in examples]
    if keep and (
        _holds_probabilities(folder.path / results_file, outputs)
        and _ids_in(folder.path / submission_file) == ids
    ):
        return [results_file, submission_file]
    rows = ["\t".join(f"{p:.8g}" for p in row) for row in outputs]
    folder.write(results_file, "".join(row + "\n" for row in rows))
    if task.is_regression:
        # The task's scores lie in a range; a model's may fall out of it.
        answers = [f"{score:.6g}" for score in np.clip(logits[:, 0], *SCORE_RANGE)]
    else:
        answers = [task.labels[label] for label in np.argmax(logits, axis=-1)]
    lines = [f"{id_}\t{answer}\n" for id_, answer in zip(ids, answers, strict=True)]
    folder.write(submission_file, "index\tprediction\n" + "".join(lines))
    return [results_file, submission_file]


def _holds_probabilities(path: pathlib.Path, outputs: np.ndarray) -> bool:
    """Whether a file is there, and holds nearly these probabilities."""
    try:
        recorded = np.loadtxt(path, delimiter="\t", ndmin=2)
    except (OSError, ValueError):
        return False
    return recorded.shape == outputs.shape and np.allclose(
        recorded, outputs, atol=_ROUNDING
    )


def _ids_in(path: pathlib.Path) -> list[str] | None:
    """The ids of a file of answers; None where there is none."""
    if not path.exists():
        return None
    lines = path.read_text(encoding="utf-8").splitlines()[1:]
    return [line.rpartition("\t")[0] for line in lines]


def draw_curves(
    folder: RunFolder, log: TrainingLog, name: str, metric: str, highest: float = 1
) -> None:
    """Draws train_loss.png: training loss and the dev metric over steps.

    Args:
      folder: of the run.
      log: of the run.
      name: of the task, as it is shown.
      metric: of its evaluations.
      highest: value that the metric can have.
    """
    if log.training and folder.writable:
        write_figure(folder, "train_loss.png", curves(log, name, metric, highest))


def write_figure(folder: RunFolder, name: str, figure: "Figure") -> None:
    """Writes a figure as PNG."""
    # Matplotlib takes a while to import; nothing else here needs it.
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    FigureCanvasAgg(figure)
    image = io.BytesIO()
    figure.savefig(image, format="png")
    folder.write(name, image.getvalue())


def curves(log: TrainingLog, name: str, metric: str, highest: float = 1) -> "Figure":
    """The figure of `draw_curves`; its last axes hold the dev metric, if there is one.

    Evaluations that gave no number leave a gap.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    steps = [entry["step"] for entry in log.training]
    losses = np.array([entry["loss"] for entry in log.training])
    figure = Figure(figsize=(8, 4.5), dpi=120, layout="constrained")
    axes = figure.add_subplot()
    axes.plot(steps, losses, color="tab:blue", alpha=0.3, linewidth=1)
    axes.plot(steps, smooth(losses), color="tab:blue", label="training loss")
    axes.set_xlabel("step")
    axes.set_ylabel("training loss", color="tab:blue")
    axes.set_xlim(0, steps[-1] * 1.02)
    axes.set_ylim(bottom=0)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.3)
    if log.evaluations:
        values = [entry["eval"][metric] for entry in log.evaluations]
        values = np.array(values, float)
        label = f"{name} dev {metric.removeprefix('eval_')}"
        right = axes.twinx()
        right.plot(
            [entry["step"] for entry in log.evaluations],
            values,
            color="tab:orange",
            marker="o",
            markersize=4,
            label=label,
        )
        right.set_ylabel(label, color="tab:orange")
        # Correlations can be negative; a point on the very edge would be cut.
        lowest = min(values[np.isfinite(values)], default=0.0)
        right.set_ylim(0 if lowest >= 0 else lowest - 0.05, highest)
    figure.legend(loc="outside upper center", ncols=2, frameon=False)
    return figure


def smooth(values: np.ndarray) -> np.ndarray:
    """A centred moving average over about a twentieth of the curve."""
    half = len(values) // 40
    padded = np.concatenate([[0.0], np.cumsum(values)])
    index = np.arange(len(values))
    low = np.maximum(index - half, 0)
    high = np.minimum(index + half + 1, len(values))
    return (padded[high] - padded[low]) / (high - low)
