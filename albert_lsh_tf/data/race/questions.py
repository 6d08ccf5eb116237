"""Reads RACE: JSON files of articles and their questions. No TensorFlow here.

    DATA_DIR/RACE/{train,dev,test}/{middle,high}/*.txt

    {"id": "high7.txt", "article": "...", "questions": ["...", ...],
     "options": [["...", "...", "...", "..."], ...], "answers": ["C", ...]}

One object a line. Where a folder holds all.txt, which Google's script wants, that file
has the others' lines and is read alone.
"""

import dataclasses
import json
import pathlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from albert_lsh_tf.data.task import (
    Example,
    Task,
    find_split,
    parse_object,
    read_lines,
    shown,
)
from albert_lsh_tf.errors import InputError

NAME = "RACE"
LEVELS = ("middle", "high")
OPTIONS = ("A", "B", "C", "D")

_JOINED = "all.txt"
_FIELDS = ("article", "questions", "options", "answers")


@dataclasses.dataclass(frozen=True, kw_only=True)
class RaceTask(Task):
    """RACE, or the part of it that is for one kind of school.

    levels: "middle", "high" or both, in the order in which they are read.
    """

    levels: tuple[str, ...]

    SPLITS_ARE_FOLDERS = True


@dataclasses.dataclass(frozen=True)
class RaceExample(Example):
    """A question: `text_a` is the article, `label` the index of the right option.

    Attributes:
      options: what may follow the article, one for each option: the question and the
        option, or the question with the option in the place of its blank.
      level: "middle" or "high".
    """

    options: tuple[str, ...]
    level: str


def _task(name: str, levels: tuple[str, ...]) -> RaceTask:
    return RaceTask(
        name=name,
        files={split: f"{NAME}/{split}" for split in ("train", "dev", "test")},
        text_columns=("article", "question"),
        labels=OPTIONS,
        metrics=("eval_accuracy",),
        best_metric="eval_accuracy",
        submissions={"test": f"{name}.tsv"},
        levels=levels,
    )


TASKS: Mapping[str, RaceTask] = {
    task.name: task
    for task in (
        _task(NAME, LEVELS),
        *(_task(f"{NAME}-{level}", (level,)) for level in LEVELS),
    )
}


def read_examples(
    task: RaceTask, data_dir: str | pathlib.Path, split: str
) -> list[RaceExample]:
    """Reads one split, middle schools first.

    Args:
      task: of `TASKS`.
      data_dir: the folder that holds RACE/; or that folder itself.
      split: "train", "dev" or "test".

    Returns:
      A question each, with its answer; at least one. Their ids are those of the
      articles with the number of the question: "high7.txt-0" for the first.

    Raises:
      InputError: no such folder, no file in it, a file that is not what it should be,
        or an id that two articles have.
    """
    folder = find_split(task, data_dir, split)
    articles = (
        _Article.parse(line, level, path, number)
        for level in task.levels
        for path in _files(folder / level)
        for number, line in enumerate(read_lines(path), 1)
    )
    examples = [
        example
        for article in _with_ids_of_their_own(articles)
        for example in article.examples()
    ]
    if not examples:
        raise InputError(f"{folder}: no article in it has a question; get it again.")
    return examples


def _with_ids_of_their_own(articles: Iterable["_Article"]) -> Iterator["_Article"]:
    """The articles of a split, or an `InputError` where two of them share an id."""
    places: dict[str, str] = {}
    for article in articles:
        # Predictions tell the questions apart by it.
        if article.id in places:
            raise InputError(
                f"{article.where}: id {article.id} is also that of "
                f"{places[article.id]}; each article of a split needs its own."
            )
        places[article.id] = article.where
        yield article


def _files(folder: pathlib.Path) -> list[pathlib.Path]:
    """The files of a level, by their numbers where they have any."""
    if (joined := folder / _JOINED).is_file():
        return [joined]
    files = list(folder.glob("*.txt")) if folder.is_dir() else []
    if not files:
        raise InputError(
            f"{folder}: no .txt files of articles; get RACE again, with its folders "
            f"{' and '.join(LEVELS)}."
        )
    # By length first: 10 comes after 9.
    return sorted(files, key=lambda path: (len(path.stem), path.stem))


@dataclasses.dataclass(frozen=True)
class _Article:
    """The fields of a line, and where it is."""

    fields: Mapping[str, Any]
    where: str
    level: str
    id: str  # The article's own, or that of its line.

    @classmethod
    def parse(
        cls, line: str, level: str, path: pathlib.Path, number: int
    ) -> "_Article":
        where = f"{path}, line {number}"
        expected = f"expected one object a line, with {', '.join(_FIELDS)}."
        fields = parse_object(line, where, expected)
        id_ = fields.get("id", f"{level}{path.name}:{number}")
        article = cls(fields, where, level, id_)
        article._check()
        return article

    def _check(self) -> None:
        if missing := [name for name in _FIELDS if name not in self.fields]:
            raise InputError(
                f"{self.where}: no {' and no '.join(missing)}; the fields found are "
                f"{shown(list(self.fields)) or 'none'}."
            )
        article, *lists = (self.fields[name] for name in _FIELDS)
        if not isinstance(article, str):
            raise InputError(f"{self.where}: article must be a string.")
        # It goes into a column of the predictions.
        if not isinstance(self.id, str) or not self.id.isprintable() or not self.id:
            raise InputError(
                f"{self.where}: id {json.dumps(self.id)[:40]} must be a word or a few."
            )
        for name, values in zip(_FIELDS[1:], lists, strict=True):
            if not isinstance(values, list) or len(values) != len(lists[0]):
                raise InputError(
                    f"{self.where}: {name} must be a list, as long as questions."
                )

    def examples(self) -> Iterator[RaceExample]:
        """The questions in their order."""
        article = self.fields["article"]
        rows = zip(*(self.fields[field] for field in _FIELDS[1:]), strict=True)
        for index, (question, options, answer) in enumerate(rows):
            where = f"{self.where}, question {index + 1}"
            _check_question(question, options, answer, where)
            yield RaceExample(
                guid=f"{self.id}-{index}",
                text_a=article,
                text_b=None,
                label=OPTIONS.index(answer),
                options=tuple(fill_in(question, option) for option in options),
                level=self.level,
            )


def _check_question(question: Any, options: Any, answer: Any, where: str) -> None:
    if not isinstance(question, str):
        raise InputError(f"{where}: must be a string.")
    is_list = isinstance(options, list) and all(isinstance(o, str) for o in options)
    if not is_list or len(options) != len(OPTIONS):
        raise InputError(f"{where}: needs {len(OPTIONS)} options, all strings.")
    if answer not in OPTIONS:
        raise InputError(
            f"{where}: its answer {answer!r} is none of {', '.join(OPTIONS)}."
        )


def fill_in(question: str, option: str) -> str:
    """A question with an option in each of its blanks, or behind it.

    Source: google-research/albert, race_utils.py, `RaceProcessor.read_examples`.
    """
    question = question.replace("\uff3f", "_")  # Which Google's script makes of it.
    if "_" in question:
        return question.replace("_", option)
    return f"{question} {option}"
