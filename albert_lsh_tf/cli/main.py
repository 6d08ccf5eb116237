"""`albert-lsh COMMAND`: one word for each tool. Imports no TensorFlow."""

import importlib
import sys
from collections.abc import Sequence

from albert_lsh_tf import __version__
from albert_lsh_tf.cli import messages
from albert_lsh_tf.config_io import nearest
from albert_lsh_tf.errors import InputError

# Each command: the module whose `main(argv)` it is, and one line about it.
COMMANDS = {
    "benchmark": (
        "albert_lsh_tf.cli.benchmark",
        "time and memory of LSH and dense attention next to Model Garden's",
    ),
    "compare": (
        "albert_lsh_tf.cli.compare",
        "the same fine-tuning with several kinds of attention, over several seeds",
    ),
    "convert": (
        "albert_lsh_tf.cli.convert",
        "weights in the formats of Google, Model Garden, Hugging Face and TF-Hub",
    ),
    "diagnose": (
        "albert_lsh_tf.cli.diagnose",
        "what LSH attention misses of a model's own attention, on real text",
    ),
    "export": (
        "albert_lsh_tf.cli.export",
        "an encoder as a SavedModel, with the interface of TF-Hub's ALBERT",
    ),
    "inspect": (
        "albert_lsh_tf.cli.inspect",
        "what a checkpoint, SavedModel or hub module holds, and whether it loads",
    ),
    "pretrain": (
        "albert_lsh_tf.cli.pretraining",
        "pre-training on masked words and sentence order, as run_pretraining.py",
    ),
    "pretraining-data": (
        "albert_lsh_tf.cli.pretraining_data",
        "masked examples of plain text; what create_pretraining_data.py makes",
    ),
    "vocab": (
        "albert_lsh_tf.cli.vocab",
        "a SentencePiece vocabulary as ALBERT's was, trained on your text",
    ),
}

_HELP = {*messages.HELP_FLAGS, "help"}


def main(argv: Sequence[str] | None = None) -> None:
    """Hands the command line to the command that its first word names.

    Args:
      argv: without the program's name; None: that of the process.

    Raises:
      SystemExit: with a status other than 0, after one line on stderr, where the user
        has to mend something.
    """
    argv = sys.argv[1:] if argv is None else list(argv)
    if argv and argv[0] in _HELP:
        print(help_text(), end="")
    elif argv == ["--version"]:
        print(f"albert-lsh {__version__}")
    else:
        with messages.errors_in_one_line():
            module = find_command(argv)
        importlib.import_module(module).main(argv[1:])


def find_command(argv: Sequence[str]) -> str:
    """The module of the command that a command line names, or an `InputError`."""
    commands = f"the commands are {', '.join(COMMANDS)}; albert-lsh --help says more"
    if not argv:
        raise InputError(f"no command was given; {commands}.")
    if argv[0] not in COMMANDS:
        guess = nearest(argv[0], COMMANDS) or f"; {commands}."
        raise InputError(f"unknown command {argv[0]!r}{guess}")
    return COMMANDS[argv[0]][0]


def help_text() -> str:
    """The help page: a line for each command."""
    width = max(map(len, COMMANDS))
    lines = [
        "ALBERT with locality-sensitive hashing attention.",
        "",
        "  albert-lsh COMMAND [--flag=value ...]",
        "",
        *(f"  {name:<{width}}  {about}" for name, (_, about) in COMMANDS.items()),
        "",
        "albert-lsh COMMAND --help lists the flags of a command.",
        "Fine-tuning has commands of its own: albert-lsh-classifier, albert-lsh-squad,",
        "albert-lsh-race.",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
