"""Flags of `albert-lsh vocab`, and the command through the door of a user."""

import dataclasses
import signal

import pytest

from albert_lsh_tf.cli import main as albert_lsh
from albert_lsh_tf.cli import vocab
from albert_lsh_tf.data.vocabulary_training import VocabularyConfig
from tests.data.pretraining.corpora import write_text


@pytest.fixture(autouse=True)
def in_a_folder_with_text(tmp_path, monkeypatch):
    write_text(tmp_path)
    monkeypatch.chdir(tmp_path)


def test_help_names_every_flag(capsys):
    vocab.main(["--vocab_size=x", "--help"])
    printed = capsys.readouterr().out
    for config in (vocab.VocabFlags, VocabularyConfig):
        for field in dataclasses.fields(config):
            assert f"  --{field.name} " in printed or f"]{field.name} " in printed


def test_a_vocabulary_through_the_users_door(tmp_path, capfd):
    before = signal.getsignal(signal.SIGINT)
    albert_lsh.main(
        ["vocab", "--input_file=*.txt", "--vocab_size=80", "--model_prefix=my/spiece"]
    )
    printed = capfd.readouterr()
    assert printed.out.splitlines() == [
        "training on 8 of 8 lines",
        "my/spiece.model: 80 pieces",
    ]
    assert printed.err == ""
    assert (tmp_path / "my" / "spiece.model").exists()
    assert (tmp_path / "my" / "spiece.vocab").exists()
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize(
    "argv, line",
    [
        ([], "--input_file must be given: UTF-8 text, a sentence a line."),
        (["--input_file=none"], "input_file: nothing matches none; give UTF-8 text"),
        (["--vocab_sise=9"], "unknown flag --vocab_sise; did you mean 'vocab_size'?"),
        (["--input_file=text.txt"], "vocab_size=30000: the text has no more than "),
        (
            ["--input_file=text.txt", "--vocab_size=0"],
            "vocab_size=0 must be at least 1.",
        ),
    ],
)
def test_what_cannot_be_used_is_one_line_and_a_status(argv, line, capsys):
    with pytest.raises(SystemExit) as stopped:
        vocab.main(argv)
    assert stopped.value.code == 1
    printed = capsys.readouterr().err
    assert printed.startswith(f"error: {line}")
    assert printed.count("\n") == 1
