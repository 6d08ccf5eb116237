"""`albert-lsh benchmark`: time and memory of encoders. Imports no TensorFlow."""

import dataclasses
import sys
import types
import typing
from collections.abc import Mapping, Sequence
from typing import Any

from absl import flags

from albert_lsh_tf.benchmark.points import Plan, Work
from albert_lsh_tf.cli import messages
from albert_lsh_tf.config_io import nearest
from albert_lsh_tf.errors import InputError

OUTPUT_DIR = "runs/benchmark"
_KINDS_OF_NUMBER = {int: "a whole number", float: "a number"}


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the benchmark that the command line describes, and prints its tables.

    Args:
      argv: without the program's name and the word `benchmark`; None: that of the
        process.

    Raises:
      SystemExit: with a status other than 0, after one line on stderr, where the user
        has to mend something.
    """
    argv = sys.argv[1:] if argv is None else list(argv)
    if any(argument in ("-h", "--help", "-help", "--helpfull") for argument in argv):
        print(help_text(), end="")
        return
    with messages.errors_in_one_line(), messages.warnings_in_one_line():
        plan, work, output_dir = parse(argv)
        # What draws the pictures takes a while to import.
        from albert_lsh_tf.benchmark import report
        from albert_lsh_tf.benchmark.run import run_benchmark

        try:
            finished = run_benchmark(plan, work, output_dir, say=_say)
        except KeyboardInterrupt:
            print(
                "error: interrupted; the same command goes on after the last sample.",
                file=sys.stderr,
            )
            raise SystemExit(130) from None
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
    hints = _hints()
    values = flags.FlagValues()
    for name, hint in {**hints, "output_dir": str}.items():
        define = flags.DEFINE_boolean if hint is bool else flags.DEFINE_string
        define(name, None, "", flag_values=values)
    try:
        rest = values(["", *argv])[1:]
    except flags.UnrecognizedFlagError as error:
        known = [*hints, "output_dir"]
        raise InputError(
            f"unknown flag --{error.flagname}{nearest(error.flagname, known) or '.'}"
        ) from error
    except flags.IllegalFlagValueError as error:
        # The others are read below: what absl cannot read is a switch.
        flag = str(error).split(":")[0]
        raise InputError(f"{flag} is neither true nor false.") from error
    except flags.Error as error:
        raise InputError(" ".join(str(error).split()).rstrip(".") + ".") from error
    if rest:
        raise InputError(f"{rest[0]!r} is not a flag; write flags as --name=value.")
    given = {
        name: _value(name, values[name].value, hints[name])
        for name in hints
        if values[name].present
    }
    plan, work = (config.from_dict(_those_of(config, given)) for config in (Plan, Work))
    return plan, work, values["output_dir"].value or OUTPUT_DIR


def help_text() -> str:
    """The help page: all flags, one a line."""
    lines = [
        "Measures time and memory of ALBERT encoders: ours with LSH and dense",
        "attention, and Model Garden's. Every point has processes of its own. Given",
        "again, an interrupted command goes on where it was.",
        "",
        "  albert-lsh benchmark --lengths=512,4096 --kinds=garden-dense,dense,lsh",
        "",
        _help_line("output_dir", str, "folder for samples, tables, plots", OUTPUT_DIR),
    ]
    for title, config in {"Points": Plan, "Work": Work}.items():
        lines += ["", f"{title}:"]
        lines += [
            _help_line(
                field.name, field.type, field.metadata["help"], _told(field.default)
            )
            for field in dataclasses.fields(config)
        ]
    return "\n".join(lines) + "\n"


def _help_line(name: str, hint: Any, help_text: str, default: str) -> str:
    shown = f"--[no]{name}" if hint is bool else f"--{name}"
    # A default that the help spells out already would only repeat it.
    shown_default = f" ({default})" if default and default not in help_text else ""
    return f"  {shown:<22}{help_text}{shown_default}"


def _told(default: Any) -> str:
    if isinstance(default, tuple):
        return ", ".join(map(str, default))
    if default is True:
        return "on"
    return "" if default in (None, False) else str(default)


def _hints() -> dict[str, Any]:
    """Flag name to type, of all settings."""
    hints = {**typing.get_type_hints(Plan), **typing.get_type_hints(Work)}
    settings = (*dataclasses.fields(Plan), *dataclasses.fields(Work))
    return {field.name: hints[field.name] for field in settings}


def _those_of(config: type, given: Mapping[str, Any]) -> dict[str, Any]:
    names = {field.name for field in dataclasses.fields(config)}
    return {name: value for name, value in given.items() if name in names}


def _value(name: str, text: Any, hint: Any) -> Any:
    """A flag's text as its type wants it: a comma list, a number, or as it is."""
    if isinstance(hint, types.UnionType):
        hint = typing.get_args(hint)[0]
    if typing.get_origin(hint) is tuple:
        element = typing.get_args(hint)[0]
        words = [word.strip() for word in text.split(",") if word.strip()]
        return [_value(name, word, element) for word in words]
    if hint not in _KINDS_OF_NUMBER:
        return text
    try:
        return hint(text)
    except ValueError as error:
        raise InputError(
            f"--{name}: {text!r} is not {_KINDS_OF_NUMBER[hint]}."
        ) from error


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    main()
