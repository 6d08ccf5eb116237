"""Flags of `create_pretraining_data.py`, and the script through the door of a user."""

import dataclasses
import importlib.util
import json
import runpy
import sys

import pytest

from albert_lsh_tf.cli import pretraining_data
from albert_lsh_tf.data.pretraining import create
from albert_lsh_tf.data.pretraining.settings import ExampleConfig
from tests.data.pretraining.corpora import SPM_MODEL_FILE, write_text
from tests.shared_data import REPOSITORY

# google-research/albert, create_pretraining_data.py.
GOOGLES_FLAGS = """
input_file output_file vocab_file spm_model_file input_file_mode do_lower_case
do_whole_word_mask do_permutation favor_shorter_ngram random_next_sentence
max_seq_length ngram max_predictions_per_seq random_seed dupe_factor masked_lm_prob
short_seq_prob
""".split()


@pytest.fixture(autouse=True)
def in_a_folder_with_text(tmp_path, monkeypatch):
    write_text(tmp_path)
    monkeypatch.chdir(tmp_path)


def run(*arguments):
    spm = f"--spm_model_file={SPM_MODEL_FILE}"
    pretraining_data.main(["--input_file=text.txt", spm, *arguments])


def test_help_names_every_flag(capsys):
    pretraining_data.main(["--max_seq_length=x", "--help"])
    printed = capsys.readouterr().out
    for config in (pretraining_data.FileFlags, ExampleConfig):
        for field in dataclasses.fields(config):
            shown = f"[no]{field.name}" if field.type == "bool" else field.name
            assert f"  --{shown} " in printed or f"  --[no]{field.name} " in printed


def test_googles_flags_and_defaults_are_known():
    fields = {
        field.name: field.default
        for config in (pretraining_data.FileFlags, ExampleConfig)
        for field in dataclasses.fields(config)
    }
    assert set(GOOGLES_FLAGS) <= set(fields)
    told = {
        "do_lower_case": True,
        "do_whole_word_mask": True,
        "favor_shorter_ngram": True,
        "max_seq_length": 512,
        "ngram": 3,
        "random_seed": 12345,
        "dupe_factor": 40,
        "masked_lm_prob": 0.15,
        "short_seq_prob": 0.1,
    }
    assert told.items() <= fields.items()


def test_googles_command_works(tmp_path, monkeypatch, capsys):
    """With the flags that say what is so anyway."""
    monkeypatch.setattr(
        sys,
        "argv",
        [
            "create_pretraining_data.py",
            "--input_file=text.txt",
            "--output_file=a.tfrecord,b.tfrecord",
            "--vocab_file=30k-clean.vocab",
            f"--spm_model_file={SPM_MODEL_FILE}",
            "--do_permutation=False",
            "--norandom_next_sentence",
            "--max_seq_length=32",
            "--max_predictions_per_seq=20",
            "--dupe_factor=3",
            "--num_workers=1",
        ],
    )
    runpy.run_path(str(REPOSITORY / "create_pretraining_data.py"), run_name="__main__")
    printed = capsys.readouterr()
    assert printed.err == ""
    documents, made = printed.out.splitlines()
    assert documents.startswith("3 documents, 8 sentences, ")
    assert made.startswith(".: ") and " examples in 2 files of " in made
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert list(manifest["files"]) == ["a.tfrecord", "b.tfrecord"]
    assert (tmp_path / "tokens" / "manifest.json").exists()


def test_online_writes_token_ids_alone(tmp_path, capsys):
    run("--online", "--output_dir=out", "--num_workers=1")
    assert capsys.readouterr().out.startswith("out/tokens: 3 documents, 8 sentences, ")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["tokens"]


def test_homes_are_filled_in(tmp_path, monkeypatch):
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    write_text(home)
    (home / "spiece.model").write_bytes(SPM_MODEL_FILE.read_bytes())
    rest = ("--spm_model_file=~/spiece.model", "--num_workers=1")
    run("--input_file=~/*.txt", "--online", "--output_dir=~/a", *rest)
    rest += ("--dupe_factor=1",)
    assert (home / "a" / "tokens" / "manifest.json").exists()
    run("--input_file=~/text.txt", "--output_file=~/b/x,~/b/y", *rest)
    assert (home / "b" / "y").exists() and (home / "b" / "tokens").exists()
    run("--output_dir=~/c", *rest)
    assert (home / "c" / "manifest.json").exists()
    assert not (tmp_path / "~").exists()


@pytest.mark.parametrize(
    "arguments, line",
    [
        (["--random_next_sentence"], "--random_next_sentence has no meaning here: "),
        (["--do_permutation=true"], "--do_permutation has no meaning here: words "),
        (["--max_seq_length=4"], "max_seq_length=4 must be at least 5: [CLS], two "),
        (["--max_seq_len=4"], "unknown flag --max_seq_len; did you mean 'max_seq_leng"),
        (
            ["--random_seed=-9223372036854775809"],
            "random_seed=-9223372036854775809 must",
        ),
        (
            ["--random_seed=9223372036854775808"],
            "random_seed=9223372036854775808 must ",
        ),
        (["--dupe_factor=0"], "dupe_factor=0 must be at least 1."),
        (["--input_file=none*"], "input_file: nothing matches none*; give UTF-8 text"),
        (["--input_file="], "--input_file must be given: UTF-8 text, a sentence a "),
        (["--spm_model_file="], "--spm_model_file must be given, such as Google's "),
        (["--spm_model_file=text.txt"], "text.txt: the vocabulary has no [PAD], [UNK]"),
        (["--input_file=latin.txt"], "latin.txt, line 2: not UTF-8 text; convert the "),
        (["--runner=DirectRunner", "--online"], "--runner goes with neither --online "),
        (["--beam_options=a=b"], "--beam_options goes with --runner; give both."),
        (["--online", "--output_file=x"], "--online writes no output_file; give --out"),
        (["--online", "--dupe_factor=3"], "--num_files and --dupe_factor have no eff"),
        (
            ["--online", "--masked_lm_prob=0.2"],
            "--masked_lm_prob=0.2 has no effect with --online, which writes token ids",
        ),
        (["--online", "--random_seed=7"], "--random_seed=7 has no effect with --onl"),
    ],
)
def test_what_cannot_be_used_is_one_line_and_a_status(
    arguments, line, tmp_path, capsys
):
    (tmp_path / "latin.txt").write_bytes(b"fine\n\xe7a\n")
    with pytest.raises(SystemExit) as stopped:
        run("--num_workers=1", *arguments)
    assert stopped.value.code == 1
    printed = capsys.readouterr().err
    assert printed.startswith(f"error: {line}")
    assert printed.count("\n") == 1


def test_beam_is_asked_for_by_name(monkeypatch, capsys):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SystemExit):
        run("--runner=DirectRunner")
    line = "error: --runner needs Apache Beam, which is not installed: pip install "
    assert capsys.readouterr().err.startswith(line)


def test_an_interruption_says_how_to_go_on(monkeypatch, capsys):
    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(create, "create_pretraining_data", stop)
    with pytest.raises(SystemExit) as stopped:
        run()
    assert stopped.value.code == 130
    assert capsys.readouterr().err.startswith("error: interrupted; the same command go")


def test_an_interrupted_run_of_beam_begins_again(monkeypatch, capsys):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(pretraining_data, "_run_beam", stop)
    with pytest.raises(SystemExit) as stopped:
        run("--runner=DirectRunner")
    assert stopped.value.code == 130
    line = "error: interrupted; with Beam, the same command makes all files again.\n"
    assert capsys.readouterr().err == line
