"""From candidates to answers, next to what stands there."""

import json

import numpy as np
import pytest

from albert_lsh_tf.data.squad.answers import CandidateArrays, answer_questions
from albert_lsh_tf.data.squad.features import make_features
from albert_lsh_tf.data.squad.question_files import QuestionFiles
from albert_lsh_tf.data.squad.settings import AnswerSettings
from albert_lsh_tf.data.squad.spans import IMPOSSIBLE
from albert_lsh_tf.data.tokenization import AlbertTokenizer
from albert_lsh_tf.embedded import EMBEDDED_MODEL_DIR

CONTEXTS = ["The old man went to the sea. The sea was old. " * 4, "A cat.", " "]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    path = tmp_path_factory.mktemp("squad") / "squad.json"
    paragraphs = [
        {"context": context, "qas": [{"id": f"q{number}", "question": "What?"}]}
        for number, context in enumerate(CONTEXTS)
    ]
    path.write_text(json.dumps({"data": [{"paragraphs": paragraphs}]}))
    return QuestionFiles((str(path),), for_training=False, version_2=False)


@pytest.fixture(scope="module")
def features(files, tmp_path_factory):
    tokenizer = AlbertTokenizer(EMBEDDED_MODEL_DIR / "spiece.model")
    settings = AnswerSettings(max_seq_length=25, doc_stride=9, max_query_length=5)
    folder = tmp_path_factory.mktemp("features")
    return make_features(files, tokenizer, settings, folder, lambda line: None)


def made_up(features, seed=0, num_spans=6):
    """Candidates at random, and some places without any."""
    random = np.random.default_rng(seed)
    shape = (len(features), num_spans)
    begin = features.columns["first_of_context"][:, None]
    size = features.columns["num_of_context"][:, None]
    first = begin + random.integers(0, np.maximum(size, 1), shape)
    last = np.minimum(first + random.integers(0, 4, shape), begin + size - 1)
    is_none = (random.random(shape) < 0.2) | (size == 0)
    scores = [
        np.where(is_none, IMPOSSIBLE, random.normal(0, 2, shape)).astype(np.float32)
        for _ in range(2)
    ]
    null = random.normal(0, 2, shape[0]).astype(np.float32)
    return CandidateArrays(first, np.maximum(last, first), *scores, null)


@pytest.mark.parametrize("n_best_size", [1, 4, 100])
def test_the_best_texts_of_all_windows(files, features, n_best_size):
    candidates = made_up(features)
    answered = list(
        answer_questions(files.questions(), features, candidates, n_best_size)
    )
    assert [each.question.id for each in answered] == ["q0", "q1", "q2"]
    for number, each in enumerate(answered):
        windows = np.flatnonzero(features.columns["question"] == number)
        assert len(windows) > 3 or number > 0
        best = {}
        for window in windows:
            for place in range(candidates.first.shape[1]):
                score = (
                    candidates.start_score[window, place]
                    + (candidates.end_score[window, place])
                )
                first = candidates.first[window, place]
                last = candidates.last[window, place]
                text = CONTEXTS[number][
                    features.columns["token_start"][window, first] : features.columns[
                        "token_end"
                    ][window, last]
                ]
                if score > IMPOSSIBLE and text and score > best.get(text, -1e9):
                    best[text] = score
        expected = sorted(best, key=best.get, reverse=True)[:n_best_size]
        assert [answer.text for answer in each.answers] == expected
        scores = np.array([best[text] for text in expected], np.float64)
        np.testing.assert_allclose(
            [answer.probability for answer in each.answers],
            np.exp(scores) / np.exp(scores).sum(),
            rtol=1e-5,
        )
        for answer in each.answers:
            stretch = CONTEXTS[number][answer.start :]
            assert stretch.startswith(answer.text)
        assert each.null_odds == candidates.null_score[windows].min()


def test_a_context_without_words_has_no_answer(files, features):
    candidates = made_up(features)
    *_, last = answer_questions(files.questions(), features, candidates, 5)
    assert last.answers == () and last.text == ""
    assert last.null_odds == candidates.null_score[-1]
