"""Exports that choose between options, next to the network and to training's rows."""

import re

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_text  # noqa: F401  For the ops of the tokenizer.

from albert_lsh_tf.checkpoints.loading import load_encoder
from albert_lsh_tf.config import AlbertConfig, ClassifierConfig, LSHConfig
from albert_lsh_tf.data.race.features import RaceFeatures
from albert_lsh_tf.data.race.questions import RaceExample, fill_in
from albert_lsh_tf.data.tokenization import AlbertTokenizer
from albert_lsh_tf.embedded import EMBEDDED_MODEL_DIR
from albert_lsh_tf.errors import InputError
from albert_lsh_tf.export.classifier_run import export_run
from albert_lsh_tf.export.multiple_choice import (
    QuestionInputs,
    export_multiple_choice,
)
from albert_lsh_tf.networks.albert_encoder import AlbertLSHEncoder
from albert_lsh_tf.networks.multiple_choice import AlbertMultipleChoice
from tests.tensorflow_alone import run_alone

VOCABULARY = EMBEDDED_MODEL_DIR / "spiece.model"
LENGTH, QA_LENGTH = 40, 12
ARTICLES = ("On Friday the cat sat on the mat. " * 6, "It rained.", "")
QUESTIONS = ("Where did the cat sit?", "It _ in Crème, on the _ .", "Who?")
OPTIONS = (
    ("on the mat", "on the roof", "nowhere at all", "on the long, long table"),
    ("rained", "snowed", "1999, or 2000", ""),
    ("the cat", "the queen of england and all of her many people", "a", "b"),
)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """The export of a run, and the run's network."""
    root = tmp_path_factory.mktemp("exports")
    run = root / "run"
    run.mkdir()
    architecture = AlbertConfig(
        vocab_size=AlbertTokenizer(VOCABULARY).vocab_size,
        embedding_size=6,
        hidden_size=20,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=28,
        max_position_embeddings=64,
    )
    architecture.save(run / "albert_config.json")
    (run / "spiece.model").write_bytes(VOCABULARY.read_bytes())
    config = ClassifierConfig(
        task_name="RACE-middle",
        data_dir="race",
        init_checkpoint="albert_lsh_tiny",
        max_seq_length=LENGTH,
        max_qa_length=QA_LENGTH,
    )
    config.save(run / "config.yaml")
    encoder = AlbertLSHEncoder.from_albert_config(
        architecture, lsh_config=LSHConfig(num_hashes=0, block_length=4, window=2)
    )
    model = AlbertMultipleChoice(encoder)
    random = np.random.default_rng(3)
    for variable in model.trainable_variables:
        variable.assign(random.normal(0, 0.5, variable.shape))
    scores = {"step": 5, "eval_accuracy": 0.375}
    export_run(model, root / "race", run, config, scores)
    return root / "race", model


@pytest.fixture(scope="module")
def loaded(exported):
    return tf.saved_model.load(str(exported[0] / "text"))


def expected_rows():
    examples = [
        RaceExample(
            guid="",
            text_a=article,
            text_b=None,
            label=0,
            options=tuple(fill_in(question, option) for option in options),
            level="middle",
        )
        for article, question, options in zip(ARTICLES, QUESTIONS, OPTIONS, strict=True)
    ]
    features = RaceFeatures(examples, AlbertTokenizer(VOCABULARY), LENGTH, QA_LENGTH)
    rows = features.gather(tf.range(len(examples), dtype=tf.int64))
    names = ("input_word_ids", "input_mask", "input_type_ids")
    return {name: rows[name] for name in names}


def test_text_in_is_answered_as_in_training(loaded, exported):
    outputs = loaded.signatures["serve_text"](
        article=tf.constant(ARTICLES),
        question=tf.constant(QUESTIONS),
        options=tf.constant(OPTIONS),
    )
    logits = exported[1](expected_rows(), training=False)
    np.testing.assert_allclose(
        outputs["probabilities"], tf.nn.softmax(logits), atol=1e-5
    )
    chosen = outputs["predictions"].numpy()
    np.testing.assert_array_equal(chosen, np.argmax(logits, axis=-1))
    expected = [row[i].encode() for row, i in zip(OPTIONS, chosen, strict=True)]
    assert list(outputs["answer"].numpy()) == expected


def test_ids_in_for_any_number_of_options_and_any_length(loaded, exported):
    rows = {name: each[:, :3, :30] for name, each in expected_rows().items()}
    logits = exported[1](rows, training=False)
    without_text = tf.saved_model.load(str(exported[0]))
    for served in (loaded, without_text):
        outputs = served.signatures["serving_default"](**rows)
        assert set(outputs) == {"probabilities", "predictions"}
        np.testing.assert_allclose(
            outputs["probabilities"], tf.nn.softmax(logits), atol=1e-5
        )
        np.testing.assert_array_equal(outputs["predictions"], np.argmax(logits, -1))


def test_an_export_is_a_source_of_weights(exported):
    folder, model = exported
    encoder = load_encoder(folder, attention="lsh")
    for ours, theirs in zip(encoder.weights, model.encoder.weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_the_card_says_what_it_is_and_its_code_runs(exported):
    folder, _ = exported
    card = (folder / "README.md").read_text()
    for line in (
        "| Trained on | RACE-middle in `race` |",
        "| Vocabulary | `assets.extra/spiece.model` |",
        "| eval_accuracy | 0.3750 |",
        "- Of a question with an option the last 12 tokens are read; the article is "
        "cut at its end, to 40 tokens with them.",
        "max_qa_length: 12",
    ):
        assert line in card.splitlines(), line
    by_text, by_ids = re.findall(
        r"^```python\n(.*?)^```$", card, re.DOTALL | re.MULTILINE
    )
    chdir = f"import os\nos.chdir({str(folder.parent)!r})\n"
    assert re.fullmatch(r"\[[01]\] \[\[.*\]\]\n", run_alone(chdir + by_ids).stdout)
    done = run_alone(chdir + by_text, ["tensorflow", "tensorflow-text"])
    assert re.fullmatch(r"\[b'(roof|mat|table|bed)'\] \[\[.*\]\]\n", done.stdout)


def test_rows_longer_than_the_positions_are_refused(exported, tmp_path):
    text = QuestionInputs(VOCABULARY, True, max_seq_length=65, max_qa_length=12)
    with pytest.raises(InputError, match="max_seq_length=65 is longer than the model"):
        export_multiple_choice(exported[1], tmp_path / "out", text=text)
    assert not (tmp_path / "out").exists()
