"""The files that a SQuAD run leaves besides those of every run."""

import json
from collections.abc import Iterator

from albert_lsh_tf.data.manifest import atomic_file
from albert_lsh_tf.data.squad.answers import AnsweredQuestion
from albert_lsh_tf.tasks.run_folder import RunFolder

PREDICTIONS_FILE = "predictions.json"
N_BEST_FILE = "nbest_predictions.json"
NULL_ODDS_FILE = "null_odds.json"


def write_answers(
    folder: RunFolder,
    answered: Iterator[AnsweredQuestion],
    threshold: float | None,
) -> list[str]:
    """Writes predictions, the best answers to each question, and null odds.

    At no time all of the best answers are in memory.

    Args:
      folder: where.
      answered: the questions, in order.
      threshold: with null odds above it, the prediction is that there is no answer;
        None: there is always one.

    Returns:
      The names of the files.
    """
    predictions, null_odds = {}, {}
    with atomic_file(folder.path / N_BEST_FILE) as temporary:
        with open(temporary, "w", encoding="utf-8") as file:
            for number, each in enumerate(answered):
                file.write("{\n" if number == 0 else ",\n")
                answers = json.dumps(_listed(each), ensure_ascii=False, indent=1)
                file.write(f"{json.dumps(each.question.id)}: {answers}")
                is_none = threshold is not None and each.null_odds > threshold
                predictions[each.question.id] = "" if is_none else each.text
                null_odds[each.question.id] = each.null_odds
            file.write("\n}\n")
    files = {PREDICTIONS_FILE: predictions}
    if threshold is not None:
        files[NULL_ODDS_FILE] = null_odds
    for name, content in files.items():
        folder.write(name, json.dumps(content, ensure_ascii=False, indent=1) + "\n")
    return [PREDICTIONS_FILE, N_BEST_FILE, *list(files)[1:]]


def _listed(answered: AnsweredQuestion) -> list[dict[str, str | float]]:
    """What the file says of each answer, with Google's names."""
    return [
        {
            "text": answer.text,
            "probability": answer.probability,
            "start_log_prob": answer.start_score,
            "end_log_prob": answer.end_score,
        }
        for answer in answered.answers
    ]
