"""`run_pretraining.py` from the outside: flags, layers of settings, one-line errors."""

import dataclasses
import pathlib
import runpy
import subprocess
import sys

import pytest
import tensorflow as tf

from albert_lsh_tf.cli import flags, pretraining
from albert_lsh_tf.cli import main as albert_lsh
from albert_lsh_tf.cli.pretraining_flags import FLAGS
from albert_lsh_tf.config import LSHConfig
from albert_lsh_tf.errors import InputError
from albert_lsh_tf.tasks.pretraining import training
from albert_lsh_tf.tasks.pretraining.same_run import refuse_other_settings
from albert_lsh_tf.tasks.pretraining.settings import PretrainingConfig
from albert_lsh_tf.tasks.run_folder import RunFolder
from tests.shared_data import REPOSITORY

# google-research/albert, run_pretraining.py.
GOOGLES_FLAGS = """
albert_config_file input_file output_dir init_checkpoint max_seq_length
max_predictions_per_seq do_train do_eval train_batch_size eval_batch_size optimizer
learning_rate poly_power num_train_steps num_warmup_steps start_warmup_step
save_checkpoints_steps keep_checkpoint_max max_eval_steps
""".split()
RETIRED = """
iterations_per_loop use_tpu init_from_group0 tpu_name tpu_zone gcp_project master
num_tpu_cores masked_lm_budget
""".split()


@pytest.fixture
def calls(monkeypatch, tmp_path) -> list:
    """The arguments of every call that would have trained."""
    calls = []
    monkeypatch.setattr(
        training, "pretrain", lambda *given, **named: calls.append((*given, named))
    )
    monkeypatch.chdir(tmp_path)
    return calls


def config_of(calls, *argv) -> PretrainingConfig:
    pretraining.main(list(argv))
    return calls[-1][0]


def settings_of(*argv):
    return flags.parse(argv, FLAGS).settings


def fails(capsys, *argv) -> str:
    """The one line on stderr that a command ends with."""
    with pytest.raises(SystemExit) as exit_:
        pretraining.main(list(argv))
    assert exit_.value.code == 1
    line = capsys.readouterr().err
    assert line.startswith("error: ") and line.count("\n") == 1, line
    return line


def test_every_setting_has_a_flag_and_stands_in_the_help(capsys):
    pretraining.main(["--lerning_rate=1", "--help"])
    page = capsys.readouterr().out
    names = {field.name for field in dataclasses.fields(PretrainingConfig)} - {"lsh"}
    lsh_names = {field.name for field in dataclasses.fields(LSHConfig)}
    names |= lsh_names - {"seed", "hash"} | {"lsh_seed", "lsh_hash"}
    names |= {"output_dir", "do_train", "do_eval", "config_file"}
    for name in names:
        assert f"  --{name} " in page or f"  --[no]{name} " in page, name
    assert page.count("  --") == len(names) + 1  # And one of the example's.
    assert len(page.splitlines()) < 90


def test_help_shows_the_defaults_of_google(capsys):
    pretraining.main(["-h"])
    page = capsys.readouterr().out
    assert "peak learning rate (0.00176)\n" in page
    assert "training steps, of all stages (125000)\n" in page
    assert "folder of the run (runs/pretraining)\n" in page


def test_help_names_the_script(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["run_pretraining.py", "--help"])
    runpy.run_path(str(REPOSITORY / "run_pretraining.py"), run_name="__main__")
    page = capsys.readouterr().out
    assert "  python run_pretraining.py --input_file=pretraining/tokens \\\n" in page


def test_help_names_the_command(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["/usr/bin/albert-lsh"])
    albert_lsh.main(["pretrain", "--help"])
    page = capsys.readouterr().out
    assert "  albert-lsh pretrain --input_file=pretraining/tokens \\\n" in page


def test_googles_flags_are_known():
    values = {"do_train": "true", "do_eval": "False", "optimizer": "adamw"}
    texts = ("albert_config_file", "input_file", "output_dir", "init_checkpoint")
    values |= {name: "some/file" for name in texts}
    parsed = flags.parse(
        [f"--{name}={values.get(name, 7)}" for name in GOOGLES_FLAGS], FLAGS
    )
    assert parsed.run["do_train"] is True and parsed.run["do_eval"] is False
    assert set(parsed.settings) == set(GOOGLES_FLAGS) - set(FLAGS.run)


@pytest.mark.parametrize("name", RETIRED)
def test_flags_without_a_meaning_here_say_what_to_do(name, capsys):
    line = fails(capsys, f"--{name}=1")
    assert line.startswith(f"error: --{name} has no meaning here: ")
    assert len(line) > len(f"error: --{name} has no meaning here: ") + 20
    # As a switch, which some of them are.
    assert fails(capsys, f"--no{name}") == line


def test_lists_are_written_with_commas():
    assert settings_of("--input_file=a*.tfrecord, b,", "--eval_input_file=c") == {
        "input_file": ["a*.tfrecord", "b"],
        "eval_input_file": ["c"],
    }
    assert settings_of("--curriculum=128:90:1024,256:5") == {
        "curriculum": ["128:90:1024", "256:5"]
    }
    assert settings_of("--curriculum=") == {"curriculum": []}
    assert settings_of("--attention=dense,lsh")["attention"] == ["dense", "lsh"]


def test_flags_make_a_config(calls):
    config = config_of(
        calls,
        "--input_file=a,b",
        "--curriculum=128:9",
        "--max_predictions_per_seq=17",
        "--num_train_steps=13",
        "--num_warmup_steps=3",
        "--num_hashes=3",
        "--lsh_seed=7",
        "--seed=11",
    )
    assert config == PretrainingConfig(
        input_file=("a", "b"),
        curriculum=("128:9",),
        max_predictions_per_seq=17,
        num_train_steps=13,
        num_warmup_steps=3,
        lsh=LSHConfig(num_hashes=3, seed=7),
        seed=11,
    )


def test_flags_win_over_the_file_and_the_file_over_defaults(calls):
    pathlib.Path("mine.yaml").write_text(
        "input_file: [a]\nlearning_rate: 1e-4\nngram: 2\n"
        "lsh: {num_hashes: 3, chunk_length: 16}\n"
    )
    config = config_of(
        calls, "--config_file=mine.yaml", "--learning_rate=2e-4", "--num_hashes=5"
    )
    assert (config.input_file, config.ngram) == (("a",), 2)
    assert config.learning_rate == 2e-4
    assert (config.lsh.num_hashes, config.lsh.chunk_length) == (5, 16)
    assert config.num_train_steps == 125000


@pytest.mark.parametrize(
    "argv, phases",
    [
        ([], (True, True)),
        (["--do_train", "--do_eval"], (True, True)),
        (["--do_train"], (True, False)),
        (["--do_eval"], (False, True)),
        (["--nodo_eval"], (True, False)),
        (["--do_train=false"], (False, True)),
        (["--nodo_train", "--nodo_eval"], (False, False)),
    ],
)
def test_one_phase_alone_is_done_alone(argv, phases, calls):
    pretraining.main(argv)
    do_train, do_eval = phases
    assert calls[-1][-1] == {"do_train": do_train, "do_eval": do_eval}


def test_a_folder_that_nobody_chose_is_told(calls, capsys):
    pretraining.main(["--output_dir=mine"])
    assert capsys.readouterr().out == ""
    pretraining.main([])
    assert capsys.readouterr().out == "output_dir: runs/pretraining (the default)\n"
    assert [call[1] for call in calls] == ["mine", "runs/pretraining"]


def test_what_is_evaluated_again_is_evaluated_as_it_was(calls, monkeypatch, tmp_path):
    run = PretrainingConfig(
        input_file=("a",),
        albert_config_file="gone.json",
        max_seq_length=64,
        max_eval_steps=17,
        eval_batch_size=5,
    )
    (tmp_path / "run").mkdir()
    run.save(tmp_path / "run" / "config.yaml")
    monkeypatch.setenv("HOME", str(tmp_path))
    pathlib.Path("mine.yaml").write_text("max_eval_steps: 13\neval_batch_size: 3\n")
    argv = ["--output_dir=~/run", "--config_file=mine.yaml", "--eval_batch_size=2"]
    # The folder has an albert_config.json of its own.
    assert config_of(calls, "--do_eval", *argv) == run.replace(
        albert_config_file=None, max_eval_steps=13, eval_batch_size=2
    )
    # Training goes by what it is told; a folder of other settings is refused later.
    assert config_of(calls, *argv) == PretrainingConfig(
        max_eval_steps=13, eval_batch_size=2
    )


@pytest.mark.parametrize(
    "argument, message",
    [
        (
            "--num_train_step=1",
            "unknown flag --num_train_step; did you mean 'num_train_",
        ),
        ("--seed=-1", "seed=-1 must be at least 0 and below 4294967296"),
        ("--num_train_steps=x", "--num_train_steps=x: expected a whole number."),
        ("--masked_lm_prob=", "--masked_lm_prob=: expected a number."),
        ("--do_train=maybe", "--do_train=maybe: expected true or false."),
        ("--optimizer=sgd", "--optimizer=sgd: expected one of adamw, lamb."),
        ("tokens", "'tokens' is not a flag; write settings as --name=value"),
        (
            "--num_warmup_steps=125001",
            "num_warmup_steps=125001 ends after num_train_steps=125000",
        ),
        ("--curriculum=128", "curriculum names '128'; write every stage as LENGTH:STE"),
        ("--max_seq_length=4", "max_seq_length=4 must be at least 5: [CLS], two [SEP]"),
        ("--config_file=none.yaml", "none.yaml: no such file"),
        ("--config_file=typo.yaml", "typo.yaml: unknown setting 'ngrams'; did you mea"),
        ("--task_name=mrpc", "unknown flag --task_name"),
        ("--do_predict", "unknown flag --do_predict"),
    ],
)
def test_mistakes_get_one_line(argument, message, calls, capsys):
    pathlib.Path("typo.yaml").write_text("ngrams: 2\n")
    assert fails(capsys, argument).startswith(f"error: {message}")
    assert not calls


def test_a_broken_config_of_the_run_is_named(calls, capsys):
    pathlib.Path("run").mkdir()
    pathlib.Path("run/config.yaml").write_text("num_train_steps: 0\n")
    line = fails(capsys, "--output_dir=run", "--do_eval")
    assert line == "error: run/config.yaml: num_train_steps=0 must be at least 1.\n"


def test_what_training_refuses_is_one_line(monkeypatch, capsys):
    def refuse(*_, **__):
        raise InputError("input_file=x: no such file.")

    monkeypatch.setattr(training, "pretrain", refuse)
    assert fails(capsys, "--output_dir=run") == "error: input_file=x: no such file.\n"


@pytest.mark.parametrize(
    "argument, status",
    [("--num_train_step=3", 1), ("--curriculum=x", 1), ("--help", 0)],
)
def test_a_mistyped_flag_does_not_wait_for_tensorflow(argument, status):
    program = (
        "import sys\n"
        "from albert_lsh_tf.cli import pretraining\n"
        "try:\n"
        "    pretraining.main(sys.argv[1:])\n"
        "finally:\n"
        "    print('tensorflow' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, argument],
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
    )
    assert done.stdout.endswith("False\n")
    assert done.returncode == status
    assert done.stderr.count("\n") == status


def test_more_steps_go_on_with_a_run(calls, capsys):
    """Warm-up is scaled with them, unless it is given."""
    run = RunFolder("run", config_class=PretrainingConfig)
    run.describe(config_of(calls, "--num_train_steps=1010"))
    tf.train.CheckpointManager(
        tf.train.Checkpoint(), run.path, 1, checkpoint_name="ckpt"
    ).save(checkpoint_number=1000)

    def going_on(*argv):
        refuse_other_settings(config_of(calls, *argv), run, do_train=True)
        return calls[-1][0].num_warmup_steps

    assert run.saved_config().num_warmup_steps == 25
    assert going_on("--num_train_steps=1010") == 25
    # 50.5 would be its share, 49.5 that of what was rounded.
    assert going_on("--num_train_steps=2020") == 50
    assert going_on("--num_train_steps=2020", "--num_warmup_steps=25") == 25
    with pytest.raises(InputError, match="num_warmup_steps=25 -> 40. Give another"):
        going_on("--num_train_steps=2020", "--num_warmup_steps=40")
    with pytest.raises(InputError, match="num_warmup_steps=25 -> 26. Give another"):
        going_on("--num_train_steps=1010", "--num_warmup_steps=26")
    with pytest.raises(InputError, match="up to step 1000, beyond num_train_steps=99"):
        going_on("--num_train_steps=990")


def test_fewer_steps_warm_up_for_as_large_a_share(calls):
    config = config_of(calls, "--num_train_steps=1000")
    assert (config.num_train_steps, config.num_warmup_steps) == (1000, 25)
    config = config_of(calls, "--num_train_steps=1000", "--num_warmup_steps=7")
    assert config.num_warmup_steps == 7
