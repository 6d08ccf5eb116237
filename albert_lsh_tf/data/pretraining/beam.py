"""Files of masked examples, made by Apache Beam: for text that outgrows one machine.

Documents are the unit of work: a worker needs room for one of them, and for the
examples of one output file. The files have the bytes that `create` would write. Paths
may be of any file system that TensorFlow knows, such as gs://.
"""

import collections
import contextlib
import logging
import os
import pathlib
import posixpath
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import apache_beam as beam
import numpy as np
import tensorflow as tf
from apache_beam.options.pipeline_options import PipelineOptions

from albert_lsh_tf.data.manifest import Manifest
from albert_lsh_tf.data.pretraining import documents, files, remote_files
from albert_lsh_tf.data.pretraining.examples import make_examples, serialize
from albert_lsh_tf.data.pretraining.remote_files import write_manifest
from albert_lsh_tf.data.pretraining.segments import cut_documents
from albert_lsh_tf.data.pretraining.settings import ExampleConfig
from albert_lsh_tf.data.pretraining.token_corpus import (
    TokenCorpus,
    TokenShard,
    document_keys,
)
from albert_lsh_tf.data.pretraining.tokenizing import encode_documents
from albert_lsh_tf.data.pretraining.vocabulary import Vocabulary
from albert_lsh_tf.data.tokenizers import open_tokenizer
from albert_lsh_tf.errors import InputError

# A document: the number of its text file, its own number there, its sentences.
Document = tuple[int, int, list[str]]
# Examples of one output file: their places in its order, their records, their counts.
Dealt = tuple[np.ndarray, list[bytes], collections.Counter]


def create_pretraining_data(
    input_files: Sequence[str],
    output_dir: str,
    vocabulary_file: str,
    config: ExampleConfig,
    do_lower_case: bool = True,
    num_files: int = 8,
    dupe_factor: int = 40,
    runner: str = "DirectRunner",
    beam_options: Sequence[str] = (),
    say: Callable[[str], None] = print,
) -> Manifest:
    """Makes TFRecord files of masked examples of text, as `create` does.

    Differences: there is no folder of tokens, and a run that was killed begins again.

    Args:
      input_files: names and patterns; each file is read by one worker. A file counts
        as changed if its size or time is another.
      output_dir: for the files, which are named by `files.output_names`.
      vocabulary_file: SentencePiece model, or WordPiece vocabulary if it ends in .txt;
        on this machine.
      config: what the examples are like.
      do_lower_case: lower-case the text.
      num_files: how many files; each is written by one worker.
      dupe_factor: passes over the text.
      runner: what runs the pipeline, by Beam's name for it.
      beam_options: more flags of the runner, as name=value.
      say: prints a line for the user.

    Returns:
      What was made, with counts.

    Raises:
      InputError: something given cannot be used; see the message.
    """
    output_dir = os.path.expanduser(output_dir)
    texts = remote_files.find_texts(input_files)
    vocabulary = Vocabulary.of(open_tokenizer(vocabulary_file, do_lower_case))
    num_pieces = len(vocabulary.starts_word)
    names = files.output_names(num_files)
    manifest_config = files.manifest_config(
        config,
        dupe_factor,
        names,
        {
            "vocabulary_sha256": vocabulary.sha256,
            "do_lower_case": do_lower_case,
            **remote_files.identity(texts),
        },
    )
    if finished := remote_files.finished(output_dir, manifest_config, names):
        say(f"{num_files} of {num_files} files were finished before.")
        return finished
    tf.io.gfile.makedirs(output_dir)
    make = _MakeExamples(vocabulary_file, do_lower_case, config, dupe_factor, num_files)
    flags = [f"--runner={runner}", *(f"--{option}" for option in beam_options)]
    # A file may get no example, and is written all the same.
    none: Dealt = (np.empty(0, np.uint64), [], collections.Counter())
    nothing = [(number, none) for number in range(num_files)]
    with _errors_of_the_users(), beam.Pipeline(options=PipelineOptions(flags)) as root:
        dealt = (
            root
            | "Texts" >> beam.Create([*enumerate(texts)])
            | "ShareTexts" >> beam.Reshuffle()
            | "ReadDocuments" >> beam.FlatMapTuple(_read_documents)
            | "ShareDocuments" >> beam.Reshuffle()
            | "MakeExamples" >> beam.ParDo(make)
        )
        _ = (
            (dealt, root | "Nothing" >> beam.Create(nothing))
            | beam.Flatten()
            | "ByFile" >> beam.GroupByKey()
            | "WriteFiles" >> beam.Map(_write_file, output_dir, names, num_pieces)
            | "Entries" >> beam.combiners.ToList()
            | "WriteManifest" >> beam.Map(write_manifest, output_dir, manifest_config)
        )
    manifest = remote_files.finished(output_dir, manifest_config, names)
    if manifest is None:  # `write_manifest` writes none where there is no example.
        raise InputError(
            f"input_file: no document of two sentences or more in {len(texts)} files; "
            f"{documents.FORMAT}."
        )
    return manifest


class _MakeExamples(beam.DoFn):
    """Makes the examples of a document in all passes, and deals them to the files."""

    def __init__(
        self,
        vocabulary_file: str,
        do_lower_case: bool,
        config: ExampleConfig,
        dupe_factor: int,
        num_files: int,
    ):
        # Workers have another disk.
        self._name = pathlib.Path(vocabulary_file).name
        self._content = pathlib.Path(vocabulary_file).read_bytes()
        self._do_lower_case = do_lower_case
        self._config = config
        self._dupe_factor = dupe_factor
        self._num_files = num_files

    def setup(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / self._name
            path.write_bytes(self._content)
            self._tokenizer = open_tokenizer(path, self._do_lower_case)
            self._vocabulary = Vocabulary.of(self._tokenizer)

    def process(self, document: Document) -> Iterator[tuple[int, Dealt]]:
        text, number, sentences = document
        ids = encode_documents([sentences], self._tokenizer)
        shard = TokenShard.of(ids, self._vocabulary.id_dtype)
        corpus = TokenCorpus([shard], self._vocabulary)
        for epoch in range(self._dupe_factor):
            keys = document_keys(
                self._config.random_seed, epoch, text, np.array([number])
            )
            pairs = cut_documents(
                shard.sentence_ends, shard.document_ends, keys, self._config
            )
            if not len(pairs):
                return
            examples = make_examples(corpus, pairs, self._config)
            places = files.order_keys(pairs.key)
            yield from _deal(examples, places, self._num_files)


def _deal(
    examples: dict[str, np.ndarray], places: np.ndarray, num_files: int
) -> Iterator[tuple[int, Dealt]]:
    """Parts examples by the file that they are for."""
    records = [*serialize(examples)]
    numbers = files.file_numbers(places, num_files)
    for number in np.unique(numbers):
        rows = np.flatnonzero(numbers == number)
        counts = files.count({name: values[rows] for name, values in examples.items()})
        own = [records[row] for row in rows]
        yield int(number), (places[rows], own, counts)


def _read_documents(number: int, path: str) -> Iterator[Document]:
    """The documents of a text file."""
    with tf.io.gfile.GFile(path, "rb") as file:
        lines = documents.unpack(file, path)
        for place, sentences in enumerate(documents.read_documents(lines, path)):
            yield number, place, sentences


def _write_file(
    grouped: tuple[int, Iterable[Dealt]],
    output_dir: str,
    names: Sequence[str],
    num_pieces: int,
) -> tuple[str, dict[str, Any]]:
    """Writes one file as a whole; returns its name and its entry of the manifest."""
    number, dealt = grouped
    places, records, counts = [], [], collections.Counter()
    for more_places, more_records, more_counts in dealt:
        places.append(more_places)
        records += more_records
        counts += more_counts
    order = np.argsort(np.concatenate(places), kind="stable")
    entry = remote_files.write_records(
        posixpath.join(output_dir, names[number]), (records[row] for row in order)
    )
    entry[files.NUM_PIECES] = num_pieces
    return names[number], {**entry, **files.NO_COUNTS, **counts}


@contextlib.contextmanager
def _errors_of_the_users() -> Iterator[None]:
    """Takes out of Beam's errors what a user can mend."""
    # It logs a traceback of what it then raises.
    logging.getLogger("apache_beam.runners.common").setLevel(logging.CRITICAL)
    try:
        yield
    except InputError as error:
        raise InputError(re.sub(r" \[while running '.*'\]$", "", str(error))) from error
