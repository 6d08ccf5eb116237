import dataclasses

import pytest

from albert_lsh_tf.cli import config_flags
from albert_lsh_tf.config_io import Config, setting
from albert_lsh_tf.errors import InputError

PLACES = ("source", "destination", "note")


@dataclasses.dataclass(frozen=True)
class Move(Config):
    source: str = setting(dataclasses.MISSING, "from where")
    destination: str = setting(dataclasses.MISSING, "to where")
    note: str | None = setting(None, "what for")
    num_copies: int = setting(1, "how often")
    quiet: bool = setting(False, "say nothing")


def parse(*argv):
    return config_flags.parse(argv, (Move,), positional=PLACES)


def test_arguments_by_place_and_flags_in_any_order():
    assert parse("a", "--num_copies=3", "b", "--quiet") == (
        Move("a", "b", None, 3, True),
    )
    assert parse("a", "b", "c") == (Move("a", "b", "c"),)


@pytest.mark.parametrize(
    "argv, message",
    [
        ([], r"SOURCE and DESTINATION must be given; write SOURCE DESTINATION NOTE"),
        (
            ["a"],
            r"^DESTINATION must be given; write SOURCE DESTINATION NOTE, then flags",
        ),
        (["a", "b", "c", "d"], r"'d' is not a flag; write flags as --name=value\."),
        (["a", "b", "--source=c"], r"unknown flag --source"),
        (["a", "b", "--output_dir=c"], r"unknown flag --output_dir"),
        (["a", "b", "--num_copies=x"], r"--num_copies=x: expected a whole number"),
    ],
)
def test_bad_command_lines_are_one_line(argv, message):
    with pytest.raises(InputError, match=message):
        parse(*argv)


def test_output_dir_comes_last_where_there_is_one():
    parsed = config_flags.parse(["a", "b"], (Move,), "runs", PLACES)
    assert parsed == (Move("a", "b"), "runs")
    assert config_flags.parse(["--output_dir=x"], (), "runs") == ("x",)


def test_help_shows_places_in_capitals():
    lines = config_flags.help_lines(Move, PLACES)
    assert [line.split()[0] for line in lines] == [
        "SOURCE",
        "DESTINATION",
        "NOTE",
        "--num_copies",
        "--[no]quiet",
    ]
    assert lines[0] == "  SOURCE                from where"
    assert lines[3] == "  --num_copies          how often (1)"
