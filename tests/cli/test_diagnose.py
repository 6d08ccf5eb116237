"""Flags of `albert-lsh diagnose`, and the command through the door of a user."""

import dataclasses
import json
import pathlib
import re
import shlex

import pytest

from albert_lsh_tf.cli import diagnose
from albert_lsh_tf.cli import main as albert_lsh
from albert_lsh_tf.config import LSHConfig
from albert_lsh_tf.diagnostics import DiagnosisPlan, planned

SMALL = ["--max_seq_length=32", "--num_sequences=2"]


def test_without_flags_everything_is_the_default():
    assert diagnose.parse([]) == (DiagnosisPlan(), "runs/diagnosis")


def test_flags_become_settings():
    plan, output_dir = diagnose.parse(
        [
            "--checkpoint=albert/",
            "--text_file=a.txt",
            "--nodo_lower_case",
            "--max_seq_length=64",
            "--num_sequences=3",
            "--budgets=0.1, 0.9",
            "--lsh_config=one.yaml,two.yaml",
            "--top_k=5",
            "--output_dir=here",
        ]
    )
    assert plan == DiagnosisPlan(
        checkpoint="albert/",
        text_file="a.txt",
        do_lower_case=False,
        max_seq_length=64,
        num_sequences=3,
        budgets=(0.1, 0.9),
        lsh_config=("one.yaml", "two.yaml"),
        top_k=5,
    )
    assert output_dir == "here"


def test_help_names_every_flag(capsys):
    diagnose.main(["--budgets=oops", "--help"])
    printed = capsys.readouterr().out
    for field in dataclasses.fields(DiagnosisPlan):
        assert f"--{field.name} " in printed or f"--[no]{field.name} " in printed
    assert "(runs/diagnosis)" in printed and "(0.125, 0.25, 0.5)" in printed


def test_the_embedded_model_through_the_users_door(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    LSHConfig(chunk_length=4).save(tmp_path / "rounds.yaml")
    albert_lsh.main(["diagnose", *SMALL, "--budgets=0.5,1", "--lsh_config=rounds.yaml"])
    printed = capsys.readouterr()
    assert printed.err == ""
    lines = printed.out.splitlines()
    assert lines[0] == "2 of 2 sequences"
    assert "albert_lsh_tiny, the model that comes with" in printed.out
    assert [line.split(" | ")[0] for line in lines if line.startswith("| ")] == [
        "| setting",
        "| ---",
        "| budget 0.5",
        "| budget 1",
        "| rounds",
    ]
    assert lines[-1] == "output_dir: runs/diagnosis"
    folder = tmp_path / "runs" / "diagnosis"
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["diagnosis.json", "diagnosis.md", "diagnosis.png"]
    values = json.loads((folder / "diagnosis.json").read_text())
    half, full, rounds = values["settings"]
    assert max(max(row) for row in full["error"]) < 1e-5 < min(half["error"][0])
    assert half["query_load"] is None and len(rounds["query_load"]["largest"]) == 4


@pytest.mark.parametrize(
    "argv, line",
    [
        (["--budget=0.5"], "unknown flag --budget; did you mean 'budgets'?"),
        (["--budgets=lots"], "--budgets=lots: expected numbers, with commas."),
        (["--budgets=0"], "budgets: 0.0 must be above 0 and at most 1; try 0.25."),
        (["--budgets=0.5,0.5"], "budgets=0.5, 0.5 names something twice."),
        (["--budgets="], "there is no setting to look at; give budgets or an lsh_conf"),
        (["--max_seq_length=2"], "max_seq_length=2 must be at least 3."),
        (["--top_k=0"], "top_k=0 must be at least 1."),
        (["text.txt"], "'text.txt' is not a flag; write flags as --name=value."),
        (["--text_file=none.txt"], "none.txt: no such text file."),
        (["--lsh_config=none.yaml"], "none.yaml: no such file."),
        (["--checkpoint=none"], "none: no such folder or checkpoint"),
        (
            ["--spm_model_file=none.model"],
            "none.model: the vocabulary cannot be read (No such file",
        ),
        (["--max_seq_length=513"], "max_seq_length=513 is more than the 512 positions"),
        (["--budgets=0.01", *SMALL], "budget=0.01 of 32 tokens is less than one logit"),
    ],
)
def test_what_cannot_be_used_is_one_line_and_a_status(
    argv, line, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stopped:
        diagnose.main(argv)
    assert stopped.value.code == 1
    printed = capsys.readouterr().err
    assert printed.startswith(f"error: {line}")
    assert printed.count("\n") == 1


def test_a_folder_that_cannot_be_made_is_found_before_the_work(
    tmp_path, monkeypatch, capsys
):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setattr(planned, "run_plan", lambda *_, **__: pytest.fail("it ran"))
    with pytest.raises(SystemExit) as stopped:
        diagnose.main([f"--output_dir={tmp_path / 'file'}"])
    assert stopped.value.code == 1
    assert "File exists" in capsys.readouterr().err


def test_an_interruption_says_that_nothing_was_written(tmp_path, monkeypatch, capsys):
    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(planned, "run_plan", stop)
    with pytest.raises(SystemExit) as stopped:
        diagnose.main([f"--output_dir={tmp_path}"])
    assert stopped.value.code == 130
    assert capsys.readouterr().err == "error: interrupted; nothing was written.\n"


def test_the_documented_commands_are_those_there_are():
    root = pathlib.Path(__file__).parents[2]
    text = (root / "docs" / "diagnostics.md").read_text(encoding="utf-8")
    commands = re.findall(
        r"^albert-lsh diagnose *(.*)$", text.replace("\\\n", " "), re.M
    )
    assert len(commands) >= 2
    for command in commands:
        diagnose.parse(shlex.split(command))
