"""`albert-lsh benchmark`: time and memory of encoders. Imports no TensorFlow."""

from collections.abc import Sequence

from albert_lsh_tf.benchmark.points import Plan, Work
from albert_lsh_tf.cli import config_flags, messages

OUTPUT_DIR = "runs/benchmark"


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the benchmark that the command line describes, and prints its tables.

    Args:
      argv: without the program's name and the word `benchmark`; None: that of the
        process.

    Raises:
      SystemExit: with a status other than 0, after one line on stderr, where the user
        has to mend something.
    """
    messages.run_command(argv, help_text, _command)


def _command(argv: list[str]) -> None:
    plan, work, output_dir = parse(argv)
    # What draws the pictures takes a while to import.
    from albert_lsh_tf.benchmark import report
    from albert_lsh_tf.benchmark.run import run_benchmark

    with messages.when_interrupted("the same command goes on after the last sample."):
        finished = run_benchmark(plan, work, output_dir, say=messages.say)
    print(report.to_markdown(finished), end="")
    print(f"\noutput_dir: {output_dir}")


def parse(argv: Sequence[str]) -> tuple[Plan, Work, str]:
    """Reads a command line.

    Args:
      argv: without the program's name.

    Returns:
      What to measure, what a step does, and the output_dir.

    Raises:
      InputError: a flag is unknown, its value is of the wrong kind or makes no sense,
        or there is an argument that is no flag.
    """
    return config_flags.parse(argv, (Plan, Work), OUTPUT_DIR)


def help_text() -> str:
    """The help page: all flags, one a line."""
    lines = [
        "Measures time and memory of ALBERT encoders: ours with LSH and dense",
        "attention, and Model Garden's. Every point has processes of its own. Given",
        "again, an interrupted command goes on where it was.",
        "",
        "  albert-lsh benchmark --lengths=512,4096 --kinds=garden-dense,dense,lsh",
        "",
        config_flags.output_dir_line("folder for samples, tables, plots", OUTPUT_DIR),
    ]
    for title, config in {"Points": Plan, "Work": Work}.items():
        lines += ["", f"{title}:"]
        lines += config_flags.help_lines(config)
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
