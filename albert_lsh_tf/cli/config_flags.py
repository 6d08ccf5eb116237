"""Command-line flags that are the fields of configs. Imports no TensorFlow."""

import dataclasses
import types
import typing
from collections.abc import Sequence
from typing import Any

from absl import flags

from albert_lsh_tf.config_io import Config, nearest
from albert_lsh_tf.errors import InputError

OUTPUT_DIR = "output_dir"
_WIDTH = 22  # Of the names on a help page.
_KINDS_OF_NUMBER = {int: "a whole number", float: "a number"}


def parse(
    argv: Sequence[str],
    configs: Sequence[type[Config]],
    default_output_dir: str | None = None,
    positional: Sequence[str] = (),
) -> tuple[Any, ...]:
    """Reads a command line.

    Args:
      argv: without the program's name.
      configs: what the flags set; no two of them have a field of the same name.
      default_output_dir: what --output_dir is unless given; None: there is no such
        flag.
      positional: fields that are given by their place instead of a flag, in order.
        Those without a default must be given.

    Returns:
      One config of each class, then the output_dir where there is such a flag.

    Raises:
      InputError: a flag is unknown, its value is of the wrong kind or makes no sense,
        or there are too many arguments that are no flags, or too few.
    """
    hints = {name: hint for config in configs for name, hint in _hints(config).items()}
    known = {name: hint for name, hint in hints.items() if name not in positional}
    if default_output_dir is not None:
        known[OUTPUT_DIR] = str
    values = flags.FlagValues()
    for name, hint in known.items():
        define = flags.DEFINE_boolean if hint is bool else flags.DEFINE_string
        define(name, None, "", flag_values=values)
    try:
        rest = values(["", *argv])[1:]
    except flags.UnrecognizedFlagError as error:
        raise InputError(
            f"unknown flag --{error.flagname}{nearest(error.flagname, known) or '.'}"
        ) from error
    except flags.IllegalFlagValueError as error:
        # The others are read below: what absl cannot read is a switch.
        flag = str(error).split(":")[0]
        raise InputError(f"{flag} is neither true nor false.") from error
    except flags.Error as error:
        raise InputError(" ".join(str(error).split()).rstrip(".") + ".") from error
    _check_places(rest, configs, positional)
    given = {
        name: _value(name, values[name].value, hint)
        for name, hint in known.items()
        if name != OUTPUT_DIR and values[name].present
    }
    given.update(zip(positional, rest, strict=False))
    parsed = tuple(
        config.from_dict({n: v for n, v in given.items() if n in _hints(config)})
        for config in configs
    )
    if default_output_dir is None:
        return parsed
    return (*parsed, values[OUTPUT_DIR].value or default_output_dir)


def _check_places(
    rest: Sequence[str], configs: Sequence[type[Config]], positional: Sequence[str]
) -> None:
    """Checks the number of arguments that are no flags."""
    if len(rest) > len(positional):
        raise InputError(
            f"{rest[len(positional)]!r} is not a flag; write flags as --name=value."
        )
    required = [
        field.name
        for config in configs
        for field in dataclasses.fields(config)
        if field.name in positional and field.default is dataclasses.MISSING
    ]
    if missing := [name for name in positional[len(rest) :] if name in required]:
        raise InputError(
            f"{' and '.join(map(str.upper, missing))} must be given; write "
            f"{' '.join(map(str.upper, positional))}, then flags as --name=value."
        )


def help_lines(
    config: type[Config], positional: Sequence[str] = (), width: int = _WIDTH
) -> list[str]:
    """A line for each field of a config; those given by place in capitals."""
    return [
        help_line(
            field.name,
            field.type,
            field.metadata["help"],
            _told(field.default),
            is_positional=field.name in positional,
            width=width,
        )
        for field in dataclasses.fields(config)
    ]


def help_line(
    name: str,
    hint: Any,
    help_text: str,
    default: str,
    is_positional: bool = False,
    width: int = _WIDTH,
) -> str:
    """The line of one flag; `width` is that of the names."""
    if is_positional:
        shown = name.upper()
    else:
        shown = f"--[no]{name}" if hint is bool else f"--{name}"
    # A default that the help spells out already would only repeat it.
    shown_default = f" ({default})" if default and default not in help_text else ""
    return f"  {shown:<{width}}{help_text}{shown_default}"


def _told(default: Any) -> str:
    if isinstance(default, tuple):
        return ", ".join(map(str, default))
    if default is True:
        return "on"
    return "" if default in (None, False, dataclasses.MISSING) else str(default)


def _hints(config: type[Config]) -> dict[str, Any]:
    """Flag name to type."""
    hints = typing.get_type_hints(config)
    return {field.name: hints[field.name] for field in dataclasses.fields(config)}


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
