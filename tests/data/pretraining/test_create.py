import itertools
import os
import pathlib

import numpy as np
import pytest
import tensorflow as tf

from albert_lsh_tf.data.pretraining import create, files
from albert_lsh_tf.data.pretraining.create import create_pretraining_data
from albert_lsh_tf.data.pretraining.examples import make_examples, serialize
from albert_lsh_tf.data.pretraining.settings import ExampleConfig
from albert_lsh_tf.data.pretraining.token_corpus import TokenCorpus
from albert_lsh_tf.errors import InputError, is_disk_full
from tests.data.other_writers import another_process_in, let_files_be
from tests.data.pretraining.corpora import SPM_MODEL_FILE, TEXT, write_text

CONFIG = ExampleConfig(max_seq_length=24)
NUM_FILES, DUPE_FACTOR = 3, 5


@pytest.fixture
def text(tmp_path) -> str:
    return str(write_text(tmp_path, TEXT * 4))


def make(text, folder: pathlib.Path, config=CONFIG, **changes):
    said = []
    arguments = {
        "output_files": [folder / name for name in files.output_names(NUM_FILES)],
        "dupe_factor": DUPE_FACTOR,
        "say": said.append,
    }
    create_pretraining_data(
        [text], vocabulary_file=SPM_MODEL_FILE, config=config, **arguments | changes
    )
    return said


def contents(folder: pathlib.Path) -> dict[str, bytes]:
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def records_of(folder: pathlib.Path) -> list[list[bytes]]:
    """The records of each file."""
    paths = [str(folder / name) for name in files.output_names(NUM_FILES)]
    return [[*tf.data.TFRecordDataset(path).as_numpy_iterator()] for path in paths]


def test_all_passes_are_dealt_to_the_files(tmp_path, text):
    make(text, tmp_path / "out")
    corpus = TokenCorpus.load(tmp_path / "out" / "tokens")
    pairs = [corpus.pairs(epoch, CONFIG) for epoch in range(DUPE_FACTOR)]
    expected = [serialize(make_examples(corpus, each, CONFIG)) for each in pairs]
    record_of = dict(
        zip(
            np.concatenate([files.order_keys(each.key) for each in pairs]).tolist(),
            itertools.chain.from_iterable(expected),
            strict=True,
        )
    )
    in_order = sorted(record_of)
    for number, made in enumerate(records_of(tmp_path / "out")):
        own = [key for key in in_order if key % NUM_FILES == number]
        assert made == [record_of[key] for key in own]
        assert len(own) > len(in_order) / NUM_FILES / 2


def test_the_manifest_counts_what_is_there(tmp_path, text):
    make(text, tmp_path / "out")
    manifest = files.Manifest.read(tmp_path / "out" / "manifest.json", files.KIND)
    examples = [
        tf.train.Example.FromString(record).features.feature
        for records in records_of(tmp_path / "out")
        for record in records
    ]

    def total(name):
        return sum(sum(example[name].int64_list.value) for example in examples)

    weights = [example["masked_lm_weights"].float_list.value for example in examples]
    assert manifest.totals == {
        "bytes": sum(entry["bytes"] for entry in manifest.files.values()),
        "examples": len(examples),
        "tokens": total("input_mask"),
        "predictions": np.sum(weights),
        "swapped": total("next_sentence_labels"),
    }
    assert manifest.config["max_predictions_per_seq"] == 4
    assert {entry["num_pieces"] for entry in manifest.files.values()} == {8000}
    assert files.summary(manifest).startswith(f"{len(examples)} examples in 3 files of")


def test_several_processes_write_the_same_bytes(tmp_path, text):
    other = tmp_path / "b.txt"
    other.write_text(TEXT, encoding="utf-8")
    for workers in (1, 2):
        create_pretraining_data(
            [text, str(other)],
            [tmp_path / str(workers) / name for name in files.output_names(2)],
            SPM_MODEL_FILE,
            CONFIG,
            dupe_factor=2,
            num_workers=workers,
        )
    assert contents(tmp_path / "1") == contents(tmp_path / "2")


def test_only_the_seed_changes_the_bytes(tmp_path, text, monkeypatch):
    make(text, tmp_path / "first")
    monkeypatch.setattr(create, "_EXAMPLES_AT_A_TIME", 7)
    make(text, tmp_path / "again")
    assert contents(tmp_path / "first") == contents(tmp_path / "again")
    make(text, tmp_path / "other", CONFIG.replace(random_seed=1))
    first, other = (
        {record for records in records_of(tmp_path / name) for record in records}
        for name in ("first", "other")
    )
    # Short documents are cut alike at times, but hardly ever masked alike.
    assert len(first & other) < len(first) / 20


def test_a_killed_run_goes_on(tmp_path, text, monkeypatch):
    make(text, tmp_path / "whole")
    make_file = create._make_file
    made = []

    def killed_at_the_second(task, *rest, **named):
        made.append(task.file.name)
        if len(made) == 2:
            # What a kill leaves behind.
            for digits in ("", "0123abcd."):
                left = task.file.parent / f".{task.file.name}.{digits}tmp"
                left.write_bytes(b"half")
            (task.file.parent / ".pairs-left").mkdir()
            raise KeyboardInterrupt
        return make_file(task, *rest, **named)

    monkeypatch.setattr(create, "_make_file", killed_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        make(text, tmp_path / "killed")
    said = make(text, tmp_path / "killed")
    names = files.output_names(NUM_FILES)
    assert made == [names[0], names[1], names[1], names[2]]
    assert said[1] == "1 of 3 files were finished before."
    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")


def test_a_process_that_works_there_is_waited_for(tmp_path, text):
    folder, said = tmp_path / "out", []
    live = folder / ".pairs-of-the-other"
    live.mkdir(parents=True)
    with another_process_in(folder, said, lambda: live.rmdir()) as say:
        make(text, folder, say=say)
    assert sum(line.startswith("waiting for another") for line in said) == 1
    assert files.Manifest.read(folder / "manifest.json", files.KIND).totals


def test_a_kill_before_the_first_file_is_finished_does_not_stop_the_next(
    tmp_path, text, monkeypatch
):
    def killed(task, *_, **__):
        task.file.write_bytes(b"not entered yet")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(create, "_make_file", killed)
        make(text, tmp_path / "out")
    make(text, tmp_path / "out")
    assert b"not entered yet" not in contents(tmp_path / "out").values()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="Linux has it")
def test_a_full_disk_is_told_of(tmp_path, text, monkeypatch):
    let_files_be("/dev/full", ".pairs-", monkeypatch)
    with pytest.raises(OSError) as caught:
        make(text, tmp_path / "out")
    assert is_disk_full(caught.value) and caught.value.filename


def test_pairs_that_were_lost_make_no_examples(tmp_path, text, monkeypatch):
    let_files_be("/dev/null", ".pairs-", monkeypatch)
    with pytest.raises(InputError, match="00000: 0 bytes are there, and [0-9]+ were"):
        make(text, tmp_path / "out")
    assert not [*(tmp_path / "out").glob("*.tfrecord")]


def test_a_finished_run_is_left_as_it_is(tmp_path, text):
    make(text, tmp_path / "out")
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("*.tf*")}
    assert make(text, tmp_path / "out")[1] == "3 of 3 files were finished before."
    assert all(path.stat().st_mtime_ns == time for path, time in times.items())


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"random_seed": 2}, "\\(random_seed 12345 there, 2 asked for\\); give "),
        ({"max_predictions_per_seq": 3}, "max_predictions_per_seq 4 there, 3 asked"),
    ],
)
def test_the_folder_of_another_run_is_refused(tmp_path, text, changes, message):
    make(text, tmp_path / "out")
    with pytest.raises(
        InputError, match="out holds pre-training examples made otherwise .*" + message
    ):
        make(text, tmp_path / "out", CONFIG.replace(**changes))


def test_a_default_that_is_spelt_out_is_no_other_run(tmp_path, text):
    make(text, tmp_path / "out")
    make(text, tmp_path / "out", CONFIG.replace(max_predictions_per_seq=4))


@pytest.mark.parametrize("seed", [-1, -(2**63), 2**63 - 1])
def test_seeds_have_64_bits_and_a_sign(tmp_path, text, seed):
    make(text, tmp_path / "out", CONFIG.replace(random_seed=seed), dupe_factor=1)
    for other in (2**63, -(2**63) - 1, seed + 2**64):
        with pytest.raises(
            InputError, match=f"random_seed={other} must be at least -2"
        ):
            CONFIG.replace(random_seed=other)


@pytest.mark.parametrize(
    "names, message",
    [
        ([], "there is no file to write; give output_file or output_dir."),
        (["a/x", "a/x"], "output_file names a/x twice."),
        (["a/x", "b/x"], "output_file names files in a and in b; give files of one"),
    ],
)
def test_output_files_are_different_ones_of_one_folder(names, message, text, tmp_path):
    with pytest.raises(InputError, match=message):
        make(text, tmp_path, output_files=names)


def test_files_of_the_users_are_not_written_over(tmp_path, text):
    (tmp_path / "out.tfrecord").write_text("mine")
    with pytest.raises(InputError, match="holds a file out.tfrecord, and no manifest"):
        make(text, tmp_path, output_files=[tmp_path / "out.tfrecord"])
    assert contents(tmp_path).keys() == {"out.tfrecord", "text.txt"}
    assert contents(tmp_path)["out.tfrecord"] == b"mine"
