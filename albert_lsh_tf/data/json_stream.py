"""Reads JSON piece by piece, so that a file need not fit into memory.

No TensorFlow here.
"""

import codecs
import gzip
import json
import pathlib
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO

from albert_lsh_tf.errors import InputError

_CHUNK = 1 << 16  # Bytes read at once.
_BLANKS = " \t\n\r"
_BEHIND_A_NUMBER = (*_BLANKS, ",", "]", "}")


class JsonStream:
    """One JSON file, from its beginning on. Holds one value of it at a time.

    The caller walks down to what it is after, and takes that as a whole:

        with JsonStream("train.json") as stream:
            for key in stream.keys():
                if key == "data":
                    for _ in stream.elements():
                        article = stream.value()
                else:
                    stream.value()

    Each key, and each element, must be followed by one call of `value`, `keys` or
    `elements`, which is used up.

    Args:
      path: UTF-8, with or without a byte-order mark; packed by gzip if its name ends in
        .gz.

    Raises:
      InputError: by all methods; the file cannot be read, is damaged, not UTF-8 or not
        JSON, or has something else in that place. Names the line.
    """

    def __init__(self, path: str | pathlib.Path) -> None:
        self.path = pathlib.Path(path)
        self._decode = codecs.getincrementaldecoder("utf-8-sig")().decode
        self._scan = json.JSONDecoder().raw_decode
        self._text, self._place = "", 0
        self._lines_before = 0  # Those of the text that was let go.
        self._is_complete = False  # Whether all of the file is in `_text`, or was.
        self._file = self._open()

    def __enter__(self) -> "JsonStream":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    @property
    def where(self) -> str:
        """The file, and the line that is read next."""
        self._next_character()
        return f"{self.path}, line {self._line_of(self._place)}"

    def keys(self) -> Iterator[str]:
        """The keys of the object that comes next."""
        for _ in self._items("{", "}", "an object"):
            key = self.value()
            if not isinstance(key, str):
                raise self._error("a key that is no string")
            self._expect(":")
            yield key

    def elements(self) -> Iterator[None]:
        """Stops before each element of the array that comes next."""
        return self._items("[", "]", "an array")

    def value(self) -> Any:
        """What comes next, as `json.loads` gives it."""
        self._next_character()
        while True:
            try:
                value, end = self._scan(self._text, self._place)
            except RecursionError as error:
                raise self._error("brackets that go on and on") from error
            except json.JSONDecodeError as error:
                if self._is_complete:
                    raise self._error(error.msg, error.pos) from error
            except ValueError as error:
                # Python reads no longer ones; but a fraction may follow.
                if self._is_complete:
                    raise self._error("a number of thousands of digits") from error
            else:
                if self._is_complete or self._ends_at(end, value):
                    self._place = end
                    return value
            # As much again: a long value is not scanned from its start too often.
            self._read_more(len(self._text) - self._place)

    def end(self) -> None:
        """Makes sure that nothing follows."""
        if self._next_character():
            raise self._error("more text behind the end")

    def _ends_at(self, end: int, value: Any) -> bool:
        """Whether a value ends where it was found to, before all of the file is here.

        Of a number, a part is one as well.
        """
        if isinstance(value, int | float):
            return self._text[end : end + 1] in _BEHIND_A_NUMBER
        return True

    def _items(self, opening: str, closing: str, name: str) -> Iterator[None]:
        if self._next_character() != opening:
            raise self._error(f"something else instead of {name}")
        self._place += 1
        if self._next_character() == closing:
            self._place += 1
            return
        while True:
            yield
            if self._next_character() == closing:
                self._place += 1
                return
            self._expect(",")

    def _expect(self, character: str) -> None:
        if self._next_character() != character:
            raise self._error(f"no {character!r}")
        self._place += 1

    def _next_character(self) -> str:
        """The one that comes next, behind blanks; empty at the end of the file."""
        while True:
            while self._place < len(self._text):
                if self._text[self._place] not in _BLANKS:
                    return self._text[self._place]
                self._place += 1
            if self._is_complete:
                return ""
            self._read_more()

    def _read_more(self, num_characters: int = 0) -> None:
        """Lets go of what is read, and reads on."""
        self._lines_before += self._text.count("\n", 0, self._place)
        parts, length = [self._text[self._place :]], 0
        self._place = 0
        while not self._is_complete and length <= num_characters:
            try:
                raw = self._file.read(_CHUNK)
                parts.append(self._decode(raw, final=not raw))
            except (EOFError, gzip.BadGzipFile, zlib.error) as error:
                raise InputError(
                    f"{self.path}: damaged, or not packed by gzip; copy or download it "
                    "again."
                ) from error
            except UnicodeDecodeError as error:
                line = 1 + self._lines_before + "".join(parts).count("\n")
                line += error.object.count(b"\n", 0, error.start)
                raise InputError(
                    f"{self.path}, line {line}: not UTF-8 (byte "
                    f"{error.object[error.start]:#04x}); save the file as UTF-8."
                ) from error
            length += len(parts[-1])
            self._is_complete = not raw
        self._text = "".join(parts)

    def _open(self) -> BinaryIO:
        try:
            if self.path.suffix == ".gz":
                return gzip.open(self.path, "rb")
            return self.path.open("rb")
        except OSError as error:
            raise InputError(
                f"{self.path}: cannot be read ({error.strerror}); check the path."
            ) from error

    def _line_of(self, place: int) -> int:
        return 1 + self._lines_before + self._text.count("\n", 0, place)

    def _error(self, reason: str, place: int | None = None) -> InputError:
        place = self._place if place is None else place
        at_end = self._is_complete and not self._text[place:].strip(_BLANKS)
        is_cut = at_end or reason.startswith("Unterminated")
        return InputError(
            f"{self.path}, line {self._line_of(place)}: not the JSON that was expected "
            f"({reason}); {'the file is cut off' if is_cut else 'mend the file'}."
        )
