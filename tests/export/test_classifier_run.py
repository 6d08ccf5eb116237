"""A run's export takes ids or text, and says on its card what it is."""

import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_text  # noqa: F401  For the ops of the tokenizer.

from albert_lsh_tf.checkpoints.loading import load_encoder
from albert_lsh_tf.config import AlbertConfig, ClassifierConfig
from albert_lsh_tf.data.features import encode_examples
from albert_lsh_tf.data.glue import read_examples
from albert_lsh_tf.data.glue_tasks import find_task
from albert_lsh_tf.data.sample import write_sample
from albert_lsh_tf.data.tokenization import AlbertTokenizer
from albert_lsh_tf.embedded import EMBEDDED_MODEL_DIR
from albert_lsh_tf.export import classifier_run
from albert_lsh_tf.export.classifier_run import export_run
from albert_lsh_tf.networks.albert_encoder import AlbertLSHEncoder
from albert_lsh_tf.networks.classifier import AlbertClassifier
from tests.shared_data import shared_data
from tests.tensorflow_alone import run_alone

LENGTH = 24  # Short enough that most pairs are cut.
INPUT_NAMES = ("input_word_ids", "input_mask", "input_type_ids")
EMBEDDED_VOCABULARY = EMBEDDED_MODEL_DIR / "spiece.model"


def make_run(folder, vocabulary=EMBEDDED_VOCABULARY, task_name="MRPC"):
    """A run's folder without its checkpoints, and the classifier of the run."""
    folder.mkdir(parents=True)
    architecture = AlbertConfig(
        vocab_size=AlbertTokenizer(vocabulary).vocab_size,
        embedding_size=6,
        hidden_size=20,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=28,
        max_position_embeddings=64,
    )
    architecture.save(folder / "albert_config.json")
    (folder / "spiece.model").write_bytes(vocabulary.read_bytes())
    ClassifierConfig(
        task_name=task_name,
        data_dir="glue",
        init_checkpoint="albert_lsh_tiny",
        max_seq_length=LENGTH,
        learning_rate=3e-4,
    ).save(folder / "config.yaml")
    metrics = {"best": {"step": 150, "eval_accuracy": 0.71875, "loss": 0.5}}
    (folder / "metrics.json").write_text(json.dumps(metrics))
    # Dense is quicker to save; test_classifier.py has LSH.
    encoder = AlbertLSHEncoder.from_albert_config(architecture, attention="dense")
    model = AlbertClassifier(encoder, num_classes=len(find_task(task_name).labels))
    random = np.random.default_rng(1)
    for variable in model.trainable_variables:
        variable.assign(random.normal(0, 0.5, variable.shape))
    model.get_layer("logits").bias.assign(tf.zeros_like(model.get_layer("logits").bias))
    return folder, model


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    root = tmp_path_factory.mktemp("exports")
    run, model = make_run(root / "run")
    export_run(model, root / "mrpc", run, ClassifierConfig(task_name="RTE"))
    return root / "mrpc", model


@pytest.fixture(scope="module")
def with_text(exported):
    return tf.saved_model.load(str(exported[0] / "text"))


def assert_text_gives_what_features_give(loaded, model, examples, vocabulary):
    """Ids to the bit, through the tokenizer in Python and the one in the graph."""
    features = encode_examples(examples, AlbertTokenizer(vocabulary), LENGTH)
    texts = {
        "text_a": tf.constant([example.text_a for example in examples]),
        "text_b": tf.constant([example.text_b for example in examples]),
    }
    preprocessor = loaded.preprocessor
    packed = preprocessor.bert_pack_inputs(
        [preprocessor.tokenize(text) for text in texts.values()]
    )
    expected = {name: features.as_dict()[name] for name in INPUT_NAMES}
    for name, ids in expected.items():
        np.testing.assert_array_equal(packed[name], ids)
    outputs = loaded.signatures["serve_text"](**texts)
    logits = model(expected, training=False)
    np.testing.assert_allclose(
        outputs["probabilities"], tf.nn.softmax(logits), atol=1e-5
    )


def test_text_in_equals_pythons_features(with_text, exported, tmp_path):
    folder = write_sample(tmp_path, num_rows={"train": 1, "dev": 40, "test": 1})
    examples = read_examples(find_task("MRPC"), folder, "dev")
    assert_text_gives_what_features_give(
        with_text, exported[1], examples, EMBEDDED_VOCABULARY
    )


def test_text_in_equals_pythons_features_on_mrpc(tmp_path):
    examples = read_examples(find_task("MRPC"), shared_data("glue"), "dev")[:100]
    vocabulary = shared_data("albert/30k-clean.model")
    run, model = make_run(tmp_path / "run", vocabulary)
    export_run(model, tmp_path / "mrpc", run, ClassifierConfig())
    loaded = tf.saved_model.load(str(tmp_path / "mrpc" / "text"))
    assert_text_gives_what_features_give(loaded, model, examples, vocabulary)


def test_labels_by_name_in_both_signatures(with_text):
    ids = np.random.default_rng(2).integers(5, 5000, [40, LENGTH], dtype=np.int32)
    by_ids = with_text.signatures["serving_default"](
        input_word_ids=tf.constant(ids),
        input_mask=tf.ones_like(ids),
        input_type_ids=tf.zeros_like(ids),
    )
    words = tf.constant([f"{number} cats in {number}" for number in range(40)])
    by_text = with_text.signatures["serve_text"](text_a=words, text_b=words[::-1])
    for outputs in (by_ids, by_text):
        assert set(outputs) == {"probabilities", "predictions", "label"}
        names = [b"0", b"1"]
        expected = [names[index] for index in outputs["predictions"]]
        assert list(outputs["label"].numpy()) == expected


def test_the_run_in_the_folder_comes_first_and_is_on_the_card(exported):
    card = (exported[0] / "README.md").read_text()
    for line in (
        "# mrpc",
        "| Base model | albert_lsh_tiny |",
        "| Trained on | MRPC in `glue` |",
        "| Labels | `0`, `1` |",
        "| Vocabulary | `assets.extra/spiece.model` |",
        "| eval_accuracy | 0.7188 |",
        "| step | 150 |",
        "- Text is cut to 24 tokens.",
        "learning_rate: 0.0003",
    ):
        assert line in card.splitlines(), line
    extra = {file.name for file in (exported[0] / "assets.extra").iterdir()}
    assert extra == {"albert_config.json", "spiece.model", "labels.txt"}


def test_an_export_is_a_source_of_weights(exported):
    folder, model = exported
    encoder = load_encoder(folder, attention="dense")
    for ours, theirs in zip(encoder.weights, model.encoder.weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def code_on_card(folder):
    card = (folder / "README.md").read_text()
    by_text, by_ids = re.findall(
        r"^```python\n(.*?)^```$", card, re.DOTALL | re.MULTILINE
    )
    return f"import os\nos.chdir({str(folder.parent)!r})\n", by_text, by_ids


def test_the_cards_code_runs_with_tensorflow_alone(exported):
    chdir, _, by_ids = code_on_card(exported[0])
    assert re.fullmatch(r"\[[01]\] \[\[.*\]\]\n", run_alone(chdir + by_ids).stdout)


def test_the_cards_code_for_text_needs_tensorflow_text_and_nothing_else(exported):
    chdir, by_text, _ = code_on_card(exported[0])
    done = run_alone(chdir + by_text, ["tensorflow", "tensorflow-text"])
    assert re.fullmatch(r"\[b'[01]'\] \[\[.*\]\]\n", done.stdout)


def saved_model_cli(*arguments, start="import tensorflow"):
    program = (
        f"{start}; from tensorflow.python.tools.saved_model_cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        capture_output=True,
        text=True,
        env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_saved_model_cli_shows_and_runs(exported):
    folder, _ = exported
    shown = saved_model_cli("show", "--dir", folder / "text", "--all")
    for name in ("serve_text", "serving_default", "text_b", "label"):
        assert f"['{name}']" in shown
    ids = "[[2,17,23,3,42,3]]"
    inputs = ";".join(f"{name}={ids}" for name in INPUT_NAMES[:1])
    inputs += ";input_mask=[[1,1,1,1,1,1]];input_type_ids=[[0,0,0,0,1,1]]"
    common = ("--tag_set=serve", "--signature_def")
    ran = saved_model_cli(
        *("run", "--dir", folder, *common, "serving_default"), "--input_exprs", inputs
    )
    assert "Result for output key label:\n[b'" in ran
    ran = saved_model_cli(
        *("run", "--dir", folder / "text", *common, "serve_text"),
        *("--input_exprs", 'text_a=["A cat."];text_b=["The cat."]'),
        start="import tensorflow_text",
    )
    assert "Result for output key label:\n[b'" in ran


def test_another_runs_checkpoint_without_a_vocabulary(tmp_path):
    run, model = make_run(tmp_path / "run", task_name="RTE")
    (run / "spiece.model").unlink()
    (run / "metrics.json").unlink()
    config = ClassifierConfig(init_checkpoint=str(run / "best" / "ckpt-150"))
    export_run(model, tmp_path / "rte", tmp_path / "evaluated", config)
    assert not (tmp_path / "rte" / "text").exists()
    labels = (tmp_path / "rte" / "assets.extra" / "labels.txt").read_text()
    assert labels == "entailment\nnot_entailment\n"
    card = (tmp_path / "rte" / "README.md").read_text()
    assert "| Trained on | RTE in `glue` |" in card.splitlines()
    assert "serve_text" not in card and "## Scores" not in card


@pytest.fixture
def exported_with(monkeypatch):
    """What each export is given, of which none is written."""
    given = []
    monkeypatch.setattr(
        classifier_run, "export_classifier", lambda *_, **named: given.append(named)
    )
    return given


def write_scored_run(folder):
    """A run that went on after metrics.json was written, to a better checkpoint."""
    (folder / "best").mkdir(parents=True)
    ClassifierConfig(data_dir="glue").save(folder / "config.yaml")
    (folder / "spiece.model").touch()
    metrics = {"best": {"step": 2, "f1": 0.2}, "history": [{"step": 2, "f1": 0.2}]}
    (folder / "metrics.json").write_text(json.dumps(metrics))
    record = {"step": 6, "metrics": {"f1": 0.6}, "prefix": "best-6"}
    (folder / "best" / "best.json").write_text(json.dumps(record))
    (folder / "best" / "best-6.index").touch()
    lines = [json.dumps({"step": n, "eval": {"f1": n / 10}}) for n in (2, 4, 6)]
    (folder / "training_log.jsonl").write_text("\n".join([*lines, '{"step": 8, "ev']))
    for step in (4, 8):
        (folder / f"ckpt-{step}.index").touch()
    return folder


@pytest.mark.parametrize(
    ("checkpoint", "restored", "scores"),
    [
        ("", None, {"step": 6, "f1": 0.6}),
        ("", {"step": 6, "f1": 0.1}, {"step": 6, "f1": 0.6}),
        ("ckpt-4", None, {"step": 4, "f1": 0.4}),
        ("ckpt-4", {"step": 4}, {"step": 4, "f1": 0.4}),
        ("best/best-6", None, {"step": 6, "f1": 0.6}),
        ("ckpt-8", None, {}),
        ("ckpt-8", {"step": 8, "f1": 0.8}, {"step": 8, "f1": 0.8}),
    ],
)
def test_the_card_has_the_scores_of_the_weights_that_are_exported(
    exported_with, tmp_path, monkeypatch, checkpoint, restored, scores
):
    monkeypatch.setenv("HOME", str(tmp_path))
    write_scored_run(tmp_path / "run")
    for run in ("~/run", tmp_path / "run"):
        config = ClassifierConfig(init_checkpoint=f"{run}/{checkpoint}")
        for output_dir in (run, "~/predicted"):
            export_run(None, tmp_path / "out", output_dir, config, restored)
            named = exported_with.pop()
            is_anothers = output_dir == "~/predicted"
            is_scored_anew = is_anothers and restored and "f1" in restored
            expected = restored if is_scored_anew else scores
            assert named["provenance"].metrics == expected
            # So text goes in, though the home is not spelled out.
            assert named["text"].vocabulary_file == tmp_path / "run" / "spiece.model"


def test_text_is_cut_as_where_the_model_was_scored(exported_with, tmp_path):
    run = write_scored_run(tmp_path / "run")
    trained_with = ClassifierConfig.from_file(run / "config.yaml").max_seq_length
    config = ClassifierConfig(init_checkpoint=str(run), max_seq_length=48)
    for output_dir, length in ((run, trained_with), (tmp_path / "evaluated", 48)):
        export_run(None, tmp_path / "out", output_dir, config)
        named = exported_with.pop()
        assert named["text"].max_seq_length == length
        assert named["provenance"].settings["max_seq_length"] == trained_with


def test_questions_are_cut_as_where_the_model_was_scored(monkeypatch, tmp_path):
    given = []
    monkeypatch.setattr(
        classifier_run,
        "export_multiple_choice",
        lambda *_, **named: given.append(named),
    )
    run = write_scored_run(tmp_path / "run")
    ClassifierConfig(task_name="RACE", data_dir="race", max_qa_length=30).save(
        run / "config.yaml"
    )
    config = ClassifierConfig(
        task_name="RACE", init_checkpoint=str(run), max_seq_length=48, max_qa_length=20
    )
    for output_dir, length in ((run, 30), (tmp_path / "evaluated", 20)):
        export_run(None, tmp_path / "out", output_dir, config)
        assert given.pop()["text"].max_qa_length == length
