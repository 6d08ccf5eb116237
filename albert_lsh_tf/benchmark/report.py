"""Samples to numbers: medians, ratios to the peer, a Markdown table and JSON.

Imports no TensorFlow.
"""

import dataclasses
import json
import pathlib
import statistics
from collections.abc import Iterable, Sequence
from typing import Any

from albert_lsh_tf.benchmark.points import KINDS, PEERS, Plan, Point, Work
from albert_lsh_tf.benchmark.samples import Sample

median = statistics.median


@dataclasses.dataclass(frozen=True)
class Row:
    """One point over all its rounds.

    Attributes:
      point: what was measured.
      batch_size: sequences in a batch.
      status: "ok", or how it failed in any round.
      message: why.
      seconds: of a step: the median over the rounds of each round's median.
      fastest: seconds of the fastest timed step of all rounds.
      slowest: and of the slowest.
      peak_mib: the highest of all rounds.
      time_ratio: the median over the rounds of this point's median divided by the
        peer's in the same round.
      memory_ratio: `peak_mib` divided by the peer's.
      samples: what all this comes from.
    """

    point: Point
    batch_size: int
    status: str
    message: str | None = None
    seconds: float | None = None
    fastest: float | None = None
    slowest: float | None = None
    peak_mib: float | None = None
    time_ratio: float | None = None
    memory_ratio: float | None = None
    samples: tuple[Sample, ...] = ()

    @property
    def microseconds_per_token(self) -> float | None:
        if self.seconds is None:
            return None
        return 1e6 * self.seconds / (self.batch_size * self.point.length)

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        values = {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)
            if field.name not in ("point", "samples")
        }
        samples = [sample.to_dict() for sample in self.samples]
        for sample in samples:
            del sample["point"], sample["machine"]
        return {
            **self.point.to_dict(),
            **values,
            "microseconds_per_token": self.microseconds_per_token,
            "samples": samples,
        }


@dataclasses.dataclass(frozen=True)
class Report:
    """All rows of a benchmark, and what they were measured with."""

    work: Work
    plan: Plan
    machine: dict[str, Any] | None
    peer: str | None
    rows: tuple[Row, ...]

    def of_mode(self, mode: str) -> list[Row]:
        return [row for row in self.rows if row.point.mode == mode]


def make_report(plan: Plan, work: Work, samples: Sequence[Sample]) -> Report:
    """Sums up a plan's samples; those of other points or rounds are left aside."""
    peer = next((kind for kind in PEERS if kind in plan.kinds), None)
    by_point: dict[Point, list[Sample]] = {point: [] for point in plan.points()}
    for sample in samples:
        if sample.round < plan.rounds and sample.point in by_point:
            by_point[sample.point].append(sample)
    alone = {
        point: make_row(point, work.batch_size(point.length), its_samples)
        for point, its_samples in by_point.items()
        if its_samples
    }
    rows = []
    for point, row in alone.items():
        its_peer = peer and alone.get(Point(peer, point.mode, point.length))
        rows.append(compare(row, its_peer) if its_peer else row)
    machines = (sample.machine for sample in samples if sample.machine)
    return Report(work, plan, next(machines, None), peer, tuple(rows))


def make_row(point: Point, batch_size: int, samples: Sequence[Sample]) -> Row:
    """A row without ratios. A point that failed once has no numbers."""
    row = Row(point, batch_size, status="ok", samples=tuple(samples))
    for sample in samples:
        if sample.status != "ok":
            return dataclasses.replace(
                row, status=sample.status, message=sample.message
            )
    all_seconds = [seconds for sample in samples for seconds in sample.seconds]
    peaks = [sample.peak_mib for sample in samples if sample.peak_mib is not None]
    return dataclasses.replace(
        row,
        seconds=median(median(sample.seconds) for sample in samples),
        fastest=min(all_seconds),
        slowest=max(all_seconds),
        peak_mib=max(peaks, default=None),
    )


def compare(row: Row, peer: Row) -> Row:
    """Adds the ratios, where both have numbers.

    Time is compared round by round: what slowed the machine down during one round
    slowed both.
    """
    if "ok" != row.status or "ok" != peer.status:
        return row
    peers = {sample.round: median(sample.seconds) for sample in peer.samples}
    ratios = [
        median(sample.seconds) / peers[sample.round]
        for sample in row.samples
        if sample.round in peers
    ]
    return dataclasses.replace(
        row,
        time_ratio=median(ratios) if ratios else None,
        memory_ratio=(
            row.peak_mib / peer.peak_mib if row.peak_mib and peer.peak_mib else None
        ),
    )


def to_markdown(report: Report) -> str:
    """The whole report: what was measured, on what, and a table for each mode."""
    work = report.work
    lines = ["# Benchmark", ""]
    if report.machine:
        machine = report.machine
        where = machine["gpu"] or f"{machine['cpu']}, {machine['cores']} cores"
        lines += [
            f"{where}, {machine['memory_gib']} GiB of memory, {machine['system']}, "
            f"Python {machine['python']}, TensorFlow {machine['tensorflow']}.",
            "",
        ]
    lines += [
        f"{work.layers} shared layers, width {work.hidden_size}, {work.num_heads} "
        f"heads, feed-forward {4 * work.hidden_size}, {work.mixed_precision}, no "
        f"dropout{', XLA' if work.xla else ''}"
        f"{f', {work.threads} threads' if work.threads else ''}; "
        f"{work.tokens} tokens a batch; {work.repeats} timed steps in each of "
        f"{report.plan.rounds} rounds.",
    ]
    for mode in report.plan.modes:
        if rows := report.of_mode(mode):
            lines += ["", f"## {mode.capitalize()}", "", *_table(rows, report.peer)]
    return "\n".join(lines) + "\n"


def _table(rows: Iterable[Row], peer: str | None) -> list[str]:
    header = ["tokens", "batch", "encoder", "s / step", "fastest - slowest"]
    header += ["µs / token", "peak MiB"]
    if peer:
        header += [f"time ÷ {KINDS[peer]}", f"memory ÷ {KINDS[peer]}"]
    lines = [header, ["---:", "---:", "---"] + ["---:"] * (len(header) - 3)]
    for row in rows:
        spread = "-"
        if row.seconds is not None:
            spread = f"{row.fastest:.3f} - {row.slowest:.3f}"
        cells = [
            str(row.point.length),
            str(row.batch_size),
            row.point.label,
            _number(row.seconds, 3) if row.status == "ok" else row.status,
            spread,
            _number(row.microseconds_per_token, 1),
            _number(row.peak_mib, 0),
        ]
        if peer:
            cells += [_number(row.time_ratio, 2), _number(row.memory_ratio, 2)]
        lines.append(cells)
    return [f"| {' | '.join(cells)} |" for cells in lines]


def _number(value: float | None, decimals: int) -> str:
    return "-" if value is None else f"{value:.{decimals}f}"


def write_report(report: Report, output_dir: str | pathlib.Path) -> None:
    """Writes results.md, results.json and a picture for each mode."""
    # Matplotlib takes a while to import; who only reads numbers does without.
    from albert_lsh_tf.benchmark import plots

    folder = pathlib.Path(output_dir)
    values = {
        "machine": report.machine,
        "work": report.work.to_dict(),
        "plan": report.plan.to_dict(),
        "peer": report.peer,
        "points": [row.to_dict() for row in report.rows],
    }
    text = json.dumps(values, indent=2) + "\n"
    (folder / "results.json").write_text(text, encoding="utf-8")
    (folder / "results.md").write_text(to_markdown(report), encoding="utf-8")
    for mode in report.plan.modes:
        if report.of_mode(mode):
            plots.plot_mode(report, mode, folder / f"{mode}.png")
