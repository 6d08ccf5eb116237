"""`run_race.py`: fine-tunes, evaluates and predicts with RACE's four options."""

from collections.abc import Sequence

from albert_lsh_tf.cli import classifier, flags, messages, recipes
from albert_lsh_tf.cli.command_line import program_name
from albert_lsh_tf.cli.race_flags import FLAGS
from albert_lsh_tf.data.classification import spelled
from albert_lsh_tf.data.race.questions import LEVELS, NAME, TASKS
from albert_lsh_tf.errors import InputError


def main(argv: Sequence[str] | None = None) -> None:
    """Runs what the command line says.

    Args:
      argv: without the program's name; None: that of the process.

    Raises:
      SystemExit: with a status other than 0, after one line on stderr, where the user
        has to mend something.
    """
    messages.run_command(argv, _help_text, _run)


def _help_text() -> str:
    return flags.help_text(program_name("albert-lsh-race"), FLAGS)


def _run(argv: list[str]) -> None:
    parsed = flags.parse(argv, FLAGS)
    settings = {**parsed.settings, **_named_task(parsed)}
    parsed = flags.ParsedFlags(parsed.run, settings)
    do_train = classifier.phases_of(parsed)["do_train"]
    resolved = recipes.resolve(parsed, do_train, default_task=NAME)
    _check_task(resolved.config.task_name)
    classifier.run(parsed, resolved)


def _named_task(parsed: flags.ParsedFlags) -> dict[str, str]:
    """What --high_only, --middle_only or --task_name say; empty without them."""
    levels = [level for level in LEVELS if parsed.run[f"{level}_only"]]
    if len(levels) == len(LEVELS):
        raise InputError(
            "--high_only and --middle_only leave nothing; give one of them, or none "
            "for both schools."
        )
    if name := parsed.settings.get("task_name"):
        _check_task(name)
    if levels:
        of_level = f"{NAME}-{levels[0]}"
        if name and spelled(name) not in (NAME, of_level):
            raise InputError(
                f"--task_name={name} and --{levels[0]}_only leave nothing; give one "
                "of them."
            )
        name = of_level
    return {"task_name": name} if name else {}


def _check_task(name: str) -> None:
    if (task_name := spelled(name)) not in TASKS:
        raise InputError(
            f"task_name={task_name} is not for run_race.py; leave it out, or use "
            "run_classifier.py."
        )


if __name__ == "__main__":
    main()
