"""Whole runs on SQuAD: what they leave, and how they go on."""

import json

import numpy as np
import pytest

from albert_lsh_tf.errors import InputError
from albert_lsh_tf.tasks.squad import task, training
from albert_lsh_tf.tasks.squad.training import train_and_answer
from tests.tasks.interruption import StopAt
from tests.tasks.squad.tiny_squad import TinySquad, rewrite, write_run
from tests.tasks.tiny_run import watch_grouping


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return TinySquad(tmp_path_factory.mktemp("squad"))


@pytest.fixture(scope="module")
def runs(tiny):
    """A finished run of each version: its folder and results."""
    found = {}
    for version in (1, 2):
        folder = tiny.folder / f"run_{version}"
        attention = {1: "lsh", 2: "dense"}[version]
        config = tiny.config(version, attention=attention)
        found[version] = folder, train_and_answer(config, folder)
    return found


def read(folder, name):
    return json.loads((folder / name).read_text())


def questions_of(path):
    return [
        (question, paragraph["context"])
        for article in json.loads(path.read_text())["data"]
        for paragraph in article["paragraphs"]
        for question in paragraph["qas"]
    ]


def without_answers(tiny, version, path):
    return rewrite(tiny.files[version]["dev"], path, lambda _, asked: hide(asked))


def hide(question):
    question.pop("answers")
    question.pop("is_impossible", None)


@pytest.mark.parametrize("is_on", [False, True])
def test_batches_are_of_like_length_if_asked_for(tiny, tmp_path, monkeypatch, is_on):
    asked = watch_grouping(task, monkeypatch)
    config = tiny.config(group_by_length=is_on, num_train_epochs=0.01)
    train_and_answer(config, tmp_path, do_predict=False)
    assert asked == [is_on]


@pytest.mark.parametrize("version", [1, 2])
def test_a_run_leaves_answers_that_stand_in_the_texts(tiny, runs, version):
    folder, results = runs[version]
    predictions = read(folder, "predictions.json")
    listed = read(folder, "nbest_predictions.json")
    questions = questions_of(tiny.files[version]["dev"])
    assert list(predictions) == list(listed) == [q["id"] for q, _ in questions]
    for question, context in questions:
        answers = listed[question["id"]]
        texts = [answer["text"] for answer in answers]
        assert 1 <= len(texts) == len(set(texts)) <= 3
        assert all(text in context for text in texts)
        scores = [a["start_log_prob"] + a["end_log_prob"] for a in answers]
        assert scores == sorted(scores, reverse=True)
        assert sum(answer["probability"] for answer in answers) == pytest.approx(1)
        assert predictions[question["id"]] in (texts[0], "" if version == 2 else None)
    names = {path.name for path in folder.iterdir()}
    assert {
        "eval_results.txt",
        "metrics.json",
        "train_loss.png",
        "config.yaml",
    } <= names
    assert results["best"] == read(folder, "metrics.json")["best"]


def test_scores_are_those_of_the_official_script(tiny, runs):
    from official.nlp.tools import squad_evaluate_v1_1

    folder, results = runs[1]
    data = json.loads(tiny.files[1]["dev"].read_text())["data"]
    official = squad_evaluate_v1_1.evaluate(data, read(folder, "predictions.json"))
    # Shares, which are rounded before they are percentages.
    for name, share in (("f1", "final_f1"), ("exact_match", "exact_match")):
        assert results["best"][name] == pytest.approx(100 * official[share], rel=1e-14)


def test_the_threshold_is_found_on_texts_that_were_not_trained_on(tiny, runs):
    folder, results = runs[2]
    threshold = results["best"]["null_score_diff_threshold"]
    odds = read(folder, "null_odds.json")
    predictions = read(folder, "predictions.json")
    for identity, answer in predictions.items():
        assert (answer == "") == (odds[identity] > threshold)
    counts = [
        read(folder / "features" / name, "manifest.json")["totals"]["questions"]
        for name in ("training", "held-out")
    ]
    assert sum(counts) == len(questions_of(tiny.files[2]["train"]))
    assert 0 < counts[1] < counts[0]
    for name in ("HasAns_f1", "NoAns_f1", "best_f1", "exact"):
        assert name in results["best"]
    # One pass answers both, and its seconds are of both.
    for name in ("questions", "windows"):
        assert results["answering"][name] == sum(
            read(folder / "features" / purpose, "manifest.json")["totals"][name]
            for purpose in ("held-out", "predicted")
        )


@pytest.mark.parametrize("version", [1, 2])
def test_a_trained_model_answers_in_another_folder(tiny, runs, version, tmp_path):
    folder, results = runs[version]
    config = tiny.config(
        version,
        init_checkpoint=str(folder),
        train_file=[],
        attention={1: "lsh", 2: "dense"}[version],
    )
    again = train_and_answer(config, tmp_path / "again", do_train=False)
    for name, value in again["best"].items():
        np.testing.assert_allclose(value, results["best"][name], err_msg=name)
    assert read(tmp_path / "again", "predictions.json") == read(
        folder, "predictions.json"
    )


def test_a_run_that_was_interrupted_ends_as_one_that_was_not(tiny, runs, tmp_path):
    folder, whole = runs[1]
    first, last = (entry["step"] for entry in whole["history"])
    assert first == 4 < last <= 8
    with StopAt(5), pytest.raises(KeyboardInterrupt):
        train_and_answer(tiny.config(1), tmp_path / "run")
    assert not (tmp_path / "run" / "predictions.json").exists()
    resumed = train_and_answer(tiny.config(1), tmp_path / "run")
    assert resumed["history"] == whole["history"]
    assert read(tmp_path / "run", "predictions.json") == read(
        folder, "predictions.json"
    )


def test_two_devices_train_and_answer_as_one(tiny, runs, tmp_path):
    folder, alone = runs[1]
    config = tiny.config(1, distribution_strategy="mirrored", num_logical_cpus=2)
    together = train_and_answer(config, tmp_path / "run")
    assert together["train_loss"] == pytest.approx(alone["train_loss"], rel=1e-4)
    assert together["answering"]["windows"] == alone["answering"]["windows"]
    expected = read(folder, "nbest_predictions.json")
    for identity, answers in read(tmp_path / "run", "nbest_predictions.json").items():
        best = expected[identity][0]
        assert answers[0]["probability"] == pytest.approx(best["probability"], rel=1e-3)


def test_a_finished_run_is_not_trained_again(tiny, runs, capsys):
    folder, results = runs[1]
    again = train_and_answer(tiny.config(1), folder)
    assert "is trained up to step" in capsys.readouterr().out
    assert again["best"] == results["best"]
    assert again["history"] == results["history"]


def test_questions_without_known_answers_are_answered_and_not_scored(
    tiny, runs, tmp_path
):
    folder, _ = runs[1]
    path = without_answers(tiny, 1, tmp_path / "test.json")
    config = tiny.config(1, init_checkpoint=str(folder), predict_file=str(path))
    results = train_and_answer(config, tmp_path / "out", do_train=False)
    assert results["best"] is None
    assert read(tmp_path / "out", "predictions.json") == read(
        folder, "predictions.json"
    )
    assert not (tmp_path / "out" / "eval_results.txt").exists()


def test_dense_attention_of_short_windows_is_told(tiny, tmp_path, monkeypatch, capsys):
    """Where it is only for their length that a run with LSH is dense."""
    told = []
    # The last that is called before the questions are read.
    monkeypatch.setattr(
        training, "load_data", lambda *_: told.append(capsys.readouterr())
    )
    for changes in ({"lsh": None}, {"attention": "dense", "lsh": None}, {}):
        with pytest.raises(AttributeError):
            train_and_answer(tiny.config(**changes), tmp_path / "run")
    assert ["attention: dense at 48 tokens" in out for out, _ in told] == [
        True,
        False,
        False,
    ]


def test_what_cannot_be(tiny, runs, tmp_path):
    with pytest.raises(InputError, match="no predict_file: give it, too"):
        train_and_answer(tiny.config(predict_file=None), tmp_path / "a")
    with pytest.raises(InputError, match="holds no trained model"):
        train_and_answer(tiny.config(), tmp_path / "b", do_train=False)
    folder, _ = runs[1]
    with pytest.raises(InputError, match="doc_stride=16 -> 9"):
        train_and_answer(tiny.config(doc_stride=9), folder)
    with pytest.raises(InputError, match="version_2=False -> True"):
        train_and_answer(tiny.config(2), folder, do_train=False)


def test_answers_of_another_run_do_not_go_into_a_runs_folder(tiny, tmp_path):
    other = write_run(tmp_path / "other", tiny.config())
    folder = write_run(tmp_path / "run", tiny.config())
    for named in (other, other / "ckpt-4"):
        config = tiny.config(init_checkpoint=str(named))
        with pytest.raises(InputError, match=f"run holds .*init_checkpoint=.*{named}"):
            train_and_answer(config, folder, do_train=False)
    # The folder's run started from just that checkpoint.
    config.save(folder / "config.yaml")
    with pytest.raises(InputError, match="is a checkpoint of another one"):
        train_and_answer(config, folder, do_train=False)


def test_settings_are_those_of_the_run_that_answers(tiny, tmp_path):
    other = write_run(tmp_path / "other", tiny.config())
    for named in (other, other / "ckpt-4"):
        config = tiny.config(init_checkpoint=str(named), do_lower_case=False)
        with pytest.raises(
            InputError, match=r"other holds .*: do_lower_case=True -> False\. Leave"
        ):
            train_and_answer(config, tmp_path / "out", do_train=False)


@pytest.mark.parametrize("version", [1, 2])
def test_files_with_a_part_of_the_answers_are_refused_before_training(
    tiny, tmp_path, monkeypatch, version
):
    monkeypatch.delattr(training, "SquadRun")
    path = rewrite(
        tiny.files[version]["dev"],
        tmp_path / "dev.json",
        lambda number, question: number < 2 and hide(question),
    )
    message = r"dev.json: 2 of \d+ questions have no answers, such as '.*Add them"
    message += {1: ", or put", 2: r" \(where .* is_impossible must be true\), or put"}[
        version
    ]
    with pytest.raises(InputError, match=message):
        train_and_answer(tiny.config(version, predict_file=str(path)), tmp_path / "run")


def test_the_threshold_of_a_run_without_known_answers_is_kept(tiny, tmp_path):
    path = without_answers(tiny, 2, tmp_path / "test.json")
    config = tiny.config(
        2, predict_file=str(path), num_train_epochs=0.01, attention="dense"
    )
    results = train_and_answer(config, tmp_path / "run")
    assert results["best"] is None
    assert read(tmp_path / "run", "metrics.json")["threshold"] == results["threshold"]
    predictions = read(tmp_path / "run", "predictions.json")
    again = train_and_answer(config, tmp_path / "run", do_train=False)
    assert again["threshold"] == results["threshold"]
    assert read(tmp_path / "run", "predictions.json") == predictions
