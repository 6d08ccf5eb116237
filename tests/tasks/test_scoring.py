"""Which checkpoints are scored, and which best one counts; no model has a part."""

import json
import math

import pytest
import tensorflow as tf

from albert_lsh_tf.tasks import scoring
from albert_lsh_tf.tasks.best_checkpoint import read_best
from albert_lsh_tf.tasks.progress import Progress
from albert_lsh_tf.tasks.run_folder import RunFolder
from albert_lsh_tf.tasks.scoring import Scoring

SCORES = {2: 0.5, 4: 0.75, 6: 0.25}


@pytest.fixture
def folder(tmp_path):
    """Of a run of six steps; the scores of the last two checkpoints are missing."""
    for step in SCORES:
        (tmp_path / f"ckpt-{step}.index").touch()
    entry = {"step": 2, "eval": {"accuracy": SCORES[2]}}
    (tmp_path / "training_log.jsonl").write_text(json.dumps(entry) + "\n")
    return RunFolder(tmp_path)


@pytest.fixture
def score(folder, monkeypatch):
    """What scores the run's checkpoints."""
    restored, progress = [], Progress(6)
    monkeypatch.setattr(scoring, "restore", lambda _, prefix: restored.append(prefix))
    return Scoring(
        folder,
        tf.distribute.get_strategy(),
        folder.open_log(),
        progress,
        tf.train.Checkpoint(variable=tf.Variable(0.0)),
        lambda: {"accuracy": SCORES[int(restored[-1].rpartition("-")[2])]},
        lambda: None,
        "accuracy",
        0,
    )


def test_checkpoints_without_scores_are_scored(score, folder):
    score.score_all()
    steps = [entry["step"] for entry in folder.open_log().evaluations]
    assert steps == [2, 4, 6]
    assert read_best(folder.best_dir).step == 4
    assert RunFolder(folder.path).claim()


def test_the_scores_that_are_no_numbers_are_named(score, folder, caplog):
    """Also where an evaluation has no loss."""
    scores = {"accuracy": 0.5, "f1": math.nan, "threshold": math.inf}
    score.record(score.best_so_far(None), 4, scores)
    assert caplog.messages[0].startswith(
        "The evaluation at step 4 gave f1 nan  threshold inf: this checkpoint cannot be"
    )
    assert read_best(folder.best_dir) is None
    expected = {"accuracy": 0.5, "f1": None, "threshold": None}
    assert folder.open_log().evaluations[-1]["eval"] == expected


def test_a_process_that_trains_scores_its_checkpoints_itself(
    score, folder, monkeypatch
):
    told = []
    monkeypatch.setattr(Progress, "say", lambda _, line: told.append(line))
    training = RunFolder(folder.path)
    assert training.claim()
    score.score_all()
    assert [line.partition(":")[0] for line in told] == [
        f"another process trains in {folder.path}"
    ]
    assert len(folder.open_log().evaluations) == 1
    assert read_best(folder.best_dir) is None
    training.release()
    score.score_all()
    assert read_best(folder.best_dir).step == 4


def test_a_run_from_the_start_has_no_best_yet(score, folder):
    """Also where its checkpoints were deleted, and the best one was not."""
    score.score_all()
    for file in folder.path.glob("ckpt-*"):
        file.unlink()
    assert folder.latest_checkpoint() is None
    assert score.best_so_far(0).record is None
    assert read_best(folder.best_dir) is None
