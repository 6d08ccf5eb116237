"""`run_race.py` from the outside: flags, layers of settings, one-line errors."""

import dataclasses
import runpy
import sys

import pytest

from albert_lsh_tf.cli import classifier, flags, race
from albert_lsh_tf.cli.race_flags import FLAGS
from albert_lsh_tf.config import ClassifierConfig, LSHConfig
from albert_lsh_tf.tasks import training
from tests.data.race.articles import line, write
from tests.shared_data import REPOSITORY
from tests.tasks.tiny_race import TinyRace

# google-research/albert, run_race.py.
GOOGLES_FLAGS = """
data_dir albert_config_file task_name vocab_file spm_model_file output_dir
init_checkpoint albert_hub_module_handle do_lower_case dropout_prob max_seq_length
max_qa_length num_keep_checkpoint high_only middle_only do_train do_eval do_predict
train_batch_size eval_batch_size predict_batch_size learning_rate train_step warmup_step
save_checkpoints_steps
""".split()
RETIRED = """
train_file eval_file predict_file iterations_per_loop use_tpu tpu_name tpu_zone
gcp_project master num_tpu_cores
""".split()
SWITCHES = {
    *("do_lower_case", "high_only", "middle_only"),
    *("do_train", "do_eval", "do_predict"),
}
NOT_HERE = ("labels", "text_pairs", "download")
RENAMED = {
    "classifier_dropout_prob": "dropout_prob",
    "keep_checkpoint_max": "num_keep_checkpoint",
}


@pytest.fixture
def calls(monkeypatch, tmp_path) -> list:
    """The arguments of every call that would have trained."""
    calls = []
    monkeypatch.setattr(
        training,
        "train_and_evaluate",
        lambda *given, **named: calls.append((*given, named)),
    )
    monkeypatch.chdir(tmp_path)
    return calls


def config_of(calls, *argv, main=race.main) -> ClassifierConfig:
    main(list(argv))
    return calls[-1][0]


def fails(capsys, *argv, main=race.main) -> str:
    """The one line on stderr that a command ends with."""
    with pytest.raises(SystemExit) as exit_:
        main(list(argv))
    assert exit_.value.code == 1
    line = capsys.readouterr().err
    assert line.startswith("error: ") and line.count("\n") == 1, line
    return line


def test_every_setting_has_a_flag_and_stands_in_the_help(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["run_race.py", "--help"])
    runpy.run_path(str(REPOSITORY / "run_race.py"), run_name="__main__")
    page = capsys.readouterr().out
    names = {field.name for field in dataclasses.fields(ClassifierConfig)} - {"lsh"}
    names -= {*NOT_HERE, *RENAMED}
    lsh_names = {field.name for field in dataclasses.fields(LSHConfig)}
    names |= lsh_names - {"seed", "hash"} | {"lsh_seed", "lsh_hash"}
    names |= {*FLAGS.run, *GOOGLES_FLAGS}
    for name in names:
        assert f"  --{name} " in page or f"  --[no]{name} " in page, name
    for name in (*NOT_HERE, *RENAMED, *RETIRED):
        assert f"--{name} " not in page and f"--[no]{name} " not in page, name
    assert "  python run_race.py --data_dir=DIR " in page
    assert len(page.splitlines()) <= 80


def test_googles_flags_are_known_and_set_what_they_name():
    parsed = flags.parse(
        [f"--{name}={'true' if name in SWITCHES else 7}" for name in GOOGLES_FLAGS],
        FLAGS,
    )
    settings = {name for name in GOOGLES_FLAGS if name not in FLAGS.run}
    for name, flag in RENAMED.items():
        settings = settings - {flag} | {name}
    assert set(parsed.settings) == settings
    assert set(settings) <= {each.name for each in dataclasses.fields(ClassifierConfig)}
    assert parsed.settings["classifier_dropout_prob"] == 7
    assert parsed.settings["keep_checkpoint_max"] == 7
    assert ClassifierConfig().max_qa_length == 128


@pytest.mark.parametrize("name", RETIRED)
def test_flags_without_a_meaning_here_say_what_to_do(name, capsys):
    told = fails(capsys, f"--{name}=1")
    assert told.startswith(f"error: --{name} has no meaning here: ")


def test_names_of_run_classifier_are_told_googles(capsys):
    for name, flag in RENAMED.items():
        assert f"--{name} has no meaning here: use --{flag}." in fails(
            capsys, f"--{name}=1"
        )


@pytest.mark.parametrize("name", NOT_HERE)
def test_flags_of_other_scripts_are_unknown(name, capsys):
    assert f"unknown flag --{name}" in fails(capsys, f"--{name}=1")


def test_dropout_and_the_number_of_checkpoints_have_googles_names(calls):
    config = config_of(calls, "--dropout_prob=0.25", "--num_keep_checkpoint=9")
    assert (config.classifier_dropout_prob, config.keep_checkpoint_max) == (0.25, 9)
    assert config.hidden_dropout_prob == 0


@pytest.mark.parametrize(
    ("argv", "task_name"),
    [
        ([], "RACE"),
        (["--task_name=race"], "RACE"),
        (["--task_name=RACE-HIGH"], "RACE-high"),
        (["--high_only"], "RACE-high"),
        (["--high_only", "--task_name=race"], "RACE-high"),
        (["--middle_only=True", "--high_only=False"], "RACE-middle"),
        (["--nohigh_only", "--nomiddle_only"], "RACE"),
    ],
)
def test_schools_are_tasks(calls, argv, task_name):
    config = config_of(calls, *argv)
    assert config.task_name == task_name
    phases = {"do_train": True, "do_eval": True, "do_predict": True}
    assert str(calls[-1][1]) == f"runs/{task_name.lower()}"
    assert calls[-1][2] == phases
    config_of(calls, *argv, "--do_eval", "--output_dir=run")
    assert str(calls[-1][1]) == "run"
    assert calls[-1][2] == {"do_train": False, "do_eval": True, "do_predict": False}


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--high_only", "--middle_only"], "--high_only and --middle_only leave not"),
        (["--task_name=race-high", "--middle_only"], "--middle_only leave nothing"),
        (["--task_name=mrpc"], "task_name=MRPC is not for run_race.py; leave it out"),
        (["--task_name=rase"], "task_name=rase is not for run_race.py"),
        (["--max_qa_legth=9"], "unknown flag --max_qa_legth; did you mean 'max_qa_len"),
        (["--max_qa_length=0"], "max_qa_length=0 must be at least 1"),
        (["--warmup_step=9", "--train_step=8"], "warmup_step=9 is more than train_st"),
        (["--high_only=maybe"], "--high_only=maybe: expected true or false."),
        (["RACE"], "'RACE' is not a flag"),
    ],
)
def test_a_mistake_is_one_line(capsys, argv, message):
    assert message in fails(capsys, *argv)


def test_with_real_weights_the_papers_recipe_rules(calls, capsys):
    config = config_of(calls, "--init_checkpoint=albert_base", "--data_dir=DATA")
    said = capsys.readouterr().out
    expected = ClassifierConfig.from_file(REPOSITORY / "configs/race/race.yaml")
    assert config == expected.replace(init_checkpoint="albert_base", data_dir="DATA")
    assert said.startswith(
        "recipe: configs/race/race.yaml, then flags (init_checkpoint, data_dir)\n"
        "output_dir: runs/race (the default)\n"
    )
    high = config_of(calls, "--high_only", "--init_checkpoint=x", "--train_step=120")
    assert (high.learning_rate, high.train_step, high.warmup_step) == (2e-5, 120, 10)


def test_the_embedded_model_has_settings_of_its_own(calls, capsys):
    config = config_of(calls, "--middle_only")
    suits = "recipe: configs/race/race.yaml, then what suits albert_lsh_tiny\n"
    assert capsys.readouterr().out.startswith(suits)
    assert config.learning_rate > 2e-5 and config.hidden_dropout_prob == 0
    assert config.train_step < 12000
    assert config.max_qa_length < config.max_seq_length <= 512
    assert config_of(calls, "--max_seq_length=200").max_seq_length == 200


def test_flags_win_over_a_file(calls, tmp_path):
    (tmp_path / "my.yaml").write_text(
        "max_qa_length: 50\nclassifier_dropout_prob: 0.3\nseed: 5\n"
    )
    config = config_of(calls, "--config_file=my.yaml", "--dropout_prob=0.2")
    assert (config.max_qa_length, config.seed) == (50, 5)
    assert config.classifier_dropout_prob == 0.2


def test_a_file_may_name_the_school(calls, capsys, tmp_path):
    (tmp_path / "my.yaml").write_text("task_name: race-high\n")
    assert config_of(calls, "--config_file=my.yaml").task_name == "RACE-high"
    config = config_of(calls, "--config_file=my.yaml", "--middle_only")
    assert config.task_name == "RACE-middle"
    (tmp_path / "my.yaml").write_text("task_name: MRPC\n")
    told = fails(capsys, "--config_file=my.yaml")
    assert "task_name=MRPC is not for run_race.py" in told


def test_the_command_in_the_recipe_works(calls, monkeypatch):
    monkeypatch.chdir(REPOSITORY)
    file = "configs/race/race.yaml"
    config = config_of(calls, f"--config_file={file}", "--init_checkpoint=albert_base")
    assert config == ClassifierConfig.from_file(file).replace(
        init_checkpoint="albert_base"
    )


def test_predicting_takes_the_settings_of_the_run_that_was_trained(calls, tmp_path):
    saved = ClassifierConfig(task_name="RACE", max_seq_length=200, max_qa_length=33)
    (tmp_path / "run").mkdir()
    saved.save(tmp_path / "run" / "config.yaml")
    for where in ("output_dir", "init_checkpoint"):
        config = config_of(calls, "--do_predict", f"--{where}=run", "--data_dir=new")
        assert (config.max_seq_length, config.max_qa_length) == (200, 33)
        assert config.data_dir == "new"
    assert config_of(calls, "--output_dir=run").max_qa_length != 33


def test_the_run_that_was_trained_knows_its_school(calls, tmp_path):
    (tmp_path / "run").mkdir()
    ClassifierConfig(task_name="RACE-high").save(tmp_path / "run" / "config.yaml")
    config = config_of(calls, "--do_predict", "--output_dir=run", "--data_dir=new")
    assert config.task_name == "RACE-high"
    config = config_of(calls, "--do_eval", "--init_checkpoint=run", "--middle_only")
    assert config.task_name == "RACE-middle"


def test_run_classifier_does_the_same(calls):
    argv = ["--data_dir=DATA", "--max_qa_length=50", "--output_dir=run"]
    for level in ("", "-high", "-middle"):
        name = f"--task_name=RACE{level}"
        ours = config_of(calls, *argv, name)
        assert config_of(calls, *argv, name.lower(), main=classifier.main) == ours
        assert calls[-1][1:] == calls[-2][1:]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return TinyRace(tmp_path_factory.mktemp("race"))


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--data_dir=nowhere"], "nowhere/RACE/train: no such file"),
        (["--max_qa_length=29"], "max_seq_length=32 leaves no room for the article"),
        (["--max_seq_length=65"], "longer than the model's 64 positions"),
        (["--init_checkpoint=nowhere"], "nowhere: no such folder or checkpoint"),
    ],
)
def test_bad_settings_get_one_line(tiny, tmp_path, capsys, more, message):
    assert message in fails(capsys, *tiny.flags(tmp_path / "run", *more))
    assert not (tmp_path / "run").exists()


def test_without_data_there_is_one_line(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("GLUE_DIR", str(tmp_path))
    told = fails(capsys, f"--output_dir={tmp_path / 'run'}", "--high_only")
    assert "no data for RACE-high: give data_dir, the folder that holds RACE/." in told
    assert not (tmp_path / "run").exists()


def test_bad_articles_get_one_line(tiny, tmp_path, capsys):
    for split in ("train", "dev"):
        write(tmp_path, f"{split}/high/1.txt", line())
    write(tmp_path, "dev/high/1.txt", line(), line(id="high8.txt", answers=["E"]))
    argv = [*tiny.flags(tmp_path / "run", f"--data_dir={tmp_path}"), "--high_only"]
    message = "RACE/dev/high/1.txt, line 2, question 1: its answer 'E' is none of A"
    assert message in fails(capsys, *argv)
    assert not (tmp_path / "run").exists()


def test_one_command_does_everything(tiny, tmp_path, capsys, monkeypatch):
    argv = ["run_race.py", *tiny.flags(tmp_path / "run"), "--train_step=1"]
    argv += ["--warmup_step=0", "--middle_only", f"--export_dir={tmp_path / 'export'}"]
    monkeypatch.setattr(sys, "argv", argv)
    runpy.run_path(str(REPOSITORY / "run_race.py"), run_name="__main__")
    for name in (
        *("eval_results.txt", "metrics.json", "test_results.tsv", "RACE-middle.tsv"),
        *("predict_results.txt", "config.yaml", "best/best.json", "train_loss.png"),
        *("../export/saved_model.pb", "../export/text/saved_model.pb"),
    ):
        assert (tmp_path / "run" / name).exists(), name
    assert "examples: 16 train, 6 dev, 8 test\n" in capsys.readouterr().out
