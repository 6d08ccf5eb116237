"""A run on the user's own texts, longer than the positions of the weights."""

import json
import random
import shutil

import numpy as np
import pytest
import sklearn.metrics
import tensorflow as tf

from albert_lsh_tf.config import AlbertConfig, ClassifierConfig
from albert_lsh_tf.data.classification import find_task
from albert_lsh_tf.errors import InputError
from albert_lsh_tf.export.classifier_run import export_run
from albert_lsh_tf.tasks.own_data import refuse_other_classifier, settle_task
from albert_lsh_tf.tasks.run_folder import RunFolder
from albert_lsh_tf.tasks.training import train_and_evaluate
from tests.tasks.squad.tiny_squad import write_run
from tests.tasks.tiny_run import TinyRun, losses

LABELS = ("eggs", "ham", "spam")  # Not in the order in which they are written.
NUM_LINES = {"train": 31, "dev": 17, "test": 13}
LENGTH, POSITIONS = 83, 97  # The weights have 64.
PREDICT = {"do_train": False, "do_eval": False}


def write_own(folder, name="breakfast"):
    """Texts of about as many words as there are positions, which name their label."""
    rng = random.Random(5)
    (folder / name).mkdir(parents=True)
    for split, num_lines in NUM_LINES.items():
        lines = []
        for number in range(num_lines):
            label = LABELS[-1 - number % 3]
            words = rng.choices([label, "and", "the", "of"], k=rng.randint(50, 90))
            line = {"id": f"{split}/{number}", "text": " ".join(words)}
            # The labels of a test set may be there or not.
            if split != "test" or number % 2:
                line["label"] = label
            lines.append(json.dumps(line) + "\n")
        (folder / name / f"{split}.jsonl").write_text("".join(lines))
    return folder


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiny")
    tiny = TinyRun(folder)
    tiny.data = write_own(folder / "own")
    return tiny


def config_of(tiny, **changes):
    settings = {
        "task_name": "breakfast",
        "max_seq_length": LENGTH,
        "max_position_embeddings": POSITIONS,
        "learning_rate": 1e-2,
        "attention": "dense",
        "lsh": None,
        **changes,
    }
    return tiny.config(**settings)


@pytest.fixture(scope="module")
def trained(tiny):
    """The folder of a finished run, not to be changed, and its results."""
    output_dir = tiny.folder / "trained"
    return output_dir, train_and_evaluate(config_of(tiny), output_dir)


def predictions(folder):
    """Ids, predicted labels and probabilities."""
    first, *lines = (folder / "breakfast.tsv").read_text().splitlines()
    assert first == "index\tprediction"
    ids, labels = zip(*(line.split("\t") for line in lines), strict=True)
    return list(ids), list(labels), np.loadtxt(folder / "test_results.tsv")


def test_scores_and_predictions_are_written(trained):
    output_dir, results = trained
    lines = (output_dir / "eval_results.txt").read_text().splitlines()
    names = [line.split(" = ")[0] for line in lines]
    assert names == ["eval_accuracy", "f1_macro", "global_step", "loss"]
    assert [entry["step"] for entry in results["history"]] == [2, 4]
    ids, labels, probabilities = predictions(output_dir)
    assert ids == [f"test/{number}" for number in range(NUM_LINES["test"])]
    assert probabilities.shape == (NUM_LINES["test"], 3)
    assert labels == [LABELS[index] for index in probabilities.argmax(axis=1)]


def test_scores_are_those_of_the_predictions(trained, tiny, tmp_path):
    """Predicts the dev set as if it were the test set, and scores it with sklearn."""
    output_dir, results = trained
    (tmp_path / "breakfast").mkdir()
    dev = tiny.data / "breakfast" / "dev.jsonl"
    shutil.copy(dev, tmp_path / "breakfast" / "test.jsonl")
    # Of the run it needs the folder alone: neither labels nor train.jsonl.
    config = config_of(
        tiny,
        data_dir=str(tmp_path),
        init_checkpoint=str(output_dir),
        max_position_embeddings=None,
    )
    train_and_evaluate(config, tmp_path / "run", **PREDICT)
    truth = [json.loads(line)["label"] for line in dev.read_text().splitlines()]
    _, labels, _ = predictions(tmp_path / "run")
    accuracy = sklearn.metrics.accuracy_score(truth, labels)
    assert results["best"]["eval_accuracy"] == pytest.approx(accuracy)
    f1 = sklearn.metrics.f1_score(truth, labels, average="macro", zero_division=0)
    assert results["best"]["f1_macro"] == pytest.approx(f1)


def test_the_folder_knows_labels_and_positions(trained):
    output_dir, results = trained
    config = ClassifierConfig.from_file(output_dir / "config.yaml")
    assert (config.labels, config.text_pairs) == (LABELS, False)
    architecture = AlbertConfig.from_file(output_dir / "albert_config.json")
    assert architecture.max_position_embeddings == POSITIONS
    assert results["model"].encoder.get_config()["max_sequence_length"] == POSITIONS


def test_a_run_goes_on_with_its_labels_and_positions(trained, tiny, tmp_path):
    output_dir, _ = trained
    run = shutil.copytree(output_dir, tmp_path / "run")
    config = config_of(tiny, train_step=5)
    phases = {"do_eval": False, "do_predict": False}
    train_and_evaluate(config, run, **phases)
    assert sorted(losses(run)) == [1, 2, 3, 4, 5]
    assert ClassifierConfig.from_file(run / "config.yaml").labels == LABELS
    # Spelled out, they are no change; others are.
    spelled_out = config.replace(labels=LABELS, text_pairs=False)
    train_and_evaluate(spelled_out, run, **phases)
    swapped = config.replace(labels=LABELS[::-1])
    with pytest.raises(InputError, match="labels=eggs,ham,spam -> spam,ham,eggs"):
        train_and_evaluate(swapped, run, **phases)
    longer = config.replace(max_position_embeddings=101)
    with pytest.raises(InputError, match="max_position_embeddings=97 -> 101"):
        train_and_evaluate(longer, run, **phases)


def test_training_data_with_other_labels_are_another_run(trained, tiny, tmp_path):
    output_dir, _ = trained
    data = tiny.data / "breakfast" / "train.jsonl"
    before = data.read_text()
    try:
        data.write_text(before + '{"text": "toast", "label": "toast"}\n')
        with pytest.raises(InputError, match="labels=eggs,ham,spam -> eggs,ham,spam,t"):
            train_and_evaluate(config_of(tiny), output_dir)
    finally:
        data.write_text(before)


def test_predicting_in_the_folder_needs_no_training_data(trained, tiny, tmp_path):
    output_dir, _ = trained
    run = shutil.copytree(output_dir, tmp_path / "run")
    before = predictions(run)
    (run / "breakfast.tsv").unlink()
    data = tiny.data / "breakfast" / "train.jsonl"
    data.rename(tmp_path / "train.jsonl")
    try:
        train_and_evaluate(config_of(tiny), run, **PREDICT)
        with pytest.raises(InputError, match="there is no .*breakfast/train.jsonl"):
            train_and_evaluate(config_of(tiny), run)
    finally:
        (tmp_path / "train.jsonl").rename(data)
    ids, labels, probabilities = predictions(run)
    assert (ids, labels) == before[:2]
    np.testing.assert_allclose(probabilities, before[2], atol=1e-6)


def test_settled_labels_are_those_of_the_classifier(trained, tiny, tmp_path):
    output_dir, _ = trained
    config = config_of(tiny, task_name="brunch", init_checkpoint=str(output_dir))
    elsewhere = RunFolder(tmp_path)
    settled, task = settle_task(config, elsewhere, do_train=False)
    assert settled.labels == task.labels == LABELS
    assert settled.text_pairs is False and task.text_columns == ("text",)
    other = config.replace(labels=("a", "b", "c"))
    with pytest.raises(InputError, match="trained holds a classifier for 'eggs', 'ham"):
        settle_task(other, elsewhere, do_train=False)
    ClassifierConfig(task_name="STS-B").save(tmp_path / "config.yaml")
    shutil.copy(output_dir / "checkpoint", tmp_path)
    for file in output_dir.glob("ckpt-4*"):
        shutil.copy(file, tmp_path)
    with pytest.raises(InputError, match="holds a classifier for 'scores'"):
        settle_task(config_of(tiny, init_checkpoint=None), elsewhere, do_train=False)
    glue = config.replace(task_name="rte", labels=("entailment", "not_entailment"))
    settled, task = settle_task(glue, elsewhere, do_train=True)
    assert (settled.labels, settled.text_pairs, task.name) == (None, None, "RTE")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"max_position_embeddings": None},
            "max_seq_length=83 is longer than the model's 64 positions; lower it to 64 "
            "or less, or give max_position_embeddings=83 or more, which repeats them.",
        ),
        (
            {"max_position_embeddings": 63, "max_seq_length": 24},
            "max_position_embeddings=63 is less than the 64 positions of the weights.",
        ),
        ({"labels": ("eggs", "ham")}, "train.jsonl, line 1: unknown label 'spam'"),
    ],
)
def test_what_does_not_fit_is_told_before_anything_is_written(
    tiny, tmp_path, changes, message
):
    with pytest.raises(InputError) as refused:
        train_and_evaluate(config_of(tiny, **changes), tmp_path / "run")
    assert message in str(refused.value)
    assert not (tmp_path / "run").exists()


def test_a_trained_classifier_keeps_its_positions(trained, tiny, tmp_path):
    config = config_of(tiny, init_checkpoint=str(trained[0]))
    with pytest.raises(InputError, match="=101, but .*trained has 97, which training"):
        train_and_evaluate(
            config.replace(max_position_embeddings=101), tmp_path, **PREDICT
        )
    with pytest.raises(InputError, match="98 is longer .* 97 pos.* lower it to 97 or "):
        train_and_evaluate(config.replace(max_seq_length=98), tmp_path, **PREDICT)


@pytest.mark.slow
def test_an_export_takes_one_text_and_names_the_label(trained, tiny, tmp_path):
    import tensorflow_text  # noqa: F401  For the ops of the tokenizer.

    output_dir, results = trained
    export_run(results["model"], tmp_path / "export", output_dir, config_of(tiny))
    extra = tmp_path / "export" / "assets.extra"
    assert (extra / "labels.txt").read_text().splitlines() == [*LABELS]
    lines = (tiny.data / "breakfast" / "test.jsonl").read_text().splitlines()
    texts = [json.loads(line)["text"] for line in lines]
    served = tf.saved_model.load(str(tmp_path / "export" / "text"))
    outputs = served.signatures["serve_text"](text_a=tf.constant(texts))
    _, labels, probabilities = predictions(output_dir)
    assert [label.decode() for label in outputs["label"].numpy()] == labels
    np.testing.assert_allclose(outputs["probabilities"], probabilities, atol=1e-5)


NLI = ("entailment", "not_entailment")


@pytest.mark.parametrize(
    ("trained", "asked", "fits"),
    [
        ("MRPC", "mrpc", True),
        ("MRPC", "RTE", False),
        ("MRPC", "CoLA", False),  # Both have "0" and "1", which mean other things.
        ("STS-B", "MRPC", False),
        ("MRPC", "STS-B", False),
        ("QNLI", "RTE", True),
        ("RACE", "RACE-high", True),
        ("RACE", ("A", "B", "C", "D"), False),
        ("MRPC", ("0", "1"), True),  # Texts of one's own, and GLUE's classifier.
        (("0", "1"), "MRPC", True),
        ("RTE", NLI[::-1], False),
        (NLI, "RTE", True),
    ],
)
def test_a_trained_classifier_has_the_classes_that_are_asked_for(
    tiny, tmp_path, trained, asked, fits
):
    def settings(what):
        return {"task_name": what} if isinstance(what, str) else {"labels": what}

    config = config_of(tiny, **settings(trained))
    run = write_run(tmp_path / "run", config)
    config = config_of(tiny, **settings(asked), init_checkpoint=str(run))
    task = find_task(config.task_name, config.labels)
    elsewhere = RunFolder(tmp_path / "elsewhere")
    if fits:
        refuse_other_classifier(config, task, elsewhere)
        return
    with pytest.raises(InputError) as refused:
        refuse_other_classifier(config, task, elsewhere)
    line = str(refused.value)
    assert line.startswith(f"{run} holds a classifier for ") and "\n" not in line
    assert f", not for {task.name} (" in line
