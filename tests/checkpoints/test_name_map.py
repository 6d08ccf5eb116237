import subprocess
import sys

import pytest

from albert_lsh_tf.checkpoints import name_map
from tests.fixtures.checkpoints import GOOGLE_SHAPES, HEAD_SHAPES, TINY_CONFIG

DIMENSIONS = {
    **{letter: TINY_CONFIG[key] for letter, key in name_map.CONFIG_KEYS.items()},
    "HD": TINY_CONFIG["hidden_size"],
    "L": TINY_CONFIG["hidden_size"],
    "O": 2,
}


def test_every_variable_has_one_row():
    assert len(name_map.ENCODER_VARIABLES) == 25
    assert len(name_map.MLM_VARIABLES) == 5
    assert len(name_map.SOP_VARIABLES) == 2
    for kind in name_map.ModelVariable._fields:
        names = {getattr(variable, kind).name for variable in name_map.ALL_VARIABLES}
        assert len(names) == 32


@pytest.mark.parametrize(
    "variables, shapes",
    [
        (name_map.ENCODER_VARIABLES, GOOGLE_SHAPES),
        (name_map.MLM_VARIABLES + name_map.SOP_VARIABLES, HEAD_SHAPES),
    ],
    ids=["encoder", "heads"],
)
def test_google_names_and_shapes_are_those_of_the_files(variables, shapes):
    assert {
        variable.google.name: tuple(
            DIMENSIONS[axis] for axis in variable.google.shape.split()
        )
        for variable in variables
    } == shapes


def test_all_layouts_hold_the_same_axes():
    for variable in name_map.ALL_VARIABLES:
        letters = [sorted(stored.shape.replace(" ", "")) for stored in variable]
        assert letters[0] == letters[1] == letters[2], variable
        # Each letter once: only then is it clear which axis is which.
        assert len(set(letters[0])) == len(letters[0]), variable


def test_a_name_never_means_two_things():
    for variable in name_map.ALL_VARIABLES:
        for stored in variable:
            assert name_map.BY_STORED_NAME[stored.name] == (variable, stored.shape)


def test_tables_need_no_tensorflow():
    program = (
        "import sys; import albert_lsh_tf.checkpoints.name_map; "
        "sys.exit('tensorflow' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
