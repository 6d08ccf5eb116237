"""`albert-lsh compare`: kinds of attention on the same tasks. Imports no TensorFlow."""

import dataclasses
import pathlib
from collections.abc import Sequence

from albert_lsh_tf.cli import config_flags, messages
from albert_lsh_tf.config_io import Config, setting
from albert_lsh_tf.errors import InputError

OUTPUT_DIR = "runs/comparison"  # Holds a folder for each plan.
_POSITIONAL = ("plan",)


@dataclasses.dataclass(frozen=True)
class CompareFlags(Config):
    """Which plan, and what part of it."""

    plan: str = dataclasses.field(
        metadata={
            "help": "YAML of tasks, variants and seeds, as in configs/comparison/"
        }
    )
    data_dir: tuple[str, ...] = setting(
        (), "folders that hold SST-2/, ..., or the plan's files; comma list"
    )
    tasks: tuple[str, ...] = setting((), "some of the plan's tasks alone; comma list")
    variants: tuple[str, ...] = setting(
        (), "some of the plan's variants alone; comma list"
    )
    seeds: tuple[str, ...] = setting((), "instead of the plan's; comma list")
    num_parallel_runs: int = setting(
        1, "side by side, each on its share of CPU cores and GPUs"
    )
    report: bool = setting(False, "make no runs; print what finished ones came to")

    def validate(self) -> None:
        self.require_at_least("num_parallel_runs", 1)
        if not all(seed.isdecimal() for seed in self.seeds):
            raise InputError(
                f"--seeds={','.join(self.seeds)} must be whole numbers, such as 1,2,3."
            )


def main(argv: Sequence[str] | None = None) -> None:
    """Makes the runs of a plan that are missing, and prints what all came to.

    Args:
      argv: without the program's name and the word `compare`; None: that of the
        process.

    Raises:
      SystemExit: with a status other than 0, after one line on stderr, where the user
        has to mend something.
    """
    messages.run_command(argv, help_text, _command)


def _command(argv: list[str]) -> None:
    # The default is not known before the plan is.
    flags, output_dir = config_flags.parse(
        argv, (CompareFlags,), default_output_dir="", positional=_POSITIONAL
    )
    output_dir = output_dir or f"{OUTPUT_DIR}/{pathlib.Path(flags.plan).stem}"
    messages.quiet_tensorflow()
    from albert_lsh_tf.comparison import plan, plots, report, run

    comparison = plan.read_plan(
        flags.plan,
        flags.data_dir,
        flags.tasks,
        flags.variants,
        [int(seed) for seed in flags.seeds],
    )
    folder = pathlib.Path(output_dir).expanduser()
    failed = None
    if not flags.report:
        try:
            run.run_comparison(
                comparison, folder, flags.num_parallel_runs, messages.say
            )
        except run.FailedRunsError as error:
            failed = error  # What the others came to is shown first.
    cells = report.collect(comparison, folder)
    if cells:
        text = report.to_markdown(comparison, cells)
        (folder / "results.md").write_text(text, encoding="utf-8")
        (folder / "results.json").write_text(report.to_json(cells), encoding="utf-8")
        plots.plot_comparison(comparison, cells, folder / "results.png")
        print(text)
        print(f"output_dir: {folder}")
    if failed:
        raise failed
    if not cells:
        raise InputError(f"{folder} holds no finished run of {flags.plan} yet.")


def help_text() -> str:
    """The help page: all flags, one a line."""
    lines = [
        "Fine-tunes the same weights on the same tasks with several kinds of attention",
        "and seeds, each run in a process of its own, and shows scores with their",
        "spread over seeds. Where a run fails, the others are made all the same. The",
        "same command makes those that failed, or that it was interrupted before.",
        "",
        "  albert-lsh compare configs/comparison/albert_lsh_tiny.yaml \\",
        "    --data_dir=GLUE_FOLDER --tasks=MRPC",
        "",
        *config_flags.help_lines(CompareFlags, _POSITIONAL),
        config_flags.output_dir_line(
            "folder of runs, results.md, results.json and results.png",
            f"{OUTPUT_DIR}/NAME_OF_PLAN",
        ),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
