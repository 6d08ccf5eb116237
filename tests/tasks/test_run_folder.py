"""The run's folder: whole files, rewound logs, other people's runs."""

import errno
import json

import pytest
import tensorflow as tf

from albert_lsh_tf.config import AlbertConfig, ClassifierConfig
from albert_lsh_tf.data.glue_tasks import find_task
from albert_lsh_tf.errors import InputError
from albert_lsh_tf.tasks.run_folder import RunFolder, step_of
from albert_lsh_tf.tasks.training_log import TrainingLog
from albert_lsh_tf.tasks.whole_files import write_atomically


def save_checkpoints(folder, *steps):
    checkpoint = tf.train.Checkpoint(variable=tf.Variable(0.0))
    manager = tf.train.CheckpointManager(checkpoint, str(folder), max_to_keep=5)
    for step in steps:
        manager.save(checkpoint_number=step)


def test_checkpoints_are_those_that_are_complete(tmp_path):
    folder = RunFolder(tmp_path)
    assert folder.checkpoints() == []
    assert folder.latest_checkpoint() is None
    save_checkpoints(tmp_path, 2, 4, 10)
    (tmp_path / "ckpt-4.index").unlink()
    # Written, but killed before it was put on record.
    (tmp_path / "ckpt-12.index").write_bytes(b"half")
    assert [step_of(prefix) for prefix in folder.checkpoints()] == [2, 10]
    assert folder.latest_checkpoint() == str(tmp_path / "ckpt-10")
    assert step_of(None) == 0


def test_training_clears_half_written_files(tmp_path):
    (tmp_path / "ckpt-3_temp").mkdir()
    (tmp_path / "ckpt-3_temp" / "part-0").write_text("")
    (tmp_path / ".metrics.json.tmp").write_text("ha")
    # Of others.
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "data_temp").mkdir()
    (tmp_path / ".exports.0a1b2c3d.tmp").mkdir()
    training, reading = RunFolder(tmp_path), RunFolder(tmp_path)
    reading.make()
    assert len(list(tmp_path.iterdir())) == 5
    training.make(trains=True)
    others = {"notes.txt", "data_temp", ".exports.0a1b2c3d.tmp"}
    assert {path.name for path in tmp_path.iterdir()} == {*others, ".lock"}
    # Of a process that is alive.
    (tmp_path / ".metrics.json.tmp").write_text("ha")
    reading.make()
    assert not reading.claim()
    assert (tmp_path / ".metrics.json.tmp").exists()


def test_one_process_trains_in_a_folder(tmp_path):
    config = ClassifierConfig(task_name="mrpc")
    training, other = RunFolder(tmp_path), RunFolder(tmp_path)
    with training.named_in_errors():
        training.describe(config)
        training.make(trains=True)
        for use in (
            lambda: other.make(trains=True),
            lambda: other.describe(config.replace(task_name="rte")),
        ):
            with pytest.raises(
                InputError, match=f"output_dir={tmp_path}: another process trains"
            ):
                use()
        assert other.saved_config() == config
        # Other workers take part in what the chief has claimed.
        assert RunFolder(tmp_path, writable=False).claim()
    other.make(trains=True)


def test_the_folder_is_given_back_after_an_error(tmp_path):
    folder = RunFolder(tmp_path)
    with pytest.raises(InputError), folder.named_in_errors():
        folder.make(trains=True)
        raise InputError("diverged")
    assert RunFolder(tmp_path).claim()


def test_a_vocabulary_is_kept_under_the_name_of_its_kind(tmp_path):
    words, model = tmp_path / "vocab_chinese.txt", tmp_path / "30k-clean.model"
    words.write_text("words")
    model.write_bytes(b"model")
    folder = RunFolder(tmp_path / "run")
    for file, name in ((model, "spiece.model"), (words, "vocab.txt"), (model, None)):
        folder.write_vocabulary(file)
        name = name or "spiece.model"
        assert folder.vocabulary_file == folder.path / name
        assert [each.name for each in folder.path.iterdir()] == [name]
        assert folder.vocabulary_file.read_bytes() == file.read_bytes()


def test_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    target = tmp_path / "file"
    write_atomically(target, "old")
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError(28, "")))
    with pytest.raises(OSError):
        write_atomically(target, "new")
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_folder_that_cannot_be_used_is_named(tmp_path, monkeypatch):
    file = tmp_path / "file"
    file.write_text("")
    for path in (file, file / "run", tmp_path / ("x" * 300), "/proc/nowhere/run"):
        folder = RunFolder(path)
        with pytest.raises(InputError, match=f"output_dir={path} cannot be made or wr"):
            with folder.named_in_errors():
                folder.refuse_other_task(find_task("mrpc"))
                folder.make()
    # Read-only: it is there, but takes no file.
    folder = RunFolder(tmp_path)

    def read_only(*args, dir):
        raise OSError(errno.EROFS, "Read-only file system", f"{dir}/tmp1234")

    monkeypatch.setattr("tempfile.TemporaryFile", read_only)
    with pytest.raises(InputError, match="cannot be made or written .Read-only file"):
        with folder.named_in_errors():
            folder.make()


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EDQUOT, "Disk quota exceeded", "run/metrics.json"),
        tf.errors.ResourceExhaustedError(None, None, "x; No space left on device"),
    ],
)
def test_a_full_disk_names_the_folder(error, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="output_dir=run: the disk is full. Free"):
        with RunFolder("run").named_in_errors():
            raise error


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device", "/elsewhere/file"),
        PermissionError(errno.EACCES, "Permission denied", "/elsewhere/file"),
        OSError("no number"),
        tf.errors.ResourceExhaustedError(None, None, "OOM"),
    ],
)
def test_errors_about_other_files_pass(error, tmp_path):
    with pytest.raises(type(error)) as caught, RunFolder(tmp_path).named_in_errors():
        raise error
    assert caught.value is error


def test_workers_that_are_not_the_chief_write_nothing(tmp_path):
    folder = RunFolder(tmp_path / "run", writable=False)
    folder.make()
    folder.write("metrics.json", "{}")
    assert not (tmp_path / "run").exists()
    scratch = folder.checkpoint_dir
    assert scratch != folder.path and scratch.is_dir()
    folder.close()
    assert not scratch.exists()
    assert folder.checkpoint_dir.is_dir()
    folder.close()


def test_what_a_killed_worker_left_is_cleared(tmp_path, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", '{"task": {"type": "worker", "index": 3}}')
    monkeypatch.chdir(tmp_path)
    killed = RunFolder("run", writable=False).checkpoint_dir
    assert killed == tmp_path / ".run.worker-3"
    (killed / "ckpt-4.index").touch()
    folder = RunFolder(tmp_path / "run", writable=False)
    assert folder.checkpoint_dir == killed and not list(killed.iterdir())


def test_a_worker_that_cannot_write_beside_the_run_writes_elsewhere(tmp_path):
    (tmp_path / "file").touch()
    folder = RunFolder(tmp_path / "file" / "run", writable=False)
    assert folder.checkpoint_dir.is_dir()
    folder.close()


def test_other_runs_are_refused(tmp_path):
    folder = RunFolder(tmp_path)
    folder.refuse_other_task(find_task("mrpc"))
    save_checkpoints(tmp_path, 1)
    with pytest.raises(InputError, match="checkpoints, but no config.yaml"):
        folder.refuse_other_task(find_task("mrpc"))
    ClassifierConfig(task_name="mrpc").save(folder.config_file)
    folder.refuse_other_task(find_task("MRPC"))
    with pytest.raises(InputError, match="holds a run of mrpc, not of CoLA"):
        folder.refuse_other_task(find_task("cola"))
    AlbertConfig(hidden_size=24).save(folder.albert_config_file)
    folder.refuse_other_architecture(
        AlbertConfig(hidden_size=24, hidden_dropout_prob=0.1)
    )
    with pytest.raises(InputError, match="hidden_size 24 there, 36 asked for"):
        folder.refuse_other_architecture(AlbertConfig(hidden_size=36))


def test_log_survives_a_cut_line_and_rewinds(tmp_path):
    path = tmp_path / "log.jsonl"
    log = TrainingLog(path)
    for step in (1, 2, 3):
        log.append({"step": step, "loss": 0.5})
    log.append({"step": 2, "eval": {"f1": 0.1}})
    with open(path, "a") as file:
        file.write('{"step": 4, "lo')
    again = TrainingLog(path)
    assert len(again.entries) == 4
    again.rewind(2)
    again.append({"step": 3, "loss": 0.4})
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2, 2, 3]
    assert len(again.training) == 3
    assert len(again.evaluations) == 1


@pytest.mark.parametrize("left", ['{"step": 4, "lo', '{"step": 4, "loss": 0.2}'])
def test_a_cut_line_of_the_log_does_not_swallow_the_next(tmp_path, left):
    path = tmp_path / "log.jsonl"
    path.write_text('{"step": 3, "loss": 0.5}\n' + left)
    TrainingLog(path).append({"step": 4, "eval": {"f1": 0.1}})
    again = TrainingLog(path)
    whole = [entry for entry in [left] if entry.endswith("}")]
    assert [entry["step"] for entry in again.entries] == [3, *(4 for _ in whole), 4]
    assert again.evaluations == [{"step": 4, "eval": {"f1": 0.1}}]
    assert path.read_text().endswith("}\n")
