"""The README's examples, run as they are written, in their order."""

import pathlib
import re
import shlex
import subprocess
import sys

import pytest

from albert_lsh_tf.cli import classifier, main, squad
from albert_lsh_tf.config import AlbertConfig
from albert_lsh_tf.embedded import EMBEDDED_MODEL_DIR

README = pathlib.Path(__file__).parents[1] / "README.md"
FENCED = re.compile(r"^```(python|bash)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# Needs weights and data that are not here.
ELSEWHERE = ("_FOLDER", "git clone", "compare_runs")


def examples() -> list[tuple[str, str]]:
    blocks = FENCED.findall(README.read_text(encoding="utf-8"))
    return [
        block for block in blocks if not any(word in block[1] for word in ELSEWHERE)
    ]


def run_shell(text: str) -> None:
    """Runs the commands of a block, ours in this process, which has TensorFlow."""
    for command in text.replace("\\\n", " ").strip().splitlines():
        program, *arguments = shlex.split(command)
        if program == "albert-lsh":
            main.main(arguments)
        elif program == "saved_model_cli":
            run_beside_python(program, arguments)
        elif arguments[0] == "run_squad.py":
            squad.main([*arguments[1:], "--num_train_epochs=0.05"])
        else:
            assert (program, arguments.pop(0)) == ("python", "run_classifier.py")
            # The first example trains for minutes; one step shows that it works.
            if "--output_dir=runs/from_python" not in arguments:
                arguments += ["--train_step=1", "--warmup_step=0"]
            classifier.main(arguments)


def run_beside_python(program: str, arguments: list[str]) -> None:
    """Runs a program of this environment, and prints what it prints."""
    path = pathlib.Path(sys.executable).parent / program
    done = subprocess.run([path, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    print(done.stdout)


@pytest.mark.filterwarnings("ignore")
def test_examples_run_as_written(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("GLUE_DIR", raising=False)
    languages = [language for language, _ in examples()]
    assert " ".join(languages) == (
        "python python bash python bash bash bash python bash bash python"
    )
    for language, text in examples():
        if language == "python":
            exec(compile(text, "README.md", "exec"), {})
        else:
            run_shell(text)
    printed = capsys.readouterr().out
    config = AlbertConfig.from_file(EMBEDDED_MODEL_DIR / "albert_config.json")
    width = config.hidden_size
    assert f", {width}) (1, {width})" in printed
    assert "(2, 4096, 768)" in printed
    assert re.search("load_encoder +would load 25 variables", printed)
    assert (tmp_path / "runs" / "mrpc" / "MRPC.tsv").exists()
    assert (tmp_path / "runs" / "squad" / "predictions.json").exists()
    assert (tmp_path / "exported" / "mrpc" / "saved_model.pb").exists()
    assert "inputs['text_b'] tensor_info" in printed
    assert "Result for output key probabilities" in printed
    assert "exported/preprocess: text, lower-cased" in printed
    assert "accuracy" in printed.rpartition("exported/preprocess")[2]
