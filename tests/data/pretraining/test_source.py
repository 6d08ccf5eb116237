"""Examples of pre-training by whatever name: files, or a corpus that makes them."""

import itertools
import json
import pathlib
import shutil

import numpy as np
import pytest

from albert_lsh_tf.data.pretraining.create import create_pretraining_data
from albert_lsh_tf.data.pretraining.online import online_dataset
from albert_lsh_tf.data.pretraining.records import (
    RecordFiles,
    first_records,
    record_dataset,
)
from albert_lsh_tf.data.pretraining.settings import ExampleConfig
from albert_lsh_tf.data.pretraining.source import (
    CorpusSource,
    ExampleSource,
    FileSource,
    open_source,
)
from albert_lsh_tf.data.pretraining.token_corpus import TokenCorpus, TokenShard
from albert_lsh_tf.errors import InputError
from tests.data.pretraining.corpora import (
    SPM_MODEL_FILE,
    TEXT,
    made_up_vocabulary,
    random_corpus,
    rows_of,
    write_examples,
    write_text,
)

CONFIG = ExampleConfig(max_seq_length=24, random_seed=5)
CORPUS = random_corpus(1, 30)
SOURCE = CorpusSource(CORPUS, "tokens")
NUM_EXAMPLES = 17


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> pathlib.Path:
    """What create_pretraining_data.py leaves: files, their manifest, and tokens."""
    folder = tmp_path_factory.mktemp("made")
    create_pretraining_data(
        [str(write_text(folder, TEXT * 4))],
        [folder / "out" / name for name in ("a.tfrecord", "b.tfrecord")],
        SPM_MODEL_FILE,
        CONFIG,
        dupe_factor=1,
        say=lambda line: None,
    )
    (folder / "out" / "empty").mkdir()
    return folder / "out"


def stream(dataset, num_batches=3) -> list[bytes]:
    return rows_of(*itertools.islice(dataset.as_numpy_iterator(), num_batches))


def open_in(folder, *names) -> ExampleSource:
    return open_source([str(folder / name) for name in names])


def test_files_and_folders_are_told_apart(made):
    files = open_in(made, "*.tfrecord")
    assert isinstance(files, FileSource)
    assert files.description == "2 files of examples of 24 tokens, 0 MiB"
    # The folder of the files stands for the tokens in it.
    for folder in (made / "tokens", made):
        source = open_source([str(folder)])
        assert isinstance(source, CorpusSource)
        assert source.description.startswith(f"{made}/tokens: 9 documents, 32 sente")
        assert source.identity() == TokenCorpus.load(made / "tokens").identity()


def test_homes_are_filled_in(made, monkeypatch):
    monkeypatch.setenv("HOME", str(made.parent))
    assert isinstance(open_source([f"~/{made.name}"]), CorpusSource)
    assert isinstance(open_source([f"~/{made.name}/a.tfrecord"]), FileSource)


def test_both_kinds_give_the_same_examples(made):
    """Epoch 0 of the corpus is what one pass over it wrote into the files."""
    files, corpus = open_in(made, "*.tfrecord"), open_in(made, "tokens")
    of_files, of_corpus = (
        source.evaluation_examples(CONFIG, 10_000) for source in (files, corpus)
    )
    assert sorted(rows_of(of_files)) == sorted(rows_of(of_corpus))
    num_examples = len(of_files["input_ids"])
    specs = set()
    for source in (files, corpus):
        dataset = source.training_dataset(CONFIG, num_examples)
        specs.add(str(dataset.element_spec))
        assert sorted(stream(dataset, 1)) == sorted(rows_of(of_files))
    assert len(specs) == 1


@pytest.mark.parametrize(
    "names, message",
    [
        (["tokens", "a.tfrecord"], "names the folder .*tokens and more; give one fold"),
        (["a.tfrecord", "tokens"], "names the folder .*tokens and more; give one fold"),
        (["empty"], "empty/manifest.json: no such file; give a folder of token ids"),
        (["none"], "none: no such file; give TFRecord files .*, or a folder of token"),
        (["x" * 300], "xxx: no such file; give TFRecord files"),
        (["manifest.json"], "manifest.json: not a TFRecord file, or a damaged one"),
    ],
)
def test_what_is_no_source_is_refused(names, message, made):
    with pytest.raises(InputError, match=message) as caught:
        open_in(made, *names)
    assert "\n" not in str(caught.value)


def test_the_home_of_nobody_is_no_folder():
    with pytest.raises(InputError, match="input_file=~nobody-here/x: no such file"):
        open_source(["~nobody-here/x"])


def test_a_corpus_is_trained_on_online():
    dataset = SOURCE.training_dataset(CONFIG, 7, start_step=2)
    assert stream(dataset) == stream(online_dataset(CORPUS, CONFIG, 7, 2))


def test_a_corpus_does_for_every_length_and_seed():
    streams = set()
    for changes in ({}, {"max_seq_length": 48}, {"random_seed": 6}):
        config = CONFIG.replace(**changes)
        SOURCE.check(config)
        streams.add(tuple(stream(SOURCE.training_dataset(config, 7))))
    assert len(streams) == 3


def test_evaluation_takes_a_random_part_of_a_corpus():
    whole = SOURCE.evaluation_examples(CONFIG, 10_000)
    num_pairs = len(CORPUS.pairs(0, CONFIG))
    assert len(whole["input_ids"]) == num_pairs
    part = SOURCE.evaluation_examples(CONFIG, NUM_EXAMPLES)
    assert rows_of(part) == rows_of(whole)[:NUM_EXAMPLES]
    epoch = SOURCE.training_dataset(CONFIG, num_pairs)
    assert rows_of(whole) == stream(epoch, 1)


def test_a_corpus_knows_the_size_of_its_vocabulary():
    assert SOURCE.num_pieces() == 101


def test_a_corpus_without_examples_is_refused():
    shard = TokenShard.of([[[7, 11, 13]], [[17]]], np.int32)
    source = CorpusSource(TokenCorpus([shard], made_up_vocabulary()), "tokens")
    message = "^tokens: 2 documents.*: it gives no example. There must be a document of"
    with pytest.raises(InputError, match=message):
        source.check(CONFIG)


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> RecordFiles:
    folder = tmp_path_factory.mktemp("files")
    write_examples(folder, NUM_EXAMPLES, num_files=2)
    return RecordFiles.find([str(folder / "*")])


def test_files_are_shuffled_by_the_seed_of_the_config(files):
    dataset = FileSource(files).training_dataset(CONFIG, 7, start_step=2)
    assert stream(dataset) == stream(record_dataset(files, 7, 5, start_step=2))


def test_evaluation_takes_the_first_examples_of_files(files):
    part = FileSource(files).evaluation_examples(CONFIG, 11)
    assert rows_of(part) == rows_of(first_records(files, 11))
    assert len(part["input_ids"]) == 11


def test_files_of_others_do_not_know_the_size_of_their_vocabulary(files):
    source = FileSource(files)
    assert source.identity() == files.identity()
    assert source.num_pieces() is None


def test_files_with_a_manifest_know_the_size_of_their_vocabulary(made, tmp_path):
    assert open_in(made, "*.tfrecord").num_pieces() == 8000
    # As earlier versions left them: of one file it is not known, and then of none.
    shutil.copytree(made, tmp_path / "older")
    path = tmp_path / "older" / "manifest.json"
    manifest = json.loads(path.read_text())
    for name, known in {"a.tfrecord": 8000, "b.tfrecord": None}.items():
        del manifest["files"][name]["num_pieces"]
        path.write_text(json.dumps(manifest))
        assert open_in(tmp_path / "older", "*.tfrecord").num_pieces() == known


def test_files_of_another_length_are_refused(files):
    source = FileSource(files)
    source.check(CONFIG)
    with pytest.raises(InputError, match="24 tokens, not of max_seq_length=48"):
        source.check(CONFIG.replace(max_seq_length=48))
