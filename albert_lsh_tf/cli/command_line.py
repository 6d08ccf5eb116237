"""Flags with a type, made from the fields of configs, and read by absl.

absl's ways of writing them: `--do_train`, `--do_train=true`, `--nodo_train`. Imports no
TensorFlow.
"""

import dataclasses
import os
import re
import sys
import types
import typing
from collections.abc import Mapping, Sequence
from typing import Any

from absl import flags

from albert_lsh_tf.config_io import nearest
from albert_lsh_tf.errors import InputError

_KINDS = {int: "a whole number", float: "a number", bool: "true or false"}
_KINDS_IN_LISTS = {int: "whole numbers", float: "numbers"}
_SCRIPTS = ("run_", "create_")  # How the names of those in the checkout begin.


@dataclasses.dataclass(frozen=True)
class Flag:
    """One flag.

    Attributes:
      kind: str, int, float, bool, or tuple, which is a comma list.
      help: one line.
      default: for the help page.
      choices: the only words that it may have.
      element: what a tuple is of.
    """

    kind: type
    help: str
    default: Any = None
    choices: tuple[str, ...] = ()
    element: type = str

    @property
    def expected(self) -> str:
        """What a value must be, in words."""
        if self.kind is tuple:
            return f"{_KINDS_IN_LISTS[self.element]}, with commas"
        return _KINDS.get(self.kind) or f"one of {', '.join(self.choices)}"


def program_name(installed: str) -> str:
    """What a user types for this program: the script that runs, or `installed`.

    Args:
      installed: the command that the package installs for it.
    """
    name = os.path.basename(sys.argv[0])
    return f"python {name}" if name.startswith(_SCRIPTS) else installed


def flags_of(config: type) -> dict[str, Flag]:
    """A flag for each field of a config."""
    hints = typing.get_type_hints(config)
    return {
        field.name: _flag(field, hints[field.name])
        for field in dataclasses.fields(config)
    }


def read(
    argv: Sequence[str], known: Mapping[str, Flag]
) -> tuple[dict[str, Any], list[str]]:
    """Reads a command line.

    Args:
      argv: without the program's name.
      known: name to flag.

    Returns:
      The values of the flags that were given, and the arguments that are no flags.

    Raises:
      InputError: a flag is unknown, or its value is of the wrong kind.
    """
    values = _define(known)
    try:
        rest = values(["", *argv])[1:]
    except flags.UnrecognizedFlagError as error:
        raise InputError(
            f"unknown flag --{error.flagname}{nearest(error.flagname, known) or '.'}"
        ) from error
    except flags.IllegalFlagValueError as error:
        raise InputError(_wrong_kind(str(error), known)) from error
    except flags.Error as error:
        raise InputError(_one_line(error)) from error
    given = {name: values[name].value for name in known if values[name].present}
    for name, value in given.items():
        if known[name].kind is tuple:
            given[name] = _list(name, value, known[name])
    return given, rest


def words_of(text: str) -> list[str]:
    """The words of a comma list."""
    return [word.strip() for word in text.split(",") if word.strip()]


def help_line(name: str, flag: Flag, width: int) -> str:
    """The line of a flag on a help page; `width` is that of the names."""
    shown = f"--[no]{name}" if flag.kind is bool else f"--{name}"
    return help_line_of(shown, flag, width)


def help_line_of(shown: str, flag: Flag, width: int) -> str:
    """The same of what is written in another way."""
    default = _told(flag.default)
    return f"  {shown:<{width}}{flag.help}{f' ({default})' if default else ''}"


def _flag(field: dataclasses.Field, hint: Any) -> Flag:
    """Of a union, its first type counts: `int | None` is read as an int."""
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        hint = typing.get_args(hint)[0]
    is_list = typing.get_origin(hint) is tuple
    return Flag(
        kind=tuple if is_list else hint,
        help=field.metadata.get("help", ""),
        default=None if field.default is dataclasses.MISSING else field.default,
        choices=field.metadata.get("choices", ()),
        element=typing.get_args(hint)[0] if is_list else str,
    )


def _define(known: Mapping[str, Flag]) -> flags.FlagValues:
    """Flag values of our own, so that no imported library's flags are among them."""
    values = flags.FlagValues()
    numbers = {int: flags.DEFINE_integer, float: flags.DEFINE_float}
    for name, flag in known.items():
        options = {"name": name, "default": None, "help": "", "flag_values": values}
        if flag.choices:
            flags.DEFINE_enum(enum_values=list(flag.choices), **options)
        elif flag.kind is bool:
            flags.DEFINE_boolean(**options)
        else:
            numbers.get(flag.kind, flags.DEFINE_string)(**options)
    return values


def _list(name: str, text: str, flag: Flag) -> list[Any]:
    try:
        return [flag.element(word) for word in words_of(text)]
    except ValueError as error:
        raise InputError(f"--{name}={text}: expected {flag.expected}.") from error


def _wrong_kind(message: str, known: Mapping[str, Flag]) -> str:
    """What a flag expects, instead of absl's words, which are Python's own."""
    given = re.match(r"flag --((\w+)=.*?): ", message, re.DOTALL)
    flag = known.get(given[2]) if given else None
    if flag is None:
        return _one_line(message)
    return f"--{' '.join(given[1].split())}: expected {flag.expected}."


def _one_line(message: object) -> str:
    return " ".join(str(message).split()).rstrip(".") + "."


def _told(default: Any) -> str:
    if isinstance(default, tuple):
        return ", ".join(map(str, default))
    if default is True:
        return "on"
    return "" if default in (None, False) else str(default)
