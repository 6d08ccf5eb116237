import tarfile

import pytest
import tensorflow as tf
import tensorflow_hub

from albert_lsh_tf.checkpoints.formats import table
from albert_lsh_tf.checkpoints.sources import find_weights
from albert_lsh_tf.config import AlbertConfig
from albert_lsh_tf.embedded import EMBEDDED_MODEL_DIR
from albert_lsh_tf.errors import InputError
from tests.fixtures import checkpoints, vocabularies


@pytest.mark.parametrize("source", [None, "albert_lsh_tiny"])
def test_the_embedded_model(source):
    found = find_weights(source)
    assert found.kind == "embedded"
    assert found.config == AlbertConfig.from_file(
        EMBEDDED_MODEL_DIR / "albert_config.json"
    )
    assert found.spm_model_file == str(EMBEDDED_MODEL_DIR / "spiece.model")
    assert found.description == "albert_lsh_tiny, the model that comes with the package"


def test_a_hash_tells_weights_apart(tmp_path, variables):
    changed = {name: values.copy() for name, values in variables.items()}
    changed[next(iter(changed))].flat[-1] += 1e-3
    hashes = []
    for name, each in {"one": variables, "other": changed, "same": variables}.items():
        folder = checkpoints.write_google_folder(tmp_path / name, each)
        hashes.append(find_weights(folder).sha256())
    assert hashes[0] == hashes[2] != hashes[1]


def test_a_saved_model_is_never_loaded(monkeypatch, saved_model):
    def refuse(*args, **kwargs):
        raise AssertionError("The program was loaded.")

    for module in (tf.saved_model, tensorflow_hub):
        monkeypatch.setattr(module, "load", refuse)
    assert len(dict(find_weights(saved_model).variables)) == 25


def test_a_file_that_is_no_checkpoint(google_folder):
    with pytest.raises(InputError, match="is a file, but no part of a checkpoint"):
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


def write_archive(path, folder):
    with tarfile.open(path, "w:gz") as archive:
        archive.add(folder, "albert_tiny")
    return path


def test_an_archive(tmp_path, monkeypatch, google_folder):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    archive = write_archive(tmp_path / "albert_tiny.tar.gz", google_folder)
    found, direct = find_weights(archive), find_weights(google_folder)
    assert found.path.startswith(str(tmp_path / "cache"))
    assert found.description == f"Google's checkpoint {found.path}, from {archive}"
    assert found.config == direct.config
    assert dict(found.variables).keys() == dict(direct.variables).keys()


def test_an_archive_of_something_else(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    archive = write_archive(tmp_path / "m.tgz", tmp_path / "model")
    with pytest.raises(InputError, match="pytorch_model.bin looks like a pickle"):
        find_weights(archive)


def test_another_models_vocabulary(google_folder):
    (google_folder / "30k-clean.model").write_bytes(vocabularies.spm_model(25))
    with pytest.raises(
        InputError,
        match=r"30k-clean\.model has 25 pieces, .*ckpt-best are of 31",
    ):
        find_weights(google_folder)


def test_a_folder_that_may_not_be_read(tmp_path, monkeypatch):
    def refuse(*args):
        raise PermissionError(13, "Permission denied", str(tmp_path))

    monkeypatch.setattr(table, "open_folder", refuse)
    with pytest.raises(InputError, match=r"cannot be read \(Permission denied\)"):
        find_weights(tmp_path)
