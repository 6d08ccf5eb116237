"""Examples in TFRecord files to batches: those of `create`, or Google's own."""

import dataclasses
import glob
import os
import pathlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from albert_lsh_tf.data import input_pipeline
from albert_lsh_tf.data.manifest import FILE_NAME, Manifest
from albert_lsh_tf.data.pretraining.files import KIND, NUM_PIECES
from albert_lsh_tf.data.pretraining.online import batch_signature
from albert_lsh_tf.data.pretraining.settings import ExampleConfig
from albert_lsh_tf.errors import InputError

_FILES_AT_ONCE = 16
_WINDOW = 4096  # Records that are shuffled together.


@dataclasses.dataclass(frozen=True)
class RecordFiles:
    """Files of examples of one length.

    Attributes:
      paths: the files, in an order that counts.
      max_seq_length: tokens of every example (T).
      num_predictions: places for masked tokens in every example (P).
    """

    paths: tuple[str, ...]
    max_seq_length: int
    num_predictions: int

    @classmethod
    def find(cls, patterns: Sequence[str]) -> "RecordFiles":
        """Finds files, and looks at the first record of each.

        Args:
          patterns: files, or patterns such as "examples-*.tfrecord".

        Returns:
          The files, those of a pattern sorted by name; each once.

        Raises:
          InputError: a pattern without a file, or files without examples of
            pre-training, or with examples of several lengths.
        """
        paths = _find_paths(patterns)
        lengths = {}
        for path in paths:
            record = _first_record(path)
            if record is not None:
                lengths[path] = _lengths(path, record)
        if not lengths:
            raise InputError(f"input_file={','.join(patterns)}: there is no example.")
        first = next(iter(lengths))
        for path, found in lengths.items():
            if found != lengths[first]:
                raise InputError(
                    f"{path} holds examples of {found[0]} tokens with {found[1]} "
                    f"places for masked ones, but {first} of {lengths[first][0]} with "
                    f"{lengths[first][1]}; give files of one length as input_file."
                )
        return cls(tuple(paths), *lengths[first])

    def identity(self) -> dict[str, Any]:
        """What decides about examples: hashes where a manifest has them, or sizes."""
        examples, vocabularies = [], set()
        for path, manifest in self._with_manifests():
            content = f"{path.stat().st_size} bytes"
            if manifest is not None:
                content = f"sha256 {manifest.files[path.name]['sha256']}"
                vocabularies.add(manifest.config.get("vocabulary_sha256"))
            # A list, since the order of the files decides about that of the examples.
            examples.append(f"{path.name}: {content}")
        identity = {"examples": examples}
        if len(vocabularies) == 1 and (sha256 := vocabularies.pop()):
            identity["vocabulary_sha256"] = sha256
        return identity

    def num_pieces(self) -> int | None:
        """Pieces of the largest vocabulary that a manifest tells of; None: of none."""
        found = [
            manifest.files[path.name].get(NUM_PIECES)
            for path, manifest in self._with_manifests()
            if manifest is not None
        ]
        return max((number for number in found if number is not None), default=None)

    def _with_manifests(self) -> list[tuple[pathlib.Path, Manifest | None]]:
        """The files, each with the manifest of its folder, if that has the file."""
        paths = [pathlib.Path(path).resolve() for path in self.paths]
        manifests = {
            folder: _manifest_of(folder) for folder in {p.parent for p in paths}
        }
        found = [(path, manifests[path.parent]) for path in paths]
        return [
            (path, manifest if manifest and manifest.is_finished(path.name) else None)
            for path, manifest in found
        ]

    def description(self) -> str:
        """How much there is, in a line."""
        size = sum(os.path.getsize(path) for path in self.paths)
        return (
            f"{len(self.paths)} files of examples of {self.max_seq_length} tokens, "
            f"{size / 2**20:,.0f} MiB"
        )

    def refuse_other_length(self, config: ExampleConfig) -> None:
        """Raises `InputError` where the examples are not as long as asked for."""
        if self.max_seq_length != config.max_seq_length:
            raise InputError(
                f"{self.paths[0]} holds examples of {self.max_seq_length} tokens, not "
                f"of max_seq_length={config.max_seq_length}; give "
                f"max_seq_length={self.max_seq_length}, or other files. Token ids "
                "(create_pretraining_data.py --online) do for every length."
            )

    def signature(self, batch_size: int) -> dict[str, tf.TensorSpec]:
        """Shapes and dtypes of a batch."""
        config = ExampleConfig(
            max_seq_length=self.max_seq_length,
            max_predictions_per_seq=self.num_predictions,
        )
        return batch_signature(config, batch_size)


def record_dataset(
    files: RecordFiles,
    global_batch_size: int,
    seed: int,
    start_step: int = 0,
    input_context: tf.distribute.InputContext | None = None,
) -> tf.data.Dataset:
    """Endless batches of examples from files, from any step on.

    The records form one endless sequence that depends on the files and `seed` alone:
    in every epoch, files come in another order, several are read in turn, and windows
    of the records are shuffled. Step s is the s-th stretch of `global_batch_size`
    records in it, as in `online.online_dataset`; those before `start_step` are read
    over, but not decoded.

    Args:
      files: the examples.
      global_batch_size: examples a step, over all replicas.
      seed: the same seed gives the same sequence.
      start_step: steps to leave out at the beginning.
      input_context: which slice of each step this pipeline gives; None: all of it.

    Returns:
      A dataset of dicts with the names of `examples.make_examples`, each
      [global_batch_size / replicas, ...], of static shape.

    Raises:
      InputError: the batch does not divide by the number of replicas.
    """
    paths = tf.constant(files.paths)

    def epoch_of_records(epoch: tf.Tensor) -> tf.data.Dataset:
        shuffle = tf.random.experimental.stateless_shuffle
        epoch_seed = tf.stack([seed, epoch])
        order = shuffle(tf.range(len(files.paths)), seed=epoch_seed)
        records = tf.data.Dataset.from_tensor_slices(tf.gather(paths, order))
        records = records.interleave(
            tf.data.TFRecordDataset, cycle_length=min(len(files.paths), _FILES_AT_ONCE)
        )
        # Not `Dataset.shuffle`, which also depends on TensorFlow's global seed.
        windows = records.batch(_WINDOW).enumerate()
        return windows.map(
            lambda number, window: shuffle(
                window,
                seed=tf.random.experimental.stateless_fold_in(epoch_seed, number),
            )
        ).unbatch()

    records = tf.data.Dataset.counter().flat_map(epoch_of_records)
    records = records.skip(start_step * global_batch_size)
    batches, size = input_pipeline.share_out(records, global_batch_size, input_context)
    signature = files.signature(size)
    dataset = batches.map(
        lambda batch: _parse(batch, signature), **input_pipeline.PARALLEL
    )
    return input_pipeline.finish(dataset)


def first_records(files: RecordFiles, most: int) -> dict[str, np.ndarray]:
    """The first examples of files, in order, as `examples.make_examples` gives them.

    Args:
      files: the examples.
      most: how many at most.
    """
    records = tf.data.TFRecordDataset(list(files.paths)).take(most)
    batches = [
        _parse(batch, files.signature(len(batch))) for batch in records.batch(_WINDOW)
    ]
    return {
        name: np.concatenate([batch[name].numpy() for batch in batches])
        for name in batches[0]
    }


def _parse(
    records: tf.Tensor, signature: dict[str, tf.TensorSpec]
) -> dict[str, tf.Tensor]:
    """Serialised examples to columns; Google's lack nothing but token_boundary."""
    features = {}
    for name, spec in signature.items():
        dtype = tf.float32 if spec.dtype == tf.float32 else tf.int64
        default = [0] * spec.shape[1] if name == "token_boundary" else None
        features[name] = tf.io.FixedLenFeature(spec.shape[1:], dtype, default)
    columns = tf.io.parse_example(records, features)
    return {
        name: tf.ensure_shape(tf.cast(columns[name], spec.dtype), spec.shape)
        for name, spec in signature.items()
    }


def _find_paths(patterns: Sequence[str]) -> list[str]:
    paths: dict[str, str] = {}  # By what they are, however they are written.
    for pattern in patterns:
        name = os.path.expanduser(pattern)
        # A name with brackets is a name first.
        found = [name] if os.path.exists(name) else sorted(glob.glob(name))
        found = [path for path in found if not os.path.isdir(path)]
        if not found:
            raise InputError(
                f"input_file={pattern}: no such file; give TFRecord files of "
                "create_pretraining_data.py, or a folder of token ids."
            )
        for path in found:
            paths.setdefault(os.path.realpath(path), path)
    return list(paths.values())


def _first_record(path: str) -> bytes | None:
    try:
        return next(iter(tf.data.TFRecordDataset(path).as_numpy_iterator()), None)
    except tf.errors.DataLossError as error:
        raise InputError(
            f"{path}: not a TFRecord file, or a damaged one; make it again with "
            "create_pretraining_data.py."
        ) from error


def _lengths(path: str, record: bytes) -> tuple[int, int]:
    """T and P of a record."""
    names = ("input_ids", "masked_lm_positions")
    features = {name: tf.io.VarLenFeature(tf.int64) for name in names}
    try:
        columns = tf.io.parse_single_example(record, features)
        length, num_predictions = (int(columns[n].dense_shape[0]) for n in names)
        if length and num_predictions:
            files = RecordFiles((path,), length, num_predictions)
            _parse(tf.constant([record]), files.signature(1))
            return length, num_predictions
        error = None
    except (tf.errors.InvalidArgumentError, InputError) as caught:
        error = caught
    raise InputError(
        f"{path}: its records are no examples of pre-training, which have "
        f"{', '.join(names)} and more; make them with create_pretraining_data.py."
    ) from error


def _manifest_of(folder: pathlib.Path) -> Manifest | None:
    try:
        return Manifest.read(folder / FILE_NAME, KIND)
    except InputError:  # Examples of Google's program have none, or another's.
        return None
