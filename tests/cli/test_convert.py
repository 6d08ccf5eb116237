"""Flags of `albert-lsh convert`, and the command through the door of a user."""

import dataclasses

import pytest

from albert_lsh_tf.cli import convert
from albert_lsh_tf.cli import main as albert_lsh
from albert_lsh_tf.export import conversion


def test_help_names_every_argument_and_format(capsys):
    convert.main(["--to=oops", "--help"])
    printed = capsys.readouterr().out
    for field in dataclasses.fields(convert.ConvertFlags):
        shown = field.name.upper() if field.name in ("source", "dest") else field.name
        assert f"  {shown} " in printed or f"  --{shown} " in printed
    for name in convert.FORMATS:
        assert f"\n  {name} " in printed


def test_the_formats_are_those_there_are():
    assert convert.FORMATS == tuple(conversion.TARGETS)


def test_the_embedded_model_through_the_users_door(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    albert_lsh.main(["convert", "albert_lsh_tiny", "there", "--to=huggingface"])
    printed = capsys.readouterr()
    assert printed.err == ""
    assert printed.out.splitlines() == [
        "there: the encoder, the masked language model's head, the sentence-order "
        "head, its vocabulary, as huggingface",
        'to load it: transformers.AutoModel.from_pretrained("there")',
    ]
    albert_lsh.main(["convert", "there", "back", "--to=google"])
    assert (tmp_path / "back" / "model.ckpt-best.index").exists()


@pytest.mark.parametrize(
    "argv, line",
    [
        ([], "SOURCE and DEST must be given; write SOURCE DEST, then flags as"),
        (["a"], "DEST must be given; write SOURCE DEST"),
        (["a", "b"], "--to must be given, one of google, garden, huggingface, hub."),
        (["a", "b", "--to=hubb"], "--to=hubb is none of google, garden, huggingface, "),
        (["a", "b", "c", "--to=hub"], "'c' is not a flag; write flags as"),
        (["a", "b", "--too=hub"], "unknown flag --too; did you mean 'to'?"),
        (["none", "b", "--to=hub"], "none: no such "),
        (["albert_lsh_tiny", ".", "--to=google"], ". is there already, and no empty"),
    ],
)
def test_what_cannot_be_used_is_one_line_and_a_status(
    argv, line, tmp_path, monkeypatch, capsys
):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stopped:
        convert.main(argv)
    assert stopped.value.code == 1
    printed = capsys.readouterr().err
    assert printed.startswith(f"error: {line}")
    assert printed.count("\n") == 1


def test_an_interruption_says_that_nothing_was_written(tmp_path, monkeypatch, capsys):
    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(conversion, "convert", stop)
    with pytest.raises(SystemExit) as stopped:
        convert.main(["albert_lsh_tiny", str(tmp_path / "new"), "--to=hub"])
    assert stopped.value.code == 130
    assert capsys.readouterr().err == "error: interrupted; nothing was written.\n"
