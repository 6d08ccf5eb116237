"""Finds the folder of a model that is named by a handle of TF-Hub's or Kaggle's.

What such a handle names is a program. It is fetched and unpacked here, and then its
variables are read; nothing of it is ever run.
"""

import http.client
import os
import pathlib
import re
import socket
import tarfile
import zlib

import tensorflow as tf

from albert_lsh_tf.checkpoints.fetching.archives import only_folder
from albert_lsh_tf.errors import InputError

# Only these publishers' ALBERTs may be named without https://, so that a mistyped path
# never turns into a download.
_TFHUB_HANDLE = re.compile(r"(tensorflow|google)/albert_\w+/\d+")
_KAGGLE_HANDLE = re.compile(
    r"(?:https://(?:www\.)?kaggle\.com/models/)?"
    r"(?P<model>(?:tensorflow|google)/albert)"
    r"/(?:frameworks/)?(?P<framework>tensorflow[12])"
    r"/(?:variations/)?(?P<variation>[\w-]+)"
    r"/(?:versions/)?(?P<version>\d+)/?",
    re.IGNORECASE,
)
# Seconds without an answer; where there is no network, some wait for it for minutes.
_TIMEOUT = 20.0


def is_handle(source: str) -> bool:
    """Whether a source is a URL, or a short handle of an ALBERT."""
    return "://" in source or bool(
        _TFHUB_HANDLE.fullmatch(source) or _KAGGLE_HANDLE.fullmatch(source)
    )


def resolve(handle: str) -> pathlib.Path:
    """Fetches a model, unless it lies in the cache of tensorflow_hub or kagglehub.

    Args:
      handle: tensorflow/albert_en_base/3, tensorflow/albert/tensorFlow2/en-base/3, or a
        URL: of TF-Hub, Kaggle, or an archive.

    Returns:
      The folder.

    Raises:
      InputError: it is not in a cache, and cannot be fetched.
    """
    url = handle
    if _TFHUB_HANDLE.fullmatch(handle):
        url = f"https://tfhub.dev/{handle}"
    if match := _KAGGLE_HANDLE.fullmatch(handle):
        path = "/".join(match.group("model", "framework", "variation", "version"))
        if cached := _in_cache_of_kagglehub(path):
            return cached
        if "://" not in handle:
            url = f"https://www.kaggle.com/models/{path}"
    if not url.startswith(("https://", "http://")):
        raise InputError(
            f"{handle}: only https:// is fetched; copy the folder to this machine and "
            "give its path."
        )
    return only_folder(_fetch(url, handle))


def _in_cache_of_kagglehub(path: str) -> pathlib.Path | None:
    cache = os.environ.get("KAGGLEHUB_CACHE") or "~/.cache/kagglehub"
    folder = pathlib.Path(cache).expanduser() / "models" / path
    # Written when all files are there.
    is_complete = folder.with_name(f"{folder.name}.complete").exists()
    return folder if folder.is_dir() and is_complete else None


def _fetch(url: str, handle: str) -> pathlib.Path:
    timeout = socket.getdefaulttimeout()
    socket.setdefaulttimeout(timeout or _TIMEOUT)  # tensorflow_hub sets none.
    try:
        import tensorflow_hub  # Slow to import, and only handles need it.

        folder = pathlib.Path(tensorflow_hub.resolve(url))
    except (
        ImportError,
        OSError,
        EOFError,
        RuntimeError,
        ValueError,
        http.client.HTTPException,
        tarfile.TarError,
        tf.errors.OpError,
        zlib.error,
    ) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(
            f"{handle}: cannot be fetched ({reason}). Check the handle and the "
            "network, or download the model and give its folder or archive. It is a "
            "program, of which only the variables are read."
        ) from error
    finally:
        socket.setdefaulttimeout(timeout)
    if not folder.is_dir():
        raise InputError(
            f"{handle}: {folder} is no folder on this machine; unset "
            "TFHUB_MODEL_LOAD_FORMAT, so that the model is fetched whole."
        )
    return folder
