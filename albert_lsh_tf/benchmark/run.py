"""Measures all points of a plan, each in processes of its own, and reports.

Imports no TensorFlow: this process waits.
"""

import json
import os
import pathlib
import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from albert_lsh_tf.benchmark import report
from albert_lsh_tf.benchmark.points import Plan, Point, Work
from albert_lsh_tf.benchmark.samples import Sample, SampleFile

_MODULE = "albert_lsh_tf.benchmark.measure"
# Folders of an absolute path: results get passed on, and say nothing about the disk.
_FOLDERS = re.compile(r"(?<![\w:.])/(?:[^\s/:'\"()]+/)+")


def run_benchmark(
    plan: Plan | None = None,
    work: Work | None = None,
    output_dir: str | pathlib.Path = "runs/benchmark",
    say: Callable[[str], None] = lambda line: None,
) -> report.Report:
    """Measures what has not been measured yet, and writes the report of all of it.

        run_benchmark(Plan(lengths=(512, 4096), kinds=("dense", "lsh")))

    Args:
      plan: which points, and how often; None: the defaults, which take hours on a CPU.
      work: what a step does; None: two layers of ALBERT base.
      output_dir: gets samples.jsonl, results.json, results.md and a picture for each
        mode. Samples that it has from an interrupted run of the same work are kept.
      say: called with a line about each sample.

    Returns:
      The report.

    Raises:
      InputError: the folder holds samples of other work or of another machine.
    """
    plan, work = plan or Plan(), work or Work()
    file = SampleFile(output_dir, work)
    schedule = plan.schedule()
    failed = set()
    for count, (number, point) in enumerate(schedule, start=1):
        if point in failed or file.has(point, number):
            continue
        sample = measure_in_process(point, number, work, plan.timeout)
        file.add(sample)
        if sample.status != "ok":
            failed.add(point)
        say(f"[{count}/{len(schedule)}] {point}, round {number + 1}: {told(sample)}")
    finished = report.make_report(plan, work, file.samples)
    report.write_report(finished, output_dir)
    return finished


def measure_in_process(point: Point, number: int, work: Work, timeout: float) -> Sample:
    """Starts `measure` for one point, and makes a sample of however it ends.

    Args:
      point: what to measure.
      number: the round.
      work: what a step does.
      timeout: seconds after which the process is ended.

    Returns:
      The sample. A process that fails gives one too.
    """
    task = json.dumps({"point": point.to_dict(), "work": work.to_dict()})
    try:
        finished = subprocess.run(
            [sys.executable, "-m", _MODULE, task],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
            env=_environment(),
        )
    except subprocess.TimeoutExpired:
        found = {
            "status": "timeout",
            "message": f"no result after {timeout:g} seconds",
        }
    else:
        found = read_outcome(finished.returncode, finished.stdout, finished.stderr)
    found["seconds"] = tuple(found.get("seconds", ()))
    if "message" in found:
        found["message"] = _FOLDERS.sub("", found["message"])
    return Sample(point=point, round=number, **found)


def read_outcome(status: int, printed: str, complaints: str) -> dict[str, Any]:
    """What a process of `measure` found, or why it did not.

    Args:
      status: its exit status, negative for a signal.
      printed: its stdout; the last line counts.
      complaints: its stderr.

    Returns:
      The fields of a `Sample` besides point and round.
    """
    if status == 0:
        return json.loads(printed.splitlines()[-1])
    if status == -9:
        return {
            "status": "out of memory",
            "message": "ended by signal 9, as systems do when memory runs out",
        }
    lines = [line.strip() for line in complaints.splitlines() if line.strip()]
    if any("bad_alloc" in line for line in lines):
        return {"status": "out of memory", "message": "std::bad_alloc"}
    message = lines[-1] if lines else "no message"
    return {"status": "error", "message": f"exit status {status}: {message}"}


def told(sample: Sample) -> str:
    """A sample in a few words."""
    if sample.status != "ok":
        return f"{sample.status} ({sample.message})"
    seconds = report.median(sample.seconds)
    memory = "" if sample.peak_mib is None else f", {sample.peak_mib:.0f} MiB"
    return f"{seconds:.3f} s{memory}"


def _environment() -> dict[str, str]:
    """This process's, made quiet, and with this very package first on the path."""
    root = str(pathlib.Path(__file__).parents[2])
    path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
    return {"TF_CPP_MIN_LOG_LEVEL": "3", **os.environ, "PYTHONPATH": path}
