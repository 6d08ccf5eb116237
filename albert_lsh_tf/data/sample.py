"""A made-up stand-in for MRPC, in its file format, so that a first run needs no data.

A sentence tells a fact: who did what to how many of what, where, when, sometimes why
and on whose word. A paraphrase tells the same fact in other words and another order. A
pair that is none changes one thing in it (the number, the actor, the place, the day,
the verb, or yes into no), which is hard to see, or sets the fact beside a line of a
recipe, which is easy. It is no benchmark: scores on it say that training works, and
nothing about real text.
"""

import dataclasses
import os
import pathlib

from albert_lsh_tf.data import sample_words
from albert_lsh_tf.data.dice import Dice
from albert_lsh_tf.data.sample_words import PLACES, SPEAKERS, SUBJECTS, TIMES

NUM_ROWS = {"train": 1200, "dev": 240, "test": 240}
POSITIVE_SHARE = 2 / 3  # As in MRPC.
# Of the pairs that are no paraphrases. Tiny models learn these two within minutes.
UNRELATED_SHARE = 0.45
DENIED_SHARE = 0.25

NUMBERS = range(2, 100)


@dataclasses.dataclass(frozen=True)
class Pair:
    """Two sentences, and whether they say the same."""

    text_a: str
    text_b: str
    is_paraphrase: bool


def write_sample(
    folder: str | pathlib.Path, seed: int = 0, num_rows: dict[str, int] | None = None
) -> pathlib.Path:
    """Writes MRPC/train.tsv, dev.tsv and test.tsv in MRPC's official layout.

    Args:
      folder: gets the folder MRPC; made where it does not exist.
      seed: the same seed gives the same bytes.
      num_rows: rows of each split; None: `NUM_ROWS`. No sentence occurs twice.

    Returns:
      `folder`, which is a `data_dir` for the task MRPC.
    """
    num_rows = num_rows or NUM_ROWS
    pairs = make_pairs(sum(num_rows.values()), seed)
    task_folder = pathlib.Path(folder) / "MRPC"
    task_folder.mkdir(parents=True, exist_ok=True)
    start = 0
    for split, count in num_rows.items():
        lines = ["\t".join(_HIDDEN_HEADER if split == "test" else _HEADER)]
        for row, pair in enumerate(pairs[start : start + count]):
            first = row if split == "test" else int(pair.is_paraphrase)
            sentence_id = 2 * (start + row)
            columns = (first, sentence_id, sentence_id + 1, pair.text_a, pair.text_b)
            lines.append("\t".join(map(str, columns)))
        write_whole(task_folder / f"{split}.tsv", "\n".join(lines) + "\n")
        start += count
    return pathlib.Path(folder)


def make_pairs(count: int, seed: int = 0) -> list[Pair]:
    """`count` pairs in random order, in which no sentence occurs twice.

    Args:
      count: pairs to make.
      seed: the same seed gives the same pairs.

    Returns:
      The pairs; two thirds of them are paraphrases, give or take chance.
    """
    dice = Dice(seed)
    pairs: list[Pair] = []
    seen: set[str] = set()
    while len(pairs) < count:
        pair = _make_pair(dice)
        if pair.text_a != pair.text_b and seen.isdisjoint((pair.text_a, pair.text_b)):
            seen.update((pair.text_a, pair.text_b))
            pairs.append(pair)
    return pairs


_HEADER = ("Quality", "#1 ID", "#2 ID", "#1 String", "#2 String")
_HIDDEN_HEADER = ("index", "#1 ID", "#2 ID", "#1 String", "#2 String")


@dataclasses.dataclass(frozen=True)
class _Fact:
    subject: int  # Index in SUBJECTS.
    actor: tuple[str, str]
    verb: tuple[str, ...]
    number: int
    thing: tuple[str, ...]
    place: str
    time: str
    reason: tuple[str, ...] | None
    speaker: tuple[str, ...] | None
    happened: bool = True


def _make_pair(dice: Dice) -> Pair:
    fact = _make_fact(dice, dice.pick(range(len(SUBJECTS))))
    if dice.chance(POSITIVE_SHARE):
        # Another order and other words, so that the two are never equal.
        passive = dice.chance(0.5)
        text_a, text_b = _tell(fact, dice, passive), _tell(fact, dice, not passive)
        return Pair(text_a, text_b, True)
    text_a = _tell(fact, dice, passive=dice.chance(0.5))
    if dice.chance(UNRELATED_SHARE):
        text_b = _make_recipe_line(dice)
    else:
        is_denied = dice.chance(DENIED_SHARE / (1 - UNRELATED_SHARE))
        other = _deny(fact) if is_denied else _change_a_detail(fact, dice)
        text_b = _tell(other, dice, passive=dice.chance(0.5))
    return Pair(*((text_a, text_b) if dice.chance(0.5) else (text_b, text_a)), False)


def _make_fact(dice: Dice, subject: int) -> _Fact:
    words = SUBJECTS[subject]
    return _Fact(
        subject=subject,
        actor=dice.pick(words.actors),
        verb=dice.pick(words.verbs),
        number=dice.pick(NUMBERS),
        thing=dice.pick(words.objects),
        place=dice.pick(PLACES),
        time=dice.pick(TIMES),
        reason=dice.pick(words.reasons) if dice.chance(0.3) else None,
        speaker=dice.pick(SPEAKERS) if dice.chance(0.3) else None,
    )


def _deny(fact: _Fact) -> _Fact:
    return dataclasses.replace(fact, happened=False)


def _change_a_detail(fact: _Fact, dice: Dice) -> _Fact:
    words = SUBJECTS[fact.subject]
    what, choices = dice.pick(
        (
            ("actor", words.actors),
            ("verb", words.verbs),
            ("number", NUMBERS),
            ("place", PLACES),
            ("time", TIMES),
        )
    )
    changed = dice.pick_other(choices, getattr(fact, what))
    return dataclasses.replace(fact, **{what: changed})


def _make_recipe_line(dice: Dice) -> str:
    return (
        f"{dice.pick(sample_words.FIRST_STEPS)} {dice.pick(NUMBERS)} "
        f"{dice.pick(sample_words.FOODS)} and {dice.pick(sample_words.SECOND_STEPS)} "
        f"for {dice.pick(NUMBERS)} minutes with {dice.pick(sample_words.SEASONINGS)} ."
    )


def _tell(fact: _Fact, dice: Dice, passive: bool) -> str:
    """One of the sentences for a fact, spaced as MRPC's are."""
    name, description = fact.actor
    actor = f"{name} , {description} ," if dice.chance(0.2) else name
    # A name stays as it is; "The border guard" gets a small letter within a sentence.
    inner_actor = "the" + actor[3:] if actor.startswith("The ") else actor
    things = f"{fact.number} {dice.pick(fact.thing)}"
    verb = dice.pick(fact.verb)
    where, when = f"in {fact.place}", f"on {fact.time}"
    if passive:
        denial = "" if fact.happened else "not "
        clause = f"{things} were {denial}{verb} by {inner_actor}"
    else:
        denial = "" if fact.happened else "never "
        clause = f"{inner_actor} {denial}{verb} {things}"
    if dice.chance(0.5):
        clause = f"{when} {clause} {where}"
    else:
        clause = f"{clause} {where} {when}"
    if fact.reason is not None:
        reason = f"because {dice.pick(fact.reason)}"
        if dice.chance(0.5):
            clause = f"{clause} {reason}"
        else:
            clause = f"{reason} , {clause}"
    if fact.speaker is not None:
        speaker = dice.pick(fact.speaker)
        if dice.chance(0.5):
            clause = f"{speaker} said that {clause}"
        else:
            clause = f"{clause} , {speaker} said"
    clause = clause.replace(", ,", ",")
    return f"{clause[0].upper()}{clause[1:]} ."


def write_whole(path: pathlib.Path, text: str) -> None:
    """Writes a file that is never seen half written: several workers may write it."""
    part = path.with_name(f"{path.name}.{os.getpid()}")
    part.write_text(text, encoding="utf-8", newline="\n")
    os.replace(part, path)
