"""Windows over a file's questions on disk: made once, and read where they are wanted.

    FOLDER/manifest.json        what they were made of and how; written last
    FOLDER/input_word_ids.bin   one array after another; see `WindowFeatures`

Memory does not grow with the file: questions are read a paragraph at a time, windows
are written as they are made, and the files are mapped into memory.
"""

import collections
import concurrent.futures
import dataclasses
import functools
import hashlib
import os
import pathlib
import shutil
import zlib
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
from albert_lsh_tf.data.squad.questions import Fault, Question, read_questions
from albert_lsh_tf.data.squad.settings import AnswerSettings
from albert_lsh_tf.data.tokenization import AlbertTokenizer
from albert_lsh_tf.errors import InputError

KIND = "features of questions"

# A batch holds as many questions, or fewer with long texts.
_QUESTIONS = 64
_CHARACTERS = 400_000

_OF_TRAINING = ("start_position", "end_position")
_OF_PREDICTION = ("token_start", "token_end", "may_start")
_OF_BOTH = ("input_word_ids", "first_of_context", "num_of_context", "question")


@dataclasses.dataclass(frozen=True)
class QuestionFiles:
    """Which questions, and what becomes of them.

    Attributes:
      paths: SQuAD's files, one after the other.
      for_training: see `read_questions`; with the places of the answers instead of
        those of all tokens.
      version_2: see `read_questions`.
      skip_faulty: leave out questions that cannot be used, instead of refusing them.
      held_out_share: of the contexts, those that training leaves out; which they are
        depends on their text alone.
      held_out: those, instead of the others.
    """

    paths: tuple[str, ...]
    for_training: bool
    version_2: bool
    skip_faulty: bool = False
    held_out_share: float = 0.0
    held_out: bool = False

    def questions(self) -> Iterator[Question]:
        """The questions that can be used, in order.

        Raises:
          InputError: see `check`.
        """
        for each in self._read():
            if isinstance(each, Question):
                yield each

    def check(self) -> "QuestionCounts":
        """Reads everything once.

        Raises:
          InputError: there are faulty questions, which are not to be left out, or none
            that can be used; or a file is not what it should be.
        """
        total = answered = impossible = 0
        faults = []
        for each in self._read():
            if isinstance(each, Fault):
                faults.append(each)
            else:
                total += 1
                answered += bool(each.answers)
                impossible += each.is_impossible
        if faults and not self.skip_faulty:
            more = f", and {len(faults) - 1} more" if len(faults) > 1 else ""
            raise InputError(
                f"{faults[0]}{more}; mend the file, or leave out what cannot be used "
                "with --skip_faulty_questions."
            )
        if not total and self.held_out:
            raise InputError(
                f"held_out_share={self.held_out_share} leaves no questions of "
                f"{', '.join(self.paths)} to find a threshold on; raise it, or give "
                "null_score_diff_threshold."
            )
        if not total:
            raise InputError(
                f"{', '.join(self.paths)}: no question in it can be used"
                + (f": {faults[0]}." if faults else ".")
            )
        return QuestionCounts(total, answered, impossible, tuple(faults))

    def _read(self) -> Iterator[Question | Fault]:
        for path in self.paths:
            for each in read_questions(
                path, for_training=self.for_training, version_2=self.version_2
            ):
                if isinstance(each, Fault) or self._is_in(each.context):
                    yield each

    def _is_in(self, context: str) -> bool:
        place = zlib.crc32(context.encode("utf-8")) / 2**32
        return (place < self.held_out_share) == self.held_out


@dataclasses.dataclass(frozen=True)
class QuestionCounts:
    """What is in the files."""

    total: int  # Questions that can be used.
    answered: int  # Those of them whose answer is known.
    impossible: int  # Those of them that have no answer.
    faults: tuple[Fault, ...]  # Of the other questions.


class SpanFeatures:
    """Windows on disk. W windows, T tokens each.

    Attributes:
      columns: name to array; see `WindowFeatures`. Those of training are
        start_position and end_position, those of predictions token_start, token_end
        and may_start; `question` counts through the questions that can be used.
      counts: "questions" that are used; "answered" of them, whose answer is known, and
        "impossible" ones; "skipped" others; "windows"; and of training "shown", the
        questions whose answer a window shows.
    """

    def __init__(self, folder: pathlib.Path, manifest: Manifest):
        self.counts = dict(manifest.totals)
        self.columns = {
            name: np.memmap(
                folder / file_name(name),
                dtype=entry["dtype"],
                mode="r",
                shape=(self.counts["windows"], *entry["shape"]),
            )
            for name, entry in manifest.config["columns"].items()
        }

    def __len__(self) -> int:
        return self.counts["windows"]

    @property
    def token_counts(self) -> np.ndarray:
        """Tokens of each window, without padding: int32 [W]."""
        columns = self.columns
        return columns["first_of_context"] + columns["num_of_context"] + 1

    def gather(self, indices: tf.Tensor) -> dict[str, tf.Tensor]:
        """What the network reads of some windows.

        Args:
          indices: int64 [n].

        Returns:
          input_word_ids, input_mask and input_type_ids, int32 [n, T]; and example_id,
          the indices. For training, start_position and end_position, int32 [n]; for
          predictions may_start and is_context, bool [n, T]: where an answer may start,
          and where it may end.
        """
        names = ["input_word_ids", "first_of_context", "num_of_context"]
        of_purpose = (*_OF_TRAINING, "may_start")
        names += [name for name in of_purpose if name in self.columns]

        def read(rows: np.ndarray) -> list[np.ndarray]:
            return [self.columns[name][rows].astype(np.int32) for name in names]

        found = tf.numpy_function(
            read, [indices], [tf.int32] * len(names), stateful=False
        )
        found = dict(zip(names, found, strict=True))
        for name, values in found.items():
            values.set_shape([*indices.shape, *self.columns[name].shape[1:]])
        column = tf.range(found["input_word_ids"].shape[1])
        first, num = (
            found.pop(name)[:, tf.newaxis]
            for name in ("first_of_context", "num_of_context")
        )
        is_token = column <= first + num
        if "may_start" in found:
            found["may_start"] = found["may_start"] > 0
            found["is_context"] = (column >= first) & (column < first + num)
        return {
            **found,
            "input_mask": tf.cast(is_token, tf.int32),
            "input_type_ids": tf.cast(is_token & (column >= first), tf.int32),
            "example_id": indices,
        }


def file_name(column: str) -> str:
    """The file of a column."""
    return f"{column}.bin"


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
    by_token = ("input_word_ids", *_OF_PREDICTION)
    names = _OF_BOTH + (_OF_TRAINING if files.for_training else _OF_PREDICTION)
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
