import subprocess
import sys

from albert_lsh_tf.checkpoints import name_map
from tests.fixtures.checkpoints import GOOGLE_SHAPES, TINY_CONFIG


def test_every_encoder_variable_has_one_row():
    assert len(name_map.ENCODER_VARIABLES) == 25
    assert len(name_map.BY_NAME) == 25
    assert set(name_map.BY_GOOGLE_NAME) == set(GOOGLE_SHAPES)


def test_google_shapes_in_letters_are_those_of_the_files():
    dimensions = {
        letter: TINY_CONFIG[key] for letter, key in name_map.CONFIG_KEYS.items()
    }
    dimensions["HD"] = TINY_CONFIG["hidden_size"]
    for variable in name_map.ENCODER_VARIABLES:
        shape = tuple(dimensions[axis] for axis in variable.google_shape.split())
        assert shape == GOOGLE_SHAPES[variable.google_name], variable


def test_both_layouts_hold_the_same_axes_in_the_same_order():
    # Only then is a reshape all that it takes.
    for variable in name_map.ENCODER_VARIABLES:
        assert variable.shape.replace(" ", "") == variable.google_shape.replace(" ", "")


def test_tables_need_no_tensorflow():
    program = (
        "import sys; import albert_lsh_tf.checkpoints.name_map; "
        "sys.exit('tensorflow' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
