"""Draws a comparison: every seed's score, one panel for each task."""

import collections
import math
import pathlib
import statistics

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from albert_lsh_tf.comparison.plan import Comparison
from albert_lsh_tf.comparison.report import Cell

# Okabe and Ito's colours, which the colour-blind can tell apart.
_FIRST, _OTHERS = "#0072B2", "#D55E00"
_MOST_COLUMNS = 3
# Points of percent that an axis shows: less than that is no difference to look at.
_LEAST_SPAN = 4.0


def plot_comparison(
    comparison: Comparison,
    cells: dict[tuple[str, str], Cell],
    path: str | pathlib.Path,
) -> None:
    """Draws a dot for each run and a line at the mean of its variant.

    Args:
      comparison: the order of tasks and variants. The first variant, with which others
        are compared, has a colour of its own.
      cells: the finished runs, at least of one cell. Tasks with one variant are left
        out where others have more.
      path: PNG file.
    """
    num_variants = collections.Counter(task for task, _ in cells)
    least = min(2, max(num_variants.values()))
    tasks = [task for task in comparison.tasks if num_variants[task] >= least]
    num_columns = min(len(tasks), _MOST_COLUMNS)
    num_rows = math.ceil(len(tasks) / num_columns)
    variants = [
        v for v in comparison.variants if any((task, v) in cells for task in tasks)
    ]
    height = num_rows * (1.2 + 0.36 * len(variants))
    figure = Figure((2.6 + 2.6 * num_columns, height), dpi=150, layout="constrained")
    panels = figure.subplots(num_rows, num_columns, sharey=True, squeeze=False).flat
    for task, axes in zip(tasks, panels, strict=False):
        _draw(axes, variants, {v: cells.get((task, v)) for v in variants})
        cell = next(cells[task, v] for v in variants if (task, v) in cells)
        axes.set_title(f"{task}, {cell.main_score}", loc="left", fontsize=10)
    for axes in panels[len(tasks) :]:
        axes.set_visible(False)
    figure.savefig(path)


def _draw(axes: Axes, variants: list[str], found: dict[str, Cell | None]) -> None:
    for row, variant in enumerate(variants):
        if (cell := found[variant]) is None:
            continue
        values = cell.percentages(cell.main_score)
        colour = _OTHERS if row else _FIRST
        axes.plot(values, [row] * len(values), "o", color=colour, alpha=0.6)
        mean = statistics.mean(values)
        axes.plot([mean, mean], [row - 0.3, row + 0.3], color=colour, linewidth=2)
    low, high = axes.get_xlim()
    more = max(0.0, _LEAST_SPAN - (high - low)) / 2
    axes.set_xlim(low - more, high + more)
    axes.set_yticks(range(len(variants)), variants)
    axes.set_ylim(len(variants) - 0.5, -0.5)  # The first on top.
    axes.grid(axis="x", color="#dddddd")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
