"""The first word of `albert-lsh`, and that every command it lists is there."""

import importlib
import importlib.metadata
import subprocess
import sys

import pytest

import albert_lsh_tf
from albert_lsh_tf.cli import main as albert_lsh


@pytest.mark.parametrize("flag", ["--help", "-h", "help"])
def test_help_lists_every_command(flag, capsys):
    albert_lsh.main([flag])
    printed = capsys.readouterr().out
    assert "albert-lsh COMMAND" in printed
    for name, (_, about) in albert_lsh.COMMANDS.items():
        assert f"  {name}" in printed and about in printed


def test_version(capsys):
    albert_lsh.main(["--version"])
    assert capsys.readouterr().out == f"albert-lsh {albert_lsh_tf.__version__}\n"


@pytest.mark.parametrize("name", albert_lsh.COMMANDS)
def test_every_command_has_a_main(name):
    module, _ = albert_lsh.COMMANDS[name]
    assert callable(importlib.import_module(module).main)


def test_the_rest_of_the_line_goes_to_the_command(monkeypatch):
    got = []
    module = importlib.import_module("albert_lsh_tf.cli.benchmark")
    monkeypatch.setattr(module, "main", got.append)
    albert_lsh.main(["benchmark", "--lengths=512", "--help"])
    assert got == [["--lengths=512", "--help"]]


@pytest.mark.parametrize(
    "argv, line",
    [
        ([], "error: no command was given; the commands are benchmark"),
        (["benchmarks"], "error: unknown command 'benchmarks'; did you mean 'benchmar"),
        (["--lengths=5"], "error: unknown command '--lengths=5'; the commands are ben"),
    ],
)
def test_a_wrong_word_is_one_line_and_a_status(argv, line, capsys):
    with pytest.raises(SystemExit) as stopped:
        albert_lsh.main(argv)
    assert stopped.value.code == 1
    printed = capsys.readouterr().err
    assert printed.startswith(line)
    assert printed.count("\n") == 1


def test_help_needs_no_tensorflow():
    program = (
        "import sys; from albert_lsh_tf.cli.main import main; main(['--help']); "
        "main(['benchmark', '--help']); main(['diagnose', '--help']); "
        "sys.exit('tensorflow' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0


@pytest.mark.parametrize(
    ("command", "module"),
    [
        ("albert-lsh", "main"),
        ("albert-lsh-classifier", "classifier"),
        ("albert-lsh-race", "race"),
        ("albert-lsh-squad", "squad"),
    ],
)
def test_the_package_installs_the_commands(command, module, monkeypatch, capsys):
    (found,) = importlib.metadata.entry_points(group="console_scripts", name=command)
    assert found.value == f"albert_lsh_tf.cli.{module}:main"
    monkeypatch.setattr(sys, "argv", [f"/usr/bin/{command}", "--help"])
    found.load()()
    printed = capsys.readouterr().out
    assert f"  {command} " in printed and "python" not in printed


@pytest.mark.parametrize("script", ["run_classifier", "run_race", "run_squad"])
def test_help_of_a_script_names_it(script, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [f"somewhere/{script}.py", "--help"])
    module = script.removeprefix("run_")
    importlib.import_module(f"albert_lsh_tf.cli.{module}").main()
    assert f"  python {script}.py " in capsys.readouterr().out
