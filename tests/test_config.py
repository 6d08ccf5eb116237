"""Configs check themselves, and say what is wrong in one line."""

import dataclasses
import json

import pytest

from albert_lsh_tf.config import (
    AlbertConfig,
    ClassifierConfig,
    LSHConfig,
    RunConfig,
    check_attention_kinds,
)
from albert_lsh_tf.config_io import read_mapping
from albert_lsh_tf.diagnostics.plan import DiagnosisPlan
from albert_lsh_tf.errors import InputError

ALL = (LSHConfig(), LSHConfig.reformer(), AlbertConfig(), ClassifierConfig())


@pytest.mark.parametrize("config", ALL)
@pytest.mark.parametrize("suffix", ["json", "yaml"])
def test_files_round_trip(config, suffix, tmp_path):
    config.save(tmp_path / f"config.{suffix}")
    assert type(config).from_file(tmp_path / f"config.{suffix}") == config


@pytest.mark.parametrize("config", ALL)
def test_configs_are_frozen_and_hashable(config):
    field = dataclasses.fields(config)[0].name
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(config, field, 1)
    assert hash(config) == hash(type(config).from_dict(config.to_dict()))


def test_replace_checks_again():
    assert LSHConfig().replace(num_hashes=5).num_hashes == 5
    with pytest.raises(InputError, match="chunk_length=0 must be at least 1"):
        LSHConfig().replace(chunk_length=0)
    with pytest.raises(InputError, match="did you mean 'num_hashes'"):
        LSHConfig().replace(num_hashs=5)


@pytest.mark.parametrize(
    "config, settings, message",
    [
        (LSHConfig, {"num_buckets": 7}, "num_buckets=7 must be even.*try 8"),
        (LSHConfig, {"chunk_length": 0}, "chunk_length=0 must be at least 1"),
        (LSHConfig, {"chunks_before": -1}, "chunks_before=-1 must be at least 0"),
        (LSHConfig, {"hash": "minhash"}, "'minhash' is unknown.*angular, random"),
        (LSHConfig, {"num_hashes": "2"}, "'2' is of type str; expected int"),
        (LSHConfig, {"num_hashes": True}, "of type bool; expected int"),
        (LSHConfig, {"num_buckets": 2.0}, "type float; expected int or null"),
        (ClassifierConfig, {"seed": -1}, "seed=-1 must be at least 0 and below 42949"),
        (ClassifierConfig, {"seed": 2**32}, "seed=4294967296 must be at least 0 and"),
        (AlbertConfig, {"hidden_size": 100}, "multiple of num_attention_heads=12"),
        (AlbertConfig, {"num_hidden_groups": 2}, "num_hidden_groups=2 is not support"),
        (AlbertConfig, {"hidden_dropout_prob": 1.0}, "at least 0 and below 1"),
        (ClassifierConfig, {"learning_rate": 0}, "learning_rate=0.0 must be above 0"),
        (ClassifierConfig, {"learning_rate": float("nan")}, "learning_rate=nan must"),
        (ClassifierConfig, {"learning_rate": float("inf")}, "learning_rate=inf must"),
        (ClassifierConfig, {"max_qa_length": 0}, "max_qa_length=0 must be at least 1"),
        (ClassifierConfig, {"warmup_step": 2000}, "more than train_step=1000"),
        (ClassifierConfig, {"attention": "sparse"}, "attention='sparse' is unknown"),
        (ClassifierConfig, {"attention": ["lsh", "x"]}, "attention='x' is unknown"),
        (ClassifierConfig, {"optimizer": "sgd"}, "expected one of adamw, lamb"),
        (ClassifierConfig, {"lsh": {"num_hash": 1}}, "lsh: unknown setting 'num_hash'"),
        (ClassifierConfig, {"lsh": 3}, "lsh=3 is of type int; expected LSHConfig"),
        (
            ClassifierConfig,
            {"init_checkpoint": "a", "albert_hub_module_handle": "b"},
            "give one of them",
        ),
        (
            ClassifierConfig,
            {"spm_model_file": "a.model", "vocab_file": "vocab.txt"},
            "both name a vocabulary; give the one that came with the weights",
        ),
        (ClassifierConfig, {"spm_model_file": "vocab.txt"}, "give it with vocab_file"),
        (ClassifierConfig, {"vocab_file": "a.model"}, "with spm_model_file"),
        (ClassifierConfig, {"labels": ["a"]}, "labels=a must be two or more"),
        (ClassifierConfig, {"labels": ["a", "b", "a"]}, "empty or twice there"),
        (ClassifierConfig, {"labels": ["a", ""]}, "none of them empty"),
        (ClassifierConfig, {"labels": [0, 1]}, "labels=0 is of type int; expected str"),
        (ClassifierConfig, {"labels": "a,b"}, "expected a list of str or null"),
        (
            ClassifierConfig,
            {"max_position_embeddings": 0},
            "max_position_embeddings=0 must be at least 1",
        ),
        (DiagnosisPlan, {"vocab_file": "a.model"}, "with spm_model_file"),
    ],
)
def test_what_makes_no_sense_is_refused(config, settings, message):
    with pytest.raises(InputError, match=message) as caught:
        config.from_dict(settings, source="run.yaml")
    assert str(caught.value).startswith("run.yaml: ")
    assert "\n" not in str(caught.value)


def test_every_seed_of_numpy_is_allowed():
    assert ClassifierConfig(seed=2**32 - 1).seed == 2**32 - 1
    assert ClassifierConfig(seed=0).seed == 0


def test_numbers_are_read_as_people_write_them(tmp_path):
    (tmp_path / "run.yaml").write_text("learning_rate: 2e-5\nnum_train_epochs: 3\n")
    config = ClassifierConfig.from_file(tmp_path / "run.yaml")
    assert config.learning_rate == 2e-5
    assert config.num_train_epochs == 3.0


def test_json_may_be_indented_with_tabs(tmp_path):
    (tmp_path / "run.json").write_text('{\n\t"seed": 7,\n\t"lsh": {"seed": 1}\n}\n')
    config = ClassifierConfig.from_file(tmp_path / "run.json")
    assert (config.seed, config.lsh.seed) == (7, 1)


@pytest.mark.parametrize(
    "content, message",
    [
        (b"a: [1,", "line 1: not valid YAML"),
        (b"- 1\n- 2\n", "expected 'name: value' pairs, found list"),
        (b"\xff\xfe", "cannot be read as UTF-8"),
        (b"learning_rat: 1\n", "'learning_rat'; did you mean 'learning_rate'.$"),
        (b"seed: 1\nlsh: {seed: 2}\nseed: 3\n", "line 3: seed is set twice"),
        (b'{"lsh": {"seed": 1, "seed": 1}}', "line 1: seed is set twice"),
        (b"? [a]\n: 1\n", "not valid YAML"),
    ],
)
def test_bad_files_are_named(content, message, tmp_path):
    path = tmp_path / "run.yaml"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        ClassifierConfig.from_file(path)
    assert str(path) in str(caught.value)


def test_tuples_that_model_garden_writes_are_lists(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text("splits: !!python/tuple [dev, dev_mismatched]\n")
    assert read_mapping(path) == {"splits": ["dev", "dev_mismatched"]}
    # Other objects would be made by running something.
    path.write_text("splits: !!python/object/apply:os.getcwd []\n")
    with pytest.raises(InputError, match="params.yaml, line 1: not valid YAML"):
        read_mapping(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match="nowhere.yaml: no such file"):
        ClassifierConfig.from_file(tmp_path / "nowhere.yaml")


def test_keys_of_released_albert_configs_are_known(tmp_path):
    released = {
        "attention_probs_dropout_prob": 0.1,
        "hidden_act": "gelu",
        "hidden_dropout_prob": 0.1,
        "embedding_size": 128,
        "hidden_size": 768,
        "initializer_range": 0.02,
        "intermediate_size": 3072,
        "max_position_embeddings": 512,
        "num_attention_heads": 12,
        "num_hidden_layers": 12,
        "num_hidden_groups": 1,
        "net_structure_type": 0,
        "layers_to_keep": [],
        "gap_size": 0,
        "num_memory_blocks": 0,
        "inner_group_num": 1,
        "down_scale_factor": 1,
        "type_vocab_size": 2,
        "vocab_size": 30000,
        "ln_type": "postln",
    }
    (tmp_path / "albert_config.json").write_text(json.dumps(released))
    config = AlbertConfig.from_file(tmp_path / "albert_config.json")
    expected = AlbertConfig(hidden_dropout_prob=0.1, attention_probs_dropout_prob=0.1)
    assert config == expected


def test_attention_spreads_over_the_layers():
    assert check_attention_kinds("lsh", 3) == ("lsh", "lsh", "lsh")
    assert check_attention_kinds(("dense", "lsh"), 2) == ("dense", "lsh")
    with pytest.raises(InputError, match="names 1 layers, but the encoder has 2"):
        check_attention_kinds(("lsh",), 2)


def test_every_setting_has_a_help_line():
    for config in (LSHConfig, ClassifierConfig):
        for field in dataclasses.fields(config):
            if field.name != "lsh":
                assert 5 < len(field.metadata["help"]) < 80, field.name


LSH_SETTINGS = [
    None,
    {"dense_below": 0},
    {"heavy_keys": 5, "seed": 3},
    {"num_hashes": 4, "chunk_length": 16},
]


@pytest.mark.parametrize("lsh", LSH_SETTINGS)
@pytest.mark.parametrize("budget", [0.25, 0.5])
def test_lsh_at_its_own_length_is_what_it_is(lsh, budget):
    given = {"max_seq_length": 64, "lsh_budget": budget, "lsh": lsh}
    config = RunConfig().with_settings(given)
    assert config.lsh_at(64, budget) == config.lsh_or_recommended
    assert config.with_settings(given) == config


@pytest.mark.parametrize("lsh", LSH_SETTINGS[:3])
def test_lsh_follows_length_and_budget(lsh):
    """As if all settings had been given in one layer."""
    short = RunConfig().with_settings({"max_seq_length": 64, "lsh": lsh})
    for later in ({"max_seq_length": 512}, {"lsh_budget": 0.5}):
        at_once = RunConfig().with_settings({"max_seq_length": 64, "lsh": lsh, **later})
        assert short.with_settings(later) == at_once
        assert (
            short.lsh_at(at_once.max_seq_length, at_once.lsh_budget)
            == at_once.lsh_or_recommended
        )
    changed = short.with_settings({"lsh_budget": 0.5, "lsh": {"window": 1}})
    assert changed.lsh == at_once.lsh_or_recommended.replace(window=1)


def test_hash_rounds_that_were_set_follow_no_budget():
    config = RunConfig().with_settings({"lsh": {"num_hashes": 4}})
    longer = config.with_settings({"max_seq_length": 4096, "lsh_budget": 0.5})
    assert longer.lsh == config.lsh == LSHConfig(num_hashes=4)


def test_a_budget_of_1_is_dense_and_stays_so():
    config = RunConfig().with_settings({"lsh_budget": 1.0, "lsh": {"seed": 3}})
    assert config.lsh_or_recommended.is_dense(65536)
    with pytest.raises(InputError, match="budget of 1 .* dense_below=0 would mak"):
        RunConfig().with_settings({"lsh_budget": 1.0, "lsh": {"dense_below": 0}})
    short = RunConfig().with_settings({"lsh": {"dense_below": 0}})
    with pytest.raises(InputError, match="budget of 1 .* leave one of them out"):
        short.with_settings({"lsh_budget": 1.0})
