"""Makes the runs of a comparison, and reads what they came to."""

import concurrent.futures
import json
import pathlib
import queue
import shutil
from collections.abc import Callable
from typing import Any

from albert_lsh_tf.comparison.own_process import RESULT_FILE, run_in_own_process
from albert_lsh_tf.comparison.plan import FILES, Comparison, PlannedRun
from albert_lsh_tf.comparison.shares import shares_of_machine
from albert_lsh_tf.config import ClassifierConfig
from albert_lsh_tf.errors import InputError
from albert_lsh_tf.tasks.squad.settings import FEATURES_FOLDER, SquadConfig

# What a finished run says of itself, beside its settings and what it came to.
_OF_A_RUN = ("machine", "weights_sha256")


def run_comparison(
    comparison: Comparison,
    output_dir: str | pathlib.Path,
    num_parallel_runs: int = 1,
    say: Callable[[str], None] = print,
) -> None:
    """Makes the runs that are not finished yet; the same call goes on after a kill.

    Of a finished run, scores, log and config stay; its checkpoints, and windows over
    texts, are deleted.

    Args:
      comparison: the runs.
      output_dir: holds a folder for each of them.
      num_parallel_runs: that are made side by side, each on an equal share of the CPU
        cores and GPUs. What more than one prints goes to a file beside its folder.
      say: takes a line for each run.

    Raises:
      InputError: a run cannot be made; a folder holds a run with other settings;
        there are fewer cores, or GPUs, than runs side by side. Runs that have begun
        are finished first.
    """
    output_dir = pathlib.Path(output_dir)
    shares = queue.SimpleQueue()
    for share in shares_of_machine(num_parallel_runs):
        shares.put(share)

    def make(number: int, run: PlannedRun) -> None:
        folder = output_dir / run.folder
        if read_result(run, output_dir) is None:
            share = shares.get()
            try:
                run_in_own_process(run, folder, share)
            finally:
                shares.put(share)
            _delete_what_is_large(folder)
        scores = _spelled(read_result(run, output_dir)["best"])
        say(f"[{number}/{len(comparison.runs)}] {run.folder}: {scores}")

    with concurrent.futures.ThreadPoolExecutor(num_parallel_runs) as pool:
        made = [pool.submit(make, n, run) for n, run in enumerate(comparison.runs, 1)]
        try:
            for each in concurrent.futures.as_completed(made):
                each.result()
        finally:
            pool.shutdown(cancel_futures=True)


def read_result(
    run: PlannedRun, output_dir: str | pathlib.Path
) -> dict[str, Any] | None:
    """What a finished run came to; None where it is not.

    Returns:
      What metrics.json has; `machine`, what it ran on, see `describe_machine`; and
      `weights_sha256`, of the weights that it began with.

    Raises:
      InputError: the folder holds a run with other settings, or one of an earlier
        version, which did not write all of this.
    """
    path = pathlib.Path(output_dir) / run.folder / RESULT_FILE
    if not path.exists():
        return None
    content = json.loads(path.read_text(encoding="utf-8"))
    if missing := [name for name in _OF_A_RUN if name not in content]:
        raise InputError(
            f"{path} has no {missing[0]}: an earlier version wrote it. Delete its "
            "folder, and the run is made again."
        )
    made = type(run.config).from_dict(content["config"], str(path))
    asked, made = _without_places(run.config), _without_places(made)
    if asked != made:
        changed = [name for name in asked if asked[name] != made.get(name)]
        raise InputError(
            f"{path.parent} holds a run with other settings ({', '.join(changed)}); "
            "delete it, or give another output_dir."
        )
    return {**content["result"], **{name: content[name] for name in _OF_A_RUN}}


def _without_places(config: ClassifierConfig | SquadConfig) -> dict[str, Any]:
    """Settings without folders: where data lie does not change what they teach."""
    settings = config.to_dict()
    settings.pop("data_dir", None)  # The name of the task says which data.
    for name in FILES:
        path = settings.get(name)
        if isinstance(path, list | tuple):
            settings[name] = [pathlib.PurePath(each).name for each in path]
        elif path:
            settings[name] = pathlib.PurePath(path).name
    return settings


def _spelled(scores: dict[str, float]) -> str:
    return "  ".join(f"{n} {value:.4f}" for n, value in scores.items() if n != "step")


def _delete_what_is_large(folder: pathlib.Path) -> None:
    for name in ("best", FEATURES_FOLDER):
        shutil.rmtree(folder / name, ignore_errors=True)
    for file in [*folder.glob("ckpt-*"), *folder.glob("checkpoint")]:
        file.unlink()
