"""One process of several: what it starts from, and what it leaves."""

import pytest

from albert_lsh_tf.errors import InputError
from albert_lsh_tf.tasks import devices
from albert_lsh_tf.tasks.best_checkpoint import BestCheckpoint
from albert_lsh_tf.tasks.run_folder import RunFolder
from albert_lsh_tf.tasks.training import train_and_evaluate
from albert_lsh_tf.tasks.training_run import TrainingRun
from tests.tasks.tiny_run import TinyRun


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return TinyRun(tmp_path_factory.mktemp("tiny"))


def test_a_worker_that_is_not_the_chief_keeps_one_checkpoint(
    tiny, tmp_path, monkeypatch
):
    monkeypatch.setattr(devices, "is_chief", lambda strategy: False)
    # Of the chief, who is not there.
    monkeypatch.setattr(TrainingRun, "restore_best", lambda run: 4)
    monkeypatch.setattr(RunFolder, "close", lambda folder: None)
    monkeypatch.setenv("TF_CONFIG", '{"task": {"type": "worker", "index": 1}}')
    config = tiny.config(save_checkpoints_steps=1, attention="dense")
    train_and_evaluate(config, tmp_path / "run", do_predict=False)
    assert not (tmp_path / "run").exists()
    scratch = tmp_path / ".run.worker-1"
    assert len(list(scratch.glob("best-*.index"))) == 1
    assert [file.stem for file in scratch.glob("ckpt-*.index")] == ["ckpt-4"]


@pytest.mark.parametrize(("sign", "best", "asked"), [(1, 2, [2]), (-1, 4, [])])
def test_the_best_checkpoint_is_evaluated_anew_unless_it_was_the_last(
    tiny, tmp_path, monkeypatch, sign, best, asked
):
    evaluate, evaluated = TrainingRun.evaluate, []

    def watched(run):
        evaluated.append(int(run.trainer.global_step))
        return evaluate(run)

    # The loss goes down.
    monkeypatch.setattr(
        BestCheckpoint, "_rank", lambda _, scores: sign * scores["loss"]
    )
    monkeypatch.setattr(TrainingRun, "evaluate", watched)
    config = tiny.config(save_checkpoints_steps=2, train_step=4)
    results = train_and_evaluate(config, tmp_path, do_predict=False)
    assert evaluated == asked
    scores = {entry.pop("step"): entry for entry in results["history"]}
    assert list(scores) == [2, 4]
    assert results["best"].pop("step") == best
    assert results["best"] == pytest.approx(scores[best], abs=1e-6)


def test_workers_with_other_checkpoints_are_refused(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(devices, "values_of_all", lambda _, step: [step, step + 2])
    with pytest.raises(
        InputError, match="workers see different checkpoints there, from step 0 to st"
    ):
        train_and_evaluate(tiny.config(), tmp_path)
