"""One process of several: what it starts from, and what it leaves."""

import pytest

from albert_lsh_tf.errors import InputError
from albert_lsh_tf.tasks import devices
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


def test_workers_with_other_checkpoints_are_refused(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(devices, "values_of_all", lambda _, step: [step, step + 2])
    with pytest.raises(
        InputError, match="workers see different checkpoints there, from step 0 to st"
    ):
        train_and_evaluate(tiny.config(), tmp_path)
