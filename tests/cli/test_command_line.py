"""Flags by their types: what is read, what is refused, and how they are told."""

import dataclasses

import pytest

from albert_lsh_tf.cli import command_line
from albert_lsh_tf.cli.command_line import Flag
from albert_lsh_tf.config_io import Config, setting
from albert_lsh_tf.errors import InputError


@dataclasses.dataclass(frozen=True)
class Walk(Config):
    start: str = setting(dataclasses.MISSING, "from where")
    steps: int | None = setting(None, "how many")
    pace: float = setting(1.5, "metres a second")
    backwards: bool = setting(True, "look at where you come from")
    turns: tuple[int, ...] = setting((90, 180), "degrees, in order")
    gait: str = setting("walk", "walk or run", choices=("walk", "run"))


KNOWN = command_line.flags_of(Walk)


def test_a_flag_for_each_field():
    assert KNOWN["start"] == Flag(str, "from where")
    assert KNOWN["steps"] == Flag(int, "how many")
    assert KNOWN["turns"] == Flag(tuple, "degrees, in order", (90, 180), element=int)
    assert KNOWN["gait"].choices == ("walk", "run")


def test_values_have_the_types_of_their_fields():
    argv = [
        "here",
        "--steps=3",
        "--pace",
        "2",
        "--nobackwards",
        "--turns= 5, 6,",
        "there",
    ]
    given, rest = command_line.read(argv, KNOWN)
    assert given == {"steps": 3, "pace": 2.0, "backwards": False, "turns": [5, 6]}
    assert isinstance(given["pace"], float)
    assert rest == ["here", "there"]


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("--stepps=1", "unknown flag --stepps; did you mean 'steps'?"),
        ("--steps=many", "--steps=many: expected a whole number."),
        ("--pace=", "--pace=: expected a number."),
        ("--backwards=maybe", "--backwards=maybe: expected true or false."),
        ("--turns=90,left", "--turns=90,left: expected whole numbers, with commas."),
        ("--gait=hop", "--gait=hop: expected one of walk, run."),
        ("--steps", "Missing value for flag --steps."),
    ],
)
def test_mistakes_get_one_line(argument, message):
    with pytest.raises(InputError) as error:
        command_line.read([argument], KNOWN)
    assert str(error.value) == message


def test_the_help_tells_the_default():
    lines = [command_line.help_line(name, flag, 16) for name, flag in KNOWN.items()]
    assert lines == [
        "  --start         from where",
        "  --steps         how many",
        "  --pace          metres a second (1.5)",
        "  --[no]backwards look at where you come from (on)",
        "  --turns         degrees, in order (90, 180)",
        "  --gait          walk or run (walk)",
    ]
