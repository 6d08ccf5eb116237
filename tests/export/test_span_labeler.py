"""Answers out of a graph next to the same in Python; logits for ids."""

import dataclasses
import json
import os
import re

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_text  # noqa: F401  For the ops of the tokenizer.

from albert_lsh_tf.config import LSHConfig
from albert_lsh_tf.data.squad.answers import CandidateArrays, answer_questions
from albert_lsh_tf.data.squad.features import make_features
from albert_lsh_tf.data.squad.question_files import QuestionFiles
from albert_lsh_tf.data.squad.settings import AnswerSettings
from albert_lsh_tf.data.squad.spans import candidates_of_beam, candidates_of_logits
from albert_lsh_tf.data.tokenization import AlbertTokenizer
from albert_lsh_tf.embedded import EMBEDDED_MODEL_DIR
from albert_lsh_tf.errors import InputError
from albert_lsh_tf.export.model_card import Provenance
from albert_lsh_tf.export.span_labeler import export_span_labeler
from albert_lsh_tf.networks.albert_encoder import AlbertLSHEncoder
from albert_lsh_tf.networks.joint_span_labeler import AlbertJointSpanLabeler
from albert_lsh_tf.networks.span_labeler import AlbertSpanLabeler
from tests.tensorflow_alone import run_alone

VOCABULARY = EMBEDDED_MODEL_DIR / "spiece.model"
SETTINGS = AnswerSettings(
    max_seq_length=24, doc_stride=7, max_query_length=6, max_answer_length=5
)
QUESTIONS = ["Where did the cat sit?", "Who?", "What was sold, at last, to the people?"]
CONTEXTS = [
    "On Friday the cat sat on the mat.",
    "Frau Müller-Ångström verkaufte 1999, im Café  «Crème», ＦＵＬＬ 12 Kätzchen. "
    "Then it rained for years and nobody came. The cat slept, in the end, alone.",
    "  The people of the town sold the bread, the mill and at last the river.",
]


def make_model(model_class):
    encoder = AlbertLSHEncoder(
        vocab_size=AlbertTokenizer(VOCABULARY).vocab_size,
        embedding_width=6,
        hidden_size=20,
        num_layers=2,
        num_attention_heads=2,
        max_sequence_length=64,
        intermediate_size=28,
        lsh_config=LSHConfig(num_hashes=0, block_length=4, window=2, heavy_keys=5),
    )
    model = model_class(encoder)
    random = np.random.default_rng(4)
    for variable in model.trainable_variables:
        variable.assign(random.normal(0, 0.5, variable.shape))
    return model


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    model = make_model(AlbertSpanLabeler)
    folder = tmp_path_factory.mktemp("export") / "squad"
    provenance = Provenance(data="SQuAD", metrics={"f1": 0.5})
    export_span_labeler(
        model,
        folder,
        vocabulary_file=VOCABULARY,
        settings=SETTINGS,
        provenance=provenance,
    )
    return folder, model


@pytest.fixture(scope="module")
def serve_text(exported):
    loaded = tf.saved_model.load(str(exported[0] / "text"))
    serve = loaded.signatures["serve_text"]
    serve.loaded = loaded  # Or else its variables are gone.
    return serve


def expected_answer(model, question, context):
    """Tokens, windows and spans in Python: two scores and the answer's pieces."""
    tokenizer = AlbertTokenizer(VOCABULARY)
    query = tokenizer.encode(question)[: SETTINGS.max_query_length]
    ids, pieces = tokenizer.encode(context), tokenizer.tokenize(context)
    room = SETTINGS.max_seq_length - len(query) - 3
    firsts = [0]
    while firsts[-1] + room < len(ids):
        firsts.append(firsts[-1] + min(room, SETTINGS.doc_stride))
    best, null = (-np.inf,), np.inf
    for first in firsts:
        part = ids[first : first + room]
        row = [tokenizer.cls_id, *query, tokenizer.sep_id, *part, tokenizer.sep_id]
        begin = len(query) + 2
        padding = [0] * (SETTINGS.max_seq_length - len(row))
        types = [0] * begin + [1] * (len(part) + 1)
        rows = (row, [1] * len(row), types)
        logits = model([tf.constant([each + padding]) for each in rows])
        start, end = (
            logits[name][0].numpy() for name in ("start_logits", "end_logits")
        )
        null = min(null, start[0] + end[0])
        for i in range(len(part)):
            shown = [
                min(first + i - f, min(f + room, len(ids)) - 1 - first - i)
                + 0.01 * min(room, len(ids) - f)
                if f <= first + i < f + room
                else -np.inf
                for f in firsts
            ]
            if int(np.argmax(shown)) != firsts.index(first):
                continue
            for j in range(i, min(i + SETTINGS.max_answer_length, len(part))):
                score = start[begin + i] + end[begin + j]
                best = max(best, (score, first + i, first + j))
    score, i, j = best
    return score, null, pieces[i : j + 1]


def test_text_in_gives_the_answer_as_it_stands_in_the_text(serve_text, exported):
    outputs = serve_text(question=tf.constant(QUESTIONS), context=tf.constant(CONTEXTS))
    tokenizer = AlbertTokenizer(VOCABULARY)
    for row, (question, context) in enumerate(zip(QUESTIONS, CONTEXTS, strict=True)):
        score, null, pieces = expected_answer(exported[1], question, context)
        np.testing.assert_allclose(outputs["score"][row], score, atol=1e-5)
        np.testing.assert_allclose(outputs["null_score"][row], null, atol=1e-5)
        answer = outputs["answer"][row].numpy().decode()
        start, end = outputs["start"][row], outputs["end"][row]
        assert context[int(start) : int(end)] == answer != ""
        # The same letters, though a piece within a word starts a word on its own.
        made = "".join(tokenizer.tokenize(answer)).replace("\u2581", "")
        assert made == "".join(pieces).replace("\u2581", "")


def test_every_row_is_answered_on_its_own(serve_text):
    together = serve_text(
        question=tf.constant(QUESTIONS), context=tf.constant(CONTEXTS)
    )
    for row in range(3):
        alone = serve_text(
            question=tf.constant([QUESTIONS[row]]), context=tf.constant([CONTEXTS[row]])
        )
        assert alone["answer"][0] == together["answer"][row]
        np.testing.assert_allclose(alone["score"][0], together["score"][row], atol=1e-5)


def test_texts_without_words_have_no_answer(serve_text):
    for contexts in (["", "  \n"], ["", "A cat."]):
        outputs = serve_text(
            question=tf.constant(["Who?", ""]), context=tf.constant(contexts)
        )
        assert outputs["answer"][0] == b""
        assert outputs["start"][0] == outputs["end"][0] == 0
        assert outputs["score"][0] < -1e30
        assert np.isfinite(outputs["score"]).all()
        assert np.isfinite(outputs["null_score"]).all()
    assert outputs["answer"][1] != b""


def test_ids_in_gives_logits(exported):
    folder, model = exported
    served = tf.saved_model.load(str(folder)).signatures["serving_default"]
    ids = np.random.default_rng(1).integers(5, 5000, [2, 19], dtype=np.int32)
    inputs = {
        "input_word_ids": tf.constant(ids),
        "input_mask": tf.constant(np.arange(19) < [[19], [13]], tf.int32),
        "input_type_ids": tf.constant(ids % 2),
    }
    outputs, expected = served(**inputs), model(inputs, training=False)
    assert set(outputs) == {"start_logits", "end_logits"}
    # Which keys a block of padding lists is of no account.
    is_token = inputs["input_mask"].numpy() == 1
    for name, logits in outputs.items():
        np.testing.assert_allclose(
            logits[is_token], expected[name][is_token], atol=1e-5
        )


def test_the_cards_code_runs_as_written(exported):
    folder, _ = exported
    card = (folder / "README.md").read_text()
    blocks = re.findall(r"^```python\n(.*?)^```$", card, re.DOTALL | re.MULTILINE)
    by_text, by_ids = (
        f"import os\nos.chdir({os.fspath(folder.parent)!r})\n{block}"
        for block in blocks
    )
    assert "'start_logits': array([[" in run_alone(by_ids).stdout
    done = run_alone(by_text, ["tensorflow", "tensorflow-text"])
    assert re.match(r"\[b'.+'\] \[[-\d.]+\]", done.stdout)
    for line in ("| Trained on | SQuAD |", "| f1 | 0.5000 |"):
        assert line in card.splitlines()
    assert "windows of 24 tokens, 7 tokens apart" in card


def answers_of_evaluation(model, folder, contexts=CONTEXTS, settings=SETTINGS):
    """What evaluation makes of the questions, window by window."""
    paragraphs = [
        {"context": context, "qas": [{"id": question, "question": question}]}
        for question, context in zip(QUESTIONS, contexts, strict=True)
    ]
    path = folder / "squad.json"
    path.write_text(json.dumps({"data": [{"paragraphs": paragraphs}]}))
    files = QuestionFiles((str(path),), for_training=False, version_2=True)
    tokenizer = AlbertTokenizer(VOCABULARY)
    features = make_features(files, tokenizer, settings, folder / "f", lambda _: None)
    rows = features.gather(tf.range(len(features), dtype=tf.int64))
    names = ("input_word_ids", "input_mask", "input_type_ids")
    outputs = model([rows[name] for name in names])
    kinds = ["may_start", "is_context", "has_characters"]
    longest = settings.max_answer_length
    if "start_logits" in outputs:
        spans = {name: rows[name] for name in kinds}
        candidates = candidates_of_logits(
            **outputs, **spans, max_answer_length=longest, num_spans=1
        )
    else:
        kinds.remove("is_context")
        candidates = candidates_of_beam(outputs, *(rows[n] for n in kinds), longest)
    arrays = CandidateArrays(*(each.numpy() for each in candidates))
    return list(answer_questions(files.questions(), features, arrays, n_best_size=1))


def test_the_joint_head_answers_as_in_evaluation(tmp_path):
    model = make_model(AlbertJointSpanLabeler)
    export_span_labeler(
        model, tmp_path / "out", vocabulary_file=VOCABULARY, settings=SETTINGS
    )
    loaded = tf.saved_model.load(str(tmp_path / "out" / "text"))
    outputs = loaded.signatures["serve_text"](
        question=tf.constant(QUESTIONS), context=tf.constant(CONTEXTS)
    )
    for row, expected in enumerate(answers_of_evaluation(model, tmp_path)):
        [answer] = expected.answers or [None]
        assert outputs["answer"][row].numpy().decode() == answer.text
        assert outputs["start"][row] == answer.start
        score = answer.start_score + answer.end_score
        np.testing.assert_allclose(outputs["score"][row], score, atol=1e-4)
        np.testing.assert_allclose(
            outputs["null_score"][row], expected.null_odds, atol=1e-4
        )
    served = tf.saved_model.load(str(tmp_path / "out")).signatures["serving_default"]
    ids = tf.ones([2, 9], tf.int32)
    by_ids = served(input_word_ids=ids, input_mask=ids, input_type_ids=ids)
    assert by_ids["end_positions"].shape == [2, 5, 5]
    card = (tmp_path / "out" / "README.md").read_text()
    assert "`null_score` is above a threshold" in card and "no_answer_logits" in card


def test_an_answer_has_characters_as_in_evaluation(exported, tmp_path):
    """Where a blank before a sign is a token of its own, which is no answer."""
    _, model = exported
    contexts = [
        "\u2605 \u2606 \u2605 \u2606 \u2605",
        "\u4e2d \u56fd \u4e2d",
        " \u2606 \u2605",
    ]
    assert AlbertTokenizer(VOCABULARY).tokenize(contexts[0])[::2] == ["\u2581"] * 5
    settings = dataclasses.replace(SETTINGS, max_answer_length=1)
    export_span_labeler(
        model, tmp_path / "out", vocabulary_file=VOCABULARY, settings=settings
    )
    loaded = tf.saved_model.load(str(tmp_path / "out" / "text"))
    outputs = loaded.signatures["serve_text"](
        question=tf.constant(QUESTIONS), context=tf.constant(contexts)
    )
    expected = answers_of_evaluation(model, tmp_path, contexts, settings)
    for row, answered in enumerate(expected):
        assert outputs["answer"][row].numpy().decode() == answered.text != ""
        [answer] = answered.answers
        score = answer.start_score + answer.end_score
        np.testing.assert_allclose(outputs["score"][row], score, atol=1e-4)


def test_what_cannot_be_is_one_line(exported, tmp_path):
    model = exported[1]
    with pytest.raises(InputError, match="vocab.txt: answers in text need a Sentence"):
        export_span_labeler(model, tmp_path / "a", vocabulary_file="vocab.txt")
    with pytest.raises(InputError, match="=384 is longer than the model's 64 posit"):
        export_span_labeler(model, tmp_path / "a", vocabulary_file=VOCABULARY)
    assert not list(tmp_path.iterdir())
