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
import shutil
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tqdm

from albert_lsh_tf.data.manifest import FILE_NAME, Manifest, describe_file
from albert_lsh_tf.data.squad.featurizing import (
    Featurizer,
    QuestionBatch,
    WindowFeatures,
)
from albert_lsh_tf.data.squad.question_files import QuestionFiles
from albert_lsh_tf.data.squad.questions import Question
from albert_lsh_tf.data.squad.settings import AnswerSettings
from albert_lsh_tf.data.squad.span_features import (
    OF_BOTH,
    OF_PREDICTION,
    OF_TRAINING,
    SpanFeatures,
    file_name,
)
from albert_lsh_tf.data.tokenization import AlbertTokenizer
from albert_lsh_tf.errors import InputError

KIND = "features of questions"

# A batch holds as many questions, or fewer with long texts.
_QUESTIONS = 64
_CHARACTERS = 400_000


def make_features(
    files: QuestionFiles,
    tokenizer: AlbertTokenizer,
    settings: AnswerSettings,
    folder: str | pathlib.Path,
    say: Callable[[str], None] = print,
) -> SpanFeatures:
    """Windows over the questions of files; those on disk, where they are still right.

    What is on disk is right if the bytes of the files and of the vocabulary, and all
    settings, are the same. Otherwise it is made anew.

    Args:
      files: the questions.
      tokenizer: of the model.
      settings: lengths.
      folder: for these features alone.
      say: takes a line for the user.

    Returns:
      The features.

    Raises:
      InputError: see `QuestionFiles.check`; the folder holds something else; or the
        vocabulary cannot tell where tokens stand.
    """
    folder = pathlib.Path(folder)
    config = _config(files, tokenizer, settings)
    path = folder / FILE_NAME
    if path.exists():
        manifest = Manifest.read(path, KIND)
        if manifest.config == config and manifest.is_finished(*manifest.files):
            say(f"features: {manifest.totals['windows']} windows, from {folder}")
            return SpanFeatures(folder, manifest)
    elif folder.exists() and any(folder.iterdir()):
        raise InputError(
            f"{folder} holds files, and no {FILE_NAME} that says that they are "
            f"{KIND}; give another folder."
        )
    manifest = Manifest(path, KIND, config)
    manifest.totals = _write(files, tokenizer, settings, folder, config["columns"])
    manifest.add(
        {
            # Not hashed: that would read all of them once more.
            file_name(name): {"bytes": (folder / file_name(name)).stat().st_size}
            for name in config["columns"]
        }
    )
    say(
        f"features: {manifest.totals['windows']} windows over "
        f"{manifest.totals['questions']} questions, kept in {folder}"
    )
    return SpanFeatures(folder, manifest)


def _config(
    files: QuestionFiles, tokenizer: AlbertTokenizer, settings: AnswerSettings
) -> dict[str, Any]:
    """Everything that decides about the features."""
    length = settings.max_seq_length
    word = "uint16" if tokenizer.vocab_size <= 2**16 else "int32"
    dtypes = {"input_word_ids": word, "may_start": "bool"}
    by_token = ("input_word_ids", *OF_PREDICTION)
    names = OF_BOTH + (OF_TRAINING if files.for_training else OF_PREDICTION)
    lengths = dataclasses.asdict(settings)
    del lengths["max_answer_length"]  # It does not matter before there are answers.
    return {
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
    folder: pathlib.Path,
    columns: dict[str, Any],
) -> dict[str, int]:
    """Writes all columns; returns the counts."""
    counts = files.check()
    if folder.exists():
        shutil.rmtree(folder)  # Of other questions, or begun and not finished.
    folder.mkdir(parents=True)
    # Without a manifest the folder would be refused; with this one it is made anew.
    Manifest(folder / FILE_NAME, KIND, {}).save()
    num_windows = num_before = 0
    shown: set[int] = set()
    outputs = {name: open(folder / file_name(name), "wb") for name in columns}
    try:
        with tqdm.tqdm(
            total=counts.total,
            unit="question",
            desc="features",
            dynamic_ncols=True,
            disable=None,
        ) as bar:
            for found, num_questions in _featurized(files, tokenizer, settings):
                found["question"] = found["question"] + num_before
                shown.update(found["question"][found["start_position"] > 0].tolist())
                for name, entry in columns.items():
                    found[name].astype(entry["dtype"]).tofile(outputs[name])
                num_windows += len(found["question"])
                num_before += num_questions
                bar.update(num_questions)
    finally:
        for output in outputs.values():
            output.close()
    totals = {
        "questions": counts.total,
        "answered": counts.answered,
        "impossible": counts.impossible,
        "skipped": len(counts.faults),
        "windows": num_windows,
    }
    return {**totals, "shown": len(shown)} if files.for_training else totals


def _featurized(
    files: QuestionFiles, tokenizer: AlbertTokenizer, settings: AnswerSettings
) -> Iterator[tuple[dict[str, np.ndarray], int]]:
    """Windows of batches of questions, in order, and how many questions these are."""
    featurize = _featurizer(tokenizer, settings)

    def windows_of(batch: Sequence[Question]) -> tuple[dict[str, np.ndarray], int]:
        features = featurize(QuestionBatch.of(batch))
        return {n: v.numpy() for n, v in features._asdict().items()}, len(batch)

    num_workers = os.cpu_count() or 1
    # TensorFlow lets other threads go on while it works.
    with concurrent.futures.ThreadPoolExecutor(num_workers) as pool:
        pending: collections.deque[concurrent.futures.Future] = collections.deque()
        for batch in _in_batches(files.questions()):
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


def _in_batches(questions: Iterator[Question]) -> Iterator[Sequence[Question]]:
    batch: list[Question] = []
    num_characters = 0
    for question in questions:
        if not batch or question.context != batch[-1].context:
            num_characters += len(question.context)
        is_full = len(batch) >= _QUESTIONS or num_characters > _CHARACTERS
        if batch and is_full:
            yield batch
            batch, num_characters = [], len(question.context)
        batch.append(question)
    if batch:
        yield batch
