import shutil
import urllib.error

import pytest
import tensorflow as tf
import tensorflow_hub
from tensorflow.core.protobuf import saved_model_pb2

from albert_lsh_tf.checkpoints.sources import find_weights
from albert_lsh_tf.config import AlbertConfig
from albert_lsh_tf.embedded import EMBEDDED_MODEL_DIR
from albert_lsh_tf.errors import InputError
from tests.fixtures import checkpoints

CONFIG = AlbertConfig.from_dict(checkpoints.TINY_CONFIG)


@pytest.mark.parametrize("source", [None, "albert_lsh_tiny"])
def test_the_embedded_model(source):
    found = find_weights(source)
    assert found.kind == "embedded"
    assert found.config == AlbertConfig.from_file(
        EMBEDDED_MODEL_DIR / "albert_config.json"
    )
    assert found.spm_model_file == str(EMBEDDED_MODEL_DIR / "spiece.model")
    assert found.description == "albert_lsh_tiny, the model that comes with the package"


def test_a_folder_of_googles(google_folder):
    found = find_weights(google_folder)
    assert found.kind == "google"
    assert found.path == str(google_folder / "model.ckpt-best")
    assert found.config == CONFIG
    assert found.spm_model_file == str(google_folder / "30k-clean.model")
    assert found.description == f"Google's checkpoint {found.path}"


@pytest.mark.parametrize("suffix", ["", ".index", ".data-00000-of-00001"])
def test_a_prefix_or_one_of_its_files(google_folder, suffix):
    found = find_weights(f"{google_folder}/model.ckpt-best{suffix}")
    assert found.path == f"{google_folder}/model.ckpt-best"
    assert found.config == CONFIG


def test_a_prefix_with_its_config_elsewhere(tmp_path, variables):
    prefix = checkpoints.write_google_checkpoint(tmp_path / "alone/ckpt-7", variables)
    config_file = checkpoints.write_config(tmp_path / "config")
    with pytest.raises(InputError, match="no albert_config.json beside the checkpoint"):
        find_weights(prefix)
    found = find_weights(prefix, config_file)
    assert (found.config, found.spm_model_file) == (CONFIG, None)


def test_googles_best_comes_before_newer_ones(google_folder, variables):
    checkpoints.write_google_checkpoint(google_folder / "model.ckpt-900", variables)
    assert find_weights(google_folder).path.endswith("model.ckpt-best")


def test_of_several_checkpoints_the_recorded_one(tmp_path, variables):
    folder = tmp_path / "raw"
    checkpoints.write_config(folder)
    for step in (90, 1000):
        checkpoints.write_google_checkpoint(folder / f"model.ckpt-{step}", variables)
    with pytest.raises(InputError, match="2 checkpoints and no record of which"):
        find_weights(folder)
    # The path that stands there is of the machine that wrote it.
    (folder / "checkpoint").write_text('model_checkpoint_path: "/gone/model.ckpt-90"')
    assert find_weights(folder).path == str(folder / "model.ckpt-90")


def test_a_run_folder_gives_its_best_checkpoint(tmp_path, variables):
    run = tmp_path / "run"
    checkpoints.write_config(run)
    (run / "spiece.model").write_bytes(b"not read here")
    checkpoint = tf.train.Checkpoint(model=checkpoints.garden_encoder(variables))
    for _ in range(2):
        checkpoint.save(str(run / "ckpt"))
    newest = find_weights(run)
    assert (newest.kind, newest.path) == ("object", str(run / "ckpt-2"))
    assert newest.description == f"TensorFlow 2 checkpoint {run}/ckpt-2"
    checkpoint.write(str(run / "best" / "ckpt-1"))
    for source in (run, run / "best", run / "best" / "ckpt-1"):
        best = find_weights(source)
        assert best.path == str(run / "best" / "ckpt-1")
        assert best.config == CONFIG
        assert best.spm_model_file == str(run / "spiece.model")


def test_a_saved_model_tells_its_architecture(saved_model):
    found = find_weights(saved_model)
    assert found.kind == "saved_model"
    assert found.config == CONFIG.replace(
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0
    )
    assert found.spm_model_file == str(saved_model / "assets" / "30k-clean.model")
    assert found.description == f"SavedModel {saved_model}"


def test_a_config_beside_a_saved_model_comes_first(tmp_path, saved_model):
    folder = shutil.copytree(saved_model, tmp_path / "copy")
    checkpoints.write_config(folder / "assets")
    assert find_weights(folder).config == CONFIG


def test_a_saved_model_that_does_not_tell_its_layers(tmp_path, saved_model):
    folder = shutil.copytree(saved_model, tmp_path / "copy")
    empty = saved_model_pb2.SavedModel()
    (folder / "saved_model.pb").write_bytes(empty.SerializeToString())
    with pytest.raises(
        InputError, match="does not tell num_hidden_layers; .*give albert_config_file"
    ):
        find_weights(folder)
    config_file = checkpoints.write_config(tmp_path / "config")
    assert find_weights(folder, config_file).config == CONFIG


def test_a_saved_model_without_variables(tmp_path, saved_model):
    shutil.copy(saved_model / "saved_model.pb", tmp_path)
    with pytest.raises(InputError, match="has no variables/variables.index"):
        find_weights(tmp_path)


def test_a_saved_model_is_never_loaded(monkeypatch, saved_model):
    def refuse(*args, **kwargs):
        raise AssertionError("The program was loaded.")

    for module in (tf.saved_model, tensorflow_hub):
        monkeypatch.setattr(module, "load", refuse)
    assert len(dict(find_weights(saved_model).variables)) == 25


@pytest.mark.parametrize(
    "handle",
    ["tensorflow/albert_en_base/3", "https://tfhub.dev/tensorflow/albert_en_base/3"],
)
def test_a_handle_is_resolved(monkeypatch, saved_model, handle):
    asked = []

    def resolve(url):
        asked.append(url)
        return str(saved_model)

    monkeypatch.setattr(tensorflow_hub, "resolve", resolve)
    found = find_weights(handle)
    assert asked == ["https://tfhub.dev/tensorflow/albert_en_base/3"]
    assert found.description == f"SavedModel {saved_model}, from {handle}"


def test_a_handle_without_network(monkeypatch):
    def resolve(url):
        raise urllib.error.URLError("no route to host")

    monkeypatch.setattr(tensorflow_hub, "resolve", resolve)
    with pytest.raises(InputError, match=r"cannot be fetched .*no route to host"):
        find_weights("https://tfhub.dev/tensorflow/albert_en_base/3")


def test_a_mistyped_path_is_never_fetched(monkeypatch):
    monkeypatch.setattr(tensorflow_hub, "resolve", None)
    with pytest.raises(InputError, match="no such folder or checkpoint"):
        find_weights("models/albert_en_base/3")


def test_a_folder_with_nothing_in_it(tmp_path):
    with pytest.raises(
        InputError,
        match=r"no ALBERT weights found. Looked for .*model.ckpt-best.*saved_model.pb",
    ):
        find_weights(tmp_path)


def test_a_folder_with_both_formats(tmp_path, saved_model, variables):
    folder = shutil.copytree(saved_model, tmp_path / "both")
    checkpoints.write_google_checkpoint(folder / "model.ckpt-best", variables)
    with pytest.raises(InputError, match="both a SavedModel and checkpoints"):
        find_weights(folder)


def test_a_missing_index(google_folder):
    (google_folder / "model.ckpt-best.index").unlink()
    with pytest.raises(InputError, match=r"best\.index: no such file, though .*\.data"):
        find_weights(google_folder / "model.ckpt-best")


def test_a_file_that_is_no_checkpoint(google_folder):
    with pytest.raises(InputError, match="neither a folder nor a checkpoint"):
        find_weights(google_folder / "30k-clean.model")


def test_an_empty_name():
    with pytest.raises(InputError, match="empty string"):
        find_weights("")


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "model.pkl"])
def test_pickles_are_refused(tmp_path, name):
    (tmp_path / name).write_bytes(b"\x80\x04.")
    for source in (tmp_path, tmp_path / name):
        with pytest.raises(InputError, match=rf"{name} looks like a pickle"):
            find_weights(source)


def test_of_two_unknown_spm_models_none_is_chosen(google_folder):
    for name in ("one.model", "two.model"):
        shutil.copy(google_folder / "30k-clean.model", google_folder / name)
    assert find_weights(google_folder).spm_model_file.endswith("30k-clean.model")
    (google_folder / "30k-clean.model").unlink()
    assert find_weights(google_folder).spm_model_file is None
