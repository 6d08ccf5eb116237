"""Batches of examples in files: the same sequence, whoever reads it from where."""

import itertools
import json
import os
import pathlib
import shutil

import numpy as np
import pytest
import tensorflow as tf

from albert_lsh_tf.data.pretraining import records
from albert_lsh_tf.data.pretraining.create import create_pretraining_data
from albert_lsh_tf.data.pretraining.files import write_records
from albert_lsh_tf.data.pretraining.records import (
    RecordFiles,
    first_records,
    record_dataset,
)
from albert_lsh_tf.data.pretraining.settings import ExampleConfig
from albert_lsh_tf.errors import InputError
from tests.data.pretraining.corpora import (
    SPM_MODEL_FILE,
    rows_of,
    write_examples,
    write_text,
)

NUM_EXAMPLES, NUM_FILES, BATCH = 35, 3, 7
STEPS_OF_EPOCH = NUM_EXAMPLES // BATCH


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> pathlib.Path:
    return tmp_path_factory.mktemp("records")


@pytest.fixture(scope="module")
def examples(folder) -> dict[str, np.ndarray]:
    return write_examples(folder, NUM_EXAMPLES, NUM_FILES)


@pytest.fixture(scope="module")
def files(folder, examples) -> RecordFiles:
    return RecordFiles.find([f"{folder}/*"])


@pytest.fixture(autouse=True)
def several_windows(monkeypatch):
    monkeypatch.setattr(records, "_WINDOW", 13)


def batches(files, num_batches, batch_size=BATCH, seed=5, **named):
    dataset = record_dataset(files, batch_size, seed, **named)
    return [*itertools.islice(dataset.as_numpy_iterator(), num_batches)]


def google_record(**changes) -> bytes:
    """A record of google-research/bert's program: as ALBERT's, less token_boundary."""
    columns = {
        "input_ids": [2, 17, 4, 3, 31, 3, 0],
        "input_mask": [1, 1, 1, 1, 1, 1, 0],
        "segment_ids": [0, 0, 0, 0, 1, 1, 0],
        "masked_lm_positions": [2, 0, 0],
        "masked_lm_ids": [23, 0, 0],
        "masked_lm_weights": [1.0, 0.0, 0.0],
        "next_sentence_labels": [1],
        **changes,
    }
    record = tf.train.Example()
    for name, values in columns.items():
        feature = record.features.feature[name]
        if name == "masked_lm_weights":
            feature.float_list.value.extend(values)
        else:
            feature.int64_list.value.extend(values)
    return record.SerializeToString()


def test_columns_are_those_that_were_written(files, examples):
    assert (files.max_seq_length, files.num_predictions) == (24, 4)
    read = first_records(files, NUM_EXAMPLES + 1)
    assert read.keys() == examples.keys()
    for name, values in examples.items():
        assert read[name].dtype == values.dtype
        np.testing.assert_array_equal(read[name], values, err_msg=name)


def test_the_first_records_are_no_more_than_asked_for(files, examples):
    some = first_records(files, 17)  # Ends in the second file, and in the second batch.
    assert rows_of(some) == rows_of(examples)[:17]


def test_batches_are_of_static_shape(files, examples):
    spec = record_dataset(files, BATCH, 5).element_spec
    (batch,) = batches(files, 1)
    assert spec.keys() == batch.keys() == examples.keys()
    for name, values in batch.items():
        assert spec[name].shape == values.shape == (BATCH, *examples[name].shape[1:])
        assert spec[name].dtype == values.dtype == examples[name].dtype


def test_every_epoch_has_every_example_once_in_another_order(files, examples):
    rows = rows_of(*batches(files, 3 * STEPS_OF_EPOCH))
    epochs = [rows[n * NUM_EXAMPLES : (n + 1) * NUM_EXAMPLES] for n in range(3)]
    for epoch in epochs:
        assert sorted(epoch) == sorted(rows_of(examples))
    assert len({tuple(epoch) for epoch in [rows_of(examples), *epochs]}) == 4


def test_windows_are_shuffled_each_in_its_own_way(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(records, "_WINDOW", BATCH)
    examples = write_examples(tmp_path, NUM_EXAMPLES, num_files=1)
    place = {row: number for number, row in enumerate(rows_of(examples))}
    one_file = RecordFiles.find([str(tmp_path / "examples-0")])
    orders = set()
    for step, batch in enumerate(batches(one_file, 2 * STEPS_OF_EPOCH)):
        begin = step % STEPS_OF_EPOCH * BATCH
        order = tuple(place[row] - begin for row in rows_of(batch))
        assert sorted(order) == [*range(BATCH)]
        orders.add(order)
    assert len(orders) == 2 * STEPS_OF_EPOCH


def test_files_come_in_another_order_in_every_epoch(files, examples, monkeypatch):
    monkeypatch.setattr(records, "_WINDOW", 1)
    monkeypatch.setattr(records, "_FILES_AT_ONCE", 1)
    rows = rows_of(examples)
    of_files = [part.tolist() for part in np.array_split(np.array(rows, object), 3)]
    read = rows_of(*batches(files, 8 * STEPS_OF_EPOCH))
    orders = set()
    for epoch in range(8):
        parts = read[epoch * NUM_EXAMPLES : (epoch + 1) * NUM_EXAMPLES]
        order = sorted(range(3), key=lambda n: parts.index(of_files[n][0]))
        assert parts == [row for n in order for row in of_files[n]]
        orders.add(tuple(order))
    assert len(orders) > 2


@pytest.mark.parametrize(
    "batch_size, start", [(7, 1), (7, 5), (11, 3), (1, 71), (37, 2)]
)
def test_a_run_that_goes_on_repeats_and_skips_nothing(files, batch_size, start):
    whole = rows_of(*batches(files, start + 3, batch_size))
    rest = rows_of(*batches(files, 3, batch_size, start_step=start))
    assert rest == whole[start * batch_size :]


def test_a_batch_may_run_over_the_end_of_an_epoch(files, examples):
    rows = rows_of(*batches(files, 7, batch_size=10))
    assert sorted(rows[:NUM_EXAMPLES]) == sorted(rows[NUM_EXAMPLES:])
    assert sorted(rows[:NUM_EXAMPLES]) == sorted(rows_of(examples))


def test_the_seed_alone_decides(files):
    streams = []
    for seed, seed_of_tensorflow in [(5, 1), (5, 2), (6, 1), (2**40, 1)]:
        tf.random.set_seed(seed_of_tensorflow)
        streams.append(rows_of(*batches(files, 3, seed=seed)))
    assert streams[0] == streams[1]
    assert len({tuple(stream) for stream in streams}) == 3


@pytest.mark.parametrize("num_pipelines, num_replicas", [(1, 2), (2, 2), (2, 6)])
def test_replicas_share_out_every_step(files, num_pipelines, num_replicas):
    whole = batches(files, 5, 12, start_step=1)
    own_replicas = num_replicas // num_pipelines
    parts = [
        batches(
            files,
            5 * own_replicas,
            12,
            start_step=1,
            input_context=tf.distribute.InputContext(num_pipelines, each, num_replicas),
        )
        for each in range(num_pipelines)
    ]
    for step, expected in enumerate(whole):
        steps = slice(step * own_replicas, (step + 1) * own_replicas)
        shares = [batch for part in parts for batch in part[steps]]
        assert {len(share["input_ids"]) for share in shares} == {12 // num_replicas}
        assert rows_of(*shares) == rows_of(expected)


def test_a_batch_that_does_not_divide_is_refused(files):
    context = tf.distribute.InputContext(1, 0, 2)
    with pytest.raises(InputError, match="train_batch_size=7 must be a multiple"):
        record_dataset(files, 7, 5, input_context=context)


def test_googles_records_lack_the_boundaries_of_words(tmp_path):
    write_records(tmp_path / "bert", [google_record()])
    files = RecordFiles.find([str(tmp_path / "bert")])
    assert (files.max_seq_length, files.num_predictions) == (7, 3)
    (batch,) = batches(files, 1, batch_size=1)
    assert batch["input_ids"].tolist() == [[2, 17, 4, 3, 31, 3, 0]]
    assert batch["token_boundary"].tolist() == [[0] * 7]
    assert batch["masked_lm_weights"].tolist() == [[1, 0, 0]]
    assert batch["next_sentence_labels"].tolist() == [[1]]


@pytest.mark.parametrize(
    "names, message",
    [
        (["none-*"], "none-\\*: no such file; give TFRecord files of create_pretrain"),
        (["examples-0", "none"], "none: no such file; give TFRecord files of create"),
        (["folder*"], "input_file=.*folder\\*: no such file"),
        (["text"], "text: not a TFRecord file, or a damaged one; make it again with"),
        # Not only the first file is looked at.
        (["examples-0", "text"], "text: not a TFRecord file, or a damaged one"),
        (["cut"], "cut: not a TFRecord file, or a damaged one; make it again with"),
        (["no_proto"], "no_proto: its records are no examples of pre-training, which"),
        (["others"], "others: its records are no examples of pre-training, which"),
        (["no_ids"], "no_ids: its records are no examples .* masked_lm_positions and"),
        (["ragged"], "ragged: its records are no examples of pre-training, which"),
        (["empty"], "input_file=.*empty: there is no example."),
        (
            ["examples-*", "bert"],
            "bert holds examples of 7 tokens with 3 places for masked ones, but "
            ".*examples-0 of 24 with 4; give files of one length as input_file",
        ),
    ],
)
def test_what_cannot_be_read_is_refused(names, message, tmp_path):
    write_examples(tmp_path, 5, num_files=2)
    (tmp_path / "folder").mkdir()
    (tmp_path / "text").write_text("The ferry left the harbour at seven.\n")
    whole = (tmp_path / "examples-0").read_bytes()
    (tmp_path / "cut").write_bytes(whole[:100])
    other = tf.train.Example()
    other.features.feature["label"].int64_list.value.append(1)
    for name, record in {
        "no_proto": b"The ferry left the harbour at seven.",
        "others": other.SerializeToString(),
        "no_ids": google_record(masked_lm_ids=[]),
        "ragged": google_record(input_mask=[1, 1, 1]),
        "bert": google_record(),
    }.items():
        write_records(tmp_path / name, [record])
    write_records(tmp_path / "empty", [])
    with pytest.raises(InputError, match=message) as caught:
        RecordFiles.find([str(tmp_path / name) for name in names])
    assert "\n" not in str(caught.value)


def test_an_empty_file_among_others_is_none_to_stumble_over(tmp_path):
    examples = write_examples(tmp_path, 5, num_files=1)
    write_records(tmp_path / "begins-with-nothing", [])
    files = RecordFiles.find([str(tmp_path / "*")])
    assert len(files.paths) == 2
    assert sorted(rows_of(*batches(files, 1, batch_size=5))) == sorted(
        rows_of(examples)
    )


def test_another_length_than_that_of_the_run_is_refused(files):
    files.refuse_other_length(ExampleConfig(max_seq_length=24))
    with pytest.raises(
        InputError,
        match="examples-0 holds examples of 24 tokens, not of max_seq_length=48; give "
        "max_seq_length=24, or other files",
    ):
        files.refuse_other_length(ExampleConfig(max_seq_length=48))


def test_patterns_and_homes_are_filled_in(folder, files, monkeypatch):
    monkeypatch.setenv("HOME", str(folder.parent))
    pattern = f"~/{folder.name}/examples-[01]"
    names = [f"{folder}/examples-0", f"{folder}/examples-1"]
    assert RecordFiles.find([pattern]).paths == (*names,)
    # As they are given, though each pattern's in the order of their names.
    assert RecordFiles.find([names[1], pattern]).paths == (*names[::-1],)


def test_a_name_with_brackets_is_a_name_first(tmp_path):
    write_examples(tmp_path, 5, num_files=1)
    (tmp_path / "examples-0").rename(tmp_path / "examples[0]")
    path = str(tmp_path / "examples[0]")
    assert RecordFiles.find([path]).paths == (path,)


def test_a_file_that_is_named_twice_is_read_once(folder, files):
    given = os.path.relpath(folder / "examples-1")
    paths = RecordFiles.find([given, f"{folder}/*", f"{folder}/examples-0"]).paths
    assert paths == (given, f"{folder}/examples-0", f"{folder}/examples-2")


def test_description_says_how_much_there_is(files):
    assert files.description() == "3 files of examples of 24 tokens, 0 MiB"


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> pathlib.Path:
    """Folders of two runs of the program that differ in nothing but the seed."""
    folder = tmp_path_factory.mktemp("made")
    text = str(write_text(folder))
    for seed in (1, 2):
        create_pretraining_data(
            [text],
            [folder / str(seed) / name for name in ("a", "b")],
            SPM_MODEL_FILE,
            ExampleConfig(max_seq_length=24, random_seed=seed),
            dupe_factor=3,
            say=lambda line: None,
        )
    return folder


def identity_of(*patterns):
    identity = RecordFiles.find([str(pattern) for pattern in patterns]).identity()
    # Else it would never equal what was read back.
    assert json.loads(json.dumps(identity)) == identity
    return identity


def test_content_makes_the_identity_and_folders_do_not(made, tmp_path):
    identity = identity_of(made / "1" / "[ab]")
    assert identity != identity_of(made / "2" / "[ab]")
    shutil.copytree(made / "1", tmp_path / "elsewhere")
    assert identity_of(tmp_path / "elsewhere" / "[ab]") == identity
    (tmp_path / "link").symlink_to(made / "1")
    assert identity_of(tmp_path / "link" / "[ab]") == identity


def test_the_manifests_hash_sees_what_the_size_does_not(made, tmp_path):
    shutil.copytree(made / "1", tmp_path / "1")
    file = tmp_path / "1" / "manifest.json"
    manifest = json.loads(file.read_text())
    manifest["files"]["b"]["sha256"] = 64 * "0"
    file.write_text(json.dumps(manifest))
    assert identity_of(tmp_path / "1/[ab]") != identity_of(made / "1" / "[ab]")


def test_order_and_number_of_files_make_the_identity(made):
    a, b = made / "1" / "a", made / "1" / "b"
    identities = [identity_of(*names) for names in [(a,), (b,), (a, b), (b, a)]]
    assert all(identities.count(each) == 1 for each in identities)


def test_files_of_one_name_in_two_folders_are_two(made):
    ours, theirs = made / "1" / "a", made / "2" / "a"
    identities = [identity_of(*n) for n in [(ours,), (theirs,), (ours, theirs)]]
    assert all(identities.count(each) == 1 for each in identities)


def test_without_a_manifest_the_size_makes_the_identity(folder, files, tmp_path):
    shutil.copytree(folder, tmp_path / "copy")
    pattern = tmp_path / "copy" / "examples-*"
    assert identity_of(pattern) == files.identity()
    write_examples(tmp_path / "copy", NUM_EXAMPLES - 1, NUM_FILES)
    assert identity_of(pattern) != files.identity()
    # Somebody else's manifest is none, and no reason to stop.
    (tmp_path / "copy" / "manifest.json").write_text('{"name": "a browser\'s"}')
    assert "bytes" in str(identity_of(pattern))


def test_a_manifest_of_other_files_is_not_believed(made, folder, tmp_path):
    shutil.copytree(made / "1", tmp_path / "1")
    before = identity_of(tmp_path / "1" / "a")
    write_records(tmp_path / "1" / "a", [google_record()])
    assert identity_of(tmp_path / "1" / "a") != before
