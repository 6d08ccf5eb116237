"""The best checkpoint survives a kill at any moment."""

import json

import pytest
import tensorflow as tf

from albert_lsh_tf.tasks import best_checkpoint
from albert_lsh_tf.tasks.best_checkpoint import BestCheckpoint, read_best


def offer(best, variable, step, accuracy, loss=0.1):
    variable.assign(float(step))
    checkpoint = tf.train.Checkpoint(variable=variable)
    return best.offer(checkpoint, step, {"accuracy": accuracy, "loss": loss})


def saved_value(prefix):
    variable = tf.Variable(-1.0)
    tf.train.Checkpoint(variable=variable).read(prefix).assert_consumed()
    return variable.numpy()


def test_highest_metric_wins_and_the_earlier_of_equals(tmp_path):
    best = BestCheckpoint(tmp_path, "accuracy")
    variable = tf.Variable(0.0)
    saved = [
        offer(best, variable, step, accuracy)
        for step, accuracy in [(1, 0.3), (2, 0.6), (3, 0.6), (4, 0.5)]
    ]
    assert saved == [True, True, False, False]
    record = read_best(tmp_path)
    assert (record.step, record.metrics["accuracy"]) == (2, 0.6)
    assert saved_value(record.prefix) == 2.0
    assert tf.train.latest_checkpoint(str(tmp_path)) == record.prefix
    assert len(list(tmp_path.glob("best-*"))) == 2  # One index, one data file.
    # Another process goes on with the record.
    again = BestCheckpoint(tmp_path, "accuracy")
    assert not offer(again, variable, 5, 0.6)
    assert offer(again, variable, 6, 0.7)


def test_lower_loss_breaks_ties(tmp_path):
    best = BestCheckpoint(tmp_path, "accuracy")
    variable = tf.Variable(0.0)
    offers = [(0.6, 0.5), (0.6, 0.4), (0.6, 0.45), (0.5, 0.1), (0.7, 0.9)]
    saved = [
        offer(best, variable, step, accuracy, loss)
        for step, (accuracy, loss) in enumerate(offers)
    ]
    assert saved == [True, True, False, False, True]


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_what_is_no_number_is_never_the_best(tmp_path, number):
    best = BestCheckpoint(tmp_path, "accuracy")
    variable = tf.Variable(0.0)
    assert not offer(best, variable, 1, 0.9, loss=number)
    assert not offer(best, variable, 2, number)
    assert read_best(tmp_path) is None
    assert offer(best, variable, 3, 0.1)
    assert not offer(best, variable, 4, 0.9, loss=number)
    assert read_best(tmp_path).step == 3


@pytest.mark.parametrize("moment", ["_write_record", "_delete_others"])
def test_killed_while_saving(tmp_path, monkeypatch, moment):
    variable = tf.Variable(0.0)
    offer(BestCheckpoint(tmp_path, "accuracy"), variable, 1, 0.3)

    def killed(self):
        raise SystemError

    with monkeypatch.context() as patch:
        patch.setattr(BestCheckpoint, moment, killed)
        with pytest.raises(SystemError):
            offer(BestCheckpoint(tmp_path, "accuracy"), variable, 2, 0.6)
    record = read_best(tmp_path)
    assert record.step == (1 if moment == "_write_record" else 2)
    assert saved_value(record.prefix) == record.step
    assert offer(BestCheckpoint(tmp_path, "accuracy"), variable, 3, 0.9)
    assert saved_value(read_best(tmp_path).prefix) == 3.0
    assert len(list(tmp_path.glob("best-*"))) == 2


def test_other_workers_write_elsewhere(tmp_path):
    best = BestCheckpoint(tmp_path / "best", "accuracy", scratch=tmp_path / "scratch")
    variable = tf.Variable(0.0)
    assert offer(best, variable, 1, 0.3)
    assert offer(best, variable, 2, 0.6)
    assert not (tmp_path / "best").exists()
    assert best.record.step == 2
    assert {path.stem for path in (tmp_path / "scratch").iterdir()} == {"best-2"}


def test_record_after_the_restored_step_is_forgotten(tmp_path):
    best = BestCheckpoint(tmp_path / "best", "accuracy")
    offer(best, tf.Variable(0.0), 4, 0.9)
    best.forget_outside(0, 4)
    assert best.record.step == 4
    best.forget_outside(0, None)  # Nothing is trained.
    assert best.record.step == read_best(tmp_path / "best").step == 4
    best.forget_outside(0, 3)
    assert best.record is None
    # Nor is it a source of weights any more.
    assert not list(tmp_path.iterdir())


def test_record_of_an_earlier_stage_is_forgotten(tmp_path):
    best = BestCheckpoint(tmp_path, "accuracy")
    offer(best, tf.Variable(0.0), 4, 0.9)
    best.forget_outside(3, 9)
    assert best.record.step == 4
    best.forget_outside(4, 9)
    assert best.record is None


def test_what_is_forgotten_is_gone_for_the_chief_alone_to_remove(tmp_path):
    chief = BestCheckpoint(tmp_path / "best", "accuracy")
    variable = tf.Variable(0.0)
    offer(chief, variable, 4, 0.9)
    worker = BestCheckpoint(tmp_path / "best", "accuracy", tmp_path / "scratch")
    worker.forget()
    assert worker.record is None and read_best(tmp_path / "best").step == 4
    chief.forget()
    assert read_best(tmp_path / "best") is None
    chief.forget()  # There is nothing left.
    # A worse one is the best now.
    assert offer(chief, variable, 5, 0.1)
    assert read_best(tmp_path / "best").step == 5


def test_scores_know_what_they_are_of(tmp_path):
    def best(evaluation):
        return BestCheckpoint(tmp_path, "accuracy", evaluation=evaluation)

    assert not best("some").is_of_another_evaluation
    offer(best("some"), tf.Variable(0.0), 1, 0.3)
    assert read_best(tmp_path).evaluation == "some"
    assert not best("some").is_of_another_evaluation
    assert best("others").is_of_another_evaluation
    assert not best(None).is_of_another_evaluation


def test_scores_of_an_earlier_version_are_not_of_others(tmp_path):
    offer(BestCheckpoint(tmp_path, "accuracy"), tf.Variable(0.0), 1, 0.3)
    assert "evaluation" not in json.loads((tmp_path / "best.json").read_text())
    best = BestCheckpoint(tmp_path, "accuracy", evaluation="some")
    assert not best.is_of_another_evaluation


def test_record_is_plain_json(tmp_path):
    offer(BestCheckpoint(tmp_path, "accuracy"), tf.Variable(0.0), 1, 0.3)
    record = json.loads((tmp_path / best_checkpoint.RECORD_FILE).read_text())
    # A relative name, so that the folder can be moved.
    assert record["prefix"] == "best-1"
