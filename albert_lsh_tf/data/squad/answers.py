"""Candidates of all windows to the answers of each question, in NumPy."""

import dataclasses
from collections.abc import Iterable, Iterator

import numpy as np
import scipy.special

from albert_lsh_tf.data.squad.questions import Question
from albert_lsh_tf.data.squad.span_features import SpanFeatures
from albert_lsh_tf.data.squad.spans import IMPOSSIBLE


@dataclasses.dataclass(frozen=True)
class RankedAnswer:
    """One of the best answers to a question.

    Attributes:
      text: the part of the context, as it stands there.
      start: characters of the context before it.
      start_score, end_score: what speaks for its first and last token.
      probability: among those that are listed.
    """

    text: str
    start: int
    start_score: float
    end_score: float
    probability: float


@dataclasses.dataclass(frozen=True)
class AnsweredQuestion:
    """What a model says to a question.

    Attributes:
      question: the question.
      answers: the best first, no text twice; none where the context has no words.
      null_odds: above a threshold, there is no answer.
    """

    question: Question
    answers: tuple[RankedAnswer, ...]
    null_odds: float

    @property
    def text(self) -> str:
        """The best answer, which is empty where there is none at all."""
        return self.answers[0].text if self.answers else ""


@dataclasses.dataclass(frozen=True, eq=False)
class CandidateArrays:
    """`spans.Candidates` of all windows of some features, in order, as arrays."""

    first: np.ndarray  # int32 [W, N]
    last: np.ndarray  # int32 [W, N]
    start_score: np.ndarray  # float32 [W, N]
    end_score: np.ndarray  # float32 [W, N]
    null_score: np.ndarray  # float32 [W]


def answer_questions(
    questions: Iterable[Question],
    features: SpanFeatures,
    candidates: CandidateArrays,
    n_best_size: int,
) -> Iterator[AnsweredQuestion]:
    """Answers questions out of all their windows.

    Args:
      questions: those that the features were made of.
      features: for predictions.
      candidates: of the features' windows.
      n_best_size: answers a question.

    Yields:
      The questions in their order. The null score of a question is the lowest of its
      windows: one that shows an answer is enough.

    Source: google-research/albert, squad_utils.py, `write_predictions_v1` and
    `write_predictions_v2`. Difference: the latter takes the mean null score.
    """
    bounds = np.searchsorted(
        features.columns["question"], np.arange(features.counts["questions"] + 1)
    )
    for number, question in enumerate(questions):
        windows = slice(*bounds[number : number + 2])
        answers = tuple(
            _ranked(question.context, features, candidates, windows, n_best_size)
        )
        null_odds = float(candidates.null_score[windows].min())
        yield AnsweredQuestion(question, answers, null_odds)


def _ranked(
    context: str,
    features: SpanFeatures,
    candidates: CandidateArrays,
    windows: slice,
    n_best_size: int,
) -> Iterator[RankedAnswer]:
    """The best answers of some windows over a context."""
    start_scores = candidates.start_score[windows]
    end_scores = candidates.end_score[windows]
    scores = start_scores.astype(np.float64) + end_scores
    window, place = np.nonzero(scores > IMPOSSIBLE / 2)
    # The best first; of equal ones the first in the text.
    order = np.argsort(-scores[window, place], kind="stable")
    window, place = window[order], place[order]
    rows = window + windows.start
    starts = features.columns["token_start"][
        rows, candidates.first[windows][window, place]
    ]
    ends = features.columns["token_end"][rows, candidates.last[windows][window, place]]
    kept: dict[str, tuple[int, float, float]] = {}
    for start, end, at in zip(
        starts.tolist(), ends.tolist(), zip(window, place, strict=True), strict=True
    ):
        text = context[start:end]
        if text and text not in kept:
            kept[text] = start, float(start_scores[at]), float(end_scores[at])
        if len(kept) == n_best_size:
            break
    if not kept:
        return
    probabilities = scipy.special.softmax(
        [start_score + end_score for _, start_score, end_score in kept.values()]
    )
    for (text, found), probability in zip(kept.items(), probabilities, strict=True):
        yield RankedAnswer(text, *found, float(probability))
