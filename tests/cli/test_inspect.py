import json

import pytest

from albert_lsh_tf.cli import inspect, main
from albert_lsh_tf.cli.main import COMMANDS
from albert_lsh_tf.embedded import EMBEDDED_MODEL_DIR


def test_without_a_source_the_tiny_model_is_shown(capsys):
    main.main(["inspect"])
    printed = capsys.readouterr().out
    first, *_, last = printed.splitlines()
    assert first.split(maxsplit=1) == [
        "format",
        "albert_lsh_tiny, the model that comes with the package",
    ]
    assert last.split(maxsplit=1)[1].startswith("would load 25 variables")


def test_json_for_programs(capsys):
    inspect.main([str(EMBEDDED_MODEL_DIR), "--json"])
    found = json.loads(capsys.readouterr().out)
    assert found["kind"] == "google"
    assert found["problem"] is None


def test_what_would_be_refused_is_shown_and_fails(tmp_path, capsys):
    config_file = tmp_path / "albert_config.json"
    config = json.loads((EMBEDDED_MODEL_DIR / "albert_config.json").read_text())
    config_file.write_text(json.dumps({**config, "hidden_size": 768}))
    with pytest.raises(SystemExit) as caught:
        inspect.main([str(EMBEDDED_MODEL_DIR), f"--albert_config_file={config_file}"])
    assert caught.value.code == 1
    printed = capsys.readouterr()
    assert "would refuse it" in printed.out
    assert "hidden_size is 768 in the config but 256 in the weights" in printed.out
    assert printed.err == ""


@pytest.mark.parametrize(
    "argv, message",
    [
        (["nowhere"], "nowhere: no such folder or checkpoint"),
        (["a", "b"], "'b' is not a flag"),
        (["--jsom"], "unknown flag --jsom; did you mean 'json'?"),
    ],
)
def test_bad_input_is_one_line(argv, message, capsys):
    with pytest.raises(SystemExit) as caught:
        inspect.main(argv)
    assert caught.value.code == 1
    printed = capsys.readouterr()
    assert message in printed.err
    assert printed.err.count("\n") == 1
    assert printed.out == ""


def test_help_lists_every_flag(capsys):
    inspect.main(["--help"])
    printed = capsys.readouterr().out
    for word in ("SOURCE", "--albert_config_file", "--[no]json", "Nothing is run"):
        assert word in printed
    assert "inspect" in COMMANDS
