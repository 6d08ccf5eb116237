"""Training and evaluation in calls of their own: what is scored, and what is best."""

import json
import shutil

import pytest

from albert_lsh_tf.checkpoints.sources import find_weights
from albert_lsh_tf.tasks import devices
from albert_lsh_tf.tasks.best_checkpoint import read_best
from albert_lsh_tf.tasks.pretraining import throughput, training
from albert_lsh_tf.tasks.pretraining.training import pretrain
from tests.tasks.interruption import StopAt
from tests.tasks.pretraining.tiny_pretraining import (
    TinyPretraining,
    examples_of,
    scores_by_hand,
)
from tests.tasks.tiny_run import read_log

OTHERS = "evaluation is on other examples than before: "


@pytest.fixture(scope="module", autouse=True)
def small_peak():
    """How fast the machine can multiply takes seconds to measure, in every run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(throughput._WIDTH, "CPU", 67)
        yield


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return TinyPretraining(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def config(tiny):
    """Of a run of two stages, 13 tokens and 23, with a checkpoint at every step."""
    return tiny.config(
        albert_config_file=str(tiny.shallow_config_file),
        curriculum=["13:2"],
        num_train_steps=4,
        save_checkpoints_steps=1,
        keep_checkpoint_max=11,
    )


@pytest.fixture(scope="module")
def first_stage(tiny, config):
    """The folder of a run that was killed after the last checkpoint of a stage.

    Then that was evaluated, which gave the results.
    """
    output_dir = tiny.folder / "first_stage"
    with pytest.raises(KeyboardInterrupt), StopAt(3):
        pretrain(config, output_dir, do_eval=False)
    return output_dir, pretrain(config, output_dir, do_train=False)


@pytest.fixture(scope="module")
def finished(tiny, config, first_stage):
    """A copy that was trained up to the end; nothing of its last stage is scored."""
    output_dir = shutil.copytree(first_stage[0], tiny.folder / "finished")
    pretrain(config, output_dir, do_eval=False)
    return output_dir


@pytest.fixture(scope="module")
def evaluated(tiny, config, finished):
    """A copy that was evaluated, and the results of that."""
    output_dir = shutil.copytree(finished, tiny.folder / "evaluated")
    return output_dir, pretrain(config, output_dir, do_train=False)


@pytest.fixture
def run(evaluated, tmp_path):
    """A copy with a best checkpoint that no other can beat, if it is to be compared."""
    output_dir = shutil.copytree(evaluated[0], tmp_path / "run")
    record = json.loads((output_dir / "best" / "best.json").read_text())
    record["metrics"]["masked_lm_accuracy"] = 1.1
    (output_dir / "best" / "best.json").write_text(json.dumps(record))
    return output_dir


def scored_steps(output_dir):
    return [entry["step"] for entry in read_log(output_dir) if "eval" in entry]


def test_a_stage_that_was_cut_off_is_scored_at_its_own_length(first_stage, config):
    output_dir, results = first_stage
    assert scored_steps(output_dir) == [1, 2]
    assert results["best"]["step"] == read_best(output_dir / "best").step
    examples = examples_of(config.example_config(13), 1)
    expected = scores_by_hand(results["model"], examples)
    found = {name: results["best"][name] for name in expected}
    assert found == pytest.approx(expected, abs=1e-6)


def test_the_best_of_an_earlier_stage_does_not_outlive_it(finished):
    assert scored_steps(finished) == [1, 2]
    assert read_best(finished / "best") is None
    assert find_weights(finished).path == str(finished / "ckpt-4")


def test_what_was_trained_alone_is_scored_later(evaluated, config, capsys):
    output_dir, results = evaluated
    assert scored_steps(output_dir) == [1, 2, 3, 4]
    best = max(
        results["history"][2:],
        key=lambda entry: (entry["masked_lm_accuracy"], -entry["loss"]),
    )
    assert results["best"] == pytest.approx(best, abs=1e-6)
    assert find_weights(output_dir).path == read_best(output_dir / "best").prefix
    # Once is enough.
    again = pretrain(config, output_dir)
    assert "which has no scores yet" not in capsys.readouterr().out
    assert again["history"] == results["history"]


def test_weights_of_training_alone_replace_the_best_ones(run, config):
    results = pretrain(config.replace(num_train_steps=5), run, do_eval=False)
    assert read_best(run / "best") is None
    assert find_weights(run).path == str(run / "ckpt-5")
    assert results["best"] is None


def test_scores_on_other_examples_are_not_to_be_beaten(run, config, capsys):
    other = config.replace(num_train_steps=5, max_eval_steps=1)
    results = pretrain(other, run)
    told = capsys.readouterr().out
    assert f"{OTHERS}the best checkpoint so far (step " in told
    assert results["best"]["step"] == read_best(run / "best").step == 5
    # It is of these now.
    pretrain(other, run)
    assert OTHERS not in capsys.readouterr().out


def test_evaluation_alone_chooses_no_other_best(run, config, capsys):
    before = read_best(run / "best")
    # As if it had been killed before it could score the last one.
    lines = (run / "training_log.jsonl").read_text().splitlines(keepends=True)
    (run / "training_log.jsonl").write_text("".join(lines[:-1]))
    other = config.replace(max_eval_steps=1)
    results = pretrain(other, run, do_train=False)
    assert f"{OTHERS}only the best checkpoint so far (" in capsys.readouterr().out
    assert read_best(run / "best") == before
    assert results["best"]["step"] == before.step
    examples = examples_of(config.example_config(23), 1)
    first = {name: values[:8] for name, values in examples.items()}
    expected = scores_by_hand(results["model"], first)
    assert results["best"]["loss"] == pytest.approx(expected["loss"], abs=1e-6)


def test_workers_wait_for_each_other_between_stages(config, tmp_path, monkeypatch):
    """Before the next stage looks for the checkpoint that it begins with."""
    happened = []

    class Stage:
        trains = True

        def __init__(self, config, stage, *_):
            self._name = f"{stage.max_seq_length} tokens"
            happened.append(f"begin {self._name}")

        def train(self):
            happened.append(f"train {self._name}")

        def close(self):
            pass

    monkeypatch.setattr(training, "StageRun", Stage)
    monkeypatch.setattr(training, "_finish", lambda *_: {})
    monkeypatch.setattr(devices, "wait_for_all", lambda _: happened.append("wait"))
    pretrain(config, tmp_path / "run")
    assert happened == [
        *("begin 13 tokens", "train 13 tokens", "wait"),
        *("begin 23 tokens", "train 23 tokens"),
    ]
