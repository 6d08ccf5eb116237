"""`run_classifier.py` from the outside: phases, files, and one line for bad input."""

import errno
import os
import pathlib
import subprocess
import sys

import pytest
import tensorflow as tf

from albert_lsh_tf.cli import classifier, messages
from albert_lsh_tf.config import ClassifierConfig
from tests.tasks.tiny_run import TinyRun, write_tiny_weights

ROOT = pathlib.Path(__file__).parents[2]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return TinyRun(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def finished(tiny):
    """A command that has done everything, in a process of its own."""
    output_dir = tiny.folder / "run"
    command = [sys.executable, str(ROOT / "run_classifier.py")]
    command += tiny.flags(output_dir, f"--export_dir={tiny.folder / 'export'}")
    command += ["--enable_xla=false"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment.pop("TF_CPP_MIN_LOG_LEVEL", None)
    done = subprocess.run(
        command, capture_output=True, text=True, env=environment, cwd=tiny.folder
    )
    assert done.returncode == 0, done.stderr
    return output_dir, done


def fails(capsys, argv):
    """The one line on stderr that a command ends with."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as exit_:
        classifier.main(argv)
    assert exit_.value.code == 1
    err = capsys.readouterr().err
    assert err.startswith("error: ") and err.count("\n") == 1, err
    return err


def test_one_command_does_everything(finished):
    output_dir, _ = finished
    for name in (
        *("eval_results.txt", "metrics.json", "test_results.tsv", "MRPC.tsv"),
        *("train_loss.png", "config.yaml", "albert_config.json", "spiece.model"),
        *("best/best.json", "../export/saved_model.pb"),
    ):
        assert (output_dir / name).exists(), name


def test_it_says_what_it_uses(finished, tiny):
    _, done = finished
    lines = done.stdout.splitlines()
    assert lines[0].startswith("recipe: configs/glue/mrpc.yaml, then flags (")
    assert lines[1] == f"weights: TensorFlow 2 checkpoint {tiny.weights}/encoder"
    assert lines[2] == f"data: MRPC in {tiny.data}"
    assert lines[3] == "examples: 40 train, 23 dev, 19 test"


def test_nothing_but_warnings_for_the_user_on_stderr(finished):
    _, done = finished
    for line in done.stderr.splitlines():
        assert line.startswith("warning: The model predicts"), done.stderr


def test_predict_alone_needs_only_the_folder(finished, tiny, tmp_path, capsys):
    output_dir, _ = finished
    moved = tmp_path / "moved"
    output_dir_files = [f for f in output_dir.rglob("*") if f.is_file()]
    for file in output_dir_files:
        if "test_results" not in file.name:
            copy = moved / file.relative_to(output_dir)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(file.read_bytes())
    classifier.main(["--do_predict", f"--output_dir={moved}"])
    assert f"recipe: {moved}/config.yaml" in capsys.readouterr().out
    name = "test_results.tsv"
    assert (moved / name).read_text() == (output_dir / name).read_text()


def test_sample_is_announced(tiny, tmp_path, capsys, monkeypatch):
    monkeypatch.delenv("GLUE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "tfds"))
    argv = [a for a in tiny.flags(tmp_path / "run") if "data_dir" not in a]
    classifier.main([*argv, "--do_train", "--train_step=1", "--warmup_step=0"])
    assert "NOT MRPC" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--data_dir=nowhere"], "nowhere/MRPC/train.tsv: no such file"),
        (["--init_checkpoint=nowhere"], "nowhere: no such folder or checkpoint"),
        (["--spm_model_file=nowhere"], "nowhere"),
        (["--max_seq_length=65"], "longer than the model's 64 positions"),
        (["--task_name=mrcp"], "did you mean 'mrpc'"),
        (["--warmup_step=9"], "warmup_step=9 is more than train_step=4"),
        (["--attention=dense,lsh,lsh"], "names 3 layers, but the encoder has 2"),
        (["--num_gpus=77"], "num_gpus=77, but TensorFlow sees"),
        (["--distribution_strategy=multi_worker_mirrored"], "needs the workers"),
        (["--config_file=nowhere.yaml"], "nowhere.yaml: no such file"),
    ],
)
def test_bad_settings_get_one_line(tiny, tmp_path, capsys, more, message):
    output_dir = tmp_path / "run"
    err = fails(capsys, tiny.flags(output_dir, *more))
    assert message in err
    assert not output_dir.exists()


def write_mrpc(folder, **texts):
    header = "Quality\t#1 ID\t#2 ID\t#1 String\t#2 String\n"
    good = header + "1\t1\t2\tA cat.\tThe cat.\n" * 9
    test = header.replace("Quality", "index") + "0\t1\t2\tA cat.\tThe cat.\n"
    (folder / "MRPC").mkdir()
    for split, text in {"train": good, "dev": good, "test": test, **texts}.items():
        if text is not None:
            (folder / "MRPC" / f"{split}.tsv").write_bytes(
                text if isinstance(text, bytes) else text.encode()
            )
    return header


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{header}7\t1\t2\ta\tb\n", "dev.tsv, line 2: unknown label '7'"),
        ("{header}1\t1\t2\ta\n", "dev.tsv, line 2: columns found: 4"),
        ("", "dev.tsv: the file is empty"),
        (b"Quality\xff\n", "dev.tsv, line 1: not UTF-8"),
        ("label\tsentence\n1\ta\n", "dev.tsv, line 1: no column"),
        (None, "dev.tsv: no such file"),
    ],
)
def test_bad_data_gets_one_line_before_training(tiny, tmp_path, capsys, text, message):
    header = "Quality\t#1 ID\t#2 ID\t#1 String\t#2 String\n"
    if isinstance(text, str):
        text = text.replace("{header}", header)
    write_mrpc(tmp_path, dev=text)
    argv = tiny.flags(tmp_path / "run", f"--data_dir={tmp_path}")
    assert message in fails(capsys, argv)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("dev", "more", "message"),
    [
        ("text", [], "news/dev.jsonl, line 1: not JSON"),
        ('{"text": "a", "label": "z"}', [], "line 1: unknown label 'z'; the labels of"),
        (None, [], "news/dev.jsonl: no such file"),
        ("", ["--task_name=nwes"], "'nwes' is not a GLUE task; known are CoLA"),
        ("", ["--task_name=../news"], "task_name='../news' cannot name data"),
        ("", ["--labels=x"], "labels=x must be two or more"),
        ("", ["--labels=x,z"], "news/train.jsonl, line 2: unknown label 'y'"),
        ("", ["--max_seq_length=65"], "or give max_position_embeddings=65 or more"),
    ],
)
def test_bad_data_of_ones_own_get_one_line(tiny, tmp_path, capsys, dev, more, message):
    (tmp_path / "news").mkdir()
    lines = '{"text": "a", "label": "x"}\n{"text": "b", "label": "y"}\n'
    (tmp_path / "news" / "train.jsonl").write_text(lines)
    if dev is not None:
        (tmp_path / "news" / "dev.jsonl").write_text(dev)
    argv = tiny.flags(tmp_path / "run", f"--data_dir={tmp_path}", "--task_name=news")
    assert message in fails(capsys, [*argv, *more])
    assert not (tmp_path / "run").exists()


def test_bad_models_get_one_line(tiny, tmp_path, capsys):
    weights = write_tiny_weights(tmp_path / "weights")
    config = weights / "albert_config.json"
    config.write_text(
        config.read_text().replace('"hidden_size": 16', '"hidden_size": 8')
    )
    argv = tiny.flags(tmp_path / "run", f"--init_checkpoint={weights}")
    err = fails(capsys, argv)
    assert "hidden_size is 8 in the config but 16 in the weights" in err
    not_spm = tmp_path / "not.model"
    not_spm.write_text("not a model")
    argv = tiny.flags(tmp_path / "run", f"--spm_model_file={not_spm}")
    assert "not.model" in fails(capsys, argv)
    small = write_tiny_weights(tmp_path / "small", vocab_size=17)
    argv = tiny.flags(tmp_path / "run", f"--init_checkpoint={small}")
    message = fails(capsys, argv)
    assert "has 8000 pieces, but the weights in" in message and "of 17;" in message


def test_other_tasks_folder_and_bad_export_dir(tiny, tmp_path, capsys):
    ClassifierConfig(task_name="RTE").save(tmp_path / "config.yaml")
    assert "holds a run of RTE, not of MRPC" in fails(capsys, tiny.flags(tmp_path))
    argv = tiny.flags(tmp_path / "run", f"--export_dir={tmp_path}")
    assert "holds files that are no SavedModel" in fails(capsys, argv)
    argv = tiny.flags(tmp_path / "run", f"--export_dir={tmp_path / 'run' / 'export'}")
    assert "run/export are the same folder, or lie in each other" in fails(capsys, argv)
    file = tmp_path / "file"
    file.write_text("")
    for output_dir in (file / "run", tmp_path / ("x" * 300), "/proc/nowhere"):
        for phase in ("--do_train", "--do_predict"):
            err = fails(capsys, tiny.flags(output_dir, phase))
            assert f"output_dir={output_dir} " in err
    argv = tiny.flags("/proc/nowhere", "--init_checkpoint=albert_lsh_tiny")
    assert "cannot be made or written" in fails(capsys, argv)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "x"), "the disk is full (x)"),
        (
            tf.errors.InternalError(None, None, "a/b; No space left on device"),
            "the disk is full (a/b).",
        ),
        (tf.errors.ResourceExhaustedError(None, None, "OOM"), "out of memory"),
        (tf.errors.UnavailableError(None, None, "gone"), "another worker"),
        (PermissionError(errno.EACCES, "Permission denied", "y"), "y: Permission"),
    ],
)
def test_troubles_of_the_machine_get_one_line(error, message, capsys):
    with pytest.raises(SystemExit), messages.errors_in_one_line():
        raise error
    err = capsys.readouterr().err
    assert err.startswith(f"error: {message}") and err.count("\n") == 1


def test_interrupt_and_own_mistakes(capsys):
    with pytest.raises(SystemExit) as exit_, messages.errors_in_one_line():
        raise KeyboardInterrupt
    assert exit_.value.code == 130
    assert "goes on from the last checkpoint" in capsys.readouterr().err
    # A mistake of the program must not look like one of the user.
    with pytest.raises(ZeroDivisionError), messages.errors_in_one_line():
        raise ZeroDivisionError


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_full_disk_while_writing_a_small_file(tmp_path, capsys, monkeypatch):
    from albert_lsh_tf.tasks.whole_files import write_atomically

    target = tmp_path / "metrics.json"
    target.write_text("old")
    monkeypatch.setattr("secrets.token_hex", lambda num_bytes: "d15c" * 2)
    os.symlink("/dev/full", tmp_path / ".metrics.json.d15cd15c.tmp")
    with pytest.raises(SystemExit), messages.errors_in_one_line():
        write_atomically(target, "x" * 100_000)
    assert "the disk is full" in capsys.readouterr().err
    assert target.read_text() == "old"
