"""A run of a comparison in its own process. Imports no TensorFlow before that."""

import json
import multiprocessing
import multiprocessing.connection
import os
import pathlib
import sys
import threading
from typing import Any

from albert_lsh_tf.comparison.plan import PlannedRun
from albert_lsh_tf.comparison.shares import Share
from albert_lsh_tf.data.manifest import atomic_file
from albert_lsh_tf.errors import InputError
from albert_lsh_tf.tasks.squad.settings import SquadConfig

RESULT_FILE = "comparison.json"  # In a run's folder, once it is finished.


def run_in_own_process(
    run: PlannedRun, folder: pathlib.Path, share: Share | None
) -> None:
    """Trains and evaluates; TensorFlow gives memory back only when a process ends.

    Args:
      run: what to train.
      folder: its output_dir, where RESULT_FILE is written last.
      share: of the machine; what is printed goes to a file beside the folder. None:
        all of it, and what is printed is shown.

    Raises:
      InputError: the run cannot be made, or its process failed or was killed. The line
        does not say which run that was.
    """
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    arguments = (run, str(folder), share, sender)
    process = context.Process(target=_train, args=arguments)
    process.start()
    sender.close()
    try:
        error = receiver.recv()
    except EOFError:
        process.join()
        error = _how_it_ended(process.exitcode, _output_file(folder) if share else None)
    finally:
        process.join()
    if error:
        raise InputError(error)


def _train(run: PlannedRun, folder: str, share: Share | None, sender: Any) -> None:
    """One run, in a new process; sends what was wrong, or None."""
    _end_with_parent()
    if share is not None:
        share.take()
        _print_to(_output_file(folder))
    # TensorFlow is for this process alone, and counts cores when it is imported.
    from albert_lsh_tf.checkpoints.sources import find_weights
    from albert_lsh_tf.machine import describe_machine
    from albert_lsh_tf.tasks.squad.training import train_and_answer
    from albert_lsh_tf.tasks.training import train_and_evaluate

    config = run.config
    try:
        weights = find_weights(config.named_weights, config.albert_config_file)
        weights_sha256 = weights.sha256()
        if isinstance(config, SquadConfig):
            results = train_and_answer(config, folder, do_train=run.do_train)
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
    content = {
        "config": config.to_dict(),
        "weights_sha256": weights_sha256,
        "machine": describe_machine(),
        "result": result,
    }
    write_result(folder, content)
    sender.send(None)


def write_result(folder: str | pathlib.Path, content: dict[str, Any]) -> None:
    """Writes RESULT_FILE as a whole: a run that is killed has none, or a whole one."""
    with atomic_file(pathlib.Path(folder) / RESULT_FILE) as path:
        path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _output_file(folder: str | pathlib.Path) -> pathlib.Path:
    """Where a run prints that has only a share of the machine."""
    return pathlib.Path(f"{folder}.txt")


def _how_it_ended(exit_code: int, output_file: pathlib.Path | None) -> str:
    if exit_code < 0:
        return (
            f"its process was killed by signal {-exit_code}; memory may have run out."
        )
    where = f"at the end of {output_file}" if output_file else "above"
    return f"its process failed; the reason is {where}."


def _end_with_parent() -> None:
    """A killed command leaves no training behind that nobody waits for."""
    parent = multiprocessing.parent_process()

    def wait() -> None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def _print_to(path: pathlib.Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab", buffering=0) as file:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
            os.dup2(file.fileno(), stream.fileno())
