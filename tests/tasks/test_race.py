"""Whole runs on RACE: what is learned, scored and written."""

import json

import numpy as np
import pytest
import tensorflow as tf

from albert_lsh_tf.data.classification import find_task, read_examples
from albert_lsh_tf.errors import InputError
from albert_lsh_tf.networks.multiple_choice import AlbertMultipleChoice
from albert_lsh_tf.tasks import classification, trimming
from albert_lsh_tf.tasks.training import train_and_evaluate
from tests.tasks.tiny_race import LEARNED, NUM_ARTICLES, TinyRace
from tests.tasks.tiny_run import ENCODER, losses

PREDICTING = {"do_train": False, "do_eval": False}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return TinyRace(tmp_path_factory.mktemp("race"))


@pytest.fixture(scope="module")
def trained(tiny):
    """The folder of a finished run, not to be changed, and its results."""
    output_dir = tiny.folder / "trained"
    return output_dir, train_and_evaluate(tiny.config(), output_dir)


def scores(path):
    """A file of results, as numbers by name."""
    lines = (line.split(" = ") for line in path.read_text().splitlines())
    return {name: float(value) for name, value in lines}


def answers(output_dir, name="RACE"):
    """Letters by id, in the order of the file."""
    header, *rows = (output_dir / f"{name}.tsv").read_text().splitlines()
    assert header == "index\tprediction"
    return dict(row.split("\t") for row in rows)


def questions(tiny, split, name="RACE"):
    return read_examples(find_task(name), tiny.data, split)


def test_what_can_be_learned_is_learned(trained, tiny):
    output_dir, results = trained
    assert isinstance(results["model"], AlbertMultipleChoice)
    by_step = losses(output_dir)
    # Before anything is learned, all options are alike.
    assert by_step[1] == pytest.approx(np.log(4), abs=0.05)
    assert by_step[24] < 0.1
    letters = answers(output_dir)
    for example in questions(tiny, "test"):
        option = example.options["ABCD".index(letters[example.guid])]
        assert LEARNED in option


def test_scores_of_both_schools_make_up_that_of_all(trained):
    output_dir, results = trained
    entries = [results["best"], *results["history"]]
    assert json.loads((output_dir / "metrics.json").read_text())["best"] == entries[0]
    middle, high = NUM_ARTICLES["dev", "middle"], NUM_ARTICLES["dev", "high"]
    for entry in entries:
        whole = middle * entry["eval_accuracy_middle"]
        whole += high * entry["eval_accuracy_high"]
        assert entry["eval_accuracy"] == pytest.approx(whole / (middle + high))
    assert entries[0]["eval_accuracy_middle"] == 0.5
    assert entries[0]["eval_accuracy_high"] == 1.0
    written = scores(output_dir / "eval_results.txt")
    assert list(written) == [
        *("eval_accuracy", "eval_accuracy_middle", "eval_accuracy_high"),
        *("global_step", "loss"),
    ]
    assert written["eval_accuracy_high"] == entries[0]["eval_accuracy_high"]


def test_files_of_predictions_agree(trained, tiny):
    output_dir, _ = trained
    examples = questions(tiny, "test")
    letters = answers(output_dir)
    assert list(letters) == [each.guid for each in examples]
    assert list(letters)[:2] == ["middle0.txt-0", "middle0.txt-1"]
    probabilities = np.loadtxt(output_dir / "test_results.tsv", delimiter="\t")
    assert probabilities.shape == (len(examples), 4)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)
    labels = np.array([each.label for each in examples])
    chosen = probabilities.argmax(axis=1)
    assert [*letters.values()] == ["ABCD"[index] for index in chosen]
    written = scores(output_dir / "predict_results.txt")
    is_high = np.array([each.level == "high" for each in examples])
    right = chosen == labels
    assert written == {
        "eval_accuracy": right.mean(),
        "eval_accuracy_middle": right[~is_high].mean(),
        "eval_accuracy_high": right[is_high].mean(),
        "loss": pytest.approx(
            -np.log(probabilities[np.arange(len(labels)), labels]).mean(), rel=1e-4
        ),
    }
    assert list(written)[-1] == "loss"


def test_predictions_without_training_are_the_same(trained, tiny, tmp_path, capsys):
    output_dir, _ = trained
    names = ("test_results.tsv", "RACE.tsv", "predict_results.txt")
    config = tiny.config(init_checkpoint=str(output_dir))
    train_and_evaluate(config, tmp_path / "again", **PREDICTING)
    for name in names:
        there, here = output_dir / name, tmp_path / "again" / name
        assert here.read_text() == there.read_text()
    said = capsys.readouterr().out
    line = "\ntest: eval_accuracy 0.8182  eval_accuracy_middle 0.5000  eval_accuracy"
    assert line in said


def test_devices_and_batches_change_nothing(trained, tiny, tmp_path):
    output_dir, results = trained
    config = tiny.config(
        init_checkpoint=str(output_dir),
        distribution_strategy="mirrored",
        num_logical_cpus=2,
        eval_batch_size=7,
    )
    again = train_and_evaluate(config, tmp_path, do_train=False, do_predict=False)
    for name, value in results["best"].items():
        assert again["best"][name] == pytest.approx(value, abs=1e-6)


def test_one_school_alone_has_one_score(trained, tiny, tmp_path):
    output_dir, results = trained
    config = tiny.config(task_name="race-high", init_checkpoint=str(output_dir))
    alone = train_and_evaluate(config, tmp_path, do_train=False)
    assert set(alone["best"]) == {"step", "eval_accuracy", "loss"}
    assert alone["best"]["eval_accuracy"] == results["best"]["eval_accuracy_high"]
    whole = scores(output_dir / "predict_results.txt")
    written = scores(tmp_path / "predict_results.txt")
    assert list(written) == ["eval_accuracy", "loss"]
    assert written["eval_accuracy"] == whole["eval_accuracy_high"]
    letters = answers(tmp_path, "RACE-high")
    assert list(letters) == [e.guid for e in questions(tiny, "test", "RACE-high")]
    assert letters.items() <= answers(output_dir).items()


def test_what_cannot_be(trained, tiny, tmp_path):
    output_dir, _ = trained
    with pytest.raises(InputError, match="holds a run of RACE, not of RACE-high"):
        train_and_evaluate(tiny.config(task_name="RACE-high"), output_dir)
    with pytest.raises(InputError, match="max_qa_length=12 -> 9"):
        train_and_evaluate(tiny.config(max_qa_length=9), output_dir)
    with pytest.raises(InputError, match="no data for RACE: give data_dir, the folder"):
        train_and_evaluate(tiny.config(data_dir=None), tmp_path / "a")
    with pytest.raises(InputError, match="max_seq_length=15 leaves no room for the"):
        train_and_evaluate(tiny.config(max_seq_length=15), tmp_path / "b")
    assert not any(tmp_path.iterdir())


def make_task(tiny):
    """The task as Model Garden makes it, with dense attention and no features yet."""
    params = classification.ClassificationConfig(
        task_name="race-middle", init_checkpoint=str(tiny.weights)
    )
    data = {
        "input_path": str(tiny.data),
        "vocabulary_file": str(tiny.weights / "spiece.model"),
        "max_seq_length": 48,
        "max_qa_length": 12,
        "global_batch_size": 4,
    }
    encoder = {**ENCODER, "attention": "dense"}
    params.override(
        {
            "model": {"encoder": {"any": encoder}},
            "train_data": data,
            "validation_data": data,
        }
    )
    return classification.ClassificationTask(params)


def test_padding_that_is_left_out_changes_no_logits(tiny, monkeypatch):
    task = make_task(tiny)
    model = task.build_model()
    task.initialize(model)
    [batch, _] = task.build_inputs(task.task_config.validation_data)
    assert batch["input_word_ids"].shape == (4, 4, 48)
    longest = int(tf.reduce_max(tf.reduce_sum(batch["input_mask"], axis=-1)))
    assert longest <= 36
    found = []
    for num_lengths in (1, 4):
        monkeypatch.setattr(trimming, "NUM_LENGTHS", num_lengths)
        step = tf.function(lambda inputs: task.validation_step(inputs, model))
        found.append(step(batch)["logits"].numpy())
    assert found[0].shape == (4, 4) and np.ptp(found[0]) > 1e-4
    np.testing.assert_allclose(found[1], found[0], atol=1e-6)
