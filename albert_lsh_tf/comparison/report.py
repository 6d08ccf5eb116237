"""What a comparison came to: mean and spread over seeds, as Markdown and JSON.

Imports no TensorFlow.
"""

import dataclasses
import json
import pathlib
import re
import statistics
from typing import Any

from albert_lsh_tf.comparison.plan import Comparison
from albert_lsh_tf.comparison.run import read_result

# Percentages in the tables, but for errors and losses.
_PLAIN = ("MSE", "loss")
# Scores of SQuAD 2.0 that say little in a table.
_LEFT_OUT = re.compile("step|.*thresh.*")


@dataclasses.dataclass(frozen=True)
class Cell:
    """One task with one variant, over the seeds that are finished.

    Attributes:
      scores: metric to one value a seed, in order; shares, or for SQuAD percentages.
      seconds_per_step: one value a seed; None where nothing was trained.
      peak_memory_mib: one value a seed.
      machines: what the runs were made on, one description a seed.
      answering: seconds that the network took to answer all questions, with the time
        to compile it, and the windows over their texts, one dict a seed; none for
        classification.
    """

    scores: dict[str, list[float]]
    seconds_per_step: list[float | None]
    peak_memory_mib: list[float]
    machines: list[str]
    answering: list[dict[str, float]]

    @property
    def num_seeds(self) -> int:
        return len(self.seconds_per_step)

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
    """The finished runs, by task and variant; cells without any are left out."""
    cells = {}
    for task in comparison.tasks:
        for variant in comparison.variants:
            runs = comparison.runs_of(task, variant)
            results = [read_result(run, output_dir) for run in runs]
            results = [result for result in results if result is not None]
            if results:
                cells[task, variant] = _cell(results)
    return cells


def _cell(results: list[dict[str, Any]]) -> Cell:
    names = [name for name in results[0]["best"] if not _LEFT_OUT.fullmatch(name)]
    return Cell(
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

    They are left out of a table whose runs were made on several kinds of machine.
    """
    lines = []
    for task in comparison.tasks:
        found = {v: cells[task, v] for v in comparison.variants if (task, v) in cells}
        if not found:
            continue
        machines = {machine for cell in found.values() for machine in cell.machines}
        is_same = len(machines) == 1
        rows = {variant: _row(cell, is_same) for variant, cell in found.items()}
        columns = ["attention", *next(iter(rows.values()))]
        lines += [f"### {task}", "", f"| {' | '.join(columns)} |"]
        lines.append("| --- " + "| ---: " * (len(columns) - 1) + "|")
        for variant, row in rows.items():
            lines.append(f"| {variant} | {' | '.join(row.values())} |")
        lines += ["", f"Made on {' and '.join(sorted(machines))}.", ""]
    return "\n".join(lines)


def _row(cell: Cell, with_costs: bool) -> dict[str, str]:
    """Columns of a table, without the first."""
    row = {
        "seeds": str(cell.num_seeds),
        **{name: _spread(name, cell.percentages(name)) for name in cell.scores},
    }
    if cell.answering:
        row["windows"] = f"{cell.answering[0]['windows']:,}"
    if not with_costs:
        return row
    if None not in cell.seconds_per_step:
        row["s/step"] = f"{statistics.median(cell.seconds_per_step):.3g}"
    if cell.answering:
        seconds = statistics.median(each["seconds"] for each in cell.answering)
        row["s to answer"] = f"{seconds:,.0f}"
    return {**row, "MiB": f"{max(cell.peak_memory_mib):,.0f}"}


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
