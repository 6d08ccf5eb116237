"""Files as a pipeline of Beam reads and writes them; Beam itself is not needed."""

import os

import pytest

from albert_lsh_tf.data.pretraining import files, remote_files
from albert_lsh_tf.errors import InputError

CONFIG = {"random_seed": 1, "input_files": ["a.txt"], "input_states": ["1", "2"]}
NAMES = ["x", "y"]


def write(folder, config=CONFIG, examples=(3, 0)) -> None:
    """Two files and their manifest, with so many examples."""
    entries = {}
    for name, number in zip(NAMES, examples, strict=True):
        entry = remote_files.write_records(f"{folder}/{name}", [b"record"] * number)
        entries[name] = {**entry, **files.NO_COUNTS, "examples": number}
    remote_files.write_manifest(entries.items(), str(folder), config)


def test_texts_are_found_as_those_of_a_local_run(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("b.txt", "a.txt", "[c].txt"):
        (tmp_path / name).touch()
    (tmp_path / "d.txt").mkdir()
    found = remote_files.find_texts(["~/[c].txt", f"{tmp_path}/*.txt", "~/b.txt"])
    assert [os.path.basename(path) for path in found] == ["[c].txt", "a.txt", "b.txt"]
    for patterns, message in {
        (): "input_file must be given; give UTF-8 text",
        ("~/d.txt",): "input_file=~/d.txt is a folder; write ~/d.txt/\\*.",
        ("~/none",): "input_file: nothing matches ~/none; give UTF-8",
    }.items():
        with pytest.raises(InputError, match=message):
            remote_files.find_texts(patterns)


def test_a_text_of_another_size_or_time_is_another(tmp_path):
    text = tmp_path / "a.txt"
    found = []
    for content, time in (("one", 10), ("one", 10), ("four", 10), ("one", 11)):
        text.write_text(content)
        os.utime(text, (time, time))
        found.append(remote_files.identity([str(text)]))
        assert found[-1]["input_files"] == ["a.txt"]
    assert found[0] == found[1]
    assert len({str(each) for each in found}) == 3


def test_what_is_finished_is_known_again(tmp_path):
    assert remote_files.finished(str(tmp_path), CONFIG, NAMES) is None
    write(tmp_path)
    found = remote_files.finished(str(tmp_path), CONFIG, NAMES)
    assert found.totals["examples"] == 3
    (tmp_path / "x").write_bytes(b"other")
    assert remote_files.finished(str(tmp_path), CONFIG, NAMES) is None


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"input_states": ["3", "2"]}, "a.txt was changed since .* was made of it; gi"),
        ({"random_seed": 2}, "made otherwise \\(random_seed 1 there, 2 asked for"),
        ({"input_files": ["b.txt"]}, "made otherwise \\(input_files a.txt there, b.tx"),
    ],
)
def test_what_was_made_otherwise_is_refused(tmp_path, changes, message):
    write(tmp_path)
    with pytest.raises(InputError, match=message):
        remote_files.finished(str(tmp_path), CONFIG | changes, NAMES)


def test_the_folder_of_a_local_run_that_was_killed_is_refused(tmp_path):
    files.Manifest(
        tmp_path / "manifest.json", files.KIND, {"tokens_sha256": "x"}
    ).save()
    with pytest.raises(
        InputError, match="made otherwise \\(tokens_sha256 x there, Non"
    ):
        remote_files.finished(str(tmp_path), CONFIG, NAMES)


def test_files_without_an_example_are_not_finished(tmp_path, monkeypatch):
    write(tmp_path, examples=(0, 0))
    assert not (tmp_path / "manifest.json").exists()
    # As an earlier version wrote it, of a text that was mended since.
    manifest = files.Manifest(tmp_path / "manifest.json", files.KIND, CONFIG)
    manifest.totals = dict(files.NO_COUNTS)
    manifest.save()
    mended = CONFIG | {"input_states": ["3", "2"]}
    assert remote_files.finished(str(tmp_path), mended, NAMES) is None
