"""Questions with the windows over their texts, and what is said to them."""

import dataclasses
from collections.abc import Iterator, Mapping

import numpy as np
import tensorflow as tf

from albert_lsh_tf.data.squad.answers import (
    AnsweredQuestion,
    CandidateArrays,
    answer_questions,
)
from albert_lsh_tf.data.squad.question_files import QuestionFiles
from albert_lsh_tf.data.squad.scores import (
    RightAnswers,
    best_threshold,
    score_answers,
    score_answers_or_none,
)
from albert_lsh_tf.data.squad.span_features import SpanFeatures
from albert_lsh_tf.errors import InputError

THRESHOLD = "null_score_diff_threshold"  # Among the scores of SQuAD 2.0.


@dataclasses.dataclass(frozen=True, eq=False)
class QuestionSet:
    """Questions and the windows over their texts."""

    files: QuestionFiles
    features: SpanFeatures

    @property
    def num_known(self) -> int:
        """Questions whose answer is known, or is known not to be there."""
        counts = self.features.counts
        return counts["answered"] + counts["impossible"]

    def refuse_partly_labeled(self) -> None:
        """`QuestionFiles.refuse_partly_labeled` with what was counted."""
        total = self.features.counts["questions"]
        self.files.refuse_partly_labeled(self.num_known, total)

    def answered(
        self, candidates: CandidateArrays, n_best_size: int
    ) -> Iterator[AnsweredQuestion]:
        """What the best spans of the windows say, one question after another."""
        return answer_questions(
            self.files.questions(), self.features, candidates, n_best_size
        )


class JoinedWindows:
    """The windows of several sets in one row, for one pass over all of them.

    Args:
      sets: one or more, for predictions, with windows of one length.
    """

    def __init__(self, sets: list[QuestionSet]):
        self._parts = [each.features for each in sets]
        self._bounds = np.cumsum([0, *map(len, self._parts)])

    @property
    def token_counts(self) -> np.ndarray:
        return np.concatenate([part.token_counts for part in self._parts])

    def __len__(self) -> int:
        return int(self._bounds[-1])

    def gather(self, indices: tf.Tensor) -> dict[str, tf.Tensor]:
        """See `SpanFeatures.gather`."""
        if len(self._parts) == 1:
            return self._parts[0].gather(indices)
        of_parts = []
        for part, start in zip(self._parts, self._bounds[:-1], strict=True):
            own = tf.clip_by_value(indices - start, 0, len(part) - 1)
            of_parts.append(part.gather(own))
        number = tf.searchsorted(self._bounds[1:], indices, side="right")
        rows = {
            name: tf.gather(
                tf.stack([rows[name] for rows in of_parts], axis=1),
                number,
                batch_dims=1,
            )
            for name in of_parts[0]
        }
        return {**rows, "example_id": indices}

    def split(self, candidates: CandidateArrays) -> list[CandidateArrays]:
        """The candidates of all windows, by set."""
        return [
            CandidateArrays(
                *(
                    getattr(candidates, field.name)[start:end]
                    for field in dataclasses.fields(CandidateArrays)
                )
            )
            for start, end in zip(self._bounds[:-1], self._bounds[1:], strict=True)
        ]


@dataclasses.dataclass(frozen=True)
class Predictions:
    """The answers to a set of questions, without their texts.

    Attributes:
      right: what they are scored with, in order.
      answers: id to the best answer, also where there may be none.
      null_odds: id to what speaks for no answer.
    """

    right: list[RightAnswers]
    answers: Mapping[str, str]
    null_odds: Mapping[str, float]

    @classmethod
    def of(cls, answered: Iterator[AnsweredQuestion]) -> "Predictions":
        """What is kept of answered questions."""
        right, answers, null_odds = [], {}, {}
        for each in answered:
            right.append(RightAnswers.of(each.question))
            answers[each.question.id] = each.text
            null_odds[each.question.id] = each.null_odds
        return cls(right, answers, null_odds)

    def scores(self, threshold: float | None) -> dict[str, float]:
        """The official scores.

        Args:
          threshold: with null odds above it there is no answer: SQuAD 2.0's scores,
            and it is among them; None: SQuAD 1.1's.

        Returns:
          See `scores.score_answers` and `scores.score_answers_or_none`.

        Raises:
          InputError: answers to some of the questions are known, and not to others.
        """
        if threshold is not None:
            scores = score_answers_or_none(
                self.right, self.answers, self.null_odds, threshold
            )
            return {**scores, THRESHOLD: threshold}
        if unknown := [each.id for each in self.right if not each.texts]:
            raise InputError(
                f"{len(unknown)} of {len(self.right)} questions to predict have no "
                f"answer, such as {unknown[0]!r}; with --version_2 there may be none."
            )
        return score_answers(self.right, self.answers)

    def best_threshold(self) -> float:
        """The threshold that would be best for these questions."""
        return best_threshold(self.right, self.answers, self.null_odds)
