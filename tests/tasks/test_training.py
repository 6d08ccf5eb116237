"""`train_and_evaluate`: what it writes, how it goes on, and that devices agree."""

import json
import os
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pytest
import sklearn.metrics
import tensorflow as tf
import yaml

from albert_lsh_tf.checkpoints.loading import load_encoder
from albert_lsh_tf.config import ClassifierConfig, LSHConfig
from albert_lsh_tf.data.glue import read_examples
from albert_lsh_tf.data.glue_tasks import find_task
from albert_lsh_tf.data.sample import write_sample
from albert_lsh_tf.errors import InputError
from albert_lsh_tf.tasks import classification, training
from albert_lsh_tf.tasks import results as results_files
from albert_lsh_tf.tasks.best_checkpoint import read_best
from albert_lsh_tf.tasks.training import train_and_evaluate
from tests.fixtures.wordpiece import wordpiece_lines, write_wordpiece
from tests.tasks.interruption import StopAt
from tests.tasks.squad.tiny_squad import write_run
from tests.tasks.tiny_run import (
    NUM_ROWS,
    TinyRun,
    losses,
    read_log,
    watch_grouping,
    write_tiny_weights,
)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return TinyRun(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def trained(tiny):
    """The folder of a finished run, not to be changed, and its results."""
    output_dir = tiny.folder / "trained"
    return output_dir, train_and_evaluate(tiny.config(), output_dir)


def snapshot(folder):
    """Contents of all checkpoint files."""
    return {
        path: path.read_bytes()
        for pattern in ("ckpt-*", "best/*")
        for path in folder.glob(pattern)
    }


@pytest.mark.parametrize("is_on", [False, True])
def test_batches_are_of_like_length_if_asked_for(tiny, tmp_path, monkeypatch, is_on):
    asked = watch_grouping(classification, monkeypatch)
    train_and_evaluate(tiny.config(group_by_length=is_on, train_step=1), tmp_path)
    assert asked == [is_on]


def test_results_files_agree(trained):
    output_dir, results = trained
    metrics = json.loads((output_dir / "metrics.json").read_text())
    assert metrics["best"] == results["best"]
    assert [entry["step"] for entry in metrics["history"]] == [2, 4]
    assert metrics["last"] == metrics["history"][-1]
    assert metrics["seconds_per_step"] > 0
    assert metrics["peak_memory_mib"]["host"] > 100
    lines = (output_dir / "eval_results.txt").read_text().splitlines()
    scores = dict(line.split(" = ") for line in lines)
    assert list(scores) == ["eval_accuracy", "f1", "global_step", "loss"]
    assert float(scores["eval_accuracy"]) == metrics["best"]["eval_accuracy"]
    assert int(scores["global_step"]) == metrics["best"]["step"]


def test_best_checkpoint_has_the_best_metric(trained):
    output_dir, results = trained
    best = max(
        results["history"], key=lambda entry: (entry["eval_accuracy"], -entry["loss"])
    )
    record = read_best(output_dir / "best")
    assert record.step == best["step"] == results["best"]["step"]
    # The final evaluation restores it, and finds the same scores again.
    for name, value in record.metrics.items():
        assert results["best"][name] == pytest.approx(value, abs=1e-6)


def test_predictions_are_those_of_the_model(trained, tiny):
    output_dir, _ = trained
    rows = (output_dir / "test_results.tsv").read_text().splitlines()
    probabilities = np.array([row.split("\t") for row in rows], float)
    assert probabilities.shape == (NUM_ROWS["test"], 2)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, atol=1e-6)
    lines = (output_dir / "MRPC.tsv").read_text().splitlines()
    assert lines[0] == "index\tprediction"
    ids, labels = zip(*(line.split("\t") for line in lines[1:]), strict=True)
    examples = read_examples(find_task("mrpc"), tiny.data, "test")
    assert list(ids) == [example.guid for example in examples]
    assert list(map(int, labels)) == list(probabilities.argmax(axis=1))
    # Nobody knows the labels of the test set.
    assert not (output_dir / "predict_results.txt").exists()


def test_loss_curve_and_summaries_are_written(trained):
    output_dir, _ = trained
    assert (output_dir / "train_loss.png").read_bytes().startswith(b"\x89PNG")
    assert list((output_dir / "train").glob("events.*"))
    assert list((output_dir / "validation").glob("events.*"))
    assert sorted(losses(output_dir)) == [1, 2, 3, 4]


def test_folder_is_complete(trained):
    output_dir, _ = trained
    config = ClassifierConfig.from_file(output_dir / "config.yaml")
    assert config.train_step == 4
    encoder = load_encoder(output_dir)
    assert encoder.get_config()["hidden_size"] == 16


def test_finished_run_is_evaluated_but_not_trained(trained, tiny, capsys):
    output_dir, results = trained
    before = snapshot(output_dir)
    again = train_and_evaluate(tiny.config(), output_dir, do_predict=False)
    assert "trained up to step 4 already" in capsys.readouterr().out
    assert snapshot(output_dir) == before
    for name, value in results["best"].items():
        assert again["best"][name] == pytest.approx(value, abs=1e-6)


def test_predict_alone_uses_any_checkpoint(trained, tiny, tmp_path):
    output_dir, _ = trained
    phases = {"do_train": False, "do_eval": False}
    for source in (output_dir, output_dir / "ckpt-2"):
        config = tiny.config(init_checkpoint=str(source))
        folder = tmp_path / source.name
        train_and_evaluate(config, folder, **phases)
        rows = (folder / "test_results.tsv").read_text().splitlines()
        assert len(rows) == NUM_ROWS["test"]
        model = (output_dir / "test_results.tsv").read_text().splitlines()
        best = read_best(output_dir / "best").step
        assert (rows == model) == (source == output_dir or best == 2)


def test_evaluation_does_not_depend_on_batch_size(trained, tiny):
    output_dir, results = trained
    config = tiny.config(eval_batch_size=5, distribution_strategy="mirrored")
    config = config.replace(num_logical_cpus=2)
    again = train_and_evaluate(config, output_dir, do_train=False, do_predict=False)
    for name, value in results["best"].items():
        assert again["best"][name] == pytest.approx(value, abs=1e-6)


def test_metrics_are_those_of_the_predictions(trained, tiny, tmp_path):
    """Scores the dev set through the prediction path, with sklearn by hand."""
    output_dir, results = trained
    data = tmp_path / "MRPC"
    data.mkdir()
    header, *rows = (tiny.data / "MRPC" / "dev.tsv").read_text().splitlines()
    lines = ["index" + header.removeprefix("\ufeff").removeprefix("Quality")]
    labels = []
    for index, row in enumerate(rows):
        label, rest = row.removeprefix("\ufeff").split("\t", 1)
        labels.append(int(label))
        lines.append(f"{index}\t{rest}")
    (data / "test.tsv").write_text("\n".join(lines) + "\n")
    config = tiny.config(data_dir=str(tmp_path), init_checkpoint=str(output_dir))
    train_and_evaluate(config, tmp_path / "run", do_train=False, do_eval=False)
    answers = (tmp_path / "run" / "MRPC.tsv").read_text().splitlines()[1:]
    predictions = [int(answer.split("\t")[1]) for answer in answers]
    accuracy = sklearn.metrics.accuracy_score(labels, predictions)
    assert results["best"]["eval_accuracy"] == pytest.approx(accuracy)


def test_training_goes_on_where_it_stopped(tiny, tmp_path):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    config = tiny.config(learning_rate=1e-2, warmup_step=0, keep_checkpoint_max=1)
    train_and_evaluate(config, whole, do_eval=False, do_predict=False)
    # Stopped by an error after the first checkpoint, and left in the middle of a write.
    stopped = StopAt(3)
    with pytest.raises(KeyboardInterrupt), stopped:
        train_and_evaluate(config, parts, do_predict=False)
    assert len(read_log(parts)) == 3 + 1  # Three steps and one evaluation.
    (parts / "ckpt-4_temp").mkdir()
    with open(parts / "training_log.jsonl", "a") as file:
        file.write('{"step": 4, "lo')
    train_and_evaluate(config, parts, do_predict=False)
    assert losses(parts) == pytest.approx(losses(whole), abs=1e-5)
    assert sorted(path.name for path in parts.glob("ckpt-*")) == [
        "ckpt-4.data-00000-of-00001",
        "ckpt-4.index",
    ]


def test_checkpoint_without_scores_is_evaluated_first(tiny, tmp_path, capsys):
    config = tiny.config()
    train_and_evaluate(config, tmp_path, do_eval=False, do_predict=False)
    assert not (tmp_path / "best").exists()
    more = config.replace(train_step=5)
    results = train_and_evaluate(more, tmp_path, do_predict=False)
    out = capsys.readouterr().out
    assert "note: not as in the run so far: train_step=4 -> 5" in out
    assert [entry["step"] for entry in results["history"]] == [2, 4, 5]


@pytest.mark.slow
def test_killed_run_goes_on(tiny, tmp_path):
    """kill -9 at several moments, then the same command to the end."""
    output_dir = tmp_path / "run"
    program = "import sys; from albert_lsh_tf.cli import classifier; classifier.main()"
    command = [sys.executable, "-c", program]
    command += tiny.flags(
        output_dir, "--train_step=6", "--save_checkpoints_steps=1", "--nodo_predict"
    )
    command += ["--do_train", "--do_eval", "--attention=dense"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    while not (output_dir / "ckpt-2.index").exists():
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    reached = len(losses(output_dir))
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert f"checkpoint {output_dir}/ckpt-" in done.stdout
    assert sorted(losses(output_dir)) == [1, 2, 3, 4, 5, 6]
    steps = [entry["step"] for entry in read_log(output_dir) if "eval" in entry]
    assert steps == [1, 2, 3, 4, 5, 6]
    assert reached < 6


@pytest.mark.parametrize(
    "changes",
    [
        {"distribution_strategy": "off"},
        {"distribution_strategy": "mirrored", "num_logical_cpus": 2},
        {"distribution_strategy": "mirrored", "enable_xla": True},
    ],
    ids=["off", "two_devices", "xla"],
)
def test_devices_agree(trained, tiny, tmp_path, changes):
    output_dir, _ = trained
    config = tiny.config(**changes)
    train_and_evaluate(config, tmp_path, do_eval=False, do_predict=False)
    assert losses(tmp_path) == pytest.approx(losses(output_dir), abs=2e-5)


@pytest.mark.parametrize("precision", ["float16", "bfloat16"])
def test_half_precision_is_near_float32(trained, tiny, tmp_path, precision):
    output_dir, _ = trained
    config = tiny.config(mixed_precision=precision)
    train_and_evaluate(config, tmp_path, do_eval=False, do_predict=False)
    assert losses(tmp_path) == pytest.approx(losses(output_dir), abs=0.05)


@pytest.mark.slow
def test_two_workers_agree_with_one_device(trained, tiny, tmp_path):
    ports = []
    sockets = [socket.socket() for _ in range(2)]
    for each in sockets:
        each.bind(("localhost", 0))
        ports.append(each.getsockname()[1])
    for each in sockets:
        each.close()
    hosts = ",".join(f"localhost:{port}" for port in ports)
    program = "from albert_lsh_tf.cli import classifier; classifier.main()"
    workers = [
        subprocess.Popen(
            [
                *(sys.executable, "-c", program),
                *tiny.flags(tmp_path / "run", "--do_train", "--do_eval"),
                "--distribution_strategy=multi_worker_mirrored",
                f"--worker_hosts={hosts}",
                f"--task_index={index}",
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, "TF_CONFIG": ""},
            text=True,
        )
        for index in range(2)
    ]
    outputs = [worker.communicate(timeout=180)[0] for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0], outputs
    output_dir, results = trained
    assert losses(tmp_path / "run") == pytest.approx(losses(output_dir), abs=2e-5)
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert metrics["best"]["loss"] == pytest.approx(results["best"]["loss"], abs=2e-5)
    # Only the first of them reports.
    assert "best checkpoint" in outputs[0]
    assert "best checkpoint" not in outputs[1]


def test_epochs_replace_steps_and_warm_up_keeps_its_share(tiny, tmp_path):
    config = tiny.config(num_train_epochs=0.6, train_step=800, warmup_step=200)
    train_and_evaluate(config, tmp_path, do_eval=False, do_predict=False)
    saved = yaml.safe_load((tmp_path / "config.yaml").read_text())
    # 0.6 of 40 examples in batches of 8.
    assert (saved["train_step"], saved["warmup_step"]) == (3, 1)


def test_a_warm_up_beyond_the_default_steps_is_one_of_steps():
    config = ClassifierConfig(num_train_epochs=10.0, warmup_step=2000)
    assert config.warmup_step > config.train_step
    resolved = training._with_steps(config, 32 * 300)
    assert (resolved.train_step, resolved.warmup_step) == (3000, 2000)
    with pytest.raises(InputError, match="more than the 1900 steps of num_train_epo"):
        training._with_steps(config, 32 * 190)
    with pytest.raises(InputError, match="warmup_step=2000 is more than train_step="):
        config.replace(num_train_epochs=None)


@pytest.mark.parametrize("do_train", [True, False])
@pytest.mark.parametrize("do_eval", [True, False])
def test_every_split_is_read_once(do_train, do_eval):
    required, optional = training._splits(find_task("MNLI"), do_train, do_eval, True)
    expected = {"test", "test_mismatched", "diagnostic"}
    expected |= {"train"} if do_train else set()
    expected |= {"dev", "dev_mismatched"} if do_eval else set()
    assert sorted(required + optional) == sorted(expected)
    assert ("test" in required) == (not (do_train or do_eval))


def test_a_classifier_of_another_task_is_refused(tiny, tmp_path):
    run = write_run(tmp_path / "run", tiny.config())
    config = tiny.config(init_checkpoint=str(run), task_name="RTE")
    with pytest.raises(InputError, match="holds a classifier for MRPC .* not for RTE"):
        train_and_evaluate(config, tmp_path / "elsewhere", do_train=False)


def test_lsh_differs_from_dense_and_rounds_can_be_raised(trained, tiny, tmp_path):
    output_dir, results = trained
    kwargs = {"do_train": False, "do_predict": False}
    config = tiny.config(init_checkpoint=str(output_dir)).replace(
        lsh=LSHConfig(chunk_length=8, num_hashes_at_evaluation=4).to_dict()
    )
    more_rounds = train_and_evaluate(config, tmp_path, **kwargs)["best"]["loss"]
    dense = config.replace(attention="dense")
    exact = train_and_evaluate(dense, tmp_path, **kwargs)["best"]["loss"]
    assert len({results["best"]["loss"], more_rounds, exact}) == 3
    # The run's own scores are not to be those of another attention.
    with pytest.raises(InputError, match="attention=lsh -> dense"):
        train_and_evaluate(dense, output_dir, **kwargs)


def test_divergence_is_told(tiny, tmp_path):
    config = tiny.config(learning_rate=1e30, warmup_step=0, train_step=20)
    with pytest.raises(InputError, match="training has diverged.*lower learning_rate"):
        train_and_evaluate(config, tmp_path, do_eval=False, do_predict=False)


def test_an_evaluation_without_numbers_is_told_and_never_the_best(
    tiny, tmp_path, monkeypatch, caplog
):
    """The first of two evaluations diverges, then both do."""
    metrics_of_groups = classification.metrics_of_groups
    diverged = [True, False]

    def metrics(*args):
        scores = metrics_of_groups(*args)
        now = diverged.pop(0) if diverged else False
        return {**scores, "eval_accuracy": 1.0, "loss": np.nan} if now else scores

    monkeypatch.setattr(classification, "metrics_of_groups", metrics)
    results = train_and_evaluate(tiny.config(), tmp_path / "one", do_predict=False)
    assert "The evaluation at step 2 gave loss nan: this checkpoint c" in caplog.text
    assert results["best"]["step"] == 4
    assert results["history"][0]["loss"] is None
    diverged.extend([True] * 3)
    with pytest.raises(InputError, match="step 4 gave loss nan: no checkpoint can be"):
        train_and_evaluate(tiny.config(), tmp_path / "two")
    assert not (tmp_path / "two" / "best").exists()
    assert not (tmp_path / "two" / "eval_results.txt").exists()


def test_a_chinese_model_brings_its_words(tiny, tmp_path):
    num_words = len(wordpiece_lines())
    weights = write_tiny_weights(tmp_path / "weights", vocab_size=num_words)
    (weights / "spiece.model").unlink()
    config = tiny.config(init_checkpoint=str(weights), train_step=2, warmup_step=0)
    with pytest.raises(InputError, match="no vocabulary beside.*vocab.txt with vocab"):
        train_and_evaluate(config, tmp_path / "run")
    named = write_wordpiece(tmp_path / "vocab_chinese.txt")
    results = train_and_evaluate(
        config.replace(vocab_file=str(named)), tmp_path / "run"
    )
    assert (tmp_path / "run" / "vocab.txt").read_bytes() == named.read_bytes()
    assert not (tmp_path / "run" / "spiece.model").exists()
    # The folder is complete: it needs nothing of what it came from.
    named.unlink()
    config = config.replace(vocab_file=None)
    again = train_and_evaluate(config, tmp_path / "run", do_train=False)
    assert again["best"] == results["best"]
    other = tmp_path / "other.txt"
    other.write_text("\n".join(reversed(wordpiece_lines())), "utf-8")
    with pytest.raises(InputError, match="vocab_file=.* not the vocabulary that .*run"):
        train_and_evaluate(config.replace(vocab_file=str(other)), tmp_path / "run")


def test_other_runs_folders_are_refused(trained, tiny, tmp_path):
    output_dir, _ = trained
    before = snapshot(output_dir)
    with pytest.raises(InputError, match="holds a run of MRPC, not of RTE"):
        train_and_evaluate(tiny.config(task_name="rte"), output_dir)
    config = tiny.config(init_checkpoint="other", seed=7)
    with pytest.raises(
        InputError, match=r"init_checkpoint=\S* -> other, seed=12345 ->"
    ):
        train_and_evaluate(config, output_dir)
    with pytest.raises(InputError, match="trained up to step 4, beyond train_step=2"):
        train_and_evaluate(tiny.config(train_step=2), output_dir)
    assert snapshot(output_dir) == before


def test_weights_that_became_others_are_refused(tiny, tmp_path):
    weights = write_tiny_weights(tmp_path / "weights")
    config = tiny.config(init_checkpoint=str(weights), train_step=1)
    phases = {"do_eval": False, "do_predict": False}
    train_and_evaluate(config, tmp_path / "run", **phases)
    write_tiny_weights(weights, hidden_size=32)
    with pytest.raises(InputError, match="another architecture .hidden_size 16 there"):
        train_and_evaluate(config, tmp_path / "run", **phases)


def test_data_of_the_environment_are_part_of_the_run(tiny, tmp_path, monkeypatch):
    config = tiny.config(data_dir=None, train_step=1)
    phases = {"do_eval": False, "do_predict": False}
    monkeypatch.setenv("GLUE_DIR", str(tiny.data))
    train_and_evaluate(config, tmp_path / "run", **phases)
    train_and_evaluate(config, tmp_path / "run", **phases)
    other = write_sample(tmp_path / "other", num_rows=NUM_ROWS)
    monkeypatch.setenv("GLUE_DIR", str(other))
    with pytest.raises(InputError, match=f"data_dir={tiny.data} -> {other}"):
        train_and_evaluate(config, tmp_path / "run", **phases)


def test_sequence_longer_than_the_positions_is_refused(tiny, tmp_path):
    with pytest.raises(InputError, match="max_seq_length=65 is longer than.* 64 pos"):
        train_and_evaluate(tiny.config(max_seq_length=65), tmp_path)
    assert not list(tmp_path.iterdir())


def test_batch_must_divide_over_devices(tiny, tmp_path):
    config = tiny.config(
        train_batch_size=7, distribution_strategy="mirrored", num_logical_cpus=2
    )
    with pytest.raises(InputError, match="train_batch_size=7 .* try 8"):
        train_and_evaluate(config, tmp_path)


def test_predicting_needs_a_trained_classifier(tiny, tmp_path):
    with pytest.raises(InputError, match="holds no trained model; add --do_train"):
        train_and_evaluate(tiny.config(), tmp_path, do_train=False)


def test_strategy_can_be_given(tiny, tmp_path):
    strategy = tf.distribute.OneDeviceStrategy("CPU:1")
    results = train_and_evaluate(
        tiny.config(train_step=2), tmp_path, do_predict=False, strategy=strategy
    )
    assert results["best"]["step"] == 2


def test_a_damaged_checkpoint_is_named_and_the_one_before_it_serves(tiny, tmp_path):
    train_and_evaluate(tiny.config(), tmp_path)
    longer = tiny.config(train_step=6)
    data = tmp_path / "ckpt-4.data-00000-of-00001"
    data.write_bytes(data.read_bytes()[:1000])
    with pytest.raises(InputError, match="ckpt-4: the checkpoint is damaged"):
        train_and_evaluate(longer, tmp_path)
    for file in tmp_path.glob("ckpt-4.*"):
        file.unlink()
    train_and_evaluate(longer, tmp_path)
    assert sorted(losses(tmp_path)) == [1, 2, 3, 4, 5, 6]


def test_a_finished_run_keeps_what_it_wrote(trained, tiny, monkeypatch, caplog):
    """Another machine rounds differently, and other batches need other memory."""
    output_dir, results = trained
    names = ("config.yaml", "metrics.json", "eval_results.txt", "test_results.tsv")
    names += ("MRPC.tsv",)
    before = {name: (output_dir / name).read_bytes() for name in names}
    metrics_of_groups = classification.metrics_of_groups
    shift = 1e-5

    def shifted(*args):
        scores = metrics_of_groups(*args)
        return {name: value + shift for name, value in scores.items()}

    monkeypatch.setattr(classification, "metrics_of_groups", shifted)
    write_predictions = results_files.write_predictions

    def write_shifted(folder, task, split, examples, logits, keep):
        logits = logits + [0, 1e-5]
        return write_predictions(folder, task, split, examples, logits, keep)

    monkeypatch.setattr(results_files, "write_predictions", write_shifted)
    again = train_and_evaluate(tiny.config(eval_batch_size=5), output_dir)
    assert again["best"] == results["best"]
    assert again["peak_memory_mib"] == results["peak_memory_mib"]
    train_and_evaluate(tiny.config(), output_dir, do_train=False)
    assert {name: (output_dir / name).read_bytes() for name in names} == before
    assert "recorded" not in caplog.text
    shift = 0.5
    train_and_evaluate(tiny.config(), output_dir, do_train=False)
    assert "The recorded scores stay" in caplog.text
    assert {name: (output_dir / name).read_bytes() for name in names} == before


def test_predictions_follow_a_run_that_went_on(tiny, tmp_path):
    train_and_evaluate(tiny.config(learning_rate=1e-2), tmp_path)
    before = (tmp_path / "test_results.tsv").read_text()
    longer = tiny.config(learning_rate=1e-2, train_step=8)
    train_and_evaluate(longer, tmp_path, do_eval=False, do_predict=False)
    (tmp_path / "best" / "best.json").unlink()  # So that the last one is taken.
    train_and_evaluate(longer, tmp_path, do_eval=False)
    assert (tmp_path / "test_results.tsv").read_text() != before
