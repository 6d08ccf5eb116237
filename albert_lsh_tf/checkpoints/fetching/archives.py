"""Unpacks an archive of weights into a cache, and trusts nothing that is in it.

What is unpacked are plain files and folders below the cache folder of that archive.
Absolute paths, "..", links, devices and archives that grow absurdly are refused. The
standard library's own filters are not used: not every Python that runs this has them,
and they let links pass.
"""

import bz2
import contextlib
import gzip
import hashlib
import lzma
import os
import pathlib
import shutil
import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from albert_lsh_tf.errors import InputError, is_disk_full

SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".zip")

# The largest ALBERT is 0.9 GiB, or 2.8 with an optimiser's slots. Weights hardly
# shrink, so what grows a hundredfold is none; very small archives may.
_MAX_BYTES = 16 * 2**30
_MAX_GROWTH = 100
_ALWAYS_ALLOWED_BYTES = 64 * 2**20
_MAX_MEMBERS = 10_000
_CHUNK_BYTES = 2**20

_OPENERS = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\x00": lzma.open,
}
_DAMAGE = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    gzip.BadGzipFile,
    EOFError,
    NotImplementedError,  # Packed in a way that Python does not know.
    RuntimeError,  # Encrypted.
    ValueError,
)


class _Member(NamedTuple):
    """One thing in an archive; `content` is None for a folder."""

    name: str
    content: BinaryIO | None


class _RefusedError(Exception):
    """Says why an archive is not unpacked."""


def is_archive(path: pathlib.Path) -> bool:
    """Whether a file's name says that it is an archive."""
    return path.name.lower().endswith(SUFFIXES)


def unpack(archive: pathlib.Path, cache: pathlib.Path | None = None) -> pathlib.Path:
    """Unpacks an archive, unless that was done before.

    Args:
      archive: a .tar, plain or compressed, or a .zip.
      cache: where to; None: albert_lsh_tf/archives in the user's cache folder
        ($XDG_CACHE_HOME or ~/.cache). Each content has a folder of its own there,
        which appears when all of it is there.

    Returns:
      The folder with the archive's content; where that is one folder, that folder.

    Raises:
      InputError: the archive is damaged, or holds what no archive of weights does, or
        it cannot be unpacked there.
    """
    cache = cache or _cache_folder()
    try:
        folder = cache / _digest(archive)
        if not folder.is_dir():
            _unpack_atomically(archive, folder)
    except _RefusedError as error:
        raise InputError(
            f"{archive}: not unpacked, because {error}. If you trust it, unpack it "
            "yourself and give the folder."
        ) from error
    except _DAMAGE as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(
            f"{archive}: the archive is damaged or incomplete ({reason}). Copy or "
            "download it again."
        ) from error
    except OSError as error:
        reason = "the disk is full" if is_disk_full(error) else error.strerror
        raise InputError(
            f"{archive}: cannot be unpacked into {cache} ({reason}). Set "
            "XDG_CACHE_HOME to a folder with room, or unpack it yourself and give the "
            "folder."
        ) from error
    return only_folder(folder)


def only_folder(folder: pathlib.Path) -> pathlib.Path:
    """The folder that holds the files, where folders hold nothing but one another."""
    while True:
        # What macOS adds to archives and folders does not count.
        entries = [
            entry
            for entry in folder.iterdir()
            if entry.name != "__MACOSX" and not entry.name.startswith(".")
        ]
        if len(entries) != 1 or not entries[0].is_dir():
            return folder
        folder = entries[0]


def _cache_folder() -> pathlib.Path:
    cache = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(cache) / "albert_lsh_tf" / "archives"


def _digest(path: pathlib.Path) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()[:32]


def _unpack_atomically(archive: pathlib.Path, folder: pathlib.Path) -> None:
    """Makes `folder` at once, whole, whoever else is making it at the same time."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = pathlib.Path(tempfile.mkdtemp(dir=folder.parent, prefix=".unpacking-"))
    try:
        limit = max(_MAX_GROWTH * archive.stat().st_size, _ALWAYS_ALLOWED_BYTES)
        _unpack_into(archive, temporary, min(limit, _MAX_BYTES))
        try:
            temporary.rename(folder)
        except OSError:
            if not folder.is_dir():  # Another process was faster, and its is the same.
                raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _unpack_into(archive: pathlib.Path, folder: pathlib.Path, limit: int) -> None:
    is_zip = zipfile.is_zipfile(archive)
    members = _zip_members(archive) if is_zip else _tar_members(archive, limit)
    num_bytes = 0
    for number, member in enumerate(members):
        if number == _MAX_MEMBERS:
            raise _RefusedError(f"it holds more than {_MAX_MEMBERS} files")
        file = _create(folder / _safe_name(member.name), member)
        if file is None:
            continue
        with member.content, file:
            while chunk := member.content.read(_CHUNK_BYTES):
                num_bytes += len(chunk)
                if num_bytes > limit:
                    raise _too_large(limit)
                file.write(chunk)


def _create(path: pathlib.Path, member: _Member) -> BinaryIO | None:
    """Makes the folder that a member is, or the file, still empty."""
    try:
        if member.content is None:
            path.mkdir(parents=True, exist_ok=True)
            return None
        path.parent.mkdir(parents=True, exist_ok=True)
        return open(path, "xb")
    except (FileExistsError, IsADirectoryError, NotADirectoryError) as error:
        # Such an archive may show one file and mean another.
        raise _RefusedError(f"{member.name!r} is in it twice") from error


def _safe_name(name: str) -> pathlib.PurePosixPath:
    path = pathlib.PurePosixPath(name)
    # Backslashes and drives mean something on Windows alone, and nothing good.
    if path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name:
        raise _RefusedError(f"{name!r} in it leads out of the folder")
    return path


def _too_large(limit: int) -> _RefusedError:
    return _RefusedError(
        f"it holds more than {limit / 2**20:,.0f} MiB, which is too much for weights "
        "or for its size"
    )


def _zip_members(archive: pathlib.Path) -> Iterator[_Member]:
    with zipfile.ZipFile(archive) as file:
        for info in file.infolist():
            mode = info.external_attr >> 16
            if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise _RefusedError(f"{info.filename!r} in it is a link or a device")
            yield _Member(info.filename, None if info.is_dir() else file.open(info))


def _tar_members(archive: pathlib.Path, limit: int) -> Iterator[_Member]:
    with _open_plain(archive) as plain:
        reader = _LimitedReader(plain, limit)
        with tarfile.open(fileobj=reader, mode="r:") as file:
            for info in file:
                if not (info.isfile() or info.isdir()):
                    raise _RefusedError(f"{info.name!r} in it is a link or a device")
                content = file.extractfile(info) if info.isfile() else None
                yield _Member(info.name, content)
        # tarfile takes a broken header, or the end of the file, for the last member.
        if reader.last_read != bytes(tarfile.BLOCKSIZE):
            raise EOFError("it ends in the middle")
        while reader.read(_CHUNK_BYTES):
            pass  # The check sums of compressed data come at its end.


@contextlib.contextmanager
def _open_plain(archive: pathlib.Path) -> Iterator[BinaryIO]:
    """Opens a tar file, decompressed, whatever its name says."""
    with open(archive, "rb") as file:
        start = file.read(8)
    openers = (each for magic, each in _OPENERS.items() if start.startswith(magic))
    with next(openers, open)(archive, "rb") as plain:
        yield plain


class _LimitedReader:
    """Refuses to go on where an archive, decompressed, is longer than allowed.

    Args:
      file: the archive, decompressed.
      limit: bytes it may have, besides some for headers.

    Attributes:
      last_read: what the last read gave.
    """

    def __init__(self, file: BinaryIO, limit: int) -> None:
        self._file = file
        self._limit = limit
        self.last_read = b""

    def read(self, size: int) -> bytes:
        # A header that says it is longer than any is an attack on memory.
        if size > 16 * _CHUNK_BYTES or self._file.tell() > 2 * self._limit:
            raise _too_large(self._limit)
        self.last_read = self._file.read(size)
        return self.last_read

    def seek(self, position: int) -> int:
        if position > 2 * self._limit:
            raise _too_large(self._limit)
        return self._file.seek(position)

    def tell(self) -> int:
        return self._file.tell()
