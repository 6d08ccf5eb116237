"""Makes the runs of a comparison, each in a process of its own."""

import json
import multiprocessing
import pathlib
import shutil
from collections.abc import Callable
from typing import Any

from albert_lsh_tf.comparison.plan import FILES, Comparison, PlannedRun
from albert_lsh_tf.config import ClassifierConfig
from albert_lsh_tf.errors import InputError
from albert_lsh_tf.tasks.squad.settings import FEATURES_FOLDER, SquadConfig

RESULT_FILE = "comparison.json"  # In a run's folder, once it is finished.


def run_comparison(
    comparison: Comparison,
    output_dir: str | pathlib.Path,
    say: Callable[[str], None] = print,
) -> None:
    """Makes the runs that are not finished yet; the same call goes on after a kill.

    Of a finished run, scores, log and config stay; its checkpoints, and windows over
    texts, are deleted.

    Args:
      comparison: the runs.
      output_dir: holds a folder for each of them.
      say: takes a line for each run.

    Raises:
      InputError: a run cannot be made; a folder holds a run with other settings.
    """
    output_dir = pathlib.Path(output_dir)
    for number, run in enumerate(comparison.runs, start=1):
        folder = output_dir / run.folder
        name = f"[{number}/{len(comparison.runs)}] {run.folder}"
        result = read_result(run, output_dir)
        if result is None:
            _in_own_process(run, folder)
            result = read_result(run, output_dir)
            _delete_what_is_large(folder)
        best = result["best"]
        scores = "  ".join(
            f"{metric} {value:.4f}"
            for metric, value in best.items()
            if metric != "step"
        )
        say(f"{name}: {scores}")


def read_result(
    run: PlannedRun, output_dir: str | pathlib.Path
) -> dict[str, Any] | None:
    """What a finished run came to, as metrics.json has it; None where it is not.

    Raises:
      InputError: the folder holds a run with other settings.
    """
    path = pathlib.Path(output_dir) / run.folder / RESULT_FILE
    if not path.exists():
        return None
    content = json.loads(path.read_text(encoding="utf-8"))
    made = type(run.config).from_dict(content["config"], str(path))
    asked, made = _without_places(run.config), _without_places(made)
    if asked != made:
        changed = [name for name in asked if asked[name] != made.get(name)]
        raise InputError(
            f"{path.parent} holds a run with other settings ({', '.join(changed)}); "
            "delete it, or give another output_dir."
        )
    return content["result"]


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


def _in_own_process(run: PlannedRun, folder: pathlib.Path) -> None:
    """Trains and evaluates; TensorFlow gives memory back only when a process ends."""
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_train, args=(run.config, str(folder), sender))
    process.start()
    sender.close()
    try:
        error = receiver.recv()
    except EOFError:
        error = "its process was killed; memory may have run out."
    finally:
        process.join()
    if error:
        raise InputError(f"{run.folder}: {error}")


def _train(config: ClassifierConfig | SquadConfig, folder: str, sender: Any) -> None:
    """One run, in a new process; sends what was wrong, or None."""
    # TensorFlow is for this process alone.
    from albert_lsh_tf.tasks.squad.training import train_and_answer
    from albert_lsh_tf.tasks.training import train_and_evaluate

    try:
        if isinstance(config, SquadConfig):
            results = train_and_answer(config, folder)
        else:
            results = train_and_evaluate(config, folder, do_predict=False)
    except InputError as error:
        sender.send(str(error))
        return
    if results["best"] is None:
        sender.send("its predict_file has no answers to score; name one that has.")
        return
    keep = ("best", "seconds_per_step", "peak_memory_mib", "history", "answering")
    result = {name: results.get(name) for name in keep}
    content = {"config": config.to_dict(), "result": result}
    path = pathlib.Path(folder) / RESULT_FILE
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    sender.send(None)


def _delete_what_is_large(folder: pathlib.Path) -> None:
    for name in ("best", FEATURES_FOLDER):
        shutil.rmtree(folder / name, ignore_errors=True)
    for file in [*folder.glob("ckpt-*"), *folder.glob("checkpoint")]:
        file.unlink()
