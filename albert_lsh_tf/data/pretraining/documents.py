"""Text files to documents: a sentence a line, a blank line between documents."""

import contextlib
import glob
import gzip
import os
import pathlib
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import BinaryIO

from albert_lsh_tf.errors import InputError

FORMAT = "give UTF-8 text, a sentence a line, with a blank line between documents"


def find_files(patterns: Sequence[str]) -> list[pathlib.Path]:
    """The files of this machine that names and patterns mean; see `find_names`."""
    names = find_names(patterns, os.path.exists, glob.glob, os.path.isdir)
    return list(dict.fromkeys(map(pathlib.Path, names)))


def find_names(
    patterns: Sequence[str],
    exists: Callable[[str], bool],
    find: Callable[[str], list[str]],
    is_folder: Callable[[str], bool],
) -> list[str]:
    """The files that names and patterns mean.

    Args:
      patterns: files, or patterns such as "corpus/*.txt.gz"; ~ is the user's home.
      exists: whether a file system has something of a name.
      find: gives the names there that a pattern means.
      is_folder: whether what has a name is a folder; those of a pattern are left out.

    Returns:
      The files, those of a pattern sorted by name; each once.

    Raises:
      InputError: a pattern that nothing matches, or there are no patterns.
    """
    if not patterns:
        raise InputError(f"input_file must be given; {FORMAT}.")
    files: dict[str, None] = {}
    for pattern in patterns:
        name = os.path.expanduser(pattern)
        # A name with brackets is a name first.
        found = [name] if exists(name) else sorted(find(name))
        if not found:
            raise InputError(f"input_file: nothing matches {pattern}; {FORMAT}.")
        own = [path for path in found if not is_folder(path)]
        if not own:
            raise InputError(f"input_file={pattern} is a folder; write {pattern}/*.")
        files.update(dict.fromkeys(own))
    return list(files)


@contextlib.contextmanager
def open_text(path: pathlib.Path) -> Iterator[tuple[BinaryIO, BinaryIO]]:
    """Opens a text file, or one that gzip has packed.

    Yields:
      The lines as bytes, and the file as it is on disk, whose `tell` says how far.
    """
    with open(path, "rb") as file:
        yield unpack(file, path.name), file


def unpack(file: BinaryIO, name: str) -> BinaryIO:
    """The text of an open file, which gzip has packed if its name ends in .gz."""
    return gzip.open(file) if name.endswith(".gz") else file


def read_documents(lines: Iterable[bytes], name: str) -> Iterator[list[str]]:
    """Reads the documents of a file.

    Args:
      lines: of one file.
      name: of the file, for messages.

    Yields:
      The lines of a document that are not blank, without blanks around them; at least
      one line. The end of the file ends a document.

    Raises:
      InputError: a line is not UTF-8, or a packed file is damaged.
    """
    document: list[str] = []
    for line in decode_lines(lines, name):
        if line:
            document.append(line)
        elif document:
            yield document
            document = []
    if document:
        yield document


def decode_lines(lines: Iterable[bytes], name: str) -> Iterator[str]:
    """The lines of a file as text, without blanks around them.

    Args:
      lines: of one file.
      name: of the file, for messages.

    Raises:
      InputError: a line is not UTF-8, or a packed file is damaged.
    """
    number = 0
    try:
        for number, line in enumerate(lines, 1):
            if number == 1:
                line = line.removeprefix(b"\xef\xbb\xbf")  # A byte-order mark.
            yield line.decode("utf-8").strip()
    except UnicodeDecodeError as error:
        raise InputError(
            f"{name}, line {number}: not UTF-8 text; convert the file to UTF-8."
        ) from error
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise InputError(
            f"{name}: damaged after line {number}, or not packed by gzip; copy or "
            "download it again."
        ) from error
