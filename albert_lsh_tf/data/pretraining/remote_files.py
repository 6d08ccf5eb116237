"""Texts, examples and their manifest on any file system that TensorFlow knows."""

import pathlib
import posixpath
import tempfile
from collections.abc import Iterable, Sequence
from typing import Any

import tensorflow as tf

from albert_lsh_tf.data.manifest import FILE_NAME, Manifest
from albert_lsh_tf.data.pretraining import documents, files
from albert_lsh_tf.errors import InputError

_STATES = "input_states"


def find_texts(patterns: Sequence[str]) -> list[str]:
    """The text files that names and patterns mean; see `documents.find_names`."""
    gfile = tf.io.gfile
    return documents.find_names(patterns, gfile.exists, gfile.glob, gfile.isdir)


def identity(texts: Sequence[str]) -> dict[str, list[str]]:
    """What tells texts from others, and from later ones in their place.

    They are not read for it: what has another size or time counts as changed.
    """
    stats = [tf.io.gfile.stat(text) for text in texts]
    return {
        "input_files": [posixpath.basename(text) for text in texts],
        _STATES: [f"{each.length} bytes of {each.mtime_nsec}" for each in stats],
    }


def write_records(path: str, records: Iterable[bytes]) -> dict[str, Any]:
    """Writes a TFRecord file as a whole; returns its `bytes` and `sha256`."""
    with tempfile.TemporaryDirectory() as folder:
        made = pathlib.Path(folder) / posixpath.basename(path)
        entry = files.write_records(made, records)
        tf.io.gfile.copy(str(made), f"{path}.tmp", overwrite=True)
    tf.io.gfile.rename(f"{path}.tmp", path, overwrite=True)
    return entry


def write_manifest(
    entries: Iterable[tuple[str, dict[str, Any]]],
    output_dir: str,
    config: dict[str, Any],
) -> None:
    """Writes the manifest of files of examples, or none where there is no example.

    Args:
      entries: name and entry of every file.
      output_dir: of the files.
      config: what they are made of and how.
    """
    path = posixpath.join(output_dir, FILE_NAME)
    manifest = Manifest(pathlib.Path(path), files.KIND, config)
    manifest.files = dict(entries)
    manifest.totals = files.totals(manifest)
    if not manifest.totals["examples"]:
        return
    with tf.io.gfile.GFile(f"{path}.tmp", "w") as file:
        file.write(manifest.text())
    tf.io.gfile.rename(f"{path}.tmp", path, overwrite=True)


def finished(
    output_dir: str, config: dict[str, Any], names: Sequence[str]
) -> Manifest | None:
    """The manifest of a folder that has all files, and examples; or None.

    Args:
      output_dir: the folder.
      config: what the files are to be made of and how.
      names: of the files.

    Raises:
      InputError: the files there were made otherwise.
    """
    path = posixpath.join(output_dir, FILE_NAME)
    if not tf.io.gfile.exists(path):
        return None
    with tf.io.gfile.GFile(path) as file:
        manifest = Manifest.parse(file.read(), pathlib.Path(path), files.KIND)
    # Earlier versions wrote one without examples, too. There is nothing to lose.
    if manifest.totals.get("examples") == 0:
        return None
    _refuse_changed_texts(manifest, config)
    manifest.refuse_other(config)
    for name in names:
        file_path = posixpath.join(output_dir, name)
        if not tf.io.gfile.exists(file_path):
            return None
        if tf.io.gfile.stat(file_path).length != manifest.files[name]["bytes"]:
            return None
    return manifest


def _refuse_changed_texts(manifest: Manifest, config: dict[str, Any]) -> None:
    """Names the text, where `Manifest.refuse_other` would show sizes and times."""
    if manifest.config.get("input_files") != config["input_files"]:
        return
    before, now = manifest.config.get(_STATES, []), config[_STATES]
    for name, old, new in zip(config["input_files"], before, now, strict=False):
        if old != new:
            raise InputError(
                f"{name} was changed since {manifest.path.parent} was made of it; give "
                "another output_dir, or delete that."
            )
