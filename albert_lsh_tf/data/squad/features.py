"""Makes the windows over a file's questions: once, and on all cores.

Memory does not grow with the file: questions are read a paragraph at a time, and
windows are written as they are made. What is written is what `SpanFeatures` reads, the
manifest last.
"""

import collections
import concurrent.futures
import dataclasses
import functools
import hashlib
import os
import pathlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tqdm

from albert_lsh_tf.data.json_stream import JsonStream
from albert_lsh_tf.data.manifest import FILE_NAME, Manifest, describe_file
from albert_lsh_tf.data.squad.featurizing import (
    Featurizer,
    QuestionBatch,
    WindowFeatures,
    in_batches,
)
from albert_lsh_tf.data.squad.question_files import QuestionCounts, QuestionFiles
from albert_lsh_tf.data.squad.questions import Question
from albert_lsh_tf.data.squad.settings import AnswerSettings
from albert_lsh_tf.data.squad.span_features import (
    OF_BOTH,
    OF_PREDICTION,
    OF_TRAINING,
    SpanFeatures,
    file_entries,
    open_columns,
    remove_columns,
)
from albert_lsh_tf.data.tokenization import AlbertTokenizer
from albert_lsh_tf.data.writing import check_sizes, locked
from albert_lsh_tf.errors import InputError

KIND = "features of questions"

# To be raised when the code takes other questions of the same files, or makes other
# windows of them: what is on disk is of the old code then, and is made anew.
_VERSION = 1


def make_features(
    files: QuestionFiles,
    tokenizer: AlbertTokenizer,
    settings: AnswerSettings,
    folder: str | pathlib.Path,
    say: Callable[[str], None] = print,
) -> SpanFeatures:
    """Windows over the questions of files; those on disk, where they are still right.

    What is on disk is right if the bytes of the files and of the vocabulary, and all
    settings, are the same. Otherwise it is made anew. Several processes may ask for one
    folder at once: each works in it alone, and what it has got stays as it is.

    Args:
      files: the questions.
      tokenizer: of the model.
      settings: lengths.
      folder: for these features alone.
      say: takes a line for the user.

    Returns:
      The features.

    Raises:
      InputError: see `QuestionFiles.check`; the folder holds something else, or is
        none; or the vocabulary cannot tell where tokens stand.
    """
    folder = pathlib.Path(folder)
    _refuse_other_files(folder)
    config = _config(files, tokenizer, settings)
    # Before there is a folder: nothing is left of questions that cannot be used.
    counts = None if _finished(folder, config) else files.check()
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder, lambda line: say(f"features: {line}")):
        # Once more: another process may have worked here in the meantime.
        manifest = _finished(folder, config)
        if manifest is not None:
            say(f"features: {manifest.totals['windows']} windows, from {folder}")
        else:
            manifest = Manifest(folder / FILE_NAME, KIND, config)
            _write(files, tokenizer, settings, manifest, counts or files.check())
            say(
                f"features: {manifest.totals['windows']} windows over "
                f"{manifest.totals['questions']} questions, kept in {folder}"
            )
        return SpanFeatures(folder, manifest)


def _refuse_other_files(folder: pathlib.Path) -> None:
    """Raises `InputError` for what is no folder, or one of something else."""
    if os.path.lexists(folder) and not folder.is_dir():
        raise InputError(
            f"{folder}: not a folder, and {KIND} are kept in one, not in a single file "
            "such as a TFRecord; give another path."
        )
    # Not the hidden ones: they may be left of a start that was killed. They are listed
    # first: a process that begins here writes its manifest before all other files.
    is_used = folder.is_dir() and any(
        not entry.name.startswith(".") for entry in folder.iterdir()
    )
    if is_used and not (folder / FILE_NAME).exists():
        raise InputError(
            f"{folder} holds files, and no {FILE_NAME} that says that they are "
            f"{KIND}; give another folder."
        )


def _finished(folder: pathlib.Path, config: dict[str, Any]) -> Manifest | None:
    """The manifest of features of this config; None where they are to be made."""
    path = folder / FILE_NAME
    if not path.exists():
        return None
    manifest = Manifest.read(path, KIND)
    entries = file_entries(config["columns"], manifest.totals.get("windows", 0))
    is_right = manifest.config == config and manifest.files == entries
    return manifest if is_right and manifest.is_finished(*entries) else None


def _config(
    files: QuestionFiles, tokenizer: AlbertTokenizer, settings: AnswerSettings
) -> dict[str, Any]:
    """Everything that decides about the features."""
    for path in files.paths:
        with JsonStream(path):
            pass  # It says best what is wrong with a path.
    length = settings.max_seq_length
    word = "uint16" if tokenizer.vocab_size <= 2**16 else "int32"
    dtypes = {"input_word_ids": word, "may_start": "bool"}
    by_token = ("input_word_ids", *OF_PREDICTION)
    names = OF_BOTH + (OF_TRAINING if files.for_training else OF_PREDICTION)
    lengths = dataclasses.asdict(settings)
    del lengths["max_answer_length"]  # It does not matter before there are answers.
    return {
        "version": _VERSION,
        "files": [describe_file(pathlib.Path(path)) for path in files.paths],
        "for_training": files.for_training,
        "version_2": files.version_2,
        "skip_faulty": files.skip_faulty,
        "held_out_share": files.held_out_share,
        "held_out": files.held_out,
        "vocabulary": hashlib.sha256(tokenizer.model_bytes()).hexdigest(),
        "do_lower_case": tokenizer.do_lower_case,
        **lengths,
        "columns": {
            name: {
                "dtype": dtypes.get(name, "int32"),
                "shape": [length] if name in by_token else [],
            }
            for name in names
        },
    }


def _write(
    files: QuestionFiles,
    tokenizer: AlbertTokenizer,
    settings: AnswerSettings,
    manifest: Manifest,
    counts: QuestionCounts,
) -> None:
    """Writes all columns, and last the manifest with its counts."""
    folder, columns = manifest.path.parent, manifest.config["columns"]
    # Without a manifest the folder would be refused; with this one it is made anew.
    Manifest(manifest.path, KIND, {}).save()
    remove_columns(folder)
    num_windows = num_before = 0
    shown: set[int] = set()
    with (
        open_columns(folder, columns) as write,
        tqdm.tqdm(
            total=counts.total,
            unit="question",
            desc="features",
            dynamic_ncols=True,
            disable=None,
        ) as bar,
    ):
        for found, num_questions in _featurized(files, tokenizer, settings):
            found["question"] = found["question"] + num_before
            shown.update(found["question"][found["start_position"] > 0].tolist())
            write(found)
            num_windows += len(found["question"])
            num_before += num_questions
            bar.update(num_questions)
    manifest.totals = {
        "questions": counts.total,
        "answered": counts.answered,
        "impossible": counts.impossible,
        "skipped": len(counts.faults),
        "windows": num_windows,
        **({"shown": len(shown)} if files.for_training else {}),
    }
    entries = file_entries(columns, num_windows)
    check_sizes(folder, entries)
    manifest.add(entries)


def _featurized(
    files: QuestionFiles, tokenizer: AlbertTokenizer, settings: AnswerSettings
) -> Iterator[tuple[dict[str, np.ndarray], int]]:
    """Windows of batches of questions, in order, and how many questions these are."""
    featurize = _featurizer(tokenizer, settings)

    def windows_of(batch: Sequence[Question]) -> tuple[dict[str, np.ndarray], int]:
        features = featurize(QuestionBatch.of(batch, files.for_training))
        return {n: v.numpy() for n, v in features._asdict().items()}, len(batch)

    num_workers = os.cpu_count() or 1
    # TensorFlow lets other threads go on while it works.
    with concurrent.futures.ThreadPoolExecutor(num_workers) as pool:
        pending: collections.deque[concurrent.futures.Future] = collections.deque()
        for batch in in_batches(files.questions()):
            pending.append(pool.submit(windows_of, batch))
            if len(pending) > num_workers:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()


@functools.lru_cache(maxsize=2)
def _featurizer(
    tokenizer: AlbertTokenizer, settings: AnswerSettings
) -> Callable[[QuestionBatch], WindowFeatures]:
    """A `Featurizer` as one graph: tracing it takes seconds, and files are several."""
    featurizer = Featurizer(tokenizer, settings)
    signature = QuestionBatch(
        *(tf.TensorSpec([None], kind) for kind in (tf.string, tf.string, tf.int64)),
        *(tf.TensorSpec([None], tf.int32) for _ in range(2)),
    )

    @tf.function(input_signature=[signature], autograph=False)
    def featurize(batch: QuestionBatch) -> WindowFeatures:
        return featurizer(batch)

    featurize.featurizer = featurizer  # Or else its tables are gone.
    return featurize
