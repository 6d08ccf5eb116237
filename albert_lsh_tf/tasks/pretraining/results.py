"""The files that pre-training leaves besides those of every run."""

import statistics
from typing import TYPE_CHECKING, Any

import numpy as np

from albert_lsh_tf.tasks import results
from albert_lsh_tf.tasks.run_folder import RunFolder
from albert_lsh_tf.tasks.training_log import TrainingLog

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CURVES_FILE = "learning_curves.png"
_TITLES = {"masked_lm": "masked words", "sentence_order": "sentence order"}


def summarize(log: TrainingLog, best: dict | None) -> dict[str, Any]:
    """Everything about a run in one dict, ready for JSON.

    Args:
      log: of the whole run, also of earlier processes.
      best: scores and step of the best checkpoint; None where nothing was evaluated.

    Returns:
      What `tasks.results.summarize` gives, and tokens_per_second and share_of_peak: the
      median of the steps that were not being compiled, None where it is not known.
    """
    summary = results.summarize(log, best)
    for name in ("tokens_per_second", "share_of_peak"):
        values = [e[name] for e in log.training if name in e and not e["compiled"]]
        summary[name] = statistics.median(values) if values else None
    return summary


def draw_curves(folder: RunFolder, log: TrainingLog) -> None:
    """Draws learning_curves.png: accuracy of both heads over steps."""
    if log.training and folder.writable:
        results.write_figure(folder, CURVES_FILE, curves(log))


def curves(log: TrainingLog) -> "Figure":
    """The figure of `draw_curves`: one pair of axes for each head."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator, PercentFormatter

    figure = Figure(figsize=(9, 4), dpi=120, layout="constrained")
    steps = [entry["step"] for entry in log.training]
    for axes, (head, title) in zip(
        figure.subplots(1, len(_TITLES)), _TITLES.items(), strict=True
    ):
        name = f"{head}_accuracy"
        values = np.array([entry[name] for entry in log.training])
        axes.plot(steps, values, color="tab:blue", alpha=0.25, linewidth=1)
        axes.plot(steps, results.smooth(values), color="tab:blue", label="training")
        if log.evaluations:
            axes.plot(
                [entry["step"] for entry in log.evaluations],
                [entry["eval"][name] for entry in log.evaluations],
                color="tab:orange",
                marker="o",
                markersize=3,
                label="evaluation",
            )
        axes.set_title(title)
        axes.set_xlabel("step")
        axes.set_ylabel("accuracy")
        axes.set_xlim(0, steps[-1] * 1.02)
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        axes.grid(alpha=0.3)
        axes.legend(loc="lower right", frameon=False)
    return figure
