import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from albert_lsh_tf.checkpoints.variables import (
    CheckpointVariables,
    find_partner,
    rearrange,
    sizes,
)
from albert_lsh_tf.errors import InputError
from tests.fixtures import checkpoints


def test_names_shapes_and_values_of_a_tf1_checkpoint(tmp_path, variables):
    extras = checkpoints.training_extras()
    prefix = checkpoints.write_google_checkpoint(
        tmp_path / "model.ckpt-125000", {**variables, **extras}
    )
    found = CheckpointVariables(str(prefix))
    assert not found.is_object_based
    assert set(found) == {*variables, *extras}
    for name, value in variables.items():
        assert found.shape(name) == value.shape
        assert found.dtype(name) == np.float32
        np.testing.assert_array_equal(found[name], value)
    assert set(found.model_names) == {*variables, *checkpoints.HEAD_SHAPES}


# The two kinds of optimiser in Keras lay out their slots in different ways.
@pytest.mark.parametrize(
    "optimizer", [tf_keras.optimizers.legacy.Adam, tf_keras.optimizers.AdamW]
)
def test_an_object_checkpoint_is_read_by_variable_name(tmp_path, variables, optimizer):
    encoder = checkpoints.garden_encoder(variables)
    prefix = checkpoints.write_task_checkpoint(tmp_path / "ckpt", encoder, optimizer())
    found = CheckpointVariables(prefix)
    assert found.is_object_based
    assert len(found) > 75  # With two slots for each variable.
    assert sorted(found.model_names) == sorted(
        variable.name.removesuffix(":0") for variable in encoder.variables
    )
    for variable in encoder.variables:
        name = variable.name.removesuffix(":0")
        np.testing.assert_array_equal(found[name], variable.numpy())


def test_two_variables_of_one_name_are_both_kept(tmp_path):
    pair = [tf.Variable([1.0], name="pooler_transform/bias") for _ in range(2)]
    prefix = tf.train.Checkpoint(one=pair[0], two=pair[1]).write(str(tmp_path / "pair"))
    names = list(CheckpointVariables(prefix))
    assert names == ["pooler_transform/bias", "pooler_transform/bias at two"]


def test_dimensions_come_from_all_variables_together(tmp_path, variables):
    shapes = dict(V=31, P=11, S=2, E=6, M=20, F=28)
    prefix = checkpoints.write_google_checkpoint(tmp_path / "whole", variables)
    assert CheckpointVariables(str(prefix)).dimensions() == shapes

    name = "bert/encoder/embedding_hidden_mapping_in/bias"
    broken = {**variables, name: np.zeros(21, np.float32)}
    prefix = checkpoints.write_google_checkpoint(tmp_path / "broken", broken)
    del shapes["M"]  # 20 by most, 21 by one: not agreed on.
    assert CheckpointVariables(str(prefix)).dimensions() == shapes


def test_letters_that_stand_together_are_one_axis():
    assert sizes("M HD", {"M": 20, "H": 5, "D": 4}) == (20, 20)
    assert sizes("H D M", {"M": 20, "H": 5, "D": 4}) == (5, 4, 20)


def test_axes_are_taken_apart_turned_and_put_together():
    dimensions = {"M": 3, "H": 5, "D": 2}
    turned = np.arange(30.0).reshape(10, 3)
    kernel = rearrange(turned, "HD M", "M H D", dimensions)
    assert kernel.shape == (3, 5, 2)
    for head in range(5):
        np.testing.assert_array_equal(
            kernel[:, head], turned[2 * head : 2 * head + 2].T
        )
    back = rearrange(kernel, "M H D", "HD M", dimensions)
    np.testing.assert_array_equal(back, turned)


@pytest.mark.parametrize(
    "name",
    [
        "bert/pooler/dense/kernel",
        "module/bert/pooler/dense/kernel",
        "pooler_transform/kernel",
        "albert.pooler.weight",
        "pooler.weight",
    ],
)
def test_a_variable_is_found_by_any_of_its_names(name):
    assert find_partner(name)[0].name == "pooler_transform/kernel"


def test_heads_are_found_in_model_gardens_scope():
    variable, axes = find_partner("bert/cls/predictions/transform/dense/kernel")
    assert (variable.google.name, axes) == (
        "cls/predictions/transform/dense/kernel",
        "M E",
    )
    assert find_partner("bert/cls/squad/output_weights") == (None, "")


def cut_in_half(content):
    return content[: len(content) // 2]


def flip_a_bit(content):
    return content[:100] + bytes([content[100] ^ 1]) + content[101:]


def empty(content):
    return b""


@pytest.mark.parametrize("damage", [cut_in_half, flip_a_bit, empty])
def test_a_damaged_index_is_one_line(tmp_path, variables, damage):
    prefix = checkpoints.write_google_checkpoint(tmp_path / "ckpt", variables)
    index = tmp_path / "ckpt.index"
    index.write_bytes(damage(index.read_bytes()))
    with pytest.raises(InputError, match=r"ckpt: the checkpoint is damaged") as caught:
        CheckpointVariables(str(prefix))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("damage", [cut_in_half, flip_a_bit, empty])
def test_damaged_data_is_one_line(tmp_path, variables, damage):
    prefix = checkpoints.write_google_checkpoint(tmp_path / "ckpt", variables)
    data = tmp_path / "ckpt.data-00000-of-00001"
    data.write_bytes(damage(data.read_bytes()))
    found = CheckpointVariables(str(prefix))
    with pytest.raises(InputError, match=r"ckpt: the checkpoint is damaged") as caught:
        dict(found)
    assert "\n" not in str(caught.value)


def test_missing_data_is_one_line(tmp_path, variables):
    prefix = checkpoints.write_google_checkpoint(tmp_path / "ckpt", variables)
    (tmp_path / "ckpt.data-00000-of-00001").unlink()
    found = CheckpointVariables(str(prefix))
    with pytest.raises(InputError, match=r"damaged or incomplete .*No such file"):
        dict(found)
