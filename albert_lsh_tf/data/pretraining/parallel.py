"""Tasks for several processes, with one progress bar."""

import concurrent.futures
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

import tqdm

from albert_lsh_tf.errors import InputError

Task = TypeVar("Task")
Result = TypeVar("Result")
Advance = Callable[[int], None]

_SECONDS_BETWEEN_UPDATES = 0.5

_done: Any = None  # In a worker: the counter that all processes share.


def default_workers() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def run(
    function: Callable[[Task, Advance], Result],
    tasks: Sequence[Task],
    num_workers: int,
    total: int,
    unit: str,
    title: str,
) -> Iterator[tuple[Task, Result]]:
    """Does tasks, and shows a bar on stderr if that is a terminal.

    Args:
      function: does one task; its second argument is to be called with what has been
        done since the last call. Must be one that pickle takes, as must the tasks.
      tasks: what is to be done.
      num_workers: processes; 1: this one. Each is a fresh interpreter, so a script
        that calls this must be one that can be imported.
      total: what all tasks together have to do.
      unit: of `total`.
      title: what is done.

    Yields:
      Every task with its result, in the order in which they end.

    Raises:
      InputError: a process was killed. Errors of `function` pass.
    """
    num_workers = min(num_workers, len(tasks))
    with tqdm.tqdm(
        total=total,
        unit=unit,
        unit_scale=True,
        desc=title,
        dynamic_ncols=True,
        disable=None,
    ) as bar:
        if num_workers <= 1:
            for task in tasks:
                yield task, function(task, bar.update)
        else:
            yield from _run_in_processes(function, tasks, num_workers, bar)


def _run_in_processes(
    function: Callable[[Task, Advance], Result],
    tasks: Sequence[Task],
    num_workers: int,
    bar: tqdm.tqdm,
) -> Iterator[tuple[Task, Result]]:
    # Not forked: TensorFlow's threads would be missing in the copy.
    context = multiprocessing.get_context("spawn")
    done = context.Value("q", 0)
    pool = concurrent.futures.ProcessPoolExecutor(
        num_workers, context, initializer=_start_worker, initargs=(done,)
    )
    try:
        pending = {pool.submit(_do, function, task): task for task in tasks}
        while pending:
            ended, _ = concurrent.futures.wait(
                pending,
                _SECONDS_BETWEEN_UPDATES,
                return_when=concurrent.futures.FIRST_COMPLETED,
            )
            bar.update(done.value - bar.n)
            for future in ended:
                yield pending.pop(future), future.result()
    except BrokenProcessPool as error:
        raise InputError(
            "a process of the work was killed, perhaps since memory ran out; give the "
            "same command with a smaller num_workers: what is finished is kept."
        ) from error
    finally:
        # Not waited for: after an error, a task that is being done is of no use.
        for process in list((pool._processes or {}).values()):
            process.terminate()
        pool.shutdown(wait=True, cancel_futures=True)


def _do(function: Callable[[Task, Advance], Result], task: Task) -> Result:
    return function(task, _advance)


def _advance(amount: int) -> None:
    with _done.get_lock():
        _done.value += amount


def _start_worker(done: Any) -> None:
    global _done
    _done = done
    # The parent alone says that it was interrupted.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    threading.Thread(target=_die_with_parent, daemon=True).start()


def _die_with_parent() -> None:
    """Ends this process when its parent is killed; it would wait for work forever."""
    multiprocessing.parent_process().join()
    os._exit(1)
