import json

import numpy as np
import pytest
import tensorflow as tf

from albert_lsh_tf.checkpoints.sources import find_weights
from albert_lsh_tf.checkpoints.writing.google import write_google
from albert_lsh_tf.checkpoints.writing.weights import read_weights
from albert_lsh_tf.errors import InputError
from tests.fixtures import checkpoints, huggingface, vocabularies
from tests.fixtures.weights import HEADS, google_variables_with


@pytest.mark.parametrize("heads", HEADS.values(), ids=HEADS)
def test_googles_names_shapes_and_values(tmp_path, variables, heads):
    expected = google_variables_with(variables, heads)
    source = huggingface.write_folder(tmp_path / "source", expected)
    folder = tmp_path / "google"
    folder.mkdir()
    write_google(read_weights(find_weights(source)), folder)
    # As Google's scripts open it.
    reader = tf.train.load_checkpoint(str(folder / "model.ckpt-best"))
    assert reader.get_variable_to_shape_map().keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_array_equal(reader.get_tensor(name), value)
        assert reader.get_variable_to_dtype_map()[name] == tf.float32
    assert sorted(file.name for file in folder.iterdir()) == [
        "albert_config.json",
        "model.ckpt-best.data-00000-of-00001",
        "model.ckpt-best.index",
        "spiece.model",
    ]
    config = json.loads((folder / "albert_config.json").read_text())
    assert config.items() <= checkpoints.TINY_CONFIG.items()
    assert (folder / "spiece.model").read_bytes() == vocabularies.spm_model()


def test_what_google_cannot_say_is_refused(tmp_path, variables):
    source = huggingface.write_folder(tmp_path / "v1", variables, hidden_act="gelu")
    with pytest.raises(InputError, match="gelu_erf is a .* Google's files cannot"):
        write_google(read_weights(find_weights(source)), tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["v1"]


def test_half_precision_is_half_the_size_and_rounded_once(tmp_path, variables):
    source = find_weights(huggingface.write_folder(tmp_path / "source", variables))
    weights = read_weights(source)
    for dtype in ("float32", "float16"):
        (tmp_path / dtype).mkdir()
        write_google(weights, tmp_path / dtype, dtype)
    again = read_weights(find_weights(tmp_path / "float16"))
    for name, value in weights.values.items():
        expected = value.astype(np.float16).astype(np.float32)
        np.testing.assert_array_equal(again.values[name], expected)
    name = "model.ckpt-best.data-00000-of-00001"
    sizes = [(tmp_path / d / name).stat().st_size for d in ("float32", "float16")]
    assert sizes[0] == 2 * sizes[1]


def test_what_half_precision_cannot_hold_is_refused(tmp_path, variables):
    name = "bert/pooler/dense/bias"
    large = {**variables, name: np.full_like(variables[name], 1e5)}
    weights = read_weights(
        find_weights(huggingface.write_folder(tmp_path / "source", large))
    )
    (tmp_path / "half").mkdir()
    with pytest.raises(InputError, match=f"{name} holds 1e.05, which float16 cannot"):
        write_google(weights, tmp_path / "half", "float16")
