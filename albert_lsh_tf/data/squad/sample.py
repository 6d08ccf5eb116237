"""A made-up stand-in for SQuAD, in its file format, so that a first run needs no data.

A text tells a few facts: who did what to how many of what, where and when. A question
asks for one part of a fact, and names the others. In version 2.0, some questions are
about what no fact of their text tells. It is no benchmark: scores on it say that
training works, and nothing about real text.
"""

import dataclasses
import json
import pathlib
from typing import Any

from albert_lsh_tf.data.dice import Dice
from albert_lsh_tf.data.sample import NUMBERS, write_whole
from albert_lsh_tf.data.sample_words import PLACES, SUBJECTS, TIMES

NUM_TEXTS = {"train": 400, "dev": 60}
QUESTIONS_OF_TEXT = 3
IMPOSSIBLE_SHARE = 1 / 3  # Of the questions of version 2.0, as in SQuAD 2.0.

_FACTS_OF_TEXT = 4


@dataclasses.dataclass(frozen=True)
class _Fact:
    actor: str
    verb: str  # Past tense and participle at once.
    number: str
    thing: str
    place: str
    time: str

    @property
    def sentence(self) -> str:
        return (
            f"On {self.time}, {self.actor} {self.verb} {self.number} {self.thing} in "
            f"{self.place}."
        )


# What a question asks for, and how.
_QUESTIONS = {
    "actor": "Who {verb} {number} {thing} in {place}?",
    "number": "How many {thing} were {verb} by {actor} in {place}?",
    "place": "Where were {number} {thing} {verb} by {actor}?",
    "time": "When were {number} {thing} {verb} by {actor} in {place}?",
}


def write_sample(
    folder: str | pathlib.Path, version_2: bool, seed: int = 0
) -> dict[str, pathlib.Path]:
    """Writes train.json and dev.json in SQuAD's layout.

    Args:
      folder: made where it does not exist.
      version_2: some questions have no answer.
      seed: the same seed gives the same bytes.

    Returns:
      "train" and "dev" to their files.
    """
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    dice, paths = Dice(seed), {}
    for split, num_texts in NUM_TEXTS.items():
        paragraphs = [
            _paragraph(dice, f"{split}-{number}", version_2)
            for number in range(1, num_texts + 1)
        ]
        content = {
            "version": "v2.0" if version_2 else "1.1",
            "data": [{"title": "made up", "paragraphs": paragraphs}],
        }
        paths[split] = folder / f"{split}.json"
        write_whole(paths[split], json.dumps(content, indent=1) + "\n")
    return paths


def _paragraph(dice: Dice, name: str, version_2: bool) -> dict[str, Any]:
    facts = [_fact(dice) for _ in range(_FACTS_OF_TEXT)]
    context = " ".join(fact.sentence for fact in facts)
    questions = []
    for number in range(1, QUESTIONS_OF_TEXT + 1):
        is_impossible = version_2 and dice.chance(IMPOSSIBLE_SHARE)
        asked_for = dice.pick(tuple(_QUESTIONS))
        fact = _fact(dice) if is_impossible else dice.pick(facts)
        question = {
            "id": f"{name}-{number}",
            "question": _QUESTIONS[asked_for].format(**dataclasses.asdict(fact)),
            "answers": [] if is_impossible else [_answer(context, fact, asked_for)],
        }
        if version_2:
            question["is_impossible"] = is_impossible
        questions.append(question)
    return {"context": context, "qas": questions}


def _fact(dice: Dice) -> _Fact:
    subject = dice.pick(SUBJECTS)
    return _Fact(
        actor=dice.pick(subject.actors)[0],
        verb=dice.pick(dice.pick(subject.verbs)),
        number=str(dice.pick(NUMBERS)),
        thing=dice.pick(dice.pick(subject.objects)),
        place=dice.pick(PLACES),
        time=dice.pick(TIMES),
    )


def _answer(context: str, fact: _Fact, asked_for: str) -> dict[str, Any]:
    text = getattr(fact, asked_for)
    start = context.index(fact.sentence) + fact.sentence.index(text)
    return {"text": text, "answer_start": start}
