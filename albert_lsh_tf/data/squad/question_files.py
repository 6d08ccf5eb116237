"""Which questions a run is about, and what is in their files."""

import dataclasses
import zlib
from collections.abc import Iterator

from albert_lsh_tf.data.squad.questions import Fault, Question, read_questions
from albert_lsh_tf.errors import InputError


@dataclasses.dataclass(frozen=True)
class QuestionFiles:
    """Which questions, and what becomes of them.

    Attributes:
      paths: SQuAD's files, one after the other.
      for_training: the windows have the places of the answers instead of those of all
        tokens; and the answers are checked, see `read_questions`.
      version_2: see `read_questions`.
      skip_faulty: leave out questions that cannot be used, instead of refusing them.
      held_out_share: of the contexts, those that training leaves out; which they are
        depends on their text alone.
      held_out: those, instead of the others; training's checks hold for them, too.
    """

    paths: tuple[str, ...]
    for_training: bool
    version_2: bool
    skip_faulty: bool = False
    held_out_share: float = 0.0
    held_out: bool = False

    @property
    def checks_answers(self) -> bool:
        """Whether these are questions of training, whatever their windows are for."""
        return self.for_training or self.held_out

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

    def refuse_partly_labeled(self, num_known: int, total: int) -> None:
        """Refuses questions to score of which only some have known answers.

        Args:
          num_known: those whose answer is known, or is known not to be there.
          total: all.

        Raises:
          InputError: says how many.
        """
        if num_known in (0, total):
            return
        first = next(
            question.id
            for question in self.questions()
            if not (question.answers or question.is_impossible)
        )
        hint = " (where there is none, is_impossible must be true)"
        raise InputError(
            f"{', '.join(self.paths)}: {total - num_known} of {total} questions have "
            f"no answers, such as {first!r}. Add them"
            f"{hint if self.version_2 else ''}, or put these questions into a file of "
            "their own, which is not scored."
        )

    def _read(self) -> Iterator[Question | Fault]:
        for path in self.paths:
            for each in read_questions(
                path, for_training=self.checks_answers, version_2=self.version_2
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
