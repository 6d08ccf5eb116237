import json

import ml_dtypes
import numpy as np
import pytest
from safetensors.numpy import save_file

from albert_lsh_tf.checkpoints.formats.safetensors_file import (
    SafetensorsVariables,
    files_of_index,
    is_safetensors,
)
from albert_lsh_tf.errors import InputError

END = ".safetensors"
VALUES = np.array([[1.5, -2.0, 0.125], [3.0, 0.0, -0.75]])


@pytest.mark.parametrize("dtype", ["f8", "f4", "f2", ml_dtypes.bfloat16])
def test_values_in_their_own_dtype(tmp_path, dtype):
    value = VALUES.astype(dtype)
    save_file({"a": value, "left": value}, tmp_path / "x.safetensors")
    variables = SafetensorsVariables(
        "model", [tmp_path / "x.safetensors"], frozenset(["left"])
    )
    assert list(variables) == ["a"] and len(variables) == 1
    assert variables.path == "model"
    assert variables.shape("a") == (2, 3)
    assert variables.dtype("a") == variables["a"].dtype == value.dtype
    np.testing.assert_array_equal(variables["a"], value)


def test_several_files_are_one_model(tmp_path):
    files = [tmp_path / "one", tmp_path / "two"]
    save_file({"a": VALUES}, files[0])
    save_file({"b": VALUES[0]}, files[1])
    variables = SafetensorsVariables(tmp_path, files)
    assert {name: variables.shape(name) for name in variables} == {
        "a": (2, 3),
        "b": (3,),
    }
    save_file({"a": VALUES}, files[1])
    with pytest.raises(InputError, match=r"two: a is in another file of the folder"):
        SafetensorsVariables(tmp_path, files)


@pytest.mark.parametrize("dtype", ["i8", "i1", "u1", "?"])
def test_weights_in_a_code_are_refused(tmp_path, dtype):
    save_file({"a": VALUES.astype(dtype)}, tmp_path / "x")
    with pytest.raises(InputError, match=r"a is stored as \w+, .*without quantisation"):
        SafetensorsVariables(tmp_path, [tmp_path / "x"])


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[:-1],
        lambda content: content[:20],
        lambda content: content + b"!",
        lambda content: b"",
        lambda content: b"\x80\x02" + content,
    ],
)
def test_damage_is_found_when_a_file_is_opened(tmp_path, damage):
    file = tmp_path / "x.safetensors"
    save_file({"a": VALUES}, file)
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(InputError, match=r"x.safetensors: not a .* damaged or inc"):
        SafetensorsVariables(tmp_path, [file])


def test_a_missing_file(tmp_path):
    with pytest.raises(InputError, match=r"gone: no such file. Copy or download all"):
        SafetensorsVariables(tmp_path, [tmp_path / "gone"])


def test_content_tells_not_the_name(tmp_path):
    save_file({"a": VALUES}, tmp_path / "pytorch_model.bin")
    assert is_safetensors(tmp_path / "pytorch_model.bin")
    for content in (b"", b"\x80\x04.", b"PK\x03\x04 a zip of pickles", b'{"json": 1}'):
        (tmp_path / "other").write_bytes(content)
        assert not is_safetensors(tmp_path / "other")
    assert not is_safetensors(tmp_path) and not is_safetensors(tmp_path / "gone")


def test_an_index_names_each_file_once(tmp_path):
    index = tmp_path / "index.json"
    index.write_text(
        json.dumps({"weight_map": dict(a=f"2{END}", b=f"1{END}", c=f"2{END}")})
    )
    assert files_of_index(index) == [tmp_path / f"1{END}", tmp_path / f"2{END}"]


@pytest.mark.parametrize(
    "name", [f"../up{END}", f"/up{END}", f"down/a{END}", "..", END, "", "x.bin", 3]
)
def test_an_index_stays_in_its_folder(tmp_path, name):
    index = tmp_path / "index.json"
    index.write_text(json.dumps({"weight_map": {"a": name}}))
    with pytest.raises(InputError, match=r"index.json: it names the file .*beside it"):
        files_of_index(index)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"weight_map": 3}', "\xff"])
def test_a_damaged_index(tmp_path, content):
    index = tmp_path / "index.json"
    index.write_bytes(content.encode("latin-1"))
    with pytest.raises(InputError, match="index.json: not an index"):
        files_of_index(index)
