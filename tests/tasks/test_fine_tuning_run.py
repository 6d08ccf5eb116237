"""What a run left unscored is scored later, and its own best checkpoint is used."""

import json

import pytest

from albert_lsh_tf.errors import InputError
from albert_lsh_tf.tasks import scoring, training_run
from albert_lsh_tf.tasks.best_checkpoint import read_best
from albert_lsh_tf.tasks.run_folder import RunFolder, step_of
from albert_lsh_tf.tasks.squad.settings import SquadConfig
from albert_lsh_tf.tasks.squad.training import train_and_answer
from albert_lsh_tf.tasks.training import train_and_evaluate
from albert_lsh_tf.tasks.training_run import TrainingRun
from tests.tasks.squad.tiny_squad import TinySquad, write_run
from tests.tasks.tiny_run import TinyRun, read_log

SCORES = {2: 0.5, 4: 0.75}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return TinyRun(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def restored(monkeypatch):
    """The checkpoints that were restored, which hold nothing; the last is scored."""
    restored = []

    def restore(_, prefix):
        restored.append(prefix)

    def scores(run):
        value = SCORES[step_of(restored[-1])]
        return {"eval_accuracy": value, "f1": value, "loss": 0.5}

    monkeypatch.setattr(scoring, "restore", restore)
    monkeypatch.setattr(training_run, "restore", restore)
    monkeypatch.setattr(TrainingRun, "evaluate", scores)
    return restored


def killed(folder, config):
    """The folder of a run that was killed while it evaluated its last checkpoint."""
    scores = {"eval_accuracy": SCORES[2], "f1": SCORES[2], "loss": 0.5}
    write_run(folder, config, step=2, best=scores)
    (folder / "ckpt-4.index").touch()
    lines = ['model_checkpoint_path: "ckpt-4"']
    lines += [f'all_model_checkpoint_paths: "ckpt-{step}"' for step in SCORES]
    (folder / "checkpoint").write_text("\n".join(lines))
    entry = {"step": 2, "eval": scores}
    (folder / "training_log.jsonl").write_text(json.dumps(entry) + "\n")
    return folder


@pytest.fixture
def run(tiny, tmp_path, restored):
    return killed(tmp_path / "run", tiny.config())


def scored_steps(folder):
    return [entry["step"] for entry in read_log(folder) if "eval" in entry]


@pytest.mark.parametrize("do_train", [True, False])
def test_the_last_checkpoint_is_scored_later(tiny, run, restored, do_train):
    results = train_and_evaluate(
        tiny.config(), run, do_train=do_train, do_predict=False
    )
    assert scored_steps(run) == [2, 4]
    assert read_best(run / "best").step == results["best"]["step"] == 4
    assert results["best"]["eval_accuracy"] == SCORES[4]
    assert [entry["step"] for entry in results["history"]] == [2, 4]
    assert restored == [str(run / "ckpt-4"), str(run / "best" / "best-4")]


def test_without_evaluation_the_best_stays(tiny, run, restored):
    train_and_evaluate(tiny.config(), run, do_eval=False)
    assert scored_steps(run) == [2]
    assert restored == [str(run / "best" / "best-2")]


@pytest.mark.parametrize("output", ["run", "elsewhere"])
@pytest.mark.parametrize("named", ["run/ckpt-4", "run/best/best-2", "run"])
def test_a_named_checkpoint_is_all_that_is_scored(
    tiny, run, restored, tmp_path, monkeypatch, output, named
):
    if output == named:
        pytest.skip("That is the run's own best one.")
    monkeypatch.chdir(tmp_path)
    config = tiny.config(init_checkpoint=named)
    train_and_evaluate(config, output, do_train=False, do_predict=False)
    used = "run/best/best-2" if named == "run" else named
    assert restored == [used]
    assert scored_steps(run) == [2]
    assert read_best(run / "best").step == 2


def test_beside_a_training_only_its_best_is_scored(tiny, run, restored, capsys):
    training = RunFolder(run)
    assert training.claim()
    half_written = run / "best" / ".best.json.1.tmp"
    half_written.touch()
    train_and_evaluate(tiny.config(), run, do_train=False)
    assert restored == [str(run / "best" / "best-2")]
    assert scored_steps(run) == [2] and half_written.exists()
    assert "checkpoints without scores are left to it" in capsys.readouterr().out
    before = (run / "config.yaml").read_bytes()
    with pytest.raises(InputError, match="run: another process trains there. Wait"):
        train_and_evaluate(tiny.config(train_step=6), run)
    assert (run / "config.yaml").read_bytes() == before


def test_a_finished_training_on_squad_scores_it_too(tmp_path, restored, monkeypatch):
    tiny = TinySquad(tmp_path)
    monkeypatch.setattr(SquadConfig, "num_steps", lambda *_: (4, 1))
    run = killed(tmp_path / "run", tiny.config())
    results = train_and_answer(tiny.config(), run, do_predict=False)
    assert scored_steps(run) == [2, 4]
    assert results["best"]["step"] == read_best(run / "best").step == 4
    assert results["best"]["f1"] == SCORES[4]
