import hashlib
import json

import pytest

from albert_lsh_tf.data.manifest import (
    Manifest,
    atomic_file,
    describe_file,
    remove_left_overs,
)
from albert_lsh_tf.errors import InputError

KIND = "test files"


def open_manifest(folder, config=None, names=("a", "b")):
    config = {"seed": 1} if config is None else config
    return Manifest.open(folder / "manifest.json", KIND, config, names)


def test_what_was_finished_is_known_again(tmp_path):
    (tmp_path / "a").write_bytes(b"12345")
    open_manifest(tmp_path, names=["b"]).add(
        {"a": describe_file(tmp_path / "a") | {"examples": 7}}
    )
    again = open_manifest(tmp_path)
    assert again.is_finished("a")
    assert not again.is_finished("a", "b")
    assert again.files["a"] == {
        "bytes": 5,
        "sha256": hashlib.sha256(b"12345").hexdigest(),
        "examples": 7,
    }
    (tmp_path / "a").write_bytes(b"1234")
    assert not again.is_finished("a")
    (tmp_path / "a").unlink()
    assert not again.is_finished("a")


def test_the_order_in_which_files_are_finished_is_not_seen(tmp_path):
    texts = []
    for names in ("ab", "ba"):
        manifest = Manifest(tmp_path / "manifest.json", KIND, {})
        for name in names:
            manifest.add({name: {"bytes": 0}})
        texts.append((tmp_path / "manifest.json").read_bytes())
    assert texts[0] == texts[1]


def test_another_config_is_refused_with_what_differs(tmp_path):
    open_manifest(tmp_path, {"seed": 1, "names": ["x"], "kept": 0}).save()
    with pytest.raises(
        InputError,
        match="holds test files made otherwise \\(seed 1 there, 2 asked for; names x "
        "there, x, y asked for; new None there, 5 asked for\\); give another out",
    ):
        open_manifest(tmp_path, {"seed": 2, "names": ["x", "y"], "kept": 0, "new": 5})


def test_files_that_nobody_knows_are_not_written_over(tmp_path):
    (tmp_path / "b").touch()
    with pytest.raises(InputError, match="holds a file b, and no manifest.json that"):
        open_manifest(tmp_path)


@pytest.mark.parametrize(
    "content, message",
    [
        ("{", "manifest.json: not the manifest of test files."),
        ("[]", "manifest.json: not the manifest of test files."),
        ("{}", "manifest.json: not the manifest of test files."),
        (
            json.dumps(dict(kind="x", format=1, config={}, totals={}, files={})),
            "manifest.json: the manifest of x in format 1, not of test files in format",
        ),
    ],
)
def test_other_files_of_that_name_are_refused(tmp_path, content, message):
    (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(InputError, match=message):
        open_manifest(tmp_path)


def test_a_file_is_replaced_as_a_whole_or_not_at_all(tmp_path):
    path = tmp_path / "a"
    path.write_text("old")
    with pytest.raises(RuntimeError):
        with atomic_file(path) as temporary:
            temporary.write_text("half")
            raise RuntimeError
    assert [each.name for each in tmp_path.iterdir()] == ["a"]
    assert path.read_text() == "old"
    with atomic_file(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"


def test_two_that_write_a_file_at_once_do_not_mix(tmp_path):
    path = tmp_path / "a"
    with atomic_file(path) as first:
        first.write_text("first, and long")
        with atomic_file(path) as second:
            second.write_text("second")
        assert path.read_text() == "second"
    assert path.read_text() == "first, and long"


def test_what_a_kill_leaves_is_removed_and_nothing_else(tmp_path):
    with pytest.raises(FileNotFoundError), atomic_file(tmp_path / "a.b") as left:
        kept = [".a.tmp", ".a.b", ".other.0123abcd.tmp", ".a.b.c.tmp"]
        for name in (".a.b.tmp", *kept):
            (tmp_path / name).touch()
        left.touch()
        remove_left_overs(tmp_path, ["a.b", "c"])
        assert sorted(path.name for path in tmp_path.iterdir()) == sorted(kept)
