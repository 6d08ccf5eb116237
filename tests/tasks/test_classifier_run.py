"""The record of a finished run: what later scores leave of it, and what they add."""

import json

import pytest

from albert_lsh_tf.errors import InputError
from albert_lsh_tf.tasks.classifier_run import ClassifierRun
from albert_lsh_tf.tasks.training import train_and_evaluate
from tests.tasks.squad.tiny_squad import write_run
from tests.tasks.tiny_run import TinyRun

BEST = {"eval_accuracy": 0.75, "loss": 0.5}
NOW = {"eval_accuracy": 0.25, "loss": 0.875}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return TinyRun(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def run(tiny, tmp_path, monkeypatch):
    """A run of six steps, the fourth the best; every checkpoint scores `NOW` later."""
    monkeypatch.setattr(ClassifierRun, "evaluate_best", lambda run, step: dict(NOW))
    # The checkpoints are empty files.
    monkeypatch.setattr(
        ClassifierRun,
        "train_and_restore_best",
        lambda run: int(run.files.checkpoint.rsplit("-", 1)[1]),
    )
    folder = write_run(tmp_path / "run", tiny.config(), best=BEST)
    for step in (2, 6):
        (folder / f"ckpt-{step}.index").touch()
    (folder / "eval_results.txt").write_text("as it was")
    (folder / "metrics.json").write_text('{"best": {"step": 4, "f1": 0.5}}')
    return folder


def evaluate(folder, config):
    return train_and_evaluate(config, folder, do_train=False, do_predict=False)


@pytest.mark.parametrize("is_recorded", [True, False])
def test_another_checkpoint_is_not_the_best(tiny, run, capsys, is_recorded):
    if not is_recorded:  # Training was killed before it wrote its results.
        (run / "metrics.json").unlink()
    before = {path: path.read_bytes() for path in run.glob("*.[jt][sx]*")}
    results = evaluate(run, tiny.config(init_checkpoint=str(run / "ckpt-2")))
    assert results["restored"] == {"step": 2, **NOW}
    assert results["best"]["step"] == 4 and results["best"] != {"step": 4, **NOW}
    assert {path: path.read_bytes() for path in before} == before
    assert (run / "metrics.json").exists() == is_recorded
    scores = (run / "eval_results_step_2.txt").read_text()
    assert scores == "eval_accuracy = 0.25\nglobal_step = 2\nloss = 0.875\n"
    told = capsys.readouterr().out
    assert "step 2, not the best checkpoint: eval_accuracy 0.2500  loss 0.87" in told
    assert "best checkpoint (step" not in told


def test_the_best_may_be_named(tiny, run, capsys):
    (run / "metrics.json").unlink()
    results = evaluate(run, tiny.config(init_checkpoint=str(run / "best" / "best-4")))
    assert results["best"] == results["restored"] == {"step": 4, **NOW}
    assert json.loads((run / "metrics.json").read_text())["best"] == results["best"]
    assert "best checkpoint (step 4)" in capsys.readouterr().out


def test_without_scores_the_last_one_counts_as_the_best(tiny, run):
    (run / "best" / "best.json").unlink()
    (run / "metrics.json").unlink()
    results = evaluate(run, tiny.config(init_checkpoint=str(run / "ckpt-2")))
    assert (results["best"], results["restored"]["step"]) == (None, 2)
    assert not (run / "metrics.json").exists()
    results = evaluate(run, tiny.config(init_checkpoint=str(run)))
    assert results["best"] == results["restored"] == {"step": 4, **NOW}


def test_a_home_and_a_batch_of_another_machine_are_no_matter(
    tiny, run, tmp_path, monkeypatch
):
    monkeypatch.setenv("HOME", str(tmp_path))
    config = tiny.config(
        init_checkpoint="~/run/ckpt-2",
        train_batch_size=7,
        distribution_strategy="mirrored",
        num_logical_cpus=2,
    )
    assert evaluate("~/run", config)["restored"]["step"] == 2


def test_a_folder_keeps_to_its_own_run(tiny, run, tmp_path):
    """Also where that once started from the other one."""
    config = tiny.config(init_checkpoint=str(run / "ckpt-2"))
    other = write_run(tmp_path / "other", tiny.config())
    config.save(other / "config.yaml")
    with pytest.raises(InputError, match="other holds a run, and init_.* another one"):
        evaluate(other, config)
