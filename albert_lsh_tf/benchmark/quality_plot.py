"""Draws the error of LSH attention over what it computes."""

import pathlib
from collections.abc import Sequence

from matplotlib.figure import Figure

from albert_lsh_tf.benchmark.plots import COLOURS, tidy
from albert_lsh_tf.benchmark.quality import Quality


def plot_quality(
    qualities: Sequence[Quality], length: int, path: str | pathlib.Path
) -> None:
    """Draws the relative error of LSH attention over its logits per query.

    Args:
      qualities: one for each budget, of `quality_over_budget`.
      length: tokens of the sequences.
      path: PNG file.
    """
    figure = Figure(figsize=(7.5, 5), dpi=150, layout="constrained")
    figure.get_layout_engine().set(w_pad=0.12, h_pad=0.08)
    axes = figure.add_subplot()
    ordered = sorted(qualities, key=lambda quality: quality.logits_per_query)
    logits = [quality.logits_per_query for quality in ordered]
    colour = COLOURS["lsh"]
    axes.plot(
        logits,
        [quality.mean_error for quality in ordered],
        color=colour,
        marker="^",
        markersize=7,
        linewidth=2,
        label="mean of the layers",
    )
    axes.fill_between(
        logits,
        [min(quality.errors) for quality in ordered],
        [max(quality.errors) for quality in ordered],
        color=colour,
        alpha=0.2,
        linewidth=0,
        label="best to worst layer",
    )
    axes.set_xscale("log")
    axes.set_xticks(logits, [f"{each:,.0f}" for each in logits])
    axes.minorticks_off()
    axes.set_ylim(bottom=0)
    axes.set_xlabel(f"logits per query, of {length:,} in dense attention", fontsize=11)
    axes.set_ylabel("relative error of the output", fontsize=11)
    tidy(axes)
    axes.legend(frameon=False, fontsize=11)
    axes.set_title(
        f"LSH attention's distance from dense attention, {length:,} tokens",
        loc="left",
        fontsize=12,
    )
    figure.savefig(path)
