"""Text files to a corpus of token ids on disk: text is read and tokenized once."""

import dataclasses
import functools
import pathlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from albert_lsh_tf.data.manifest import (
    FILE_NAME,
    Manifest,
    atomic_file,
    describe_file,
    remove_left_overs,
)
from albert_lsh_tf.data.pretraining import documents, parallel
from albert_lsh_tf.data.pretraining.token_corpus import (
    KIND,
    VOCABULARY_FILE,
    TokenCorpus,
    TokenShard,
    ends_of,
    shard_names,
)
from albert_lsh_tf.data.pretraining.vocabulary import Vocabulary, id_dtype
from albert_lsh_tf.data.tokenizers import Tokenizer, open_tokenizer
from albert_lsh_tf.data.writing import check_sizes, locked, open_arrays
from albert_lsh_tf.errors import InputError

_LINES_AT_A_TIME = 20_000


def tokenize_files(
    files: Sequence[pathlib.Path],
    vocabulary_file: str | pathlib.Path,
    folder: pathlib.Path,
    do_lower_case: bool = True,
    num_workers: int = 1,
    say: Callable[[str], None] = print,
) -> TokenCorpus:
    """Tokenizes text files, or finds that this has been done.

    Several processes may ask for one folder at once: each works in it alone.

    Args:
      files: UTF-8 text, packed by gzip if they end in .gz; see `documents`.
      vocabulary_file: SentencePiece model, or WordPiece vocabulary if it ends in .txt.
      folder: is made. What an earlier call with the same arguments finished is kept.
      do_lower_case: lower-case the text.
      num_workers: processes; each does one file at a time.
      say: prints a line for the user who has to wait for another process.

    Returns:
      The corpus, one shard for each file.

    Raises:
      InputError: a file cannot be used, there is nothing to make a pair of in all of
        them, or the folder is of other arguments.
    """
    vocabulary = Vocabulary.of(open_tokenizer(vocabulary_file, do_lower_case))
    config = {
        "input_files": [file.name for file in files],
        "vocabulary_sha256": vocabulary.sha256,
        "do_lower_case": do_lower_case,
    }
    tasks = [_Task(file, *shard_names(n, len(files))) for n, file in enumerate(files)]
    names = [name for task in tasks for name in (task.ids_name, task.index_name)]
    open_manifest = functools.partial(
        Manifest.open, folder / FILE_NAME, KIND, config, names
    )
    open_manifest()  # Before there is a folder: it may be refused.
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder, say):
        # Once more: another process may have worked here in the meantime.
        manifest = open_manifest()
        # The first file of all: without it, what a kill leaves would be refused.
        manifest.save()
        remove_left_overs(folder, [*names, FILE_NAME, VOCABULARY_FILE])
        with atomic_file(folder / VOCABULARY_FILE) as temporary:
            vocabulary.save(temporary)
        tasks = [task for task in tasks if not _is_done(task, manifest)]
        tokenize = functools.partial(
            _tokenize_file,
            vocabulary_file=vocabulary_file,
            do_lower_case=do_lower_case,
            folder=folder,
        )
        total = sum(task.file.stat().st_size for task in tasks)
        done = parallel.run(tokenize, tasks, num_workers, total, "B", "tokens")
        for _, entries in done:
            manifest.add(entries)
        _finish(manifest, files)
        return TokenCorpus.load(folder)


@dataclasses.dataclass(frozen=True)
class _Task:
    """A text file, and the names of the files that are made of it."""

    file: pathlib.Path
    ids_name: str
    index_name: str


def _is_done(task: _Task, manifest: Manifest) -> bool:
    """Whether a shard is finished; of a text that was changed since, an error."""
    if not manifest.is_finished(task.ids_name, task.index_name):
        return False
    entry = manifest.files[task.index_name]
    if describe_file(task.file)["sha256"] != entry["text_sha256"]:
        raise InputError(
            f"{task.file} was changed since {manifest.path.parent} was made of it; "
            "give another output_dir, or delete that."
        )
    return True


def _tokenize_file(
    task: _Task,
    advance: parallel.Advance,
    vocabulary_file: str | pathlib.Path,
    do_lower_case: bool,
    folder: pathlib.Path,
) -> dict[str, dict[str, Any]]:
    """Writes one shard; returns the entries of the manifest."""
    tokenizer = open_tokenizer(vocabulary_file, do_lower_case)
    dtype = id_dtype(tokenizer.vocab_size)
    empty = TokenShard.of([], dtype)
    sentence_lengths, document_lengths = [empty.ids], [empty.ids]
    with (
        atomic_file(folder / task.ids_name) as temporary,
        open_arrays(temporary) as write_ids,
        documents.open_text(task.file) as (lines, on_disk),
    ):
        found = documents.read_documents(lines, str(task.file))
        read = 0
        for batch in _batches(found):
            part = TokenShard.of(encode_documents(batch, tokenizer), dtype)
            write_ids(part.ids)
            sentence_lengths.append(np.diff(part.sentence_ends))
            document_lengths.append(np.diff(part.document_ends))
            advance(on_disk.tell() - read)
            read = on_disk.tell()
    index = {
        "sentence_ends": ends_of(np.concatenate(sentence_lengths)),
        "document_ends": ends_of(np.concatenate(document_lengths)),
    }
    with (
        atomic_file(folder / task.index_name) as temporary,
        open(temporary, "wb") as file,
    ):
        np.savez(file, **index)
    counts = TokenShard(empty.ids, **index).counts()
    ids_bytes = counts["tokens"] * dtype.itemsize
    check_sizes(folder, {task.ids_name: {"bytes": ids_bytes}})
    text = {f"text_{k}": v for k, v in describe_file(task.file).items()}
    return {
        task.ids_name: describe_file(folder / task.ids_name),
        task.index_name: describe_file(folder / task.index_name) | text | counts,
    }


def encode_documents(
    texts: Sequence[Sequence[str]], tokenizer: Tokenizer
) -> list[list[list[int]]]:
    """The ids of documents of sentences, in the same order."""
    sentences = iter(
        tokenizer.encode_batch([sentence for text in texts for sentence in text])
    )
    return [[next(sentences) for _ in text] for text in texts]


def _batches(found: Iterator[list[str]]) -> Iterator[list[list[str]]]:
    """Documents, so many at a time that the threads of SentencePiece are kept busy."""
    batch, num_lines = [], 0
    for document in found:
        batch.append(document)
        num_lines += len(document)
        if num_lines >= _LINES_AT_A_TIME:
            yield batch
            batch, num_lines = [], 0
    yield batch


def _finish(manifest: Manifest, files: Sequence[pathlib.Path]) -> None:
    """Adds up the counts of the files, and refuses a corpus that has no pair."""
    indices = [entry for entry in manifest.files.values() if "documents" in entry]
    names = ("documents", "documents_of_one_sentence", "sentences", "tokens")
    manifest.totals = {name: sum(each[name] for each in indices) for name in names}
    manifest.save()
    if manifest.totals["documents"] == 0:
        raise InputError(
            f"input_file: no document in {_told(files)}; {documents.FORMAT}."
        )
    if manifest.totals["documents"] == manifest.totals["documents_of_one_sentence"]:
        raise InputError(
            f"input_file: all {manifest.totals['documents']} documents in "
            f"{_told(files)} have a single sentence, so there is no pair of segments; "
            f"{documents.FORMAT}."
        )


def _told(files: Sequence[pathlib.Path]) -> str:
    return str(files[0]) if len(files) == 1 else f"{len(files)} files"
