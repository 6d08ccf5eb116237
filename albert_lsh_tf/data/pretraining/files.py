"""Files of examples: which example goes to which, what is written, what is counted."""

import collections
import pathlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from albert_lsh_tf.data.manifest import (
    Manifest,
    atomic_file,
    describe_file,
)
from albert_lsh_tf.data.pretraining.random_numbers import Draw, fold_in
from albert_lsh_tf.data.pretraining.segments import Pairs
from albert_lsh_tf.data.pretraining.settings import ExampleConfig
from albert_lsh_tf.errors import InputError

KIND = "pre-training examples"
TOKENS_FOLDER = "tokens"  # Beside the files.
# In a file's entry of the manifest, which those of earlier versions lack: how many its
# vocabulary has. Not in the config: they would be refused.
NUM_PIECES = "num_pieces"

# What is counted, and the feature whose sum it is.
_COUNTED = {
    "tokens": "input_mask",
    "predictions": "masked_lm_weights",
    "swapped": "next_sentence_labels",
}
NO_COUNTS = {"examples": 0, **dict.fromkeys(_COUNTED, 0)}


def output_names(num_files: int) -> list[str]:
    """Names for files of examples."""
    return [f"examples-{n:05}-of-{num_files:05}.tfrecord" for n in range(num_files)]


def folder_of(output_files: Sequence[pathlib.Path]) -> pathlib.Path:
    """The folder of the files, or an `InputError` if it is not one, or they are not."""
    if not output_files:
        raise InputError("there is no file to write; give output_file or output_dir.")
    names = collections.Counter(output_files)
    if twice := [str(file) for file, count in names.items() if count > 1]:
        raise InputError(f"output_file names {twice[0]} twice.")
    folders = list(dict.fromkeys(file.parent for file in output_files))
    if len(folders) > 1:
        raise InputError(
            f"output_file names files in {folders[0]} and in {folders[1]}; give files "
            "of one folder, which will hold their manifest, too."
        )
    return folders[0]


def manifest_config(
    config: ExampleConfig,
    dupe_factor: int,
    names: Sequence[str],
    corpus: Mapping[str, Any],
) -> dict[str, Any]:
    """What decides about the bytes of files of examples.

    Args:
      config: of the examples.
      dupe_factor: passes over the text.
      names: of the files; their number and order decide what is in each.
      corpus: what decides about the tokens.
    """
    settings = config.to_dict()
    if not config.copied_segment_prob:
        # As folders of examples say that were made before there was such a setting.
        del settings["copied_segment_prob"]
    return {
        **settings,
        # So that a default that was spelt out is no difference.
        "max_predictions_per_seq": config.num_predictions,
        "dupe_factor": dupe_factor,
        "output_files": list(names),
        **corpus,
    }


def order_keys(pair_keys: np.ndarray) -> np.ndarray:
    """uint64 [n]; the order of examples, which also says which file each is in."""
    return fold_in(pair_keys, Draw.ORDER)


def in_order(pairs: Pairs) -> Pairs:
    """Pairs in the order of their examples."""
    return pairs[np.argsort(order_keys(pairs.key), kind="stable")]


def file_numbers(order_keys: np.ndarray, num_files: int) -> np.ndarray:
    """int64 [n]; the file that each example is in."""
    return (order_keys % np.uint64(num_files)).astype(np.int64)


def write_records(path: pathlib.Path, records: Iterable[bytes]) -> dict[str, Any]:
    """Writes a TFRecord file as a whole; returns its `bytes` and `sha256`."""
    import tensorflow as tf

    with atomic_file(path) as temporary:
        with tf.io.TFRecordWriter(str(temporary)) as writer:
            for record in records:
                writer.write(record)
    return describe_file(path)


def count(examples: Mapping[str, np.ndarray]) -> collections.Counter:
    """Examples, their tokens, those to be predicted, and pairs that are swapped."""
    counts = {name: int(examples[of].sum()) for name, of in _COUNTED.items()}
    return collections.Counter(examples=len(examples["input_ids"]), **counts)


def totals(manifest: Manifest) -> dict[str, int]:
    """The counts of all files together."""
    return {
        name: sum(entry[name] for entry in manifest.files.values())
        for name in ("bytes", *NO_COUNTS)
    }


def summary(manifest: Manifest) -> str:
    """What there is, in a line."""
    counts = manifest.totals
    return (
        f"{counts['examples']:,} examples in {len(manifest.files)} files of "
        f"{counts['bytes'] / 2**20:,.0f} MiB; "
        f"{counts['tokens'] / counts['examples']:.0f} tokens each, "
        f"{counts['predictions'] / counts['tokens']:.1%} of them masked; "
        f"{counts['swapped'] / counts['examples']:.1%} swapped"
    )
