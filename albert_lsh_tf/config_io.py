"""What every config shares: checks of names and types, dicts, JSON and YAML."""

import dataclasses
import difflib
import json
import math
import pathlib
import re
import types
import typing
from collections.abc import Mapping
from typing import Any

import yaml

from albert_lsh_tf.errors import InputError

_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?[eE][+-]?\d+")


def setting(default: Any, help_text: str, choices: tuple[str, ...] = ()) -> Any:
    """A dataclass field that knows its one-line help and its allowed words."""
    return dataclasses.field(
        default=default, metadata={"help": help_text, "choices": choices}
    )


@dataclasses.dataclass(frozen=True)
class Config:
    """Base of all configs: frozen, checked when made, and equal by value."""

    # Keys that files may carry and that are dropped when read.
    IGNORED_KEYS: typing.ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        hints = typing.get_type_hints(type(self))
        for field in dataclasses.fields(self):
            value = _fit(field.name, getattr(self, field.name), hints[field.name])
            object.__setattr__(self, field.name, value)
            choices = field.metadata.get("choices")
            if choices and value is not None and value not in choices:
                raise InputError(
                    f"{field.name}={value!r} is unknown; expected one of "
                    f"{', '.join(choices)}."
                )
        self.validate()

    def validate(self) -> None:
        """Raises `InputError` where the values do not make sense together."""

    def replace(self, **changes: Any) -> Any:
        """A copy with some settings changed, checked again."""
        return type(self).from_dict({**self.to_dict(), **changes})

    def to_dict(self) -> dict[str, Any]:
        """Plain dicts, lists, numbers and strings, ready for JSON or YAML."""
        return _plain(dataclasses.asdict(self))

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], source: str = "") -> Any:
        """Builds a config from a mapping.

        Args:
          values: setting name to value; nested configs as mappings.
          source: file or place the values come from, for the error message.

        Returns:
          The config.

        Raises:
          InputError: an unknown name, a value of the wrong type, or a failed check.
        """
        where = f"{source}: " if source else ""
        if not isinstance(values, Mapping):
            raise InputError(
                f"{where}expected 'name: value' pairs, found {type(values).__name__}."
            )
        fields = {field.name: field for field in dataclasses.fields(cls)}
        for name in values:
            if name not in fields and name not in cls.IGNORED_KEYS:
                raise InputError(
                    f"{where}unknown setting {name!r}{nearest(name, fields) or '.'}"
                )
        known = {name: values[name] for name in values if name in fields}
        try:
            return cls(**known)
        except InputError as error:
            raise InputError(f"{where}{error}") from error

    @classmethod
    def from_file(cls, path: str | pathlib.Path) -> Any:
        """Reads a JSON or YAML file; see `from_dict`."""
        return cls.from_dict(read_mapping(path), source=str(path))

    def save(self, path: str | pathlib.Path) -> None:
        """Writes JSON or YAML, as the file's name ends."""
        path = pathlib.Path(path)
        if path.suffix == ".json":
            text = json.dumps(self.to_dict(), indent=2) + "\n"
        else:
            text = yaml.safe_dump(self.to_dict(), sort_keys=False)
        path.write_text(text, encoding="utf-8")

    def require_at_least(self, name: str, least: int) -> None:
        """Raises `InputError` where a number that is set lies below `least`."""
        value = getattr(self, name)
        if value is not None and value < least:
            raise InputError(f"{name}={value} must be at least {least}.")

    def require_positive(self, name: str) -> None:
        """Raises `InputError` where a number that is set is not above 0, or none."""
        value = getattr(self, name)
        if value is not None and not (math.isfinite(value) and value > 0):
            raise InputError(f"{name}={value} must be above 0.")

    def require_probability(self, name: str) -> None:
        """Raises `InputError` where a dropout that is set lies outside [0, 1)."""
        value = getattr(self, name)
        if value is not None and not 0 <= value < 1:
            raise InputError(f"{name}={value} must be at least 0 and below 1.")


def nearest(name: str, known: typing.Iterable[str]) -> str:
    """ "; did you mean 'x'?" for the known name closest to `name`, or nothing."""
    matches = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {matches[0]!r}?" if matches else ""


def read_mapping(path: str | pathlib.Path) -> dict[str, Any]:
    """Reads 'name: value' pairs from a JSON or YAML file.

    Args:
      path: file; YAML is a superset of JSON, so its name does not matter.

    Returns:
      The pairs; an empty dict for an empty file.

    Raises:
      InputError: no such file, not UTF-8, not YAML, or a name is there twice.
    """
    try:
        text = pathlib.Path(path).read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file.") from error
    except (IsADirectoryError, UnicodeDecodeError, PermissionError) as error:
        raise InputError(f"{path}: cannot be read as UTF-8 text ({error}).") from error
    try:
        values = yaml.load(text, _UniqueKeyLoader)
    except _DuplicateKeyError as error:
        line = error.problem_mark.line + 1
        raise InputError(
            f"{path}, line {line}: {error.problem} is set twice; keep one."
        ) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        values = _json_with_tabs(text)
        if values is None:
            raise InputError(f"{path}{line}: not valid YAML or JSON.") from error
    values = {} if values is None else values
    if not isinstance(values, dict):
        raise InputError(
            f"{path}: expected 'name: value' pairs, found {type(values).__name__}."
        )
    return values


def _json_with_tabs(text: str) -> Any:
    """JSON that is indented with tabs, which YAML has not; None where it is none."""
    try:
        return json.loads(text)
    except ValueError:
        return None


class _DuplicateKeyError(yaml.constructor.ConstructorError):
    """A mapping has a key twice; `problem` is the key."""


class _UniqueKeyLoader(yaml.SafeLoader):
    """Refuses what YAML forbids and PyYAML lets the last one win: a key set twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> Any:
        seen = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue  # No name of a setting, and refused later.
            if key.value in seen:
                raise _DuplicateKeyError(problem=key.value, problem_mark=key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


# What Model Garden writes for a tuple in its params.yaml. A list holds the same, and
# nothing is run to make it.
_UniqueKeyLoader.add_constructor(
    "tag:yaml.org,2002:python/tuple",
    lambda loader, node: loader.construct_sequence(node, deep=True),
)


def _fit(name: str, value: Any, hint: Any) -> Any:
    """`value` as the field's type wants it: lists become tuples, ints floats."""
    options = (
        typing.get_args(hint)
        if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union
        else (hint,)
    )
    for option in options:
        if option is type(None):
            if value is None:
                return None
        elif typing.get_origin(option) is tuple:
            if isinstance(value, (list, tuple)):
                element = typing.get_args(option)[0]
                return tuple(_fit(name, each, element) for each in value)
        elif dataclasses.is_dataclass(option):
            if isinstance(value, option):
                return value
            if isinstance(value, Mapping):
                return option.from_dict(value, source=name)
        elif option is float:
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                return float(value)
            # YAML 1.1 reads 2e-5, without a point, as a string.
            if isinstance(value, str) and _NUMBER.fullmatch(value):
                return float(value)
        elif isinstance(value, option):
            # In Python a bool is an int, but `num_hashes: true` is a mistake.
            if option is bool or not isinstance(value, bool):
                return value
    wanted = " or ".join(_type_name(option) for option in options)
    raise InputError(
        f"{name}={value!r} is of type {type(value).__name__}; expected {wanted}."
    )


def _type_name(option: Any) -> str:
    if option is type(None):
        return "null"
    if typing.get_origin(option) is tuple:
        return f"a list of {typing.get_args(option)[0].__name__}"
    return option.__name__


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return value
