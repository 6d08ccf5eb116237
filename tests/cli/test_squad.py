"""`run_squad.py` from the outside: flags, layers of settings, one-line errors."""

import dataclasses
import json
import runpy
import sys

import pytest
import yaml

from albert_lsh_tf.cli import flags, squad
from albert_lsh_tf.cli.squad_flags import FLAGS
from albert_lsh_tf.config import LSHConfig
from albert_lsh_tf.tasks.squad import training
from albert_lsh_tf.tasks.squad.settings import SquadConfig
from tests.shared_data import REPOSITORY

# google-research/albert, run_squad_v1.py and run_squad_v2.py.
GOOGLES_FLAGS = """
albert_config_file spm_model_file output_dir train_file predict_file train_feature_file
predict_feature_file init_checkpoint albert_hub_module_handle do_lower_case
max_seq_length doc_stride max_query_length do_train do_predict train_batch_size
predict_batch_size learning_rate num_train_epochs warmup_proportion
save_checkpoints_steps n_best_size max_answer_length start_n_top end_n_top dropout_prob
export_dir
""".split()
RETIRED = """
iterations_per_loop use_tpu tpu_name tpu_zone gcp_project master num_tpu_cores
predict_feature_left_file use_einsum eval_batch_size
""".split()


@pytest.fixture
def calls(monkeypatch, tmp_path) -> list:
    """The arguments of every call that would have trained."""
    calls = []
    monkeypatch.setattr(
        training,
        "train_and_answer",
        lambda *given, **named: calls.append((*given, named)),
    )
    monkeypatch.chdir(tmp_path)
    return calls


def config_of(calls, *argv) -> SquadConfig:
    squad.main(list(argv))
    return calls[-1][0]


def fails(capsys, *argv) -> str:
    """The one line on stderr that a command ends with."""
    with pytest.raises(SystemExit) as exit_:
        squad.main(list(argv))
    assert exit_.value.code == 1
    line = capsys.readouterr().err
    assert line.startswith("error: ") and line.count("\n") == 1, line
    return line


def test_every_setting_has_a_flag_and_stands_in_the_help(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["run_squad.py", "--help"])
    runpy.run_path(str(REPOSITORY / "run_squad.py"), run_name="__main__")
    page = capsys.readouterr().out
    names = {field.name for field in dataclasses.fields(SquadConfig)} - {"lsh"}
    lsh_names = {field.name for field in dataclasses.fields(LSHConfig)}
    names |= lsh_names - {"seed", "hash"} | {"lsh_seed", "lsh_hash"}
    names |= set(FLAGS.run)
    names -= set(FLAGS.left_out)
    for name in names:
        assert f"  --{name} " in page or f"  --[no]{name} " in page, name
    assert "  python run_squad.py --train_file=train-v1.1.json " in page
    assert len(page.splitlines()) < 100


def test_googles_flags_are_known_and_have_its_defaults():
    switches = {"do_train", "do_predict", "do_lower_case"}
    parsed = flags.parse(
        [f"--{name}={'true' if name in switches else 7}" for name in GOOGLES_FLAGS],
        FLAGS,
    )
    assert set(parsed.settings) == set(GOOGLES_FLAGS) - set(FLAGS.run)
    config = SquadConfig()
    lengths = (384, 128, 64, 30, 20, 5, 5)
    assert lengths == (
        *(config.max_seq_length, config.doc_stride, config.max_query_length),
        *(config.max_answer_length, config.n_best_size),
        *(config.start_n_top, config.end_n_top),
    )
    assert (config.learning_rate, config.num_train_epochs) == (5e-5, 3.0)
    assert (config.warmup_proportion, config.dropout_prob) == (0.1, 0.1)
    assert (config.train_batch_size, config.predict_batch_size) == (32, 8)


@pytest.mark.parametrize("name", RETIRED)
def test_flags_without_a_meaning_here_say_what_to_do(name, capsys):
    line = fails(capsys, f"--{name}=1")
    assert line.startswith(f"error: --{name} has no meaning here: ")


def test_the_batch_size_of_evaluations_is_that_of_predictions(calls, capsys, tmp_path):
    assert "use --predict_batch_size" in fails(capsys, "--eval_batch_size=64")
    squad.main(["--help"])
    page = capsys.readouterr().out
    assert "--predict_batch_size " in page and "--eval_batch_size" not in page
    # Runs have written it down.
    SquadConfig(eval_batch_size=64).save(tmp_path / "config.yaml")
    assert config_of(calls, "--config_file=config.yaml").eval_batch_size == 64


def test_flags_win_over_a_file(calls, tmp_path):
    (tmp_path / "my.yaml").write_text("version_2: true\ndoc_stride: 96\n")
    config = config_of(
        calls,
        "--config_file=my.yaml",
        "--init_checkpoint=weights",
        "--doc_stride=64",
        "--train_file=a.json,b.json",
    )
    assert (config.version_2, config.doc_stride) == (True, 64)
    assert config.train_file == ("a.json", "b.json")
    assert calls[-1][1:] == ("runs/squad", {"do_train": True, "do_predict": True})


def test_answering_takes_the_settings_of_the_run_that_was_trained(calls, tmp_path):
    saved = SquadConfig(
        version_2=True,
        max_seq_length=200,
        train_file=("gone.json",),
        seed=9,
        num_gpus=4,
        worker_hosts="a:1,b:2222",
    )
    (tmp_path / "run").mkdir()
    text = yaml.safe_dump(saved.to_dict())
    (tmp_path / "run" / "config.yaml").write_text(text)
    (tmp_path / "run" / "ckpt-7.index").touch()
    for where in (
        "output_dir=run",
        "init_checkpoint=run",
        "init_checkpoint=run/ckpt-7",
        "init_checkpoint=run/best/best-7",
    ):
        config = config_of(
            calls, "--do_predict", f"--{where}", "--predict_file=new.json"
        )
        assert config.version_2 and config.max_seq_length == 200
        assert config.train_file == () and config.predict_file == "new.json"
        # Those of another machine.
        assert config.num_gpus is config.worker_hosts is None
    assert not config_of(calls, "--output_dir=run").version_2
    # A checkpoint that is named comes before what else there is in output_dir.
    SquadConfig().save(tmp_path / "config.yaml")
    config = config_of(
        calls, "--do_predict", "--output_dir=.", "--init_checkpoint=run/ckpt-7"
    )
    assert config.version_2


@pytest.fixture
def exported(monkeypatch, tmp_path):
    """The named arguments of the export of every command that is given."""
    from albert_lsh_tf.export import span_labeler

    exported = []
    monkeypatch.setattr(
        span_labeler,
        "export_span_labeler",
        lambda model, export_dir, **named: exported.append(named),
    )
    monkeypatch.chdir(tmp_path)
    return exported


def answered(monkeypatch, **results):
    """Lets every command end with these results."""
    results = {"model": None, "is_chief": True, "best": None, **results}
    monkeypatch.setattr(training, "train_and_answer", lambda *_, **__: results)


def write_trained(folder, **settings):
    """What an export wants to know of a run that was trained up to step 7."""
    folder.mkdir()
    SquadConfig(**settings).save(folder / "config.yaml")
    (folder / "ckpt-7.index").touch()
    (folder / "checkpoint").write_text(
        'model_checkpoint_path: "ckpt-7"\nall_model_checkpoint_paths: "ckpt-7"\n'
    )
    summary = {"best": {"step": 7, "f1": 80.0}}
    (folder / "metrics.json").write_text(json.dumps(summary))


def test_an_export_without_training_tells_how_the_model_was_trained(
    exported, monkeypatch, tmp_path
):
    write_trained(
        tmp_path / "run", train_file=("squad.json",), init_checkpoint="albert_base"
    )
    here = {"best": {"step": 7, "f1": 80.0}}
    there = {"best": {"step": 7, "f1": 3.0}}
    scored = {"file": "other.json", "step": 7, "scores": {"f1": 3.0}}
    for where, results in (
        (["--output_dir=run"], here),
        (["--output_dir=out", "--init_checkpoint=run"], there),
        (["--output_dir=out", "--init_checkpoint=run/ckpt-7"], there),
    ):
        answered(monkeypatch, **results, predicted=scored)
        squad.main(["--do_predict", "--export_dir=export", *where])
        named = exported.pop()
        assert named["vocabulary_file"].parent.samefile("run")
        card = named["provenance"]
        assert (card.base_model, card.data) == ("albert_base", "squad.json")
        assert card.metrics == {"step": 7, "f1": 80.0}
        assert card.settings["init_checkpoint"] == "albert_base"


def test_scores_of_an_export_are_those_of_its_checkpoint(
    exported, monkeypatch, tmp_path
):
    write_trained(tmp_path / "run", train_file=(str(tmp_path / "a.json"),))
    for scores, metrics in (({"f1": 3.0}, {"step": 2, "f1": 3.0}), (None, {})):
        predicted = {"file": "other.json", "step": 2, "scores": scores}
        answered(monkeypatch, predicted=predicted)
        squad.main(["--do_predict", "--export_dir=export", "--output_dir=run"])
        card = exported.pop()["provenance"]
        assert card.metrics == metrics
        assert card.base_model == "albert_lsh_tiny, the package's own model"


@pytest.mark.parametrize(
    "where",
    [
        ["--output_dir=run/out", "--export_dir=run"],
        ["--output_dir=run", "--export_dir=run"],
        ["--output_dir=run", "--export_dir=run/export"],
        ["--init_checkpoint=run/ckpt-7", "--export_dir=run"],
    ],
)
def test_an_export_would_not_replace_its_run(calls, capsys, where):
    assert "lie in each other; give different places" in fails(capsys, *where)
    assert not calls


@pytest.mark.parametrize(
    ("flag", "line"),
    [
        ("--train_fiel=x", "unknown flag --train_fiel; did you mean 'train_file'?"),
        ("--max_query_length=125", "leaves no room for a text in max_seq_length=128"),
        ("--doc_stride=0", "doc_stride=0 must be at least 1"),
        ("--n_best_size=0", "n_best_size=0 must be at least 1"),
        ("--warmup_proportion=1", "warmup_proportion=1.0 must be at least 0 and below"),
        ("--held_out_share=1", "held_out_share=1.0 must be at least 0 and below 1"),
        ("--num_train_epochs=0", "num_train_epochs=0.0 must be above 0"),
    ],
)
def test_a_mistake_is_one_line(capsys, flag, line):
    assert line in fails(capsys, flag)


def test_a_threshold_is_given_or_found(calls, capsys):
    line = fails(capsys, "--version_2", "--held_out_share=0")
    assert "leaves no questions to find a threshold on" in line
    config = config_of(
        calls, "--version_2", "--held_out_share=0", "--null_score_diff_threshold=-1.5"
    )
    assert config.null_score_diff_threshold == -1.5


def test_the_embedded_model_has_settings_of_its_own(calls):
    ours, others = config_of(calls), config_of(calls, "--init_checkpoint=albert_base")
    assert ours.learning_rate > 1e-4 and ours.max_seq_length == 128
    assert (others.learning_rate, others.max_seq_length) == (5e-5, 384)
    assert config_of(calls, "--max_seq_length=200").max_seq_length == 200
