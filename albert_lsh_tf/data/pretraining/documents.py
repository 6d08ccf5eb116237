"""Text files to documents: a sentence a line, a blank line between documents."""

import contextlib
import glob
import gzip
import pathlib
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import BinaryIO

from albert_lsh_tf.errors import InputError

FORMAT = "give UTF-8 text, a sentence a line, with a blank line between documents"


def find_files(patterns: Sequence[str]) -> list[pathlib.Path]:
    """The files that names and patterns mean.

    Args:
      patterns: files, or patterns such as "corpus/*.txt.gz".

    Returns:
      The files, those of a pattern sorted by name; each once.

    Raises:
      InputError: a pattern that nothing matches, or there are no patterns.
    """
    if not patterns:
        raise InputError(f"input_file must be given; {FORMAT}.")
    files: dict[pathlib.Path, None] = {}
    for pattern in patterns:
        # A name with brackets is a name first.
        found = [pattern] if pathlib.Path(pattern).exists() else glob.glob(pattern)
        paths = [pathlib.Path(each) for each in sorted(found)]
        if not paths:
            raise InputError(f"input_file: nothing matches {pattern}; {FORMAT}.")
        files.update(dict.fromkeys(path for path in paths if not path.is_dir()))
        if all(path.is_dir() for path in paths):
            raise InputError(f"input_file={pattern} is a folder; write {pattern}/*.")
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
