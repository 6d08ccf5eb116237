"""What command-line tools print, and what they keep quiet. Imports no TensorFlow."""

import contextlib
import logging
import os
import re
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence

from albert_lsh_tf.errors import InputError, is_disk_full

HELP_FLAGS = frozenset(("-h", "--help", "-help", "--helpfull"))


def quiet_tensorflow() -> None:
    """Turns start-up noise off; before TensorFlow is imported.

    Whoever wants to see it sets TF_CPP_MIN_LOG_LEVEL=0.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
    if not sys.warnoptions:
        warnings.simplefilter("ignore")
    for name in ("absl", "tensorflow"):
        logging.getLogger(name).setLevel(logging.ERROR)


def say(line: str) -> None:
    """Prints a line of what goes on, at once."""
    print(line, flush=True)


def run_command(
    argv: Sequence[str] | None,
    help_text: Callable[[], str],
    command: Callable[[list[str]], None],
) -> None:
    """Runs a command, or prints its help page; errors and warnings are one line each.

    Args:
      argv: without the program's name; None: that of the process.
      help_text: gives the page, for --help among the arguments.
      command: takes the arguments.

    Raises:
      SystemExit: with a status other than 0, after one line on stderr, where the user
        has to mend something.
    """
    argv = sys.argv[1:] if argv is None else list(argv)
    if not HELP_FLAGS.isdisjoint(argv):
        print(help_text(), end="")
        return
    with errors_in_one_line(), warnings_in_one_line():
        command(argv)


@contextlib.contextmanager
def warnings_in_one_line() -> Iterator[None]:
    """Shows the package's own warnings as "warning: ..." on stderr, and only so."""
    logger = logging.getLogger("albert_lsh_tf")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("warning: %(message)s"))
    logger.addHandler(handler)
    propagated, logger.propagate = logger.propagate, False
    try:
        yield
    finally:
        logger.propagate = propagated
        logger.removeHandler(handler)


@contextlib.contextmanager
def errors_in_one_line() -> Iterator[None]:
    """Ends the program with "error: ..." and status 1 for what the user can mend.

    Mistakes of the program itself keep their traceback.
    """
    try:
        yield
    except KeyboardInterrupt:
        _fail("interrupted; the same command goes on from the last checkpoint.", 130)
    except Exception as error:
        line = _explain(error)
        if line is None:
            raise
        _fail(line, 1)


@contextlib.contextmanager
def when_interrupted(outcome: str) -> Iterator[None]:
    """Ends the program with "error: interrupted; ..." and status 130 at Ctrl-C.

    Args:
      outcome: what is there now, or what the same command does.
    """
    try:
        yield
    except KeyboardInterrupt:
        _fail(f"interrupted; {outcome}", 130)


def _fail(line: str, status: int) -> None:
    print(f"error: {line}", file=sys.stderr)
    raise SystemExit(status)


def _explain(error: Exception) -> str | None:
    """One line for an error that is not the program's; None for one that is."""
    text = " ".join(str(error).split())
    if isinstance(error, InputError):
        return text
    is_tensorflows = type(error).__module__.startswith("tensorflow.")
    if is_disk_full(error):
        # TensorFlow writes "FILE; No space left on device".
        named = re.search(r"(\S+); No space left", text)
        where = getattr(error, "filename", None) or (named and named[1])
        return (
            f"the disk is full{f' ({where})' if where else ''}. Free some space, and "
            "give the same command again: it goes on from the last checkpoint."
        )
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror}."
    name = type(error).__name__
    if is_tensorflows and name == "PermissionDeniedError":
        return (
            f"{getattr(error, 'message', text)}; give a folder that you may write to."
        )
    if is_tensorflows and name == "ResourceExhaustedError":
        return (
            "out of memory. Lower train_batch_size, eval_batch_size, "
            "predict_batch_size or max_seq_length; the same command with them goes on "
            "from the last checkpoint."
        )
    if is_tensorflows and name == "DataLossError":
        return (
            f"a file is damaged or was cut off ({text[:200]}); make or copy it again."
        )
    if is_tensorflows and name in ("UnavailableError", "AbortedError"):
        return (
            "another worker cannot be reached. Give the same command to all workers "
            "again: they go on from the last checkpoint."
        )
    return None
