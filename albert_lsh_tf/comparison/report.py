"""What a comparison came to: mean and spread over seeds, as Markdown and JSON.

Imports no TensorFlow.
"""

import collections
import dataclasses
import json
import pathlib
import re
import statistics
from collections.abc import Sequence
from typing import Any

from albert_lsh_tf.comparison.plan import Comparison, PlannedRun
from albert_lsh_tf.comparison.run import read_result
from albert_lsh_tf.embedded import EMBEDDED_MODEL_NAME
from albert_lsh_tf.errors import InputError

# Percentages in the tables, but for errors and losses.
_PLAIN = ("MSE", "loss")
# Scores of SQuAD 2.0 that say little in a table.
_LEFT_OUT = re.compile("step|.*thresh.*")


@dataclasses.dataclass(frozen=True)
class Cell:
    """One task with one variant, over the seeds that are finished.

    Attributes:
      seeds: those that are finished, in order.
      scores: metric to one value a seed, in order; shares, or for SQuAD percentages.
      seconds_per_step: one value a seed; None where nothing was trained.
      peak_memory_mib: one value a seed.
      machines: what the runs were made on, one description a seed.
      answering: seconds that the network took to answer all questions, with the time
        to compile it, their number, and the windows over their texts, one dict a seed;
        none for classification.
    """

    seeds: list[int]
    scores: dict[str, list[float]]
    seconds_per_step: list[float | None]
    peak_memory_mib: list[float]
    machines: list[str]
    answering: list[dict[str, float]]

    @property
    def main_score(self) -> str:
        """The score that stands for the others: F1 of questions, else the first."""
        return "f1" if self.answering else next(iter(self.scores))

    def percentages(self, score: str) -> list[float]:
        """A score of each seed, in percent; errors and losses as they are."""
        if score in _PLAIN or self.answering:
            return self.scores[score]
        return [100 * value for value in self.scores[score]]


def collect(
    comparison: Comparison, output_dir: str | pathlib.Path
) -> dict[tuple[str, str], Cell]:
    """The finished runs, by task and variant; cells without any are left out.

    Raises:
      InputError: a run has other settings than the plan, or other weights than the runs
        that began with those of the same name.
    """
    cells = {}
    weights = {}
    for task in comparison.tasks:
        for variant in comparison.variants:
            runs = comparison.runs_of(task, variant)
            found = {run.config.seed: read_result(run, output_dir) for run in runs}
            found = {seed: result for seed, result in found.items() if result}
            for run in runs:
                if run.config.seed in found:
                    _require_same_weights(run, found[run.config.seed], weights)
            if found:
                cells[task, variant] = _cell(list(found), list(found.values()))
    return cells


def _require_same_weights(
    run: PlannedRun, result: dict[str, Any], seen: dict[str, tuple[str, PlannedRun]]
) -> None:
    """Refuses runs from weights that changed, under one name, between them.

    Args:
      run: finished.
      result: what `read_result` gives.
      seen: name of weights to their hash, and the first run that began with them; this
        one is added.
    """
    name = run.config.named_weights or EMBEDDED_MODEL_NAME
    mine = result["weights_sha256"]
    theirs, first = seen.setdefault(name, (mine, run))
    if mine != theirs:
        raise InputError(
            f"{run.folder} and {first.folder} began with different weights, both named "
            f"{name}; delete the folder of the older, and it is made again."
        )


def _cell(seeds: list[int], results: list[dict[str, Any]]) -> Cell:
    names = [name for name in results[0]["best"] if not _LEFT_OUT.fullmatch(name)]
    return Cell(
        seeds=seeds,
        scores={name: [result["best"][name] for result in results] for name in names},
        seconds_per_step=[result["seconds_per_step"] for result in results],
        # Of the busiest device; where there is no GPU, of the process.
        peak_memory_mib=[
            max(v for n, v in result["peak_memory_mib"].items() if n != "host")
            if len(result["peak_memory_mib"]) > 1
            else result["peak_memory_mib"]["host"]
            for result in results
        ],
        machines=[_described(result["machine"]) for result in results],
        answering=[r["answering"] for r in results if r.get("answering")],
    )


def _described(machine: dict[str, Any]) -> str:
    if machine["gpu"]:
        return machine["gpu"]
    cores = f"{n} cores" if (n := machine["cores"]) > 1 else "a core"
    instructions = f" ({name})" if (name := machine["instructions"]) else ""
    return f"{cores} of {machine['cpu']}{instructions}"


def to_markdown(comparison: Comparison, cells: dict[tuple[str, str], Cell]) -> str:
    """A table for every task: scores, and time and memory where they can be compared.

    Time and memory are those of one kind of machine, on which most variants of the
    table have a run, the first among them; the others have none. Where there is no such
    machine, they are left out. The difference to the first variant is that of the main
    score, of runs with the same seed: they see the same batches.
    """
    lines = []
    for task in comparison.tasks:
        found = {v: cells[task, v] for v in comparison.variants if (task, v) in cells}
        if found:
            measured_on = _machine_of_most(list(found.values()))
            table = _table(found, comparison.variants[0], measured_on)
            lines += [f"### {task}", "", *table, ""]
            machines = {machine for cell in found.values() for machine in cell.machines}
            line = f"Made on {' and '.join(sorted(machines))}"
            if measured_on and len(machines) > 1:
                line += f"; time and memory are of runs on {measured_on}"
            lines += [f"{line}.", ""]
    return "\n".join(lines)


def _machine_of_most(cells: Sequence[Cell]) -> str | None:
    """The kind of machine on which the first cell has a run, and most others have.

    Args:
      cells: of a table.

    Returns:
      The kind; of several the one with most runs. None where there are other cells, and
      none of them can be compared with the first.
    """
    counts = [collections.Counter(cell.machines) for cell in cells]

    def cells_and_runs(machine: str) -> tuple[int, int]:
        return sum(machine in c for c in counts), sum(c[machine] for c in counts)

    machine = max(sorted(counts[0]), key=cells_and_runs)
    compared = cells_and_runs(machine)[0]
    return machine if compared > 1 or len(cells) == 1 else None


def _table(found: dict[str, Cell], first: str, measured_on: str | None) -> list[str]:
    """Lines of the table of one task.

    Args:
      found: its cells, by variant.
      first: the variant that others are compared with.
      measured_on: the machine whose runs tell time and memory; None: they are left out.
    """
    rows = {variant: {"seeds": str(len(cell.seeds))} for variant, cell in found.items()}
    for variant, cell in found.items():
        row = rows[variant]
        row |= {name: _spread(name, cell.percentages(name)) for name in cell.scores}
        if first in found and len(found) > 1:
            name = f"{cell.main_score} − {first}"
            row[name] = "" if variant == first else _difference(cell, found[first])
        if cell.answering:
            row["windows"] = f"{cell.answering[0]['windows']:,}"
        if measured_on:
            row |= _costs(cell, measured_on)
    columns = ["attention", *next(iter(rows.values()))]
    lines = [
        f"| {' | '.join(columns)} |",
        "| --- " + "| ---: " * len(columns[1:]) + "|",
    ]
    for variant, row in rows.items():
        lines.append(f"| {variant} | {' | '.join(row.values())} |")
    return lines


def _costs(cell: Cell, machine: str) -> dict[str, str]:
    """Medians of time, and the highest memory, of the runs on one kind of machine.

    Empty words where there is none on it.
    """
    values = {"MiB": (cell.peak_memory_mib, max, ",.0f")}
    if cell.answering:
        seconds = [a["seconds"] / a["questions"] for a in cell.answering]
        values = {"s/question": (seconds, statistics.median, ".3g"), **values}
    if None not in cell.seconds_per_step:
        seconds = cell.seconds_per_step
        values = {"s/step": (seconds, statistics.median, ".3g"), **values}
    there = [n for n, name in enumerate(cell.machines) if name == machine]
    return {
        name: format(of_several([each[n] for n in there]), digits) if there else ""
        for name, (each, of_several, digits) in values.items()
    }


def _difference(cell: Cell, first: Cell) -> str:
    """Mean and deviation over the seeds of both, such as "-1.2 ± 0.6"; may be empty."""
    score = cell.main_score
    mine, theirs = (
        dict(zip(each.seeds, each.percentages(score), strict=True))
        for each in (cell, first)
    )
    values = [mine[seed] - theirs[seed] for seed in mine if seed in theirs]
    if not values:
        return ""
    text = f"{statistics.mean(values):+.1f}"
    return f"{text} ± {statistics.stdev(values):.1f}" if len(values) > 1 else text


def to_json(cells: dict[tuple[str, str], Cell]) -> str:
    """Everything that the tables are made of, one value a seed."""
    content = [
        {"task": task, "variant": variant, **dataclasses.asdict(cell)}
        for (task, variant), cell in cells.items()
    ]
    return json.dumps(content, indent=2) + "\n"


def _spread(metric: str, values: list[float]) -> str:
    """Mean, standard deviation and median, such as "81.2 ± 0.6 (81.0)"."""
    digits = 3 if metric in _PLAIN else 1
    text = f"{statistics.mean(values):.{digits}f}"
    if len(values) > 1:
        text += f" ± {statistics.stdev(values):.{digits}f}"
        text += f" ({statistics.median(values):.{digits}f})"
    return text
