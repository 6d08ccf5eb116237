"""`albert-lsh export`: an encoder as TF-Hub has them. Imports no TensorFlow."""

from collections.abc import Sequence

from albert_lsh_tf.cli import config_flags, messages
from albert_lsh_tf.export.plan import ExportPlan

_POSITIONAL = ("source", "dest")
_NAMES_WIDTH = 27  # On the help page.


def main(argv: Sequence[str] | None = None) -> None:
    """Exports what the command line names, and prints a line about each folder.

    Args:
      argv: without the program's name and the word `export`; None: that of the process.

    Raises:
      SystemExit: with a status other than 0, after one line on stderr, where the user
        has to mend something.
    """
    messages.run_command(argv, help_text, _command)


def _command(argv: list[str]) -> None:
    plan = parse(argv)
    messages.quiet_tensorflow()
    # TensorFlow takes seconds to import; a mistyped flag should not wait for it.
    from albert_lsh_tf.export.planned import export_plan

    with messages.when_interrupted("dest is as it was."):
        lines = export_plan(plan)
    print("\n".join(lines))


def parse(argv: Sequence[str]) -> ExportPlan:
    """Reads a command line.

    Args:
      argv: without the program's name.

    Returns:
      What to export.

    Raises:
      InputError: a flag is unknown, its value is of the wrong kind or makes no sense,
        or the source or dest is not given.
    """
    (plan,) = config_flags.parse(argv, (ExportPlan,), positional=_POSITIONAL)
    return plan


def help_text() -> str:
    """The help page: all flags, one a line."""
    lines = [
        "Writes an encoder as a SavedModel with the interface of TF-Hub's",
        "tensorflow/albert_en_base/3, for hub.KerasLayer; TensorFlow alone loads it.",
        "",
        "  albert-lsh export albert_base_v2/ exports/encoder",
        "  albert-lsh export runs/mrpc exports/encoder --preprocess=exports/preprocess",
        "",
        "Of a run's folder the best checkpoint is exported, with the run's attention.",
        "run_classifier.py --export_dir exports its classifier.",
        "",
        *config_flags.help_lines(ExportPlan, _POSITIONAL, width=_NAMES_WIDTH),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
