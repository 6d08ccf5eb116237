"""Text to files of masked examples, in parallel; what was killed goes on where it was.

The pairs of all passes are cut first, and dealt to the files by their keys. Then each
file is made by itself, in the order of the keys. So every file is a random part of all
passes, in random order, whichever process makes it.
"""

import collections
import dataclasses
import functools
import os
import pathlib
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from albert_lsh_tf.data.manifest import (
    FILE_NAME,
    Manifest,
    refuse_unknown_files,
    remove_left_overs,
)
from albert_lsh_tf.data.pretraining import files, parallel
from albert_lsh_tf.data.pretraining.documents import find_files
from albert_lsh_tf.data.pretraining.examples import make_examples, serialize
from albert_lsh_tf.data.pretraining.segments import Pairs
from albert_lsh_tf.data.pretraining.settings import ExampleConfig
from albert_lsh_tf.data.pretraining.token_corpus import TokenCorpus
from albert_lsh_tf.data.pretraining.tokenizing import tokenize_files
from albert_lsh_tf.data.writing import check_sizes, locked, open_arrays
from albert_lsh_tf.errors import InputError

_EXAMPLES_AT_A_TIME = 256
_PAIRS_PREFIX = ".pairs-"


def create_pretraining_data(
    input_files: Sequence[str],
    output_files: Sequence[str | pathlib.Path],
    vocabulary_file: str | pathlib.Path,
    config: ExampleConfig,
    do_lower_case: bool = True,
    dupe_factor: int = 40,
    num_workers: int = 1,
    say: Callable[[str], None] = print,
) -> Manifest:
    """Makes TFRecord files of masked examples of text.

    Beside them there will be manifest.json and a folder `tokens`, which
    `online.online_dataset` reads, too. The same arguments give the same bytes, whatever
    `num_workers` is, and after a kill only what is missing is made. Several processes
    may be given one folder at once: each works in it alone.

    Args:
      input_files: names and patterns; a sentence a line, a blank line between
        documents; packed by gzip if they end in .gz.
      output_files: of one folder, which is made.
      vocabulary_file: SentencePiece model, or WordPiece vocabulary if it ends in .txt.
      config: what the examples are like.
      do_lower_case: lower-case the text.
      dupe_factor: passes over the text; each cuts and masks it in another way.
      num_workers: processes.
      say: prints a line for the user.

    Returns:
      What was made, with counts.

    Raises:
      InputError: something given cannot be used; see the message.
    """
    output_files = [pathlib.Path(os.path.expanduser(file)) for file in output_files]
    folder = files.folder_of(output_files)
    if dupe_factor < 1:
        raise InputError(f"dupe_factor={dupe_factor} must be at least 1.")
    names = [file.name for file in output_files]
    refuse_unknown_files(folder / FILE_NAME, names)  # Before hours of work.
    texts = find_files(input_files)
    tokens = folder / files.TOKENS_FOLDER
    corpus = tokenize_files(
        texts, vocabulary_file, tokens, do_lower_case, num_workers, say
    )
    say(corpus.description())
    with locked(folder, say):
        manifest = Manifest.open(
            folder / FILE_NAME,
            files.KIND,
            files.manifest_config(config, dupe_factor, names, corpus.identity()),
            names,
        )
        # The first file of all: without it, what a kill leaves would be refused.
        manifest.save()
        _remove_left_overs(folder, names)
        tasks = [
            _Task(number, file)
            for number, file in enumerate(output_files)
            if not manifest.is_finished(file.name)
        ]
        if len(tasks) < len(output_files):
            finished = len(output_files) - len(tasks)
            say(f"{finished} of {len(output_files)} files were finished before.")
        with tempfile.TemporaryDirectory(prefix=_PAIRS_PREFIX, dir=folder) as dealt:
            total = _deal_pairs(
                corpus, config, dupe_factor, tasks, len(output_files), dealt
            )
            make = functools.partial(
                _make_file, tokens=tokens, dealt=dealt, config=config
            )
            done = parallel.run(make, tasks, num_workers, total, "ex", "examples")
            for task, entry in done:
                manifest.add({task.file.name: entry})
        manifest.totals = files.totals(manifest)
        manifest.save()
    return manifest


@dataclasses.dataclass(frozen=True)
class _Task:
    """A file to make, and its number among all."""

    number: int
    file: pathlib.Path


def _remove_left_overs(folder: pathlib.Path, names: Sequence[str]) -> None:
    """Removes what a process left that was killed; while no other one works there."""
    remove_left_overs(folder, [*names, FILE_NAME])
    for left_over in folder.glob(f"{_PAIRS_PREFIX}*"):
        shutil.rmtree(left_over, ignore_errors=True)


def _deal_pairs(
    corpus: TokenCorpus,
    config: ExampleConfig,
    dupe_factor: int,
    tasks: Sequence[_Task],
    num_files: int,
    dealt: str,
) -> int:
    """Writes the pairs of every task into a file of its own; returns how many."""
    total = 0
    num_bytes = collections.Counter()
    for epoch in range(dupe_factor if tasks else 0):
        for pairs in corpus.pairs_by_shard(epoch, config):
            numbers = files.file_numbers(files.order_keys(pairs.key), num_files)
            for task in tasks:
                own = pairs[numbers == task.number]
                matrix = own.to_matrix()
                file = _dealt_file(dealt, task)
                with open_arrays(file, "ab") as write:
                    write(matrix)
                num_bytes[file.name] += matrix.nbytes
                total += len(own)
    entries = {name: {"bytes": size} for name, size in num_bytes.items()}
    check_sizes(pathlib.Path(dealt), entries)
    return total


def _make_file(
    task: _Task,
    advance: parallel.Advance,
    tokens: pathlib.Path,
    dealt: str,
    config: ExampleConfig,
) -> dict[str, Any]:
    """Makes one file; returns its entry of the manifest."""
    corpus = TokenCorpus.load(tokens)
    pairs = Pairs.from_matrix(np.fromfile(_dealt_file(dealt, task), np.int64))
    pairs = files.in_order(pairs)
    counts = collections.Counter()

    def records() -> Iterator[bytes]:
        for begin in range(0, len(pairs), _EXAMPLES_AT_A_TIME):
            part = pairs[begin : begin + _EXAMPLES_AT_A_TIME]
            examples = make_examples(corpus, part, config)
            counts.update(files.count(examples))
            yield from serialize(examples)
            advance(len(part))

    entry = files.write_records(task.file, records())
    num_pieces = len(corpus.vocabulary.starts_word)
    return {**entry, files.NUM_PIECES: num_pieces, **files.NO_COUNTS, **counts}


def _dealt_file(dealt: str, task: _Task) -> pathlib.Path:
    return pathlib.Path(dealt) / f"{task.number:05}"
