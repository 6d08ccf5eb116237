"""The layers of settings: later wins."""

import pathlib

import pytest

from albert_lsh_tf.cli import flags, recipes
from albert_lsh_tf.cli.classifier_flags import FLAGS
from albert_lsh_tf.config import ClassifierConfig
from albert_lsh_tf.errors import InputError
from albert_lsh_tf.lsh_config import LSHConfig


def resolve(*argv, do_train=True):
    return recipes.resolve(flags.parse(argv, FLAGS), do_train)


def test_task_recipe_is_the_default_with_real_weights():
    resolved = resolve("--task_name=cola", "--init_checkpoint=albert_base")
    config = resolved.config
    # Table 14 of the ALBERT paper.
    assert config.task_name == "CoLA"
    assert (config.learning_rate, config.train_batch_size) == (1e-5, 16)
    assert (config.train_step, config.warmup_step) == (5336, 320)
    assert resolved.output_dir == pathlib.Path("runs/cola")
    assert (
        resolved.description == "configs/glue/cola.yaml, then flags (init_checkpoint)"
    )


def test_ax_trains_by_the_recipe_of_mnli():
    config = resolve("--task_name=ax", "--init_checkpoint=albert_base").config
    mnli = resolve("--task_name=mnli", "--init_checkpoint=albert_base").config
    assert config == mnli.replace(task_name="AX") != mnli


def test_embedded_weights_have_a_recipe_of_their_own():
    resolved = resolve("--task_name=mrpc")
    assert resolved.description == (
        "configs/glue/mrpc.yaml, then what suits albert_lsh_tiny"
    )
    assert resolved.config != resolve("--init_checkpoint=albert_base").config
    for weights in ("--init_checkpoint=x", "--albert_hub_module_handle=x"):
        assert "albert_lsh_tiny" not in resolve(weights).description
    assert "suits" in resolve("--init_checkpoint=albert_lsh_tiny").description


def test_file_wins_over_recipe_and_flags_over_file(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text(
        "task_name: rte\nlearning_rate: 1e-4\nlsh: {num_hashes: 3, chunk_length: 16}\n"
    )
    config = resolve(
        f"--config_file={file}", "--num_hashes=5", "--init_checkpoint=x"
    ).config
    assert config.task_name == "RTE"
    assert config.learning_rate == 1e-4
    assert (config.lsh.num_hashes, config.lsh.chunk_length) == (5, 16)
    assert config.train_step == 800  # RTE's recipe.
    flag = resolve(f"--config_file={file}", "--learning_rate=2e-4").config
    assert flag.learning_rate == 2e-4


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "lerning_rate: 1\n",
            "mine.yaml: unknown setting 'lerning_rate'; did you mean",
        ),
        ("train_step: many\n", "mine.yaml: train_step='many' is of type str"),
        ("- a\n", "mine.yaml: expected 'name: value' pairs"),
        ("a: [\n", "mine.yaml, line 2: not valid YAML"),
    ],
)
def test_broken_files_are_named(tmp_path, text, message):
    file = tmp_path / "mine.yaml"
    file.write_text(text)
    with pytest.raises(InputError, match=message):
        resolve(f"--config_file={file}")


def test_missing_file_and_unknown_task():
    with pytest.raises(InputError, match="nowhere.yaml: no such file"):
        resolve("--config_file=nowhere.yaml")
    with pytest.raises(InputError, match="did you mean 'mrpc'"):
        resolve("--task_name=mprc")


def test_own_data_are_a_task(tmp_path):
    argv = ("--task_name=News", f"--data_dir={tmp_path}", "--init_checkpoint=x")
    with pytest.raises(InputError, match="'News' is not a GLUE task;.*there is no"):
        resolve(*argv)
    (tmp_path / "News").mkdir()
    (tmp_path / "News" / "train.jsonl").touch()
    resolved = resolve(*argv)
    assert resolved.config.task_name == "News"
    assert resolved.output_dir == pathlib.Path("runs/news")
    assert resolved.description == "flags (init_checkpoint, data_dir)"
    labels = resolve(*argv, "--labels=b,a , c", "--notext_pairs").config
    assert (labels.labels, labels.text_pairs) == (("b", "a", "c"), False)


def test_predicting_needs_no_training_data(tmp_path):
    saved = ClassifierConfig(
        task_name="news", data_dir="gone", labels=("a", "b"), text_pairs=False
    )
    saved.save(tmp_path / "config.yaml")
    config = resolve(f"--output_dir={tmp_path}", do_train=False).config
    assert config == saved


def test_steps_alone_keep_the_share_of_warm_up():
    config = ClassifierConfig(train_step=800, warmup_step=200, num_train_epochs=3.0)
    changed = recipes.apply(config, {"train_step": 40})
    assert (changed.warmup_step, changed.num_train_epochs) == (10, None)
    both = recipes.apply(config, {"train_step": 40, "warmup_step": 4})
    assert both.warmup_step == 4
    epochs = recipes.apply(config, {"num_train_epochs": 1.0})
    assert (epochs.train_step, epochs.num_train_epochs) == (800, 1.0)


def test_a_runs_config_is_taken_up_where_nothing_is_trained(tmp_path):
    saved = ClassifierConfig(
        task_name="RTE", max_seq_length=99, init_checkpoint="gone", seed=3
    )
    saved.save(tmp_path / "config.yaml")
    for argv in (
        [f"--output_dir={tmp_path}"],
        ["--output_dir=new", f"--init_checkpoint={tmp_path}/ckpt-3"],
        ["--output_dir=new", f"--init_checkpoint={tmp_path}/best/best-3"],
    ):
        config = resolve(*argv, do_train=False).config
        assert (config.task_name, config.max_seq_length) == ("RTE", 99)
        # Its weights are in the folder; where it started from no longer matters.
        assert config.init_checkpoint != "gone"
    changed = resolve(f"--output_dir={tmp_path}", "--max_seq_length=7", do_train=False)
    assert changed.config.max_seq_length == 7
    trained = resolve(f"--output_dir={tmp_path}")
    assert trained.config.task_name == "MRPC"


def test_lsh_flags_start_from_the_recommended_setting_or_from_hashing_alone():
    config = ClassifierConfig()
    asked = {"max_seq_length": 2048, "lsh": {"dense_below": 0}}
    lists = recipes.apply(config, asked).lsh
    assert lists == LSHConfig.for_length(2048)
    hashing = recipes.apply(config, {"lsh": {"num_hashes": 4}}).lsh
    assert hashing == LSHConfig(num_hashes=4)
    more = recipes.apply(
        config.replace(lsh=lists.to_dict()), {"lsh": {"num_hashes": 4}}
    )
    assert more.lsh == lists.replace(num_hashes=4)


def test_devices_of_a_run_are_not_taken_up_where_nothing_is_trained(tmp_path):
    saved = ClassifierConfig(
        distribution_strategy="multi_worker_mirrored",
        num_gpus=4,
        num_logical_cpus=3,
        worker_hosts="a:1,b:2222",
        task_index=1,
        tpu_address="local",
        max_seq_length=99,
    )
    saved.save(tmp_path / "config.yaml")
    config = resolve(f"--output_dir={tmp_path}", do_train=False).config
    assert config == ClassifierConfig(max_seq_length=99)
    argv = (f"--output_dir={tmp_path}", "--num_logical_cpus=2")
    assert resolve(*argv, do_train=False).config.num_logical_cpus == 2


def test_a_run_may_be_named_in_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "runs" / "cola"
    folder.mkdir(parents=True)
    saved = ClassifierConfig(
        task_name="CoLA", max_seq_length=99, do_lower_case=False, attention="dense"
    )
    saved.save(folder / "config.yaml")
    file = tmp_path / "predict.yaml"
    for text in ("init_checkpoint: runs/cola\n", "task_name: cola\n"):
        file.write_text(text)
        config = resolve(f"--config_file={file}", do_train=False).config
        assert config.replace(init_checkpoint=None) == saved
    # Flags win here, too.
    other = resolve(f"--config_file={file}", "--task_name=rte", do_train=False)
    assert "configs/glue/rte.yaml" in other.description
