"""Draws a benchmark: time and memory over length, one picture for each mode."""

import math
import pathlib
from collections.abc import Callable, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator

from albert_lsh_tf.benchmark.points import Point
from albert_lsh_tf.benchmark.report import Report, Row

# Okabe and Ito's colours, which the colour-blind can tell apart. What recomputes has
# the colour of what does not, and is dashed.
COLOURS = {
    "garden-dense": "#000000",
    "garden-bigbird": "#E69F00",
    "dense": "#0072B2",
    "lsh": "#D55E00",
}
_MARKERS = {"garden-dense": "s", "garden-bigbird": "D", "dense": "o"}
_BUDGET_MARKERS = "^v<>P*"
_DEEDS = {"forward": "A forward pass", "training": "A training step"}


def plot_mode(report: Report, mode: str, path: str | pathlib.Path) -> None:
    """Draws time per token and peak memory of one mode side by side.

    Args:
      report: the results.
      mode: "forward" or "training", with rows in the report.
      path: PNG file.
    """
    rows = report.of_mode(mode)
    figure = Figure(figsize=(11, 6), dpi=150, layout="constrained")
    figure.get_layout_engine().set(w_pad=0.12, h_pad=0.08)
    time_axes, memory_axes = figure.subplots(1, 2)
    _draw(time_axes, report, rows, lambda row: row.microseconds_per_token)
    _draw(memory_axes, report, rows, lambda row: row.peak_mib)
    titles = "time per token, µs", "peak memory of a batch above the start, MiB"
    for axes, title in zip((time_axes, memory_axes), titles, strict=True):
        # The padding keeps clear of crosses.
        axes.set_title(title, loc="left", fontsize=12, pad=16)
    handles, labels = time_axes.get_legend_handles_labels()
    if reasons := sorted({row.status for row in rows} - {"ok"}):
        handles.append(Line2D([], [], color="#555555", marker="x", linestyle=""))
        labels.append(f"no number: {', '.join(reasons)}")
    figure.legend(
        handles,
        labels,
        loc="outside lower center",
        ncols=min(3, math.ceil(len(labels) / 2)),
        frameon=False,
        fontsize=11,
        handlelength=3,
    )
    figure.suptitle(
        f"{_DEEDS[mode]} of {report.work.layers} ALBERT layers, "
        f"width {report.work.hidden_size}{_where(report)}",
        fontsize=14,
        x=0.01,
        ha="left",
    )
    figure.savefig(path)


def _draw(
    axes: Axes,
    report: Report,
    rows: Sequence[Row],
    value_of: Callable[[Row], float | None],
) -> None:
    lengths = sorted({row.point.length for row in rows})
    failures: dict[int, list[str]] = {}
    lines: dict[tuple[str, float | None], list[Row]] = {}
    for row in rows:
        lines.setdefault((row.point.kind, row.point.budget), []).append(row)
        if row.status != "ok":
            failures.setdefault(row.point.length, []).append(row.point.kind)
    for its_rows in lines.values():
        points = [(row.point.length, value_of(row)) for row in its_rows]
        # Nothing can be drawn at or below 0 on a logarithmic axis.
        points = [(length, value) for length, value in points if value and value > 0]
        axes.plot(
            [length for length, _ in points],
            [value for _, value in points],
            label=its_rows[0].point.label,
            **_style(its_rows[0].point, report),
        )
    axes.set_xscale("log")
    _label_lengths(axes, report, lengths)
    if any(len(line.get_xdata()) for line in axes.lines):
        axes.set_yscale("log")
        low, high = axes.get_ylim()
        subs = (1, 2, 5) if high > 20 * low else (1, 1.5, 2, 3, 4, 5, 6, 8)
        axes.yaxis.set_major_locator(LogLocator(subs=subs, numticks=20))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
        axes.yaxis.minorticks_off()
    else:
        axes.set_yticks([])
    tidy(axes)
    # Room for the crosses above the highest point.
    axes.set_ymargin(0.08)
    _mark_failures(axes, failures)


def tidy(axes: Axes) -> None:
    """What all pictures share: few lines, and labels that can be read."""
    axes.grid(axis="y", color="#dddddd", linewidth=0.8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=11)


def _style(point: Point, report: Report) -> dict[str, object]:
    base = point.kind.removesuffix("-recompute")
    budgets = report.plan.budgets
    marker = _MARKERS.get(base)
    if marker is None:
        number = budgets.index(point.budget) if point.budget in budgets else 0
        marker = _BUDGET_MARKERS[number % len(_BUDGET_MARKERS)]
    is_dashed = point.kind != base
    return {
        "color": COLOURS[base],
        "marker": marker,
        "linestyle": "--" if is_dashed else "-",
        "markerfacecolor": "white" if is_dashed else COLOURS[base],
        "markersize": 7,
        "linewidth": 2,
    }


def _label_lengths(axes: Axes, report: Report, lengths: Sequence[int]) -> None:
    labels = [f"{length:,}\n× {report.work.batch_size(length)}" for length in lengths]
    axes.set_xticks(lengths, labels)
    axes.minorticks_off()
    margin = 1.25
    axes.set_xlim(lengths[0] / margin, lengths[-1] * margin)
    axes.set_xlabel("tokens in a sequence × sequences in a batch", fontsize=11)


def _mark_failures(axes: Axes, failures: dict[int, list[str]]) -> None:
    """A cross at the top for each encoder without a number, side by side."""
    for length, kinds in failures.items():
        for place, kind in enumerate(kinds):
            axes.annotate(
                "×",
                (length, 1.0),
                xycoords=("data", "axes fraction"),
                xytext=(11 * (place - (len(kinds) - 1) / 2), 0),
                textcoords="offset points",
                ha="center",
                va="center",
                fontsize=16,
                fontweight="bold",
                color=COLOURS[kind.removesuffix("-recompute")],
            )


def _where(report: Report) -> str:
    machine = report.machine
    if not machine:
        return ""
    cores = f"{machine['cores']} cores of {machine['cpu']}"
    return f", on {machine['gpu'] or cores}"
