"""Scores of answers: exact match and F1, as SQuAD's official evaluations count them.

The counting is that of Model Garden's copies of evaluate-v1.1.py and evaluate-v2.0.py.
Here are names and scales: everything in percent, as the official scripts print it.
"""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

from official.nlp.tools import squad_evaluate_v1_1, squad_evaluate_v2_0

from albert_lsh_tf.data.squad.questions import Question


@dataclasses.dataclass(frozen=True)
class RightAnswers:
    """What a question is scored with, without its context.

    Attributes:
      id: of the question.
      texts: the right answers; none where there is none.
    """

    id: str
    texts: tuple[str, ...]

    @classmethod
    def of(cls, question: Question) -> "RightAnswers":
        """Those of a question."""
        return cls(question.id, tuple(answer.text for answer in question.answers))


def score_answers(
    right: Iterable[RightAnswers], predictions: Mapping[str, str]
) -> dict[str, float]:
    """SQuAD 1.1's scores.

    Args:
      right: of each question, at least one answer.
      predictions: id to answer; a question without any counts as wrong.

    Returns:
      exact_match and f1, in percent, to the last digit those of evaluate-v1.1.py.
      Model Garden's own `evaluate` gives shares, which are rounded once more.
    """
    official = squad_evaluate_v1_1
    best_of = official._metric_max_over_ground_truths
    exact_match = f1 = total = 0
    # In a loop as there: `sum` rounds otherwise, since Python 3.12.
    for each in right:
        total += 1
        if each.id in predictions:
            compared = predictions[each.id], each.texts
            exact_match += best_of(official._exact_match_score, *compared)
            f1 += best_of(official._f1_score, *compared)
    return {"exact_match": 100.0 * exact_match / total, "f1": 100.0 * f1 / total}


def score_answers_or_none(
    right: Sequence[RightAnswers],
    predictions: Mapping[str, str],
    null_odds: Mapping[str, float],
    threshold: float,
) -> dict[str, float]:
    """SQuAD 2.0's scores.

    Args:
      right: of each question.
      predictions: id to answer, for these questions, also where there may be none.
      null_odds: id to how much likelier it is that there is no answer.
      threshold: where the odds are above it, the answer is that there is none. It must
        be found without looking at `right`.

    Returns:
      exact and f1, in percent, of all questions; HasAns_exact, HasAns_f1, NoAns_exact
      and NoAns_f1 of those with and without an answer, where there are any; and
      best_exact and best_f1, what the threshold would have given that is best for just
      these questions, with best_exact_thresh and best_f1_thresh. As in the official
      script, those are 0 where no answer at all is best, also below odds that are all
      negative; `best_threshold` is right there.
    """
    answered = {
        identity: "" if null_odds[identity] > threshold else answer
        for identity, answer in predictions.items()
    }
    data = _as_data(right)
    null_odds = {identity: null_odds[identity] for identity in predictions}
    at_threshold = squad_evaluate_v2_0.evaluate(data, answered)
    scores = {
        name: float(at_threshold[name])
        for part in ("", "HasAns_", "NoAns_")
        for name in (f"{part}exact", f"{part}f1")
        if name in at_threshold
    }
    # What was fitted to the answers needs the predictions without a threshold.
    fitted = squad_evaluate_v2_0.evaluate(data, predictions, null_odds)
    for name in ("exact", "exact_thresh", "f1", "f1_thresh"):
        scores[f"best_{name}"] = float(fitted[f"final_{name}"])
    return scores


def best_threshold(
    right: Sequence[RightAnswers],
    predictions: Mapping[str, str],
    null_odds: Mapping[str, float],
) -> float:
    """The threshold with the best F1, to be used for other questions.

    Args:
      right: of each question; held-out questions of training.
      predictions: see `score_answers_or_none`.
      null_odds: the same.

    Returns:
      For `score_answers_or_none`.
    """
    data = _as_data(right)
    fitted = squad_evaluate_v2_0.evaluate(data, predictions, null_odds)
    without_any = squad_evaluate_v2_0.evaluate(data, dict.fromkeys(predictions, ""))
    if without_any["f1"] >= fitted["final_f1"]:
        # The official script gives 0 then, as its odds are probabilities.
        return min(null_odds.values()) - 1.0
    return float(fitted["final_f1_thresh"])


def _as_data(right: Sequence[RightAnswers]) -> list[dict]:
    """What the official scripts read."""
    questions = [
        {"id": each.id, "answers": [{"text": text} for text in each.texts]}
        for each in right
    ]
    return [{"paragraphs": [{"qas": questions}]}]
