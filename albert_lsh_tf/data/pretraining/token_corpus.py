"""A corpus as token ids, and what examples are made of: ranges of it."""

import collections
import dataclasses
import hashlib
import itertools
import pathlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from albert_lsh_tf.data.manifest import FILE_NAME, Manifest
from albert_lsh_tf.data.pretraining.random_numbers import fold_in
from albert_lsh_tf.data.pretraining.segments import Pairs, cut_documents
from albert_lsh_tf.data.pretraining.settings import ExampleConfig
from albert_lsh_tf.data.pretraining.vocabulary import Vocabulary
from albert_lsh_tf.errors import InputError

KIND = "token ids"
VOCABULARY_FILE = "vocabulary.npz"


@dataclasses.dataclass(frozen=True, eq=False)
class TokenShard:
    """The documents of one text file.

    Attributes:
      ids: [tokens]; of all documents, one after the other.
      sentence_ends: int64 [S + 1]; 0, then where each sentence ends in `ids`.
      document_ends: int64 [D + 1]; 0, then where each document ends in sentences.
    """

    ids: np.ndarray
    sentence_ends: np.ndarray
    document_ends: np.ndarray

    @classmethod
    def of(cls, corpus: Sequence[Sequence[Sequence[int]]], dtype: Any) -> "TokenShard":
        """Lays documents of sentences of ids one after the other.

        Sentences without tokens are left out; a document that has no others keeps its
        place, so that its number is that which it has in the text.
        """
        kept = [[s for s in document if len(s)] for document in corpus]
        sentences = [sentence for document in kept for sentence in document]
        ids = itertools.chain.from_iterable(sentences)
        return cls(
            ids=np.fromiter(ids, dtype, sum(map(len, sentences))),
            sentence_ends=ends_of([len(sentence) for sentence in sentences]),
            document_ends=ends_of([len(document) for document in kept]),
        )

    def counts(self) -> dict[str, int]:
        """Documents, how many of them have one sentence, sentences and tokens."""
        sentences = np.diff(self.document_ends)
        return {
            "documents": int((sentences > 0).sum()),
            "documents_of_one_sentence": int((sentences == 1).sum()),
            "sentences": len(self.sentence_ends) - 1,
            "tokens": int(self.sentence_ends[-1]),
        }


class TokenCorpus:
    """A corpus of token ids, wherever the ids are.

    Args:
      shards: in an order that counts: examples depend on a document's shard and on its
        place in it.
      vocabulary: of the ids.
    """

    def __init__(self, shards: Sequence[TokenShard], vocabulary: Vocabulary):
        self.shards = list(shards)
        self.vocabulary = vocabulary
        # Plain arrays: slices of numpy.memmap are several times as slow.
        self._ids = [np.asarray(shard.ids) for shard in self.shards]
        self._offsets = ends_of([len(ids) for ids in self._ids])

    @classmethod
    def load(cls, folder: str | pathlib.Path) -> "TokenCorpus":
        """Opens what `tokenize_files` wrote; ids stay on disk until they are used.

        Raises:
          InputError: no such folder, or one that is not finished.
        """
        folder = pathlib.Path(folder)
        manifest = Manifest.read(folder / FILE_NAME, KIND)
        num_shards = len(manifest.config["input_files"])
        names = [shard_names(number, num_shards) for number in range(num_shards)]
        if not manifest.is_finished(*itertools.chain.from_iterable(names)):
            raise InputError(
                f"{folder} is not finished, or a file of it was lost; give the command "
                "that made it again."
            )
        vocabulary = Vocabulary.load(folder / VOCABULARY_FILE)
        shards = []
        for ids_name, index_name in names:
            ids = np.empty(0, vocabulary.id_dtype)
            if manifest.files[ids_name]["bytes"]:  # An empty file cannot be mapped.
                ids = np.memmap(folder / ids_name, vocabulary.id_dtype, "r")
            with np.load(folder / index_name) as index:
                shards.append(
                    TokenShard(ids, index["sentence_ends"], index["document_ends"])
                )
        return cls(shards, vocabulary)

    def identity(self) -> dict[str, Any]:
        """What decides about examples: hashes of the vocabulary, and of all ids."""
        digest = hashlib.sha256()
        for shard in self.shards:
            for values in (shard.ids, shard.sentence_ends, shard.document_ends):
                digest.update(np.ascontiguousarray(values))
        return {
            "vocabulary_sha256": self.vocabulary.sha256,
            "tokens_sha256": digest.hexdigest(),
        }

    def description(self) -> str:
        """How much there is, in a line."""
        counts = collections.Counter()
        for shard in self.shards:
            counts.update(shard.counts())
        line = "{documents:,} documents, {sentences:,} sentences, {tokens:,} tokens"
        if counts["documents_of_one_sentence"]:
            line += "; {documents_of_one_sentence:,} documents of one sentence left out"
        return line.format(**counts)

    def pairs(self, epoch: int, config: ExampleConfig) -> Pairs:
        """All pairs of segments of an epoch, as ranges of the whole corpus's tokens."""
        return Pairs.concatenate([*self.pairs_by_shard(epoch, config)])

    def pairs_by_shard(self, epoch: int, config: ExampleConfig) -> Iterator[Pairs]:
        """The pairs of an epoch, one shard after the other."""
        for number, shard in enumerate(self.shards):
            documents = np.arange(len(shard.document_ends) - 1)
            pairs = cut_documents(
                shard.sentence_ends,
                shard.document_ends,
                document_keys(config.random_seed, epoch, number, documents),
                config,
            )
            yield dataclasses.replace(
                pairs,
                first_start=pairs.first_start + self._offsets[number],
                second_start=pairs.second_start + self._offsets[number],
            )

    def segments(self, starts: np.ndarray, lengths: np.ndarray) -> list[np.ndarray]:
        """The ids of ranges of the corpus's tokens, none of which leaves its shard."""
        shards = np.searchsorted(self._offsets, starts, side="right") - 1
        begins = starts - self._offsets[shards]
        return [
            self._ids[shard][begin:end]
            for shard, begin, end in zip(
                shards.tolist(),
                begins.tolist(),
                (begins + lengths).tolist(),
                strict=True,
            )
        ]


def document_keys(
    seed: int, epoch: int, shard: int, documents: np.ndarray
) -> np.ndarray:
    """The keys of documents, by their numbers in their shard, in an epoch."""
    return fold_in(fold_in(fold_in(seed, epoch), shard), documents)


def shard_names(number: int, num_shards: int) -> tuple[str, str]:
    """The file of ids and the file of ends of one shard."""
    stem = f"tokens-{number:05}-of-{num_shards:05}"
    return f"{stem}.ids", f"{stem}.npz"


def ends_of(lengths: Sequence[int]) -> np.ndarray:
    """int64 [n + 1]; 0, then where each of n things ends that follow each other."""
    return np.cumsum([0, *lengths], dtype=np.int64)
