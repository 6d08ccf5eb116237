"""`pretrain`: what it learns and writes, how it goes on, and that devices agree."""

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from albert_lsh_tf.checkpoints.loading import load_encoder, load_pretrainer
from albert_lsh_tf.checkpoints.name_map import POSITIONS
from albert_lsh_tf.cli import main as albert_lsh
from albert_lsh_tf.cli import pretraining_data
from albert_lsh_tf.config import ClassifierConfig
from albert_lsh_tf.data.tokenization import AlbertTokenizer
from albert_lsh_tf.errors import InputError
from albert_lsh_tf.tasks.best_checkpoint import read_best
from albert_lsh_tf.tasks.pretraining import throughput
from albert_lsh_tf.tasks.pretraining.settings import PretrainingConfig
from albert_lsh_tf.tasks.pretraining.training import pretrain
from albert_lsh_tf.tasks.training import train_and_evaluate
from tests.data.pretraining.corpora import SPM_MODEL_FILE, random_corpus, write_text
from tests.shared_data import REPOSITORY
from tests.tasks.interruption import StopAt
from tests.tasks.pretraining.tiny_pretraining import (
    ALBERT,
    LSH,
    TinyPretraining,
    check_weights,
    easy_corpus,
    examples_of,
    scores_by_hand,
    weights_of,
    write_albert_config,
    write_examples,
    write_tokens,
)
from tests.tasks.tiny_run import read_log

NAMES = ["masked_lm_accuracy", "masked_lm_loss"]
NAMES += ["sentence_order_accuracy", "sentence_order_loss", "loss"]
SUMMARY = {"best", "last", "history", "train_loss", "seconds_per_step"}
SUMMARY |= {"tokens_per_second", "share_of_peak", "peak_memory_mib"}
# In the log, what differs from machine to machine.
TIMING = {"seconds_per_step", "compiled", "tokens_per_second", "share_of_peak"}
TIMING |= {"peak_memory_mib"}
TWO_DEVICES = {"distribution_strategy": "mirrored", "num_logical_cpus": 2}


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
def trained(tiny):
    """The folder of a finished run, not to be changed, its config and results."""
    config = tiny.config(num_train_steps=4)
    output_dir = tiny.folder / "trained"
    return output_dir, config, pretrain(config, output_dir)


@pytest.fixture(scope="module")
def model(trained):
    """A model of the same sizes, for any of that run's checkpoints."""
    return load_pretrainer(trained[0], "dense")


@pytest.fixture(scope="module")
def in_stages(tiny):
    """A run of two stages with a checkpoint at every step, and its config.

    The first stage ends within an epoch, the second one runs over the end of one.
    """
    config = tiny.config(
        albert_config_file=str(tiny.shallow_config_file),
        curriculum=["13:3:6"],
        train_batch_size=9,
        num_train_steps=7,
        save_checkpoints_steps=1,
        keep_checkpoint_max=11,
    )
    output_dir = tiny.folder / "in_stages"
    pretrain(config, output_dir)
    return output_dir, config


@pytest.fixture(scope="module")
def model_in_stages(in_stages):
    return load_pretrainer(in_stages[0], "dense")


def read_into(model, prefix):
    tf.train.Checkpoint(model=model).read(str(prefix)).expect_partial()


def files_of(folder):
    """What must not change when a run is refused."""
    return {
        path: path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "events" not in path.name
    }


def losses(output_dir):
    return {e["step"]: e["loss"] for e in read_log(output_dir) if "loss" in e}


def untimed(output_dir):
    return [
        {name: value for name, value in entry.items() if name not in TIMING}
        for entry in read_log(output_dir)
    ]


# Files.


def test_results_files_agree(trained):
    output_dir, _, results = trained
    metrics = json.loads((output_dir / "metrics.json").read_text())
    assert {*metrics} == SUMMARY and {*results} == SUMMARY | {"model", "is_chief"}
    assert {name: results[name] for name in SUMMARY} == metrics
    assert results["is_chief"] is True
    assert [entry["step"] for entry in metrics["history"]] == [2, 4]
    assert metrics["last"] == metrics["history"][-1]
    assert metrics["train_loss"] == losses(output_dir)[4]
    assert metrics["seconds_per_step"] > 0 and metrics["tokens_per_second"] > 0
    assert 0 < metrics["share_of_peak"] < 1
    assert metrics["peak_memory_mib"]["host"] > 100
    lines = (output_dir / "eval_results.txt").read_text().splitlines()
    scores = dict(line.split(" = ") for line in lines)
    assert list(scores) == [*NAMES[:-1], "global_step", "loss"]
    assert int(scores.pop("global_step")) == metrics["best"].pop("step")
    assert {name: float(value) for name, value in scores.items()} == metrics["best"]


def test_the_log_has_every_step_and_evaluation(trained):
    log = read_log(trained[0])
    assert [entry["step"] for entry in log] == [1, 2, 2, 3, 4, 4]
    for entry in log:
        if "eval" in entry:
            assert list(entry["eval"]) == NAMES
        else:
            assert {*entry} == {"step", "learning_rate", *NAMES, *TIMING}
            parts = entry["masked_lm_loss"] + entry["sentence_order_loss"]
            assert entry["loss"] == pytest.approx(parts, abs=1e-5)
    rates = [entry["learning_rate"] for entry in log if "loss" in entry]
    assert rates == pytest.approx([0.01, 0.0075, 0.005, 0.0025], abs=1e-8)


def test_the_best_checkpoint_has_most_masked_words_right(trained):
    output_dir, _, results = trained
    best = max(
        results["history"],
        key=lambda entry: (entry["masked_lm_accuracy"], -entry["loss"]),
    )
    record = read_best(output_dir / "best")
    assert record.step == best["step"] == results["best"]["step"]
    # The last evaluation restores it, and finds the same scores again.
    assert results["best"] == pytest.approx(best, abs=1e-6)


def test_curves_summaries_and_description_are_written(trained):
    output_dir, config, _ = trained
    assert (output_dir / "learning_curves.png").read_bytes().startswith(b"\x89PNG")
    assert list((output_dir / "train").glob("events.*"))
    assert list((output_dir / "validation").glob("events.*"))
    assert PretrainingConfig.from_file(output_dir / "config.yaml") == config
    albert_config = json.loads((output_dir / "albert_config.json").read_text())
    assert ALBERT.items() <= albert_config.items()


# Scores.


def test_scores_are_those_of_all_examples_by_hand(trained):
    _, config, results = trained
    examples = examples_of(config.example_config(23), num_epochs=1)
    # The last batch is filled up, and masks are not shared out evenly.
    assert len(examples["input_ids"]) % config.eval_batch_size
    assert len(set(examples["masked_lm_weights"].sum(axis=1))) > 1
    expected = scores_by_hand(results["model"], examples)
    scores = {name: results["best"][name] for name in NAMES}
    assert scores == pytest.approx(expected, abs=1e-6)


def test_scores_depend_on_neither_batches_nor_devices(trained, capsys):
    output_dir, config, results = trained
    before = files_of(output_dir)
    other = config.replace(eval_batch_size=7, **TWO_DEVICES)
    again = pretrain(other, output_dir, do_train=False)
    assert again["best"] == pytest.approx(results["best"], abs=1e-6)
    assert again["history"] == results["history"]
    # Nothing was trained, and the run is still described as it was trained.
    after = files_of(output_dir)
    changed = {path.name for path in after if after[path] != before.get(path)}
    assert changed <= {"metrics.json", "eval_results.txt", "learning_curves.png"}
    assert f"weights: checkpoint {output_dir}/ckpt-4" in capsys.readouterr().out


def test_other_examples_are_scored_alone(trained, tmp_path, capsys):
    """Those of a file, and only as many as were asked for."""
    output_dir, config, results = trained
    copy = shutil.copytree(output_dir, tmp_path / "run")
    example_config = config.example_config(23).replace(random_seed=7)
    other = random_corpus(seed=2, num_documents=17)
    file = write_examples(tmp_path / "examples", example_config, other)
    config = config.replace(
        eval_input_file=[str(file)], max_eval_steps=3, eval_batch_size=5
    )
    scores = pretrain(config, copy)["best"]
    told = capsys.readouterr().out
    assert "evaluation: 1 files of examples of 23 tokens" in told
    # Since it was to train, too.
    assert f"{copy} is trained up to step 4 already." in told
    examples = examples_of(example_config, 1, other)
    first = {name: values[:15] for name, values in examples.items()}
    expected = scores_by_hand(results["model"], first)
    assert {name: scores[name] for name in NAMES} == pytest.approx(expected, abs=1e-6)


def test_what_neither_trains_nor_evaluates_keeps_the_scores(trained, tmp_path):
    """And the same examples may lie elsewhere."""
    output_dir, config, _ = trained
    copy = shutil.copytree(output_dir, tmp_path / "run")
    config = config.replace(input_file=[str(write_tokens(tmp_path / "moved"))])
    results = pretrain(config, copy, do_train=False, do_eval=False)
    assert results["best"] is None
    for name in ("metrics.json", "eval_results.txt"):
        assert (copy / name).read_bytes() == (output_dir / name).read_bytes()


# Training.


def test_every_step_reads_on_where_the_last_one_stopped(in_stages, model_in_stages):
    """Loss of a step, by hand: the weights before it, and the examples that are due."""
    output_dir, config = in_stages
    logged = {e["step"]: e for e in read_log(output_dir) if "loss" in e}
    assert list(logged) == [*range(1, 8)]
    for stage in config.stages():
        examples = examples_of(config.example_config(stage.max_seq_length), 2)
        for step in range(max(stage.first_step, 1), stage.last_step):
            begin = (step - stage.first_step) * stage.train_batch_size
            batch = {
                name: values[begin : begin + stage.train_batch_size]
                for name, values in examples.items()
            }
            read_into(model_in_stages, output_dir / f"ckpt-{step}")
            if step == stage.first_step:
                # What the shorter stage has not learned is what it has, once more.
                table = model_in_stages.encoder.get_layer("position_embedding")
                rows = table.embeddings.numpy()
                table.embeddings.assign(np.resize(rows[:13], rows.shape))
            entry = logged[step + 1]
            expected = scores_by_hand(model_in_stages, batch)
            found = {name: entry[name] for name in NAMES}
            assert found == pytest.approx(expected, abs=1e-5)
            tokens = entry["tokens_per_second"] * entry["seconds_per_step"]
            assert tokens == pytest.approx(batch["input_mask"].sum())


def test_training_goes_on_where_it_stopped(in_stages, tmp_path, capsys):
    """Stopped within either stage, and where the second one begins."""
    whole, config = in_stages
    parts = tmp_path / "parts"
    for step in (2, 4, 6):
        with pytest.raises(KeyboardInterrupt), StopAt(step):
            # Scores of the first checkpoint are to be made up for.
            pretrain(config, parts, do_eval=step > 2)
        # The step was taken, but came to no checkpoint, and has to be taken again.
        assert max(losses(parts)) == step
        assert not (parts / f"ckpt-{step}.index").exists()
    pretrain(config, parts)
    told = capsys.readouterr().out
    assert told.count("which has no scores yet") == 1
    assert f"evaluating {parts}/ckpt-1, which has no scores yet" in told
    for entry, expected in zip(untimed(parts), untimed(whole), strict=True):
        assert entry.pop("eval", {}) == pytest.approx(
            expected.pop("eval", {}), abs=1e-5
        )
        assert entry == pytest.approx(expected, abs=1e-5)
    for step in (3, 7):
        check_weights(parts / f"ckpt-{step}", whole / f"ckpt-{step}", atol=1e-5)
    assert read_best(parts / "best").step == read_best(whole / "best").step


def test_replaced_tokens_are_the_same_ones_after_a_stop(tiny, tmp_path):
    config = tiny.config(
        albert_config_file=str(tiny.shallow_config_file),
        replaced_token_weight=5,
        num_train_steps=3,
        save_checkpoints_steps=1,
    )
    pretrain(config, tmp_path / "whole", do_eval=False)
    with pytest.raises(KeyboardInterrupt), StopAt(2):
        pretrain(config, tmp_path / "parts", do_eval=False)
    pretrain(config, tmp_path / "parts", do_eval=False)
    logs = [untimed(tmp_path / name) for name in ("parts", "whole")]
    assert [entry["step"] for entry in logs[0]] == [1, 2, 3]
    for entry, expected in zip(*logs, strict=True):
        assert entry == pytest.approx(expected, abs=1e-5)
        assert 0 < entry["replaced_tokens_loss"] < entry["loss"]
    # The head for it is no part of the weights, whatever reads them.
    check_weights(tmp_path / "parts", tmp_path / "whole", atol=1e-5)
    load_encoder(tmp_path / "whole", "dense")
    further = tiny.config(
        albert_config_file=None,
        init_checkpoint=str(tmp_path / "whole"),
        replaced_token_weight=5,
        num_train_steps=1,
        learning_rate=1e-9,
    )
    pretrain(further, tmp_path / "further", do_eval=False)
    check_weights(tmp_path / "further", tmp_path / "whole", atol=1e-6)


def test_a_stage_is_scored_with_its_own_length(in_stages, model_in_stages):
    output_dir, config = in_stages
    scored = {e["step"]: e["eval"] for e in read_log(output_dir) if "eval" in e}
    assert list(scored) == [*range(1, 8)]
    for step, length in ((3, 13), (4, 23)):
        read_into(model_in_stages, output_dir / f"ckpt-{step}")
        examples = examples_of(config.example_config(length), 1)
        expected = scores_by_hand(model_in_stages, examples)
        assert scored[step] == pytest.approx(expected, abs=1e-6)
    # Scores of shorter examples do not count in the end.
    assert read_best(output_dir / "best").step > 3


def test_a_finished_run_may_be_made_longer(trained, model, tmp_path):
    output_dir, config, _ = trained
    copy = shutil.copytree(output_dir, tmp_path / "run")
    config = config.replace(num_train_steps=6)
    pretrain(config, copy, do_eval=False)
    assert PretrainingConfig.from_file(copy / "config.yaml").num_train_steps == 6
    entries = {e["step"]: e for e in read_log(copy) if "loss" in e}
    assert list(entries) == [*range(1, 7)]
    # The fifth step: decay now aims at the new end, and one epoch ends in it.
    assert entries[5]["learning_rate"] == pytest.approx(0.01 * (1 - 4 / 6))
    read_into(model, output_dir / "ckpt-4")
    examples = examples_of(config.example_config(23), 2)
    batch = {name: values[24:30] for name, values in examples.items()}
    assert entries[5]["loss"] == pytest.approx(
        scores_by_hand(model, batch)["loss"], abs=1e-5
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"gradient_accumulation_steps": 3, **TWO_DEVICES},
        {"recompute": "block"},
        {"enable_xla": True},
    ],
    ids=["parts_of_devices", "recompute", "xla"],
)
def test_the_same_steps_however_they_are_computed(trained, tmp_path, changes):
    output_dir, config, _ = trained
    pretrain(config.replace(**changes), tmp_path, do_eval=False)
    for entry, expected in zip(
        untimed(tmp_path),
        [entry for entry in untimed(output_dir) if "loss" in entry],
        strict=True,
    ):
        # Adam makes much of gradients that are nearly 0; test_task.py has none of it.
        assert entry == pytest.approx(expected, abs=3e-4)


@pytest.mark.parametrize("precision", ["float16", "bfloat16"])
def test_half_precision_is_near_float32(trained, tmp_path, precision):
    output_dir, config, _ = trained
    config = config.replace(mixed_precision=precision)
    pretrain(config, tmp_path, do_eval=False)
    assert losses(tmp_path) == pytest.approx(losses(output_dir), abs=0.05)
    # No step was left out, as one with too large a scale of the loss is.
    weights = weights_of(tmp_path / "ckpt-4")
    for name, value in weights_of(output_dir / "ckpt-4").items():
        # A bias of all keys moves all logits of a query alike: its gradient is noise.
        if not name.endswith("key/bias"):
            assert np.abs(weights[name] - value).mean() < 0.005, name


def test_divergence_is_told(tiny, tmp_path):
    """The only step is fine, but not what comes of it; then there is one more."""
    config = tiny.config(
        albert_config_file=str(tiny.shallow_config_file),
        num_train_steps=1,
        learning_rate=1e30,
    )
    with pytest.raises(InputError, match="at step 1 gave .*loss nan: no checkpoint"):
        pretrain(config, tmp_path)
    assert not (tmp_path / "best").exists()
    assert not (tmp_path / "metrics.json").exists()
    with pytest.raises(InputError, match="has diverged.*output_dir.*lower learning_ra"):
        pretrain(config.replace(num_train_steps=3), tmp_path)


@pytest.mark.parametrize("attention", [{}, LSH], ids=["dense", "lsh"])
def test_it_learns_from_what_stands_around(tiny, tmp_path, attention):
    num_words = 7
    tokens = write_tokens(tmp_path / "tokens", easy_corpus(num_words))
    config = tiny.config(
        input_file=[str(tokens)],
        albert_config_file=str(tiny.shallow_config_file),
        train_batch_size=31,
        learning_rate=3e-3,
        num_train_steps=80,
        num_warmup_steps=5,
        save_checkpoints_steps=80,
        **attention,
    )
    pretrain(config, tmp_path / "run", do_eval=False)
    curve = [entry["masked_lm_loss"] for entry in read_log(tmp_path / "run")]
    assert curve[0] > 0.9 * np.log(ALBERT["vocab_size"])
    # Less than which words there are would give.
    assert np.mean(curve[-10:]) < 0.75 * np.log(num_words)


# Weights in, weights out.


def test_from_dense_attention_to_lsh_and_back_to_more_positions(
    trained, tiny, tmp_path, capsys
):
    """With a learning rate that moves nothing."""
    output_dir, config, results = trained
    still = {"num_train_steps": 1, "learning_rate": 1e-15}
    lsh = config.replace(
        init_checkpoint=str(output_dir), albert_config_file=None, **still, **LSH
    )
    pretrain(lsh, tmp_path / "lsh", do_eval=False)
    prefix = read_best(output_dir / "best").prefix
    assert f"weights: TensorFlow 2 checkpoint {prefix}\n" in capsys.readouterr().out
    check_weights(tmp_path / "lsh" / "ckpt-1", prefix, atol=1e-9)
    longer = config.replace(
        init_checkpoint=str(tmp_path / "lsh"),
        albert_config_file=str(
            write_albert_config(tmp_path / "more.json", max_position_embeddings=43)
        ),
        max_seq_length=37,
        **still,
    )
    pretrain(longer, tmp_path / "longer", do_eval=False)
    weights = weights_of(tmp_path / "longer")
    for name, value in weights_of(prefix).items():
        if name == POSITIONS:
            assert value.shape == (29, 5)
            value = np.resize(value, (43, 5))
        np.testing.assert_allclose(weights[name], value, rtol=0, atol=1e-9)
    saved = json.loads((tmp_path / "longer" / "albert_config.json").read_text())
    assert saved["max_position_embeddings"] == 43
    # LSH attention leaves something out.
    examples = examples_of(config.example_config(23), 1)
    batch = {name: values[:6] for name, values in examples.items()}
    expected = scores_by_hand(results["model"], batch)["loss"]
    assert abs(losses(tmp_path / "lsh")[1] - expected) > 1e-4


def test_the_folder_is_a_source_of_weights(trained):
    output_dir, _, results = trained
    expected = {each.name: each.numpy() for each in results["model"].variables}
    pretrainer = load_pretrainer(output_dir, "dense")
    assert pretrainer.heads == ("mlm", "sop") and len(pretrainer.variables) == 32
    encoder = load_encoder(output_dir, "dense")
    assert len(encoder.variables) == 25
    for each in (*pretrainer.variables, *encoder.variables):
        np.testing.assert_array_equal(each, expected[each.name])


def test_googles_layout_and_back(trained, tmp_path):
    output_dir, _, _ = trained
    google = tmp_path / "google"
    albert_lsh.main(["convert", str(output_dir), str(google), "--to=google"])
    reader = tf.train.load_checkpoint(str(google / "model.ckpt-best"))
    shapes = reader.get_variable_to_shape_map()
    assert len(shapes) == 32
    assert shapes["cls/seq_relationship/output_weights"] == [2, 14]
    assert shapes["bert/embeddings/position_embeddings"] == [29, 5]
    check_weights(google, read_best(output_dir / "best").prefix, atol=0)


# Refusals that concern the run's folder; others are in test_inputs.py.


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"learning_rate": 0.5, "attention": "lsh", "max_seq_length": 19},
            r"holds a run with other settings: max_seq_length=23 -> 19, learning_rate=0"
            r"\.01 -> 0\.5, attention=dense -> lsh\. .*; --init_checkpoint=\S*/train",
        ),
        ({"seed": 7}, "seed=12345 -> 7"),
        # It began at random.
        ({"init_checkpoint": "albert_lsh_tiny"}, "init_checkpoint=unset -> albert_lsh"),
        ({"curriculum": ["13:1"]}, r"curriculum= -> 13:1\."),
        (
            {"num_train_steps": 3},
            r"trained up to step 4, beyond num_train_steps=3\. .*=4 or more\.",
        ),
    ],
    ids=["several", "seed", "weights", "curriculum", "shorter"],
)
def test_other_settings_are_refused(trained, changes, message):
    output_dir, config, _ = trained
    before = files_of(output_dir)
    with pytest.raises(InputError, match=message) as refused:
        pretrain(config.replace(**changes), output_dir)
    assert "\n" not in str(refused.value)
    assert files_of(output_dir) == before


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"attention": "lsh"}, "attention=dense -> lsh"),
        ({"max_seq_length": 19}, "max_seq_length=23 -> 19"),
    ],
)
def test_scores_of_other_settings_do_not_replace_the_runs(trained, changes, message):
    output_dir, config, _ = trained
    before = files_of(output_dir)
    with pytest.raises(InputError, match=message):
        pretrain(config.replace(**changes), output_dir, do_train=False)
    assert files_of(output_dir) == before


def test_other_examples_are_refused(trained, tmp_path):
    output_dir, config, _ = trained
    other = write_tokens(tmp_path / "tokens", random_corpus(2, num_documents=17))
    before = files_of(output_dir)
    with pytest.raises(InputError, match="holds a run on other examples; give the sam"):
        pretrain(config.replace(input_file=[str(other)]), output_dir)
    assert files_of(output_dir) == before


def test_another_architecture_is_refused(trained, tmp_path):
    output_dir, config, _ = trained
    other = write_albert_config(tmp_path / "wide.json", intermediate_size=23)
    with pytest.raises(
        InputError, match="holds a run of another arch.*intermediate_size 19 there, 23"
    ):
        pretrain(config.replace(albert_config_file=str(other)), output_dir)


def test_runs_of_other_kinds_are_refused(trained, tmp_path):
    output_dir, config, _ = trained
    before = files_of(output_dir)
    with pytest.raises(InputError, match="holds a run of another kind, .*; give anot"):
        train_and_evaluate(ClassifierConfig(), output_dir)
    assert files_of(output_dir) == before
    ClassifierConfig().save(tmp_path / "config.yaml")
    with pytest.raises(InputError, match="holds a run of another kind, .*; give anot"):
        pretrain(config, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["config.yaml"]


def test_scoring_needs_a_trained_model(trained, tmp_path):
    with pytest.raises(InputError, match="holds no pre-trained model; add --do_train"):
        pretrain(trained[1], tmp_path / "run", do_train=False)
    assert not (tmp_path / "run").exists()


# The script.


def test_the_script_pretrains_on_text(tmp_path, monkeypatch):
    """From text, through the doors of a user, in a process of its own."""
    write_text(tmp_path)
    monkeypatch.chdir(tmp_path)
    pretraining_data.main(
        [
            "--input_file=text.txt",
            f"--spm_model_file={SPM_MODEL_FILE}",
            "--online",
            "--output_dir=data",
            "--num_workers=1",
        ]
    )
    num_pieces = AlbertTokenizer(SPM_MODEL_FILE).vocab_size
    write_albert_config(
        tmp_path / "albert_config.json", vocab_size=num_pieces, num_hidden_layers=1
    )
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    environment.pop("TF_CPP_MIN_LOG_LEVEL", None)
    done = subprocess.run(
        [
            *(sys.executable, str(REPOSITORY / "run_pretraining.py")),
            "--input_file=data",
            "--albert_config_file=albert_config.json",
            f"--spm_model_file={SPM_MODEL_FILE}",
            "--output_dir=run",
            *("--max_seq_length=23", "--train_batch_size=3", "--num_train_steps=1"),
            *("--num_warmup_steps=0", "--attention=dense"),
        ],
        capture_output=True,
        text=True,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert lines[0] == "weights: random, of the sizes in albert_config.json"
    assert lines[1].startswith("examples: data/tokens: 3 documents, 8 sentences, ")
    assert lines[2].startswith("matmul peak: ")
    assert lines[-1] == "results: run"
    run = tmp_path / "run"
    assert (run / "spiece.model").read_bytes() == SPM_MODEL_FILE.read_bytes()
    assert json.loads((run / "metrics.json").read_text())["best"]["step"] == 1
