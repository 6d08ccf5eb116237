"""Where the examples of pre-training come from: files of them, or a corpus."""

import os
import pathlib
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import tensorflow as tf

from albert_lsh_tf.data import manifest
from albert_lsh_tf.data.pretraining.examples import make_examples
from albert_lsh_tf.data.pretraining.files import TOKENS_FOLDER, in_order
from albert_lsh_tf.data.pretraining.online import online_dataset
from albert_lsh_tf.data.pretraining.records import (
    RecordFiles,
    first_records,
    record_dataset,
)
from albert_lsh_tf.data.pretraining.settings import ExampleConfig
from albert_lsh_tf.data.pretraining.token_corpus import TokenCorpus
from albert_lsh_tf.errors import InputError


class ExampleSource(Protocol):
    """Gives examples of pre-training, always the same ones for the same config."""

    description: str

    def identity(self) -> dict[str, Any]:
        """What decides about the examples, besides the config."""

    def num_pieces(self) -> int | None:
        """Pieces of the vocabulary; None where that is not known."""

    def check(self, config: ExampleConfig) -> None:
        """Raises `InputError` where there are no such examples."""

    def training_dataset(
        self,
        config: ExampleConfig,
        global_batch_size: int,
        start_step: int = 0,
        input_context: tf.distribute.InputContext | None = None,
    ) -> tf.data.Dataset:
        """Endless batches from any step on; see `online.online_dataset`."""

    def evaluation_examples(
        self, config: ExampleConfig, most: int
    ) -> dict[str, np.ndarray]:
        """Up to `most` examples, as `examples.make_examples` gives them."""


def open_source(names: Sequence[str]) -> ExampleSource:
    """Opens files of examples, or a folder of token ids.

    Args:
      names: TFRecord files and patterns of them; or the folder that
        `create_pretraining_data.py --online` wrote, or the one above it, alone.

    Raises:
      InputError: nothing there, or not what it should be.
    """
    # Not pathlib's, which raises for the home of nobody and for too long names.
    folders = [name for name in names if os.path.isdir(os.path.expanduser(name))]
    if not folders:
        return FileSource(RecordFiles.find(names))
    if len(names) > 1:
        raise InputError(
            f"input_file names the folder {folders[0]} and more; give one folder of "
            "token ids, or files of examples."
        )
    folder = pathlib.Path(os.path.expanduser(folders[0]))
    if (folder / TOKENS_FOLDER / manifest.FILE_NAME).exists():
        folder = folder / TOKENS_FOLDER
    return CorpusSource(TokenCorpus.load(folder), str(folder))


class CorpusSource:
    """Examples that are made of token ids while they are asked for.

    Args:
      corpus: the tokens.
      name: of their folder.
    """

    def __init__(self, corpus: TokenCorpus, name: str):
        self.corpus = corpus
        self.description = f"{name}: {corpus.description()}"

    def identity(self) -> dict[str, Any]:
        return self.corpus.identity()

    def num_pieces(self) -> int | None:
        return len(self.corpus.vocabulary.starts_word)

    def check(self, config: ExampleConfig) -> None:
        if not len(self.corpus.pairs(0, config)):
            raise InputError(
                f"{self.description}: it gives no example. There must be a document "
                "of two sentences."
            )

    def training_dataset(
        self,
        config: ExampleConfig,
        global_batch_size: int,
        start_step: int = 0,
        input_context: tf.distribute.InputContext | None = None,
    ) -> tf.data.Dataset:
        return online_dataset(
            self.corpus, config, global_batch_size, start_step, input_context
        )

    def evaluation_examples(
        self, config: ExampleConfig, most: int
    ) -> dict[str, np.ndarray]:
        pairs = in_order(self.corpus.pairs(0, config))
        return make_examples(self.corpus, pairs[:most], config)


class FileSource:
    """Examples in TFRecord files.

    Args:
      files: the examples.
    """

    def __init__(self, files: RecordFiles):
        self.files = files
        self.description = files.description()

    def identity(self) -> dict[str, Any]:
        return self.files.identity()

    def num_pieces(self) -> int | None:
        return self.files.num_pieces()

    def check(self, config: ExampleConfig) -> None:
        self.files.refuse_other_length(config)

    def training_dataset(
        self,
        config: ExampleConfig,
        global_batch_size: int,
        start_step: int = 0,
        input_context: tf.distribute.InputContext | None = None,
    ) -> tf.data.Dataset:
        return record_dataset(
            self.files,
            global_batch_size,
            config.random_seed,
            start_step,
            input_context,
        )

    def evaluation_examples(
        self, config: ExampleConfig, most: int
    ) -> dict[str, np.ndarray]:
        return first_records(self.files, most)
