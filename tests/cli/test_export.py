"""Flags of `albert-lsh export`, and the command through the door of a user."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from albert_lsh_tf.checkpoints.loading import load_encoder
from albert_lsh_tf.checkpoints.sources import find_weights
from albert_lsh_tf.cli import export
from albert_lsh_tf.cli import main as albert_lsh
from albert_lsh_tf.config import ClassifierConfig, LSHConfig
from albert_lsh_tf.export import planned
from albert_lsh_tf.export.plan import ExportPlan
from albert_lsh_tf.tasks.pretraining.settings import PretrainingConfig
from albert_lsh_tf.tasks.squad.settings import SquadConfig
from tests.tasks.tiny_run import write_tiny_weights


@pytest.fixture
def calls(monkeypatch):
    """Arguments of what the plan would do, which takes half a minute."""
    calls = {}
    for name in ("load_encoder", "load_pretrainer", "export_encoder"):
        monkeypatch.setattr(planned, name, lambda *a, _n=name, **k: record(_n, a, k))
    monkeypatch.setattr(planned, "_description", lambda model: "an encoder")

    def record(name, arguments, keywords):
        calls[name] = (*arguments, keywords)

    return calls


@pytest.mark.parametrize("dest", ["out", "out/run/deeper"])
def test_an_export_would_not_replace_its_source(dest, calls, tmp_path, capsys):
    """Such as the checkpoints of a run inside an older export."""
    folder = write_tiny_weights(tmp_path / "out" / "run")
    (tmp_path / "out" / "saved_model.pb").touch()
    for argv in (
        [str(folder), str(tmp_path / dest)],
        [str(folder), str(tmp_path / "new"), f"--preprocess={tmp_path / dest}"],
    ):
        with pytest.raises(SystemExit):
            export.main(argv)
        assert "lie in each other; give different places" in capsys.readouterr().err
    assert not calls


@pytest.fixture
def run_folder(tmp_path):
    """A run with settings of its own, as training leaves it."""
    folder = write_tiny_weights(tmp_path / "run")
    ClassifierConfig(
        attention=("lsh", "dense"),
        lsh=LSHConfig(chunk_length=8, seed=5),
        max_seq_length=48,
        do_lower_case=False,
        hidden_dropout_prob=0.25,
    ).save(folder / "config.yaml")
    return folder


def test_flags_become_a_plan():
    plan = export.parse(
        [
            "albert/",
            "--attention=lsh, dense",
            "--nodo_lower_case",
            "--max_seq_length=64",
            "--lsh_budget=0.5",
            "--noheads",
            "out/",
        ]
    )
    assert plan == ExportPlan(
        source="albert/",
        dest="out/",
        attention=("lsh", "dense"),
        do_lower_case=False,
        max_seq_length=64,
        lsh_budget=0.5,
        heads=False,
    )


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["albert/"], "DEST must be given"),
        (["a", "b", "--attention=lhs"], "attention='lhs' is unknown"),
        (["a", "b", "--max_seq_lenght=3"], "did you mean 'max_seq_length'"),
        (["a", "b", "--lsh_config=a.yaml", "--lsh_budget=1"], "give one"),
        (["nowhere", "b"], "nowhere: no such folder"),
        (["albert_lsh_tiny", "b", "--preprocess=b/text"], "lie in each other"),
        (["albert_lsh_tiny", "b", "--tflite=b/a.tflite"], "lie in each other"),
        (["albert_lsh_tiny", "b", "--tflite=."], "tflite=. is a folder"),
        (["albert_lsh_tiny", "b", "--tflite=a", "--max_seq_length=600"], "600"),
        (["albert_lsh_tiny", "b", "--lsh_budget=7"], "budget=7.0 must be above 0"),
        (["albert_lsh_tiny", "b", "--attention=lsh,lsh"], "the encoder has 4"),
    ],
)
def test_mistakes_are_told_in_one_line(argv, words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as exit_:
        export.main(argv)
    assert exit_.value.code == 1
    error = capsys.readouterr().err
    assert words in error and error.count("\n") == 1
    assert not any(tmp_path.iterdir())


def test_help_names_every_flag(capsys):
    albert_lsh.main(["export", "--help"])
    printed = capsys.readouterr().out
    for field in dataclasses.fields(ExportPlan):
        shown = (field.name.upper(), f"--{field.name}", f"--[no]{field.name}")
        assert any(f"  {each} " in printed for each in shown), field.name


def test_a_run_is_exported_as_it_was_trained(run_folder, calls, tmp_path, capsys):
    export.main([str(run_folder), str(tmp_path / "out")])
    source, attention, lsh, keywords = calls["load_encoder"]
    assert source.spm_model_file == str(run_folder / "spiece.model")
    assert attention == ("lsh", "dense")
    assert lsh == LSHConfig(chunk_length=8, seed=5)
    assert keywords["dropout_rate"] == 0.25
    _, dest, keywords = calls["export_encoder"]
    assert dest == str(tmp_path / "out")
    assert keywords["do_lower_case"] is False
    assert keywords["vocabulary_file"] == str(run_folder / "spiece.model")
    assert str(run_folder) in keywords["provenance"].base_model
    assert f"{dest}: an encoder; from " in capsys.readouterr().out


@pytest.mark.parametrize("kind", [SquadConfig, PretrainingConfig])
def test_a_run_of_any_kind_is_exported_as_it_was_trained(
    kind, run_folder, calls, tmp_path
):
    lsh = LSHConfig(chunk_length=4)
    kind(attention="dense", lsh=lsh, attention_probs_dropout_prob=0.5).save(
        run_folder / "config.yaml"
    )
    export.main([str(run_folder), str(tmp_path / "out")])
    _, attention, got, keywords = calls["load_encoder"]
    assert (attention, got) == ("dense", lsh)
    assert keywords["attention_dropout_rate"] == 0.5


def test_flags_win_over_the_run(run_folder, calls, tmp_path):
    LSHConfig(chunk_length=2).save(tmp_path / "lsh.yaml")
    dest = str(tmp_path / "out")
    more = ["--attention=dense", "--max_position_embeddings=96"]
    export.main([str(run_folder), dest, *more, f"--lsh_config={tmp_path}/lsh.yaml"])
    _, attention, lsh, keywords = calls["load_encoder"]
    assert (attention, lsh) == ("dense", LSHConfig(chunk_length=2))
    assert keywords["max_position_embeddings"] == 96
    export.main([str(run_folder), dest, "--lsh_budget=0.5"])
    recommended = LSHConfig.for_length(48, 0.5, dense_below=None)
    assert calls["load_encoder"][2] == recommended
    export.main([str(run_folder), dest, "--max_seq_length=32"])
    recommended = LSHConfig.for_length(32, dense_below=None)
    assert calls["load_encoder"][2] == recommended


def test_weights_get_the_setting_for_their_length(run_folder, calls, tmp_path):
    (run_folder / "config.yaml").unlink()
    export.main(
        [str(run_folder), str(tmp_path / "out"), "--max_position_embeddings=2048"]
    )
    _, attention, lsh, _ = calls["load_encoder"]
    assert attention == "lsh"
    assert lsh == LSHConfig.for_length(2048, dense_below=None)
    assert calls["export_encoder"][2]["do_lower_case"] is True
    export.main([str(run_folder), str(tmp_path / "out"), "--nodo_lower_case"])
    assert calls["export_encoder"][2]["do_lower_case"] is False


def test_the_embedded_model_through_the_users_door(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    albert_lsh.main(
        [
            "export",
            "albert_lsh_tiny",
            "encoder",
            "--preprocess=text",
            "--tflite=lite/albert.tflite",
            "--max_seq_length=9",
        ]
    )
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert lines[0].startswith(
        "encoder: encoder of 4 layers with mlm and sop, up to 512 tokens, lsh "
        "attention, which is dense at all these lengths; from albert_lsh_tiny"
    )
    assert lines[1].startswith(
        "lite/albert.tflite: the encoder for inputs of 9 tokens, "
    )
    assert lines[2].startswith("text: text, lower-cased, to inputs of 9 tokens, with ")
    inputs = tf.saved_model.load("text")(tf.constant(["Hello, world.", "Hi!"]))
    assert inputs["input_word_ids"].shape == (2, 9)
    outputs = tf.saved_model.load("encoder")(inputs)
    expected = load_encoder(find_weights(tmp_path / "encoder"), "dense")(inputs)
    np.testing.assert_allclose(outputs["default"], expected["pooled_output"], atol=1e-5)
    # A replaced export is the normal case; something else is not touched.
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis").write_text("chapter 1")
    with pytest.raises(SystemExit):
        albert_lsh.main(["export", "albert_lsh_tiny", "mine"])
    assert "dest=mine holds files that are no SavedModel" in capsys.readouterr().err
