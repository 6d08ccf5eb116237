"""Makes the runs of a comparison, and reads what they came to."""

import collections
import concurrent.futures
import json
import os
import pathlib
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from albert_lsh_tf.comparison.own_process import RESULT_FILE, run_in_own_process
from albert_lsh_tf.comparison.plan import FILES, Comparison, PlannedRun
from albert_lsh_tf.comparison.shares import Share, shares_of_machine
from albert_lsh_tf.config import ClassifierConfig
from albert_lsh_tf.embedded import EMBEDDED_MODEL_NAME
from albert_lsh_tf.errors import InputError
from albert_lsh_tf.tasks.squad.settings import FEATURES_FOLDER, SquadConfig

# What a finished run says of itself, beside its settings and what it came to.
_OF_A_RUN = ("machine", "weights_sha256")
# How names of weights begin that may be those of TF-Hub or Kaggle, and no paths.
_HANDLES = ("tensorflow/albert", "google/albert")


class FailedRunsError(InputError):
    """Some of the runs failed; all others are finished."""


def run_comparison(
    comparison: Comparison,
    output_dir: str | pathlib.Path,
    num_parallel_runs: int = 1,
    say: Callable[[str], None] = print,
) -> None:
    """Makes the runs that are not finished yet; the same call goes on after a kill.

    Where a run fails, or its weights are not there, the others are made all the same.
    Of a finished run, scores, log and config stay; its checkpoints, and windows over
    texts, are deleted.

    Args:
      comparison: the runs.
      output_dir: holds a folder for each of them.
      num_parallel_runs: that are made side by side, each on an equal share of the CPU
        cores and GPUs. What more than one prints goes to a file beside its folder.
      say: takes a line for each run, also for those that fail.

    Raises:
      FailedRunsError: after the last run, where some could not be made.
      InputError: before the first, where a folder holds a run with other settings, or
        one that cannot be read; or there are fewer cores, or GPUs, than runs side by
        side.
      OSError: a folder cannot be made, nor could those of other runs. Runs that have
        begun are finished first.
    """
    output_dir = pathlib.Path(output_dir)
    shares = shares_of_machine(num_parallel_runs)
    results = [read_result(run, output_dir) for run in comparison.runs]
    to_make, failures = {}, []
    for number, (run, result) in enumerate(
        zip(comparison.runs, results, strict=True), 1
    ):
        title = f"[{number}/{len(results)}] {run.folder}"
        if result is not None:
            say(f"{title}: {_spelled(result['best'])}")
        elif missing := _missing_weights(run):
            failures.append(f"{run.folder}: {missing}")
            say(f"{title}: failed: {missing}")
        else:
            to_make[title] = run
    for title, outcome in _outcomes(to_make, output_dir, shares):
        if isinstance(outcome, InputError):
            failures.append(f"{to_make[title].folder}: {outcome}")
            say(f"{title}: failed: {outcome}")
        else:
            say(f"{title}: {outcome}")
    if failures:
        raise FailedRunsError(
            f"{len(failures)} of {len(results)} runs failed; the same command makes "
            f"them again. The first: {failures[0]}"
        )


def _outcomes(
    runs: Mapping[str, PlannedRun],
    output_dir: pathlib.Path,
    shares: Sequence[Share | None],
) -> Iterator[tuple[str, str | InputError]]:
    """Makes runs side by side.

    Args:
      runs: in order, by title.
      output_dir: of the comparison.
      shares: of the machine, one for each run at a time.

    Yields:
      When a run ends, its title, and its scores or why it failed. After any other error
      no run is begun.
    """
    waiting, free = collections.deque(runs), collections.deque(shares)
    begun = {}
    with concurrent.futures.ThreadPoolExecutor(len(shares)) as pool:
        while waiting or begun:
            while waiting and free:
                title, share = waiting.popleft(), free.popleft()
                made = pool.submit(_make, runs[title], output_dir, share)
                begun[made] = title, share
            ended, _ = concurrent.futures.wait(
                begun, return_when=concurrent.futures.FIRST_COMPLETED
            )
            for made in ended:
                title, share = begun.pop(made)
                free.append(share)
                try:
                    outcome = made.result()
                except InputError as error:
                    outcome = error
                yield title, outcome


def _make(run: PlannedRun, output_dir: pathlib.Path, share: Share | None) -> str:
    """Makes one run; gives its scores."""
    folder = output_dir / run.folder
    # Here rather than in its process, for an OSError, which stops all runs.
    folder.mkdir(parents=True, exist_ok=True)
    run_in_own_process(run, folder, share)
    _delete_what_is_large(folder)
    return _spelled(read_result(run, output_dir)["best"])


def _missing_weights(run: PlannedRun) -> str | None:
    """What to tell of a run whose weights have a path where nothing is.

    What is there is looked at in the run's process: that takes TensorFlow.
    """
    name = run.config.named_weights
    if not name or name == EMBEDDED_MODEL_NAME:
        return None
    is_handle = "://" in name or name.lower().startswith(_HANDLES)
    path = os.path.expanduser(name)
    if is_handle or os.path.exists(path) or os.path.exists(f"{path}.index"):
        return None
    return (
        f"its weights, {name}, are not there; make them first, or leave out what "
        "begins with them."
    )


def read_result(
    run: PlannedRun, output_dir: str | pathlib.Path
) -> dict[str, Any] | None:
    """What a finished run came to; None where it is not.

    Returns:
      What metrics.json has; `machine`, what it ran on, see `describe_machine`; and
      `weights_sha256`, of the weights that it began with.

    Raises:
      InputError: the folder holds a run with other settings, one of an earlier version,
        which did not write all of this, or a file that is damaged.
    """
    path = pathlib.Path(output_dir) / run.folder / RESULT_FILE
    if not path.exists():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:  # No JSON, or not even text.
        raise InputError(
            f"{path} is damaged, or was cut off ({error}). Delete its folder, and the "
            "run is made again."
        ) from error
    needed = ("config", "result", *_OF_A_RUN)
    if missing := [name for name in needed if name not in content]:
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
