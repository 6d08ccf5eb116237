"""Puts finished runs side by side: a Markdown table, and their loss curves.

    python -m albert_lsh_tf.benchmark.compare_runs runs/dense runs/lsh --plot loss.png

Reads what a run of any kind leaves: config.yaml, metrics.json, training_log.jsonl.
"""

import argparse
import dataclasses
import json
import pathlib
from collections.abc import Sequence

from albert_lsh_tf.config import RunConfig
from albert_lsh_tf.errors import InputError


@dataclasses.dataclass(frozen=True)
class FinishedRun:
    """One run folder.

    Attributes:
      folder: as it was given.
      config: as resolved.
      best: dev metrics of the best checkpoint, and its `step`.
      seconds_per_step: median over training.
      peak_memory_mib: of the process, or of the busiest GPU where there is one.
      losses: (step, training loss), averaged over a few steps each.
    """

    folder: str
    config: RunConfig
    best: dict[str, float]
    seconds_per_step: float
    peak_memory_mib: float
    losses: list[tuple[int, float]]

    @property
    def label(self) -> str:
        """Attention and length, the two things that comparisons are about."""
        attention = self.config.attention
        kind = attention if isinstance(attention, str) else "mixed"
        if kind == "lsh" and self.config.lsh_or_recommended.share_query_key:
            kind = "lsh, shared query-key"
        return f"{kind}, {self.config.max_seq_length} tokens"


def read_run(folder: str | pathlib.Path) -> FinishedRun:
    """Reads a run folder.

    Args:
      folder: output_dir of a run that was trained and evaluated.

    Returns:
      The run.

    Raises:
      InputError: a file is missing, or the run was not trained and evaluated.
    """
    folder = pathlib.Path(folder)
    config = RunConfig.of_any_run(folder / "config.yaml")
    try:
        metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
        log = (folder / "training_log.jsonl").read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise InputError(
            f"{error.filename}: no such file; {folder} holds no finished run. Train "
            "and evaluate it first."
        ) from error
    entries = [json.loads(line) for line in log.splitlines()]
    if not metrics["best"]:
        raise InputError(f"{folder} was not evaluated; run it again with --do_eval.")
    peaks = dict(metrics["peak_memory_mib"])
    host = peaks.pop("host")
    return FinishedRun(
        folder=str(folder),
        config=config,
        best=metrics["best"],
        seconds_per_step=metrics["seconds_per_step"],
        peak_memory_mib=max(peaks.values(), default=host),
        losses=[(entry["step"], entry["loss"]) for entry in entries if "loss" in entry],
    )


def labels(runs: Sequence[FinishedRun]) -> list[str]:
    """A label for each run; those that would be equal have the folder added."""
    short = [run.label for run in runs]
    return [
        f"{label} ({run.folder})" if short.count(label) > 1 else label
        for run, label in zip(runs, short, strict=True)
    ]


def table(runs: Sequence[FinishedRun]) -> str:
    """A Markdown table with a line for each run."""
    names = [name for name in runs[0].best if name not in ("step", "loss")]
    header = ["run", *names, "best step", "last loss", "s / step", "peak MiB"]
    lines = [header, ["---"] * len(header)]
    for run, label in zip(runs, labels(runs), strict=True):
        scores = [f"{run.best[name]:.4f}" for name in names]
        last_losses = [loss for _, loss in run.losses[-5:]]
        lines.append(
            [
                label,
                *scores,
                str(run.best["step"]),
                f"{sum(last_losses) / len(last_losses):.3f}",
                f"{run.seconds_per_step:.3f}",
                f"{run.peak_memory_mib:.0f}",
            ]
        )
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def plot_losses(runs: Sequence[FinishedRun], path: str | pathlib.Path) -> None:
    """Draws the training losses of all runs into one picture."""
    # Matplotlib takes a while to import; the table does without.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.5), dpi=120, layout="constrained")
    axes = figure.add_subplot()
    for run, label in zip(runs, labels(runs), strict=True):
        steps, losses = zip(*run.losses, strict=True)
        axes.plot(steps, losses, label=label, linewidth=1.2)
    axes.set_xlabel("step")
    axes.set_ylabel("loss")
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    axes.set_title("Training loss")
    figure.savefig(path)


def main(argv: Sequence[str] | None = None) -> None:
    """Reads the command line, prints the table and draws the picture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", help="output_dir of each run")
    parser.add_argument("--plot", help="PNG file for the loss curves")
    arguments = parser.parse_args(argv)
    try:
        runs = [read_run(folder) for folder in arguments.folders]
    except InputError as error:
        parser.exit(1, f"error: {error}\n")
    print(table(runs), end="")
    if arguments.plot:
        plot_losses(runs, arguments.plot)


if __name__ == "__main__":
    main()
