"""The manifest of a folder: what its files were made of, and which are finished."""

import hashlib
import json
import os
import pathlib
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from albert_lsh_tf.errors import InputError

FILE_NAME = "manifest.json"
_FORMAT = 1


class Manifest:
    """A JSON file beside others that says what they are, written as a whole.

    A file is finished when the manifest has it. So what was killed goes on with the
    files that are missing, and what is not its own is never written over.

    Attributes:
      path: the file.
      config: what the files are made of and how.
      totals: counts over all files, once they are finished.
      files: name to a dict of its `bytes`, its `sha256` and counts.
    """

    def __init__(self, path: pathlib.Path, kind: str, config: Mapping[str, Any]):
        self.path = path
        self.kind = kind
        self.config = dict(config)
        self.totals: dict[str, int] = {}
        self.files: dict[str, dict[str, Any]] = {}

    @classmethod
    def read(cls, path: pathlib.Path, kind: str) -> "Manifest":
        """Reads a manifest.

        Raises:
          InputError: there is none, or it is not one of this kind.
        """
        try:
            return cls.parse(path.read_text(encoding="utf-8"), path, kind)
        except FileNotFoundError as error:
            raise InputError(
                f"{path}: no such file; give a folder of {kind}."
            ) from error

    @classmethod
    def parse(cls, text: str, path: pathlib.Path, kind: str) -> "Manifest":
        """What is in a manifest, or an `InputError` as of `read`."""
        try:
            content = json.loads(text)
            manifest = cls(path, kind, content["config"])
            manifest.totals, manifest.files = content["totals"], content["files"]
            is_known = (content["kind"], content["format"]) == (kind, _FORMAT)
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"{path}: not the manifest of {kind}.") from error
        if not is_known:
            raise InputError(
                f"{path}: the manifest of {content['kind']} in format "
                f"{content['format']}, not of {kind} in format {_FORMAT}."
            )
        return manifest

    @classmethod
    def open(
        cls,
        path: pathlib.Path,
        kind: str,
        config: Mapping[str, Any],
        names: Sequence[str],
    ) -> "Manifest":
        """The manifest that is there, or a new one.

        Args:
          path: of the manifest.
          kind: what the files are, in a few words.
          config: what they are made of and how, as JSON has it.
          names: of the files.

        Raises:
          InputError: the folder has the manifest of another config, or files of these
            names and no manifest.
        """
        if path.exists():
            manifest = cls.read(path, kind)
            manifest.refuse_other(config)
            return manifest
        refuse_unknown_files(path, names)
        return cls(path, kind, config)

    def refuse_other(self, config: Mapping[str, Any]) -> None:
        """Raises `InputError` where the files are of another config."""
        if differences := _differences(self.config, config):
            raise InputError(
                f"{self.path.parent} holds {self.kind} made otherwise "
                f"({'; '.join(differences)}); give another output_dir, or delete that."
            )

    def is_finished(self, *names: str) -> bool:
        """Whether files are finished, and there as they were written."""
        return all(
            name in self.files
            and (self.path.parent / name).is_file()
            and (self.path.parent / name).stat().st_size == self.files[name]["bytes"]
            for name in names
        )

    def add(self, files: Mapping[str, Mapping[str, Any]]) -> None:
        """Enters finished files, and writes the manifest."""
        self.files.update({name: dict(entry) for name, entry in files.items()})
        self.save()

    def save(self) -> None:
        """Writes the manifest."""
        with atomic_file(self.path) as temporary:
            temporary.write_text(self.text(), encoding="utf-8")

    def text(self) -> str:
        """What the manifest has in it."""
        content = {
            "kind": self.kind,
            "format": _FORMAT,
            "config": self.config,
            "totals": self.totals,
            # In the order of their names, whichever was finished first.
            "files": dict(sorted(self.files.items())),
        }
        return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def refuse_unknown_files(path: pathlib.Path, names: Sequence[str]) -> None:
    """Raises `InputError` where there are files, and no manifest at `path`."""
    in_the_way = [name for name in names if (path.parent / name).exists()]
    if in_the_way and not path.exists():
        raise InputError(
            f"{path.parent} holds a file {in_the_way[0]}, and no {path.name} that says "
            "what it is; give another output_dir, or delete it."
        )


@contextmanager
def atomic_file(path: pathlib.Path) -> Iterator[pathlib.Path]:
    """A file beside `path` to write, which then takes its place as a whole.

    Each call has one of its own: what two processes write at once is never mixed.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        yield temporary
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def remove_left_overs(folder: pathlib.Path, names: Sequence[str]) -> None:
    """Removes what a kill left of `atomic_file`; while nobody else writes there.

    Args:
      folder: of the files.
      names: of those that were to be written.
    """
    known = set(names)
    for path in folder.iterdir():
        # Without the digits, as earlier versions named it, too.
        left_over = re.fullmatch(r"\.(.+?)(\.[0-9a-f]{8})?\.tmp", path.name)
        if left_over and left_over[1] in known:
            path.unlink(missing_ok=True)


def describe_file(path: pathlib.Path) -> dict[str, Any]:
    """What a manifest says of every file: `bytes`, and `sha256` in hex."""
    with open(path, "rb") as file:
        # Not hashlib.file_digest: Python 3.10 has none.
        digest = hashlib.sha256()
        while block := file.read(2**20):
            digest.update(block)
        return {"bytes": file.tell(), "sha256": digest.hexdigest()}


def _differences(there: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    """What differs between two configs, in words."""
    return [
        f"{name} {_told(there.get(name))} there, {_told(wanted.get(name))} asked for"
        for name in {**there, **wanted}
        if there.get(name) != wanted.get(name)
    ]


def _told(value: Any) -> str:
    told = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return told if len(told) <= 40 else f"{told[:30]}..."
