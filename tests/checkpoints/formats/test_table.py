import shutil

import pytest

from albert_lsh_tf.checkpoints.formats.table import FORMATS
from albert_lsh_tf.checkpoints.sources import find_weights
from albert_lsh_tf.errors import InputError
from tests.fixtures import checkpoints, huggingface


def test_every_format_is_one_and_no_other(
    tmp_path, google_folder, saved_model, hub_module, variables
):
    hf = huggingface.write_folder(tmp_path / "hf", variables)
    found = {
        folder.name: [each.name for each in FORMATS if each.is_there(folder)]
        for folder in (google_folder, saved_model, hub_module, hf, tmp_path)
    }
    assert found == {
        google_folder.name: [
            "a TensorFlow checkpoint, of Google's, Model Garden's or a run"
        ],
        saved_model.name: ["a TF2 SavedModel"],
        hub_module.name: ["a TF1 TF-Hub module"],
        hf.name: ["a Hugging Face folder"],
        tmp_path.name: [],
    }


def test_a_folder_with_nothing_in_it(tmp_path):
    with pytest.raises(
        InputError,
        match=r"no ALBERT weights found\. Looked for .*\*\.index.*saved_model\.pb.*"
        r"model\.safetensors\)\. Found nothing: the folder is empty\.$",
    ):
        find_weights(tmp_path)


def test_an_unknown_folder_is_described(tmp_path):
    for number in range(9):
        (tmp_path / f"{number}.txt").touch()
    (tmp_path / "3").mkdir()
    with pytest.raises(InputError, match=r"Found 0\.txt, 1.*, 3/, .* and 2 more\.$"):
        find_weights(tmp_path)


def test_a_folder_of_two_formats(tmp_path, saved_model, variables):
    folder = shutil.copytree(saved_model, tmp_path / "both")
    checkpoints.write_google_checkpoint(folder / "model.ckpt-best", variables)
    checkpoints.write_config(folder)
    with pytest.raises(
        InputError,
        match=r"both holds weights in 2 formats: a TensorFlow checkpoint.* "
        r"\(model\.ckpt-best\.index\) and a TF2 SavedModel \(saved_model\.pb\)\. Give",
    ):
        find_weights(folder)
    assert find_weights(folder / "model.ckpt-best.index").kind == "google"
    assert find_weights(folder / "saved_model.pb").kind == "saved_model"
