import json
import os

import numpy as np
import pytest

from albert_lsh_tf.data.pretraining import parallel, tokenizing
from albert_lsh_tf.data.pretraining.settings import ExampleConfig
from albert_lsh_tf.data.pretraining.token_corpus import TokenCorpus, TokenShard
from albert_lsh_tf.data.pretraining.tokenizing import tokenize_files
from albert_lsh_tf.data.tokenization import AlbertTokenizer
from albert_lsh_tf.errors import InputError, is_disk_full
from tests.data.other_writers import another_process_in, let_files_be
from tests.data.pretraining.corpora import (
    SPM_MODEL_FILE,
    TEXT,
    made_up_vocabulary,
    write_text,
)


def contents(folder) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def two_files(folder):
    first, second = folder / "a.txt", folder / "b.txt"
    first.write_text(TEXT, encoding="utf-8")
    second.write_text(TEXT.replace("salt", "sugar") * 3, encoding="utf-8")
    return [first, second]


def test_ids_and_ends_are_those_of_the_text(tmp_path):
    corpus = tokenize_files([write_text(tmp_path)], SPM_MODEL_FILE, tmp_path / "tokens")
    (shard,) = corpus.shards
    tokenizer = AlbertTokenizer(SPM_MODEL_FILE)
    documents = [block.split("\n") for block in TEXT.strip().split("\n\n")]
    expected = [tokenizer.encode(line) for block in documents for line in block]
    sentences = np.split(shard.ids, shard.sentence_ends[1:-1])
    assert [sentence.tolist() for sentence in sentences] == expected
    assert np.diff(shard.document_ends).tolist() == [len(block) for block in documents]
    assert shard.counts() == {
        "documents": 3,
        "documents_of_one_sentence": 1,
        "sentences": 8,
        "tokens": len(shard.ids),
    }
    assert corpus.description() == (
        f"3 documents, 8 sentences, {len(shard.ids)} tokens; 1 documents of one "
        "sentence left out"
    )


def test_batches_of_lines_change_nothing(tmp_path, monkeypatch):
    files = two_files(tmp_path)
    tokenize_files(files, SPM_MODEL_FILE, tmp_path / "whole")
    monkeypatch.setattr(tokenizing, "_LINES_AT_A_TIME", 1)
    tokenize_files(files, SPM_MODEL_FILE, tmp_path / "parts")
    assert contents(tmp_path / "whole") == contents(tmp_path / "parts")


def test_finished_files_are_kept_and_missing_ones_made(tmp_path, monkeypatch):
    files, folder = two_files(tmp_path), tmp_path / "tokens"
    tokenize_files(files, SPM_MODEL_FILE, folder)
    before = contents(folder)
    # As after a kill: one file is not finished, the other one's manifest entry is.
    manifest = json.loads((folder / "manifest.json").read_text())
    del manifest["files"]["tokens-00001-of-00002.npz"]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    (folder / "tokens-00001-of-00002.ids").write_bytes(b"ha")
    tasks = []
    run = parallel.run
    monkeypatch.setattr(
        parallel, "run", lambda f, t, *rest: [tasks.extend(t), *run(f, t, *rest)][1:]
    )
    tokenize_files(files, SPM_MODEL_FILE, folder)
    assert [task.file.name for task in tasks] == ["b.txt"]
    assert contents(folder) == before


def test_a_process_that_works_there_is_waited_for(tmp_path):
    file, folder, said = write_text(tmp_path), tmp_path / "tokens", []

    def at_work():
        # It has begun the file, and nobody has touched that.
        assert [path.name for path in folder.iterdir()] == [".lock"]
        tokenize_files([file], SPM_MODEL_FILE, tmp_path / "other")
        for path in (tmp_path / "other").glob("[!.]*"):
            path.rename(folder / path.name)

    with another_process_in(folder, said, at_work) as say:
        corpus = tokenize_files([file], SPM_MODEL_FILE, folder, say=say)
    assert len(said) == 1
    assert corpus.identity() == TokenCorpus.load(folder).identity()


def test_a_kill_before_the_first_file_is_finished_does_not_stop_the_next(
    tmp_path, monkeypatch
):
    files, folder = two_files(tmp_path), tmp_path / "tokens"

    def killed(*_, **__):
        (folder / "tokens-00000-of-00002.ids").write_bytes(b"ha")
        (folder / ".tokens-00000-of-00002.npz.0123abcd.tmp").write_bytes(b"half")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(tokenizing, "_tokenize_file", killed)
        tokenize_files(files, SPM_MODEL_FILE, folder)
    tokenize_files(files, SPM_MODEL_FILE, folder)
    tokenize_files(files, SPM_MODEL_FILE, tmp_path / "whole")
    assert contents(folder) == contents(tmp_path / "whole")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="Linux has it")
def test_a_full_disk_is_told_of(tmp_path, monkeypatch):
    file = write_text(tmp_path)
    with monkeypatch.context() as patch, pytest.raises(OSError) as caught:
        let_files_be("/dev/full", ".ids", patch)
        tokenize_files([file], SPM_MODEL_FILE, tmp_path / "tokens")
    assert is_disk_full(caught.value) and caught.value.filename
    assert tokenize_files([file], SPM_MODEL_FILE, tmp_path / "tokens").shards


def test_ids_that_were_lost_are_not_called_finished(tmp_path, monkeypatch):
    file = write_text(tmp_path)
    message = "00001.ids: 0 bytes are there, and [0-9]+ were written"
    with monkeypatch.context() as patch, pytest.raises(InputError, match=message):
        let_files_be("/dev/null", ".ids", patch)
        tokenize_files([file], SPM_MODEL_FILE, tmp_path / "tokens")
    assert tokenize_files([file], SPM_MODEL_FILE, tmp_path / "tokens").shards


def test_segments_of_several_files_are_found(tmp_path):
    files = two_files(tmp_path)
    corpus = tokenize_files(files, SPM_MODEL_FILE, tmp_path / "tokens")
    all_ids = np.concatenate([shard.ids for shard in corpus.shards])
    starts = np.arange(0, len(all_ids) - 1)
    border = len(corpus.shards[0].ids)
    starts = starts[starts != border - 1]
    segments = corpus.segments(starts, np.full(len(starts), 2))
    for start, segment in zip(starts, segments, strict=True):
        assert segment.tolist() == all_ids[start : start + 2].tolist()
    pairs = corpus.pairs(0, ExampleConfig(max_seq_length=512, short_seq_prob=0.0))
    # The same text twice, but not the same draws.
    assert len(pairs) == len(set(pairs.key.tolist())) == 8
    first = pairs.first_start, pairs.first_start + pairs.first_length
    second = pairs.second_start, pairs.second_start + pairs.second_length
    meeting = np.where(pairs.is_swapped, second[1] - first[0], first[1] - second[0])
    assert not meeting.any()
    assert np.maximum(first[1], second[1]).max() <= len(all_ids)
    in_first_file = np.maximum(first[1], second[1]) <= border
    assert in_first_file.sum() == 2
    assert (np.minimum(first[0], second[0])[~in_first_file] >= border).all()


def test_sentences_without_tokens_are_no_sentences():
    shard = TokenShard.of([[[5], []], [[]], [], [[6, 7], [8]]], np.int32)
    assert shard.ids.tolist() == [5, 6, 7, 8]
    assert shard.sentence_ends.tolist() == [0, 1, 3, 4]
    # The empty ones in between keep their numbers.
    assert shard.document_ends.tolist() == [0, 1, 1, 1, 3]
    assert shard.counts() == {
        "documents": 2,
        "documents_of_one_sentence": 1,
        "sentences": 3,
        "tokens": 4,
    }


def test_a_file_without_text_may_be_among_others(tmp_path):
    empty = tmp_path / "empty.txt"
    empty.touch()
    files = [empty, write_text(tmp_path)]
    corpus = tokenize_files(files, SPM_MODEL_FILE, tmp_path / "tokens")
    assert [len(shard.document_ends) for shard in corpus.shards] == [1, 4]
    assert len(corpus.pairs(0, ExampleConfig())) == 2


def test_identity_is_that_of_ids_and_vocabulary():
    def identity(*documents):
        shards = [TokenShard.of([document], np.int32) for document in documents]
        return TokenCorpus(shards, made_up_vocabulary()).identity()

    assert identity([[5], [6]]) == identity([[5], [6]])
    assert identity([[5], [6]]) != identity([[5, 6]])
    assert identity([[5], [6]]) != identity([[6], [5]])


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "input_file: no document in .*text.txt; give UTF-8 text, a sentence a"),
        (" \n\n\t\n", "input_file: no document in .*text.txt; give"),
        ("a b\n\nc\n", "input_file: all 2 documents in .*text.txt have a single sent"),
    ],
)
def test_text_without_a_pair_is_refused(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        tokenize_files(
            [write_text(tmp_path, text)], SPM_MODEL_FILE, tmp_path / "tokens"
        )


def test_a_folder_of_something_else_is_refused(tmp_path):
    folder, file = tmp_path / "tokens", write_text(tmp_path)
    tokenize_files([file], SPM_MODEL_FILE, folder)
    with pytest.raises(
        InputError, match="tokens holds token ids made otherwise \\(do_lower_case True"
    ):
        tokenize_files([file], SPM_MODEL_FILE, folder, do_lower_case=False)
    write_text(tmp_path, TEXT + "More.\n")
    with pytest.raises(InputError, match="text.txt was changed since .*tokens was mad"):
        tokenize_files([file], SPM_MODEL_FILE, folder)


def test_an_unfinished_folder_is_not_loaded(tmp_path):
    with pytest.raises(InputError, match="manifest.json: no such file; give a folder"):
        TokenCorpus.load(tmp_path)
    tokenize_files([write_text(tmp_path)], SPM_MODEL_FILE, tmp_path / "tokens")
    (tmp_path / "tokens" / "tokens-00000-of-00001.ids").unlink()
    with pytest.raises(InputError, match="tokens is not finished, or a file of it was"):
        TokenCorpus.load(tmp_path / "tokens")
