import gzip
import re

import pytest

from albert_lsh_tf.data.pretraining.documents import (
    find_files,
    open_text,
    read_documents,
)
from albert_lsh_tf.errors import InputError


def documents_of(content: bytes) -> list[list[str]]:
    return list(read_documents(content.splitlines(keepends=True), "a.txt"))


@pytest.mark.parametrize(
    "content, expected",
    [
        (b"", []),
        (b"\n \n\t\n", []),
        (b"a\nb\n\nc\n", [["a", "b"], ["c"]]),
        (b"\n\na b \r\n\r\n  \xc2\xa0\nc", [["a b"], ["c"]]),
        (b"\xef\xbb\xbfa\n\xef\xbb\xbfb", [["a", "\ufeffb"]]),
    ],
)
def test_blank_lines_part_documents(content, expected):
    assert documents_of(content) == expected


def test_a_line_that_is_not_utf8_is_named():
    with pytest.raises(InputError, match="a.txt, line 3: not UTF-8 text; convert"):
        documents_of(b"fine\n\ncaf\xe9\n")


def test_packed_files_are_unpacked(tmp_path):
    path = tmp_path / "a.txt.gz"
    path.write_bytes(gzip.compress(b"a\n\nb\n"))
    with open_text(path) as (lines, on_disk):
        assert list(read_documents(lines, "a.txt.gz")) == [["a"], ["b"]]
        assert on_disk.tell() == path.stat().st_size


@pytest.mark.parametrize("damage", [lambda b: b"text\n", lambda b: b[:-9]])
def test_a_damaged_packed_file_is_named(tmp_path, damage):
    path = tmp_path / "a.txt.gz"
    path.write_bytes(damage(gzip.compress(b"word\n" * 5000)))
    with pytest.raises(InputError, match="a.txt.gz: damaged after line [0-9]+, or not"):
        with open_text(path) as (lines, _):
            list(read_documents(lines, "a.txt.gz"))


def test_patterns_are_sorted_and_files_come_once(tmp_path):
    for name in ("b.txt", "a.txt", "[c].txt"):
        (tmp_path / name).touch()
    (tmp_path / "d.txt").mkdir()
    names = ("[c].txt", "*.txt", "b.txt")
    found = find_files([f"{tmp_path}/{name}" for name in names])
    assert [path.name for path in found] == ["[c].txt", "a.txt", "b.txt"]


def test_homes_are_filled_in(tmp_path, monkeypatch):
    (tmp_path / "a.txt").touch()
    monkeypatch.setenv("HOME", str(tmp_path))
    assert find_files(["~/a.txt", "~/*.txt"]) == [tmp_path / "a.txt"]
    with pytest.raises(InputError, match="input_file: nothing matches ~/b.txt; give"):
        find_files(["~/b.txt"])


@pytest.mark.parametrize(
    "patterns, message",
    [
        ([], "input_file must be given; give UTF-8 text"),
        (["{}/*.text"], "input_file: nothing matches {}/*.text; give"),
        (["{}"], "input_file={} is a folder; write {}/*."),
    ],
)
def test_what_names_no_file_is_refused(tmp_path, patterns, message):
    message = re.escape(message.replace("{}", str(tmp_path)))
    with pytest.raises(InputError, match=message):
        find_files([pattern.replace("{}", str(tmp_path)) for pattern in patterns])
