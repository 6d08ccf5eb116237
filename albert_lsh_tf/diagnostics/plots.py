"""Draws a diagnosis: error by layer and head, and what more logits bring."""

import math
import pathlib
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.image import AxesImage
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator

from albert_lsh_tf.diagnostics.diagnosis import Diagnosis, SettingDiagnosis

# Okabe and Ito's blue and vermilion; heat maps in cividis. The colour-blind can tell
# both apart.
_BLUE, _VERMILION, _GREY = "#0072B2", "#D55E00", "#666666"
_COLOURS = "cividis"
_MAPS_A_ROW = 4
_WIDTH = 13.0  # Inches, as all lengths here.
# Numbers in narrower cells could not be read.
_LEAST_NUMBERED_CELL = 0.5
_CELL_HEIGHT = 0.26


def plot_diagnosis(diagnosis: Diagnosis, path: str | pathlib.Path) -> None:
    """Draws heat maps of the output error, and error and cosine over logits per query.

    Args:
      diagnosis: what to draw.
      path: PNG file.
    """
    num_layers, _ = diagnosis.settings[0].error.shape
    num_rows = -(-len(diagnosis.settings) // _MAPS_A_ROW)
    maps_height = 0.4 + num_rows * (1.4 + _CELL_HEIGHT * min(max(num_layers, 5), 24))
    curves_height = 4.2
    figure = Figure(
        figsize=(_WIDTH, maps_height + curves_height + 0.7),
        dpi=150,
        layout="constrained",
    )
    figure.get_layout_engine().set(w_pad=0.12, h_pad=0.08)
    figure.suptitle(_title(diagnosis), fontsize=14, x=0.01, ha="left", linespacing=1.5)
    maps, curves = figure.subfigures(2, 1, height_ratios=(maps_height, curves_height))
    _draw_maps(maps, diagnosis, num_rows)
    error_axes, cosine_axes = curves.subplots(1, 2)
    _draw_errors(error_axes, diagnosis)
    _draw_cosines(cosine_axes, diagnosis)
    figure.savefig(path)


def _title(diagnosis: Diagnosis) -> str:
    title = "What LSH attention changes, next to the model's own dense attention"
    encoder = diagnosis.encoder.split(",")[0]
    subject = f"{diagnosis.num_tokens:,} tokens in sequences of {diagnosis.length:,}"
    return f"{title}\n{f'{encoder}, ' if encoder else ''}{subject}"


def _draw_maps(figure: SubFigure, diagnosis: Diagnosis, num_rows: int) -> None:
    settings = diagnosis.settings
    num_columns = min(len(settings), _MAPS_A_ROW)
    grid = figure.subplots(num_rows, num_columns, squeeze=False)
    greatest = max(setting.error.max() for setting in settings) or 1.0
    for axes, setting in zip(grid.flat, settings, strict=False):
        image = _draw_map(axes, setting, greatest, _WIDTH / num_columns)
    for axes in grid.flat[len(settings) :]:
        axes.set_visible(False)
    for axes in grid[:, 0]:
        axes.set_ylabel("layer", fontsize=11)
    figure.suptitle(
        "Relative error of each head's output", fontsize=12, x=0.01, ha="left"
    )
    bar = figure.colorbar(image, ax=grid, aspect=20 * num_rows, pad=0.01)
    bar.ax.tick_params(labelsize=11)
    bar.outline.set_visible(False)


def _draw_map(
    axes: Axes, setting: SettingDiagnosis, greatest: float, width: float
) -> AxesImage:
    num_layers, num_heads = setting.error.shape
    image = axes.imshow(
        setting.error, cmap=_COLOURS, vmin=0, vmax=greatest, aspect="auto"
    )
    axes.set_title(
        f"{setting.name}\n{setting.logits_per_query:,} logits per query",
        loc="left",
        fontsize=11,
    )
    axes.set_xlabel("head", fontsize=11)
    for axis, count, room in (
        (axes.xaxis, num_heads, int(3.2 * width)),
        (axes.yaxis, num_layers, 12),
    ):
        places = np.arange(0, count, math.ceil(count / room))
        axis.set_ticks(places, [str(place + 1) for place in places])
    axes.tick_params(length=0, labelsize=10)
    axes.spines[:].set_visible(False)
    if width / num_heads >= _LEAST_NUMBERED_CELL and num_layers <= 24:
        for (layer, head), error in np.ndenumerate(setting.error):
            # The upper part of the colour map is bright.
            colour = "black" if error > 0.6 * greatest else "white"
            text = f"{error:.3f}"
            axes.text(head, layer, text, ha="center", va="center", color=colour)
    return image


def _draw_errors(axes: Axes, diagnosis: Diagnosis) -> None:
    settings = _by_logits(diagnosis.settings)
    logits = [each.logits_per_query for each in settings]
    axes.vlines(
        logits,
        [each.error.min() for each in settings],
        [each.error.max() for each in settings],
        color=_BLUE,
        alpha=0.35,
        linewidth=7,
        label="least to greatest head of all layers",
    )
    means = [each.error.mean() for each in settings]
    _points(axes, settings, means, _BLUE, "mean")
    _name_points(axes, settings, means, (10, 0))
    # Room for the legend above the highest bar.
    axes.set_ylim(0, 1.25 * max(0.004, *(each.error.max() for each in settings)))
    axes.set_title("Relative error of attention's output", loc="left", fontsize=12)
    _finish(axes, diagnosis, settings)
    axes.legend(frameon=False, fontsize=11, loc="upper right", ncols=2)


def _draw_cosines(axes: Axes, diagnosis: Diagnosis) -> None:
    settings = _by_logits(diagnosis.settings)
    last = [each.cosine[-1] for each in settings]
    worst = [each.cosine.min() for each in settings]
    _points(axes, settings, last, _BLUE, "last layer")
    if not np.allclose(worst, last, atol=1e-6):
        _points(axes, settings, worst, _VERMILION, "worst layer", marker="s")
    _name_points(axes, settings, last, (0, -15))
    # Less than a thousandth below 1 is nothing to magnify.
    depth = max(0.001, *(1 - cosine for cosine in worst))
    # Room for the legend below the lowest point.
    axes.set_ylim(1 - 1.25 * depth, 1 + 0.04 * depth)
    axes.yaxis.get_major_formatter().set_useOffset(False)
    axes.set_title(
        "Cosine of states to those with dense attention", loc="left", fontsize=12
    )
    _finish(axes, diagnosis, settings)
    axes.legend(frameon=False, fontsize=11, loc="lower right", ncols=2)


def _points(
    axes: Axes,
    settings: Sequence[SettingDiagnosis],
    values: Sequence[float],
    colour: str,
    label: str,
    marker: str = "o",
) -> None:
    """A point for each setting; a line joins those that differ in budget alone."""
    pairs = list(zip(settings, values, strict=True))
    for has_budget, line in ((True, "-"), (False, "")):
        chosen = [pair for pair in pairs if (pair[0].budget is not None) == has_budget]
        if chosen:
            axes.plot(
                [setting.logits_per_query for setting, _ in chosen],
                [value for _, value in chosen],
                color=colour,
                marker=marker,
                markersize=7,
                linestyle=line,
                linewidth=2,
                markerfacecolor=colour if has_budget else "white",
                markeredgewidth=2,
                label=label if has_budget or len(chosen) == len(pairs) else None,
                zorder=3,
                clip_on=False,
            )


def _name_points(
    axes: Axes,
    settings: Sequence[SettingDiagnosis],
    values: Sequence[float],
    offset: tuple[float, float],
) -> None:
    """Names the settings that are no budgets; the others stand on the axis."""
    for setting, value in zip(settings, values, strict=True):
        if setting.budget is None:
            axes.annotate(
                setting.name,
                (setting.logits_per_query, value),
                xytext=offset,
                textcoords="offset points",
                ha="left" if offset[0] else "center",
                va="center",
                fontsize=10,
                color=_GREY,
                zorder=4,
            )


def _finish(
    axes: Axes, diagnosis: Diagnosis, settings: Sequence[SettingDiagnosis]
) -> None:
    logits = sorted({setting.logits_per_query for setting in settings})
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator(logits))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlim(logits[0] / 1.25, logits[-1] * 1.25)
    axes.set_xticklabels(_labels_apart(logits))
    axes.set_xlabel(
        f"logits per query, of {diagnosis.length:,} in dense attention", fontsize=11
    )
    axes.yaxis.set_major_locator(MaxNLocator(6))
    axes.grid(axis="y", color="#dddddd", linewidth=0.8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=11)


def _labels_apart(logits: Sequence[int]) -> list[str]:
    """Labels of a logarithmic axis; none where it would touch the one before."""
    least_gap = 0.06 * math.log(1.25**2 * logits[-1] / logits[0])
    labels, last = [], 0.0
    for each in logits:
        is_apart = math.log(each) - last >= least_gap or not labels
        labels.append(f"{each:,}" if is_apart else "")
        last = math.log(each) if is_apart else last
    return labels


def _by_logits(settings: Sequence[SettingDiagnosis]) -> list[SettingDiagnosis]:
    return sorted(settings, key=lambda setting: setting.logits_per_query)
