"""Command-line flags that are the fields of configs. Imports no TensorFlow."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from albert_lsh_tf.cli import command_line
from albert_lsh_tf.cli.command_line import Flag, flags_of
from albert_lsh_tf.config_io import Config
from albert_lsh_tf.errors import InputError

OUTPUT_DIR = "output_dir"
_WIDTH = 22  # Of the names on a help page.


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
    fields = [flags_of(config) for config in configs]
    known = {
        name: flag
        for of_config in fields
        for name, flag in of_config.items()
        if name not in positional
    }
    if default_output_dir is not None:
        known[OUTPUT_DIR] = Flag(str, "")
    given, rest = command_line.read(argv, known)
    _check_places(rest, configs, positional)
    output_dir = given.pop(OUTPUT_DIR, None) or default_output_dir
    given.update(zip(positional, rest, strict=False))
    parsed = tuple(
        config.from_dict({n: v for n, v in given.items() if n in of_config})
        for config, of_config in zip(configs, fields, strict=True)
    )
    return parsed if default_output_dir is None else (*parsed, output_dir)


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
        command_line.help_line_of(name.upper(), flag, width)
        if name in positional
        else command_line.help_line(name, flag, width)
        for name, flag in flags_of(config).items()
    ]


def output_dir_line(help_text: str, default: str, width: int = _WIDTH) -> str:
    """The line of --output_dir, which is no field of a config."""
    return command_line.help_line(OUTPUT_DIR, Flag(str, help_text, default), width)
