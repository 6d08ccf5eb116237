"""The record of a finished run: what later answers leave of it, and what they add."""

import json
import logging
import shutil

import pytest

from albert_lsh_tf.errors import InputError
from albert_lsh_tf.tasks.squad.squad_run import SquadRun
from albert_lsh_tf.tasks.squad.training import train_and_answer
from tests.tasks.squad.tiny_squad import TinySquad, write_run

BEST = {"exact_match": 40.0, "f1": 50.0}
RECORDED = {"step": 4, **BEST}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return TinySquad(tmp_path_factory.mktemp("squad"))


@pytest.fixture
def scores(monkeypatch):
    """What every answering scores; no model has a part in it."""
    scores = dict(BEST)
    monkeypatch.setattr(SquadRun, "_predict", lambda run: scores or None)
    # The checkpoints are empty files.
    monkeypatch.setattr(
        SquadRun,
        "train_and_restore_best",
        lambda run: int(run.files.checkpoint.rsplit("-", 1)[1]),
    )
    return scores


@pytest.fixture
def run(tiny, tmp_path):
    """The folder of a run that was killed before it wrote metrics.json."""
    return write_run(tmp_path / "run", tiny.config(), best=BEST)


def answer(folder, config):
    results = train_and_answer(config, folder, do_train=False)
    summary = json.loads((folder / "metrics.json").read_text())
    assert summary["best"] == results["best"]
    return summary


def test_answers_without_scores_leave_those_of_the_run(tiny, run, scores):
    scores.clear()
    assert answer(run, tiny.config())["best"] == RECORDED
    # Also where metrics.json is of an older checkpoint.
    summary = {"best": {"step": 2, "f1": 1.0}, "peak_memory_mib": {"host": 7.0}}
    (run / "metrics.json").write_text(json.dumps(summary))
    again = answer(run, tiny.config())
    assert (again["best"], again["peak_memory_mib"]) == (RECORDED, {"host": 7.0})


def test_other_questions_are_scored_beside_the_record(tiny, run, scores, tmp_path):
    assert answer(run, tiny.config())["best"] == RECORDED
    expected = "exact_match = 40.0\nf1 = 50.0\nglobal_step = 4\n"
    assert (run / "eval_results.txt").read_text() == expected
    scores.update(f1=90.0)
    other = shutil.copy(tiny.files[1]["dev"], tmp_path / "other.json")
    summary = answer(run, tiny.config(predict_file=str(other)))
    assert summary["best"] == RECORDED
    assert summary["predicted"] == {"file": str(other), "step": 4, "scores": scores}
    assert (run / "eval_results.txt").read_text() == expected
    assert (run / "predict_results.txt").read_text() == (
        f"exact_match = 40.0\nf1 = 90.0\nglobal_step = 4\npredict_file = {other}\n"
    )
    # So are other windows over the same questions.
    assert answer(run, tiny.config(doc_stride=9))["best"] == RECORDED


@pytest.mark.parametrize("is_scored", [False, True])
def test_scores_of_answers_go_when_these_are_replaced(
    tiny, run, scores, tmp_path, is_scored
):
    other = shutil.copy(tiny.files[1]["dev"], tmp_path / "other.json")
    answer(run, tiny.config(predict_file=str(other)))
    assert (run / "predict_results.txt").exists()
    if not is_scored:
        scores.clear()
    # Without new answers they stay.
    train_and_answer(tiny.config(), run, do_train=False, do_predict=False)
    assert (run / "predict_results.txt").exists()
    answer(run, tiny.config())
    assert not (run / "predict_results.txt").exists()


def test_recorded_scores_stay_and_differences_are_told(
    tiny, run, scores, caplog, monkeypatch
):
    monkeypatch.chdir(tiny.folder)
    same = tiny.files[1]["dev"].relative_to(tiny.folder)

    def told():
        # TensorFlow tells of functions that were traced often, in this process.
        ours = [r for r in caplog.records if r.name.startswith("albert_lsh_tf")]
        return [record.getMessage() for record in ours]

    with caplog.at_level(logging.WARNING):
        answer(run, tiny.config(predict_file=str(same)))
        assert not told()
        scores.update(f1=90.0)
        assert answer(run, tiny.config(predict_file=str(same)))["best"] == RECORDED
    assert "Step 4 now scores exact_match 40.0000  f1 90.0000" in told()[0]


def test_another_checkpoint_is_not_the_best(tiny, run, scores):
    (run / "ckpt-2.index").touch()
    config = tiny.config(init_checkpoint=str(run / "ckpt-2"))
    assert answer(run, config)["best"] == RECORDED
    assert (run / "predict_results.txt").exists()


def test_a_folder_of_answers_has_the_scores_of_the_last(tiny, run, scores, tmp_path):
    config = tiny.config(init_checkpoint=str(run))
    assert answer(tmp_path / "out", config)["best"] == RECORDED
    scores.update(f1=90.0)
    assert answer(tmp_path / "out", config)["best"] == {**RECORDED, "f1": 90.0}
    assert "f1 = 90.0\n" in (tmp_path / "out" / "eval_results.txt").read_text()
    scores.clear()
    assert answer(tmp_path / "out", config)["best"] is None
    assert not (tmp_path / "out" / "eval_results.txt").exists()


def test_answers_elsewhere_may_have_another_attention(tiny, run, scores, tmp_path):
    kind = "dense" if tiny.config().attention == "lsh" else "lsh"
    config = tiny.config(init_checkpoint=str(run), attention=kind)
    assert answer(tmp_path / "out", config)["best"] == RECORDED
    with pytest.raises(InputError, match="run holds a run with other .*attention"):
        answer(run, tiny.config(attention=kind))


def test_answers_need_no_batch_size_of_training(tiny, run, scores):
    config = tiny.config(
        train_batch_size=7, distribution_strategy="mirrored", num_logical_cpus=2
    )
    assert answer(run, config)["best"] == RECORDED


def test_training_alone_leaves_the_best_scores(tiny, run, scores, monkeypatch):
    monkeypatch.setattr(SquadRun, "train_and_restore_best", lambda run: 4)
    config = tiny.config(num_train_epochs=9.0)
    results = train_and_answer(config, run, do_predict=False)
    assert results["best"] == RECORDED
    assert json.loads((run / "metrics.json").read_text())["best"] == RECORDED


def test_training_that_was_killed_before_its_summary_gets_one(
    tiny, run, scores, monkeypatch
):
    monkeypatch.setattr(SquadRun, "train_and_restore_best", lambda run: 4)
    # Trained to its end: an epoch less than a step.
    config = tiny.config(num_train_epochs=0.01)
    (run / "ckpt-4.index").rename(run / "ckpt-1.index")

    def train_again():
        assert not train_and_answer(config, run, do_predict=False)["answering"]
        return json.loads((run / "metrics.json").read_text())

    assert train_again()["best"] == RECORDED
    # So does training that went on; what is on record of the same stays.
    summary = {**train_again(), "best": {"step": 2, "f1": 1.0}}
    (run / "metrics.json").write_text(json.dumps(summary))
    summary = {**train_again(), "predicted": {"step": 4}}
    assert summary["best"] == RECORDED
    (run / "metrics.json").write_text(json.dumps(summary))
    assert train_again() == summary


def test_another_checkpoint_than_the_best_has_its_own_threshold(
    tiny, tmp_path, monkeypatch
):
    name, found = "null_score_diff_threshold", []
    best = {"f1": 50.0, name: -1.5}
    folder = write_run(tmp_path / "run", tiny.config(2), best=best)
    monkeypatch.setattr(SquadRun, "train_and_restore_best", lambda run: 0)
    monkeypatch.setattr(
        SquadRun, "_predict", lambda run: found.append(run._threshold([]))
    )
    evaluations = {2: {"f1": 40.0, name: 2.5}, 3: {"f1": 0.0, name: None}}
    (folder / "training_log.jsonl").write_text(
        "".join(
            json.dumps({"step": step, "eval": each}) + "\n"
            for step, each in evaluations.items()
        )
    )
    for step in (1, 2, 3):
        (folder / f"ckpt-{step}.index").touch()

    def answer_with(step):
        config = tiny.config(2, init_checkpoint=str(folder / f"ckpt-{step}"))
        train_and_answer(config, tmp_path / "out", do_train=False)

    for step in (2, 4):
        answer_with(step)
    assert found == [2.5, -1.5]
    for step in (1, 3):
        with pytest.raises(InputError, match=f"no threshold for step {step}, above"):
            answer_with(step)


def test_a_threshold_is_that_of_the_weights_that_answer(tiny, tmp_path, monkeypatch):
    found = []
    folder = write_run(tmp_path / "run", tiny.config(2))
    monkeypatch.setattr(SquadRun, "train_and_restore_best", lambda run: 4)
    monkeypatch.setattr(
        SquadRun, "_predict", lambda run: found.append(run._threshold([]))
    )
    name = "null_score_diff_threshold"
    summary = {"best": None, "threshold": {"step": 4, name: -1.5}}
    (folder / "metrics.json").write_text(json.dumps(summary))
    results = train_and_answer(tiny.config(2), folder, do_train=False)
    assert found == [-1.5]
    assert results["threshold"] == summary["threshold"]
    # Training has gone on, and was killed before it could find another one.
    summary["threshold"]["step"] = 2
    (folder / "metrics.json").write_text(json.dumps(summary))
    with pytest.raises(
        InputError, match="no threshold for step 4, .*do_train and do_p"
    ):
        train_and_answer(tiny.config(2), folder, do_train=False)
