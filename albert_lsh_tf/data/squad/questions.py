"""Reads the JSON files of SQuAD 1.1 and 2.0, a paragraph at a time. No TensorFlow here.

    {"data": [{"paragraphs": [{
      "context": "...",
      "qas": [{"id": "17", "question": "...", "is_impossible": false,
               "answers": [{"text": "...", "answer_start": 5}]}]}]}]}

Other fields are left alone, and so is `version`.
"""

import dataclasses
import pathlib
from collections.abc import Iterator
from typing import Any

from albert_lsh_tf.data.json_stream import JsonStream
from albert_lsh_tf.errors import InputError

EXPECTED_LAYOUT = '{"data": [{"paragraphs": [{"context": ..., "qas": [...]}]}]}'


@dataclasses.dataclass(frozen=True)
class Answer:
    """A part of a context: its text, and the characters before it."""

    text: str
    start: int


@dataclasses.dataclass(frozen=True)
class Question:
    """A question about a text, as the file has it.

    Attributes:
      id: unique in its file.
      text: the question.
      context: the text that may hold the answer.
      answers: the right ones; none where there is none, or where it is hidden.
      is_impossible: whether the context does not answer it (SQuAD 2.0).
    """

    id: str
    text: str
    context: str
    answers: tuple[Answer, ...]
    is_impossible: bool


@dataclasses.dataclass(frozen=True)
class Fault:
    """A question that cannot be used, and why.

    Attributes:
      where: file, line of its paragraph and id.
      reason: what is wrong with it.
    """

    where: str
    reason: str

    def __str__(self) -> str:
        return f"{self.where}: {self.reason}"


def read_questions(
    path: str | pathlib.Path, *, for_training: bool, version_2: bool
) -> Iterator[Question | Fault]:
    """Reads a file in its order; at no time more than a paragraph is in memory.

    Args:
      path: SQuAD's JSON; packed by gzip if its name ends in .gz.
      for_training: answers must be there, and stand where they are said to, and a
        context must not be empty. For predictions answers may be absent, and only
        their texts count.
      version_2: questions may have no answer. Those of a file of SQuAD 1.1, which does
        not say it, are taken as answerable.

    Yields:
      The questions that can be used, and in their place a fault for each that cannot.

    Raises:
      InputError: the file cannot be read, or is not laid out as SQuAD's.
    """
    seen: set[str] = set()
    for where, paragraph in _paragraphs(pathlib.Path(path)):
        context, questions = _parts(where, paragraph)
        for number, fields in enumerate(questions, 1):
            try:
                question = _Fields(fields).question(context, version_2)
                if question.id in seen:
                    raise _FaultError("the id is that of an earlier question")
                seen.add(question.id)
                if for_training:
                    _check_for_training(question, version_2)
                yield question
            except _FaultError as fault:
                yield Fault(f"{where}, question {_named(fields, number)}", str(fault))


class _FaultError(Exception):
    """What is wrong with a question."""


def _paragraphs(path: pathlib.Path) -> Iterator[tuple[str, Any]]:
    """File and line of each paragraph, and what it holds."""
    has_data = False
    with JsonStream(path) as stream:
        for key in stream.keys():
            if key != "data":
                stream.value()
                continue
            has_data = True
            for _ in stream.elements():
                for key in stream.keys():
                    if key != "paragraphs":
                        stream.value()
                        continue
                    for _ in stream.elements():
                        yield stream.where, stream.value()
        stream.end()
    if not has_data:
        raise InputError(f"{path}: no data; expected {EXPECTED_LAYOUT}.")


def _parts(where: str, paragraph: Any) -> tuple[str, list[Any]]:
    """Context and questions of a paragraph."""
    found = paragraph if isinstance(paragraph, dict) else {}
    context, questions = found.get("context"), found.get("qas")
    if not isinstance(context, str) or not isinstance(questions, list):
        raise InputError(
            f"{where}: a paragraph without context or qas; expected {EXPECTED_LAYOUT}."
        )
    return context, questions


def _named(fields: Any, number: int) -> str:
    """The id of a question, or else its place in the paragraph."""
    found = fields.get("id") if isinstance(fields, dict) else None
    return repr(found)[:60] if found else f"{number} of the paragraph"


@dataclasses.dataclass(frozen=True)
class _Fields:
    """What one of "qas" holds; nothing of it is checked yet."""

    fields: Any

    def question(self, context: str, version_2: bool) -> Question:
        if not isinstance(self.fields, dict):
            raise _FaultError(f"{type(self.fields).__name__} instead of an object")
        identity = self.fields.get("id")
        if isinstance(identity, int) and not isinstance(identity, bool):
            identity = str(identity)
        is_impossible = self.fields.get("is_impossible", False)
        if not isinstance(is_impossible, bool):
            raise _FaultError("is_impossible must be true or false")
        if is_impossible and not version_2:
            raise _FaultError("it has no answer, which only version_2 can learn")
        return Question(
            id=_text("id", identity),
            text=_text("question", self.fields.get("question")),
            context=_encodable("context", context),
            # Where there is none, some files list what would seem to be one.
            answers=() if is_impossible else self._answers(),
            is_impossible=is_impossible,
        )

    def _answers(self) -> tuple[Answer, ...]:
        found = self.fields.get("answers") or []
        if not isinstance(found, list):
            raise _FaultError("answers must be a list")
        return tuple(map(_answer, found))


def _answer(found: Any) -> Answer:
    if not isinstance(found, dict):
        raise _FaultError(f"an answer is {type(found).__name__} instead of an object")
    start = found.get("answer_start", -1)
    if not isinstance(start, int) or isinstance(start, bool):
        raise _FaultError("answer_start must be a whole number")
    text = found.get("text")
    if not isinstance(text, str):
        raise _FaultError("an answer without text")
    if not text.strip():
        raise _FaultError("the text of an answer is empty")
    return Answer(_encodable("text", text), start)


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise _FaultError(f"{name} must be a string")
    if not value.strip():
        raise _FaultError(f"{name} is empty")
    return _encodable(name, value)


def _encodable(name: str, value: str) -> str:
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:
        raise _FaultError(
            f"{name} holds half of a character (\\u{ord(value[error.start]):04x})"
        ) from error
    return value


def _check_for_training(question: Question, version_2: bool) -> None:
    if not question.context.strip():
        raise _FaultError("its context is empty")
    if question.is_impossible:
        return
    if not question.answers:
        hint = "; where there is none, is_impossible must be true" if version_2 else ""
        raise _FaultError(f"it has no answer{hint}")
    for answer in question.answers:
        end = answer.start + len(answer.text)
        # A negative start would count from the end.
        found = question.context[max(answer.start, 0) : max(end, 0)]
        if answer.start < 0 or found != answer.text:
            raise _FaultError(
                f"answer_start={answer.start} is not where {_short(answer.text)} "
                f"stands; {_short(found)} stands there"
            )


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:37] + "...")
