"""`albert-lsh diagnose`: what LSH attention misses. Imports no TensorFlow."""

import pathlib
from collections.abc import Sequence

from albert_lsh_tf.cli import config_flags, messages
from albert_lsh_tf.diagnostics.plan import DiagnosisPlan

OUTPUT_DIR = "runs/diagnosis"


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the diagnosis that the command line describes, and prints its table.

    Args:
      argv: without the program's name and the word `diagnose`; None: that of the
        process.

    Raises:
      SystemExit: with a status other than 0, after one line on stderr, where the user
        has to mend something.
    """
    messages.run_command(argv, help_text, _command)


def _command(argv: list[str]) -> None:
    plan, output_dir = parse(argv)
    # A folder that cannot be written should be found before the work is done.
    pathlib.Path(output_dir).mkdir(parents=True, exist_ok=True)
    messages.quiet_tensorflow()
    # TensorFlow takes seconds to import; a mistyped flag should not wait for it.
    from albert_lsh_tf.diagnostics import report
    from albert_lsh_tf.diagnostics.planned import run_plan

    with messages.when_interrupted("nothing was written."):
        diagnosis = run_plan(plan, say=messages.say)
    report.write_report(diagnosis, output_dir)
    print(f"\n{report.subject(diagnosis)}\n\n{diagnosis.table()}")
    print(f"output_dir: {output_dir}")


def parse(argv: Sequence[str]) -> tuple[DiagnosisPlan, str]:
    """Reads a command line.

    Args:
      argv: without the program's name.

    Returns:
      What to look at, and the output_dir.

    Raises:
      InputError: a flag is unknown, its value is of the wrong kind or makes no sense,
        or there is an argument that is no flag.
    """
    return config_flags.parse(argv, (DiagnosisPlan,), OUTPUT_DIR)


def help_text() -> str:
    """The help page: all flags, one a line."""
    lines = [
        "Shows what LSH attention misses of a model's own dense attention on a text,",
        "layer by layer and head by head, for several budgets of logits.",
        "",
        "  albert-lsh diagnose --checkpoint=albert_base_v2/ --text_file=documents.txt",
        "",
        "With no flags: the tiny model in the package, on made-up sentences.",
        "",
        *config_flags.help_lines(DiagnosisPlan),
        config_flags.output_dir_line(
            "folder for diagnosis.json, .md and .png", OUTPUT_DIR
        ),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
