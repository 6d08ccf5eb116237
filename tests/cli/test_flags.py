"""Flags: Google's names and ways of writing, one line for every mistake."""

import dataclasses
import subprocess
import sys

import pytest

from albert_lsh_tf.cli import classifier, flags
from albert_lsh_tf.cli.classifier_flags import FLAGS
from albert_lsh_tf.config import ClassifierConfig, LSHConfig
from albert_lsh_tf.errors import InputError


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("--do_train", True),
        ("--do_train=true", True),
        ("--do_train=True", True),
        ("--nodo_train", False),
        ("--do_train=false", False),
    ],
)
def test_switches_as_in_googles_scripts(written, value):
    assert flags.parse([written], FLAGS).run["do_train"] is value


def test_only_what_was_given_is_a_setting():
    parsed = flags.parse(["--learning_rate=2e-5", "--train_step", "800"], FLAGS)
    assert parsed.settings == {"learning_rate": 2e-5, "train_step": 800}
    assert set(parsed.run.values()) == {None}


def test_lsh_settings_are_flags_of_their_own():
    parsed = flags.parse(
        ["--num_hashes=4", "--lsh_seed=7", "--seed=9", "--lsh_hash=random"], FLAGS
    )
    assert parsed.settings == {
        "seed": 9,
        "lsh": {"num_hashes": 4, "seed": 7, "hash": "random"},
    }


def test_attention_may_be_given_for_each_layer():
    parsed = flags.parse(["--attention=dense, lsh,lsh"], FLAGS)
    assert parsed.settings["attention"] == ["dense", "lsh", "lsh"]
    assert flags.parse(["--attention=dense"], FLAGS).settings["attention"] == "dense"


def test_every_setting_has_a_flag_and_stands_in_the_help():
    page = flags.help_text("python run_classifier.py", FLAGS)
    names = {field.name for field in dataclasses.fields(ClassifierConfig)} - {"lsh"}
    lsh_names = {field.name for field in dataclasses.fields(LSHConfig)}
    names |= lsh_names - {"seed", "hash"} | {"lsh_seed", "lsh_hash"}
    names |= {"output_dir", "do_train", "do_eval", "do_predict", "export_dir"}
    for name in names | {"config_file"}:
        assert f"--{name} " in page or f"--[no]{name} " in page, name
    assert len(page.splitlines()) <= 80


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("--lerning_rate=1", "unknown flag --lerning_rate; did you mean 'learning_rat"),
        ("--max_seq_length=abc", "--max_seq_length=abc: expected a whole number."),
        ("--train_step=1.5", "--train_step=1.5: expected a whole number."),
        ("--learning_rate=", "--learning_rate=: expected a number."),
        ("--download=maybe", "--download=maybe: expected true or false."),
        ("--optimizer=sgd", "--optimizer=sgd: expected one of adamw, lamb."),
        ("MRPC", "'MRPC' is not a flag; write settings as --name=value"),
        ("--use_tpu=False", "--use_tpu has no meaning here: use --distribution_strate"),
        ("--nouse_tpu", "--use_tpu has no meaning here"),
        *(
            (f"--{name}=1", f"--{name} has no meaning here: ")
            for name in (
                *("tpu_name", "tpu_zone", "gcp_project", "master", "num_tpu_cores"),
                *("iterations_per_loop", "cached_dir", "threshold_to_export"),
            )
        ),
    ],
)
def test_mistakes_get_one_line(argument, message, capsys):
    with pytest.raises(InputError) as error:
        flags.parse([argument], FLAGS)
    assert message in str(error.value)
    assert "\n" not in str(error.value)
    with pytest.raises(SystemExit) as exit_:
        classifier.main([argument])
    assert exit_.value.code == 1
    assert capsys.readouterr().err == f"error: {error.value}\n"


def test_help_is_instant():
    program = (
        "import sys; from albert_lsh_tf.cli import classifier; "
        "classifier.main(['--help']); sys.exit('tensorflow' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True)
    assert done.returncode == 0
    assert b"--learning_rate" in done.stdout
    assert not done.stderr
