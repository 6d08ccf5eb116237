"""Which settings may change while a run goes on, and how the others are refused."""

import dataclasses

import pytest
import tensorflow as tf

from albert_lsh_tf.config import ClassifierConfig
from albert_lsh_tf.errors import InputError
from albert_lsh_tf.tasks.run_folder import RunFolder
from albert_lsh_tf.tasks.same_run import (
    changed_settings,
    refuse_other_length,
    refuse_other_settings,
)
from albert_lsh_tf.tasks.squad.settings import SquadConfig

# Another value of every setting that must stay as it was while a run goes on.
OTHERS = {
    "task_name": "CoLA",
    "data_dir": "elsewhere",
    "labels": ["a", "b"],
    "text_pairs": False,
    "download": True,
    "albert_config_file": "albert_config.json",
    "init_checkpoint": "albert_base",
    "albert_hub_module_handle": "tensorflow/albert_en_base/3",
    "do_lower_case": False,
    "max_seq_length": 128,
    "max_qa_length": 64,
    "max_position_embeddings": 1024,
    "train_batch_size": 64,
    "group_by_length": True,
    "learning_rate": 0.5,
    "optimizer": "lamb",
    "hidden_dropout_prob": 0.2,
    "attention_probs_dropout_prob": 0.2,
    "classifier_dropout_prob": 0.2,
    "attention": ["lsh", "dense"],
    "lsh_budget": 0.5,
    "lsh": {"num_hashes": 4},
    "seed": 7,
    "mixed_precision": "bfloat16",
}
# Those that change neither what is learned nor how it is scored.
FREE = {
    "train_step": 2000,
    "num_train_epochs": 3.0,
    "warmup_step": 7,
    "save_checkpoints_steps": 7,
    "keep_checkpoint_max": 7,
    "eval_batch_size": 7,
    "predict_batch_size": 7,
    "distribution_strategy": "off",
    "num_gpus": 0,
    "num_logical_cpus": 2,
    "worker_hosts": "a:1,b:2",
    "task_index": 1,
    "tpu_address": "local",
    "enable_xla": True,
    "recompute": "block",
    "spm_model_file": "spiece.model",
    "vocab_file": "vocab.txt",
}
SCORING = {"task_name", "data_dir", "download", "do_lower_case", "max_seq_length"}
SCORING |= {"attention", "lsh", "lsh_budget", "mixed_precision", "init_checkpoint"}
SCORING |= {"albert_hub_module_handle", "labels", "text_pairs", "max_qa_length"}


@pytest.fixture
def folder(tmp_path):
    """A run of the default settings with one checkpoint."""
    checkpoint = tf.train.Checkpoint(variable=tf.Variable(0.0))
    manager = tf.train.CheckpointManager(checkpoint, str(tmp_path / "run"), 5)
    manager.save(checkpoint_number=10)
    folder = RunFolder(tmp_path / "run")
    ClassifierConfig().save(folder.config_file)
    return folder


def test_every_setting_is_either_free_or_not():
    assert {*OTHERS, *FREE} == {f.name for f in dataclasses.fields(ClassifierConfig)}
    assert not {*OTHERS} & {*FREE}


@pytest.mark.parametrize("name", OTHERS)
def test_what_changes_a_run_is_refused(folder, name):
    config = ClassifierConfig().replace(**{name: OTHERS[name]})
    with pytest.raises(InputError, match=rf"other settings: {name}\S* *\S*= *.* -> "):
        refuse_other_settings(config, folder, do_train=True)
    if name in SCORING:
        with pytest.raises(InputError, match="or score it with init_checkpoint="):
            refuse_other_settings(config, folder, do_train=False)
    else:
        refuse_other_settings(config, folder, do_train=False)


@pytest.mark.parametrize("name", FREE)
def test_what_does_not_may_change(folder, name):
    config = ClassifierConfig().replace(**{name: FREE[name]})
    refuse_other_settings(config, folder, do_train=True)
    refuse_other_settings(config, folder, do_train=False)


def test_the_line_has_every_change_and_the_way_out(folder):
    ClassifierConfig(lsh={}).save(folder.config_file)
    config = ClassifierConfig(
        learning_rate=1e-3,
        data_dir="glue",
        attention=("lsh", "dense"),
        lsh={"num_hashes": 4, "num_buckets": 6},
    )
    with pytest.raises(InputError) as refused:
        refuse_other_settings(config, folder, do_train=True)
    assert str(refused.value) == (
        f"output_dir={folder.path} holds a run with other settings: "
        "learning_rate=5e-05 -> 0.001, attention=lsh -> lsh,dense, "
        "lsh.num_hashes=2 -> 4, lsh.num_buckets=unset -> 6, data_dir=unset -> glue. "
        "Give another --output_dir, or leave them as they were."
    )


def test_recommended_settings_stand_beside_those_that_were_set(folder):
    config = ClassifierConfig(lsh={"num_hashes": 4})
    with pytest.raises(InputError, match=r"lsh\.num_hashes=0 -> 4, .*lsh\.window=4 ->"):
        refuse_other_settings(config, folder, do_train=True)


def test_two_ways_to_write_the_same_are_no_change(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link").symlink_to(tmp_path / "glue")
    ClassifierConfig(task_name="SST-2", data_dir="glue").save(folder.config_file)
    for data_dir in (str(tmp_path / "glue"), "./glue/", "link"):
        config = ClassifierConfig(
            task_name="sst2", data_dir=data_dir, init_checkpoint="albert_lsh_tiny"
        )
        refuse_other_settings(config, folder, do_train=True)
        # Nothing is fetched where a folder is named.
        refuse_other_settings(config.replace(download=True), folder, do_train=True)


def test_two_ways_to_write_files_in_a_list_are_no_change(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = SquadConfig(train_file=("a.json", "b.json"), predict_file="c.json")
    now = SquadConfig(
        train_file=("./a.json", str(tmp_path / "b.json")), predict_file="./c.json"
    )
    assert changed_settings(before, now) == []
    now = before.replace(train_file=("b.json", "./a.json"))
    assert changed_settings(before, now) == [
        "train_file=a.json,b.json -> b.json,./a.json"
    ]


def test_a_folder_without_a_checkpoint_holds_no_run(tmp_path):
    folder = RunFolder(tmp_path)
    config = ClassifierConfig(seed=7)
    refuse_other_settings(config, folder, do_train=True)
    ClassifierConfig().save(folder.config_file)
    refuse_other_settings(config, folder, do_train=True)


def test_weights_that_are_the_runs_own_may_be_named_to_score_it(folder, tmp_path):
    for name in (folder.path, folder.path / "ckpt-10"):
        config = ClassifierConfig(init_checkpoint=str(name))
        refuse_other_settings(config, folder, do_train=False)
    config = ClassifierConfig(init_checkpoint=str(tmp_path / "run2" / "ckpt-10"))
    with pytest.raises(InputError, match="init_checkpoint=unset -> .*run2/ckpt-10"):
        refuse_other_settings(config, folder, do_train=False)


@pytest.mark.parametrize(
    ("train_step", "warmup_step"), [(10, 2), (20, 4), (20, 2), (15, 3), (13, 3)]
)
def test_length_may_change_and_warm_up_keeps_its_share(folder, train_step, warmup_step):
    ClassifierConfig(train_step=10, warmup_step=2).save(folder.config_file)
    config = ClassifierConfig(train_step=train_step, warmup_step=warmup_step)
    refuse_other_length(config, folder, trained_steps=10)


@pytest.mark.parametrize(
    ("train_step", "warmup_step", "message"),
    [
        (9, 2, "trained up to step 10, beyond train_step=9.*train_step=10 or more"),
        (10, 3, "warmup_step=2 -> 3"),
        (20, 8, "warmup_step=2 -> 8"),
        (20, 0, "warmup_step=2 -> 0"),
    ],
)
def test_less_training_and_another_warm_up_are_refused(
    folder, train_step, warmup_step, message
):
    ClassifierConfig(train_step=10, warmup_step=2).save(folder.config_file)
    config = ClassifierConfig(train_step=train_step, warmup_step=warmup_step)
    with pytest.raises(InputError, match=message):
        refuse_other_length(config, folder, trained_steps=10)


def test_all_changes_are_told():
    before = ClassifierConfig(train_step=10, eval_batch_size=8)
    now = ClassifierConfig(train_step=20, eval_batch_size=16)
    assert changed_settings(before, now) == [
        "eval_batch_size=8 -> 16",
        "train_step=10 -> 20",
    ]
