import http.client
import socket
import tarfile
import urllib.error

import pytest
import tensorflow_hub

from albert_lsh_tf.checkpoints.fetching import handles
from albert_lsh_tf.checkpoints.sources import find_weights
from albert_lsh_tf.errors import InputError

KAGGLE = "https://www.kaggle.com/models/tensorflow/albert"


@pytest.fixture(autouse=True)
def no_cache_of_kagglehub(tmp_path, monkeypatch):
    monkeypatch.setenv("KAGGLEHUB_CACHE", str(tmp_path / "kagglehub"))


@pytest.fixture
def asked(monkeypatch, saved_model):
    """The URLs that tensorflow_hub was asked for; it always finds the same model."""
    urls = []

    def resolve(url):
        urls.append(url)
        return str(saved_model)

    monkeypatch.setattr(tensorflow_hub, "resolve", resolve)
    return urls


@pytest.mark.parametrize(
    "handle, url",
    [
        (
            "tensorflow/albert_en_base/3",
            "https://tfhub.dev/tensorflow/albert_en_base/3",
        ),
        ("google/albert_base/1", "https://tfhub.dev/google/albert_base/1"),
        ("tensorflow/albert/tensorFlow2/en-base/3", f"{KAGGLE}/tensorFlow2/en-base/3"),
        (f"{KAGGLE}/tensorFlow2/en-base/3", f"{KAGGLE}/tensorFlow2/en-base/3"),
        (
            "https://storage.googleapis.com/albert_models/albert_base_v2.tar.gz",
            "https://storage.googleapis.com/albert_models/albert_base_v2.tar.gz",
        ),
    ],
)
def test_a_handle_is_fetched(asked, saved_model, handle, url):
    found = find_weights(handle)
    assert asked == [url]
    assert found.description == f"SavedModel {saved_model}, from {handle}"


@pytest.mark.parametrize(
    "handle",
    [
        "tensorflow/albert/tensorFlow2/en-base/3",
        f"{KAGGLE}/tensorFlow2/en-base/3",
        f"{KAGGLE}/frameworks/tensorFlow2/variations/en-base/versions/3",
    ],
)
def test_what_kagglehub_has_fetched_is_not_fetched_again(tmp_path, asked, handle):
    version = tmp_path / "kagglehub/models/tensorflow/albert/tensorFlow2/en-base/3"
    version.mkdir(parents=True)
    handles.resolve(handle)
    assert len(asked) == 1  # Half-written, until kagglehub says that it is complete.
    version.with_name("3.complete").touch()
    assert handles.resolve(handle) == version
    assert len(asked) == 1


def test_an_archive_of_one_folder(monkeypatch, tmp_path):
    (tmp_path / "fetched" / "albert_base").mkdir(parents=True)
    (tmp_path / "fetched" / "albert_base" / "file").touch()
    monkeypatch.setattr(tensorflow_hub, "resolve", lambda url: tmp_path / "fetched")
    folder = handles.resolve("https://example.com/albert_base.tar.gz")
    assert folder == tmp_path / "fetched" / "albert_base"


@pytest.mark.parametrize(
    "error",
    [
        urllib.error.URLError("no route to host"),
        TimeoutError("timed out"),
        ValueError("Unexpected object type in tar archive"),
        EOFError("Compressed file ended before the end-of-stream marker"),
        tarfile.ReadError("invalid header"),
        http.client.IncompleteRead(b""),
    ],
)
def test_what_cannot_be_fetched_is_one_line(monkeypatch, error):
    def resolve(url):
        assert socket.getdefaulttimeout() == 20
        raise error

    monkeypatch.setattr(tensorflow_hub, "resolve", resolve)
    with pytest.raises(InputError, match=r"albert_en_base/3: cannot be fetched \(.+\)"):
        handles.resolve("tensorflow/albert_en_base/3")
    assert socket.getdefaulttimeout() is None


def test_without_a_network_the_real_resolver_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path / "tfhub"))
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    with pytest.raises(InputError, match=r"cannot be fetched \(.*refused"):
        handles.resolve(f"https://127.0.0.1:{port}/albert_en_base/3")


def test_places_that_are_not_fetched(monkeypatch, asked):
    with pytest.raises(InputError, match="gs://bucket/model: only https:// is fetched"):
        find_weights("gs://bucket/model")
    assert not asked
    monkeypatch.setattr(tensorflow_hub, "resolve", lambda url: "gs://bucket/model")
    with pytest.raises(InputError, match="unset TFHUB_MODEL_LOAD_FORMAT"):
        find_weights("tensorflow/albert_en_base/3")


@pytest.mark.parametrize(
    "path", ["models/albert_en_base/3", "tensorflow/albert/pyTorch/en-base/3", "x/y/z"]
)
def test_a_mistyped_path_is_never_fetched(asked, path):
    with pytest.raises(InputError, match="no such folder or checkpoint"):
        find_weights(path)
    assert not asked
