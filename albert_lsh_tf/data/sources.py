"""Where data is: the user's folder, $GLUE_DIR, TensorFlow Datasets, a sample."""

import dataclasses
import hashlib
import os
import pathlib

from albert_lsh_tf.config import ClassifierConfig
from albert_lsh_tf.data import tfds_export
from albert_lsh_tf.data.glue_tasks import GlueTask
from albert_lsh_tf.data.sample import NUM_ROWS, write_sample
from albert_lsh_tf.data.task import Task, has_split, shown
from albert_lsh_tf.errors import InputError


@dataclasses.dataclass(frozen=True)
class DataSource:
    """A folder of tasks."""

    description: str  # For the user, one line.
    data_dir: pathlib.Path  # The folder that holds MRPC/, MNLI/, ...
    is_sample: bool  # Made up, so that scores mean nothing.


def locate(
    task: Task, config: ClassifierConfig, folder: str | pathlib.Path | None = None
) -> DataSource:
    """Finds the data of a task. Downloads nothing unless `config.download` is set.

    Looks, in this order, at `config.data_dir`, at $GLUE_DIR, at data that TensorFlow
    Datasets has prepared before, and, for MRPC, makes the embedded sample. A
    `config.data_dir` is taken as it is; reading it says what is missing there. The
    user's own data are there or nowhere.

    Args:
      task: from `classification.find_task`.
      config: its `data_dir` and `download` are used.
      folder: where files may be written that the third and fourth need; None:
        albert_lsh_tf in the user's cache folder ($XDG_CACHE_HOME or ~/.cache).

    Returns:
      What was found.

    Raises:
      InputError: there is none, the download fails, or the folder cannot be written.
    """
    if config.data_dir is not None:
        description = f"{task.name} in {config.data_dir}"
        if config.data_dir == os.environ.get("GLUE_DIR"):
            description += " ($GLUE_DIR)"
        if not isinstance(task, GlueTask):
            description += f", {len(task.labels)} classes ({shown(task.labels)})"
        return DataSource(description, pathlib.Path(config.data_dir), False)
    if not isinstance(task, GlueTask):
        raise InputError(
            f"no data for {task.name}: give data_dir, the folder that holds "
            f"{task.folder}/."
        )
    if glue_dir := glue_dir_of(task):
        description = f"{task.name} in {glue_dir} ($GLUE_DIR)"
        return DataSource(description, pathlib.Path(glue_dir), False)
    glue_dir = os.environ.get("GLUE_DIR")
    # Not passed over in silence: the user may have meant that folder.
    note = f" ($GLUE_DIR={glue_dir} has no {task.name} files.)" if glue_dir else ""
    folder = pathlib.Path(folder) if folder is not None else cache_folder()
    try:
        return _prepared(task, config, folder, note) or _sample(task, folder, note)
    except OSError as error:
        raise InputError(
            f"{folder}: data cannot be written there ({error.strerror}); make it "
            "writable, or give data_dir."
        ) from error


def glue_dir_of(task: Task) -> str | None:
    """$GLUE_DIR, where it holds a file of a task of GLUE; else None."""
    glue_dir = os.environ.get("GLUE_DIR")
    if not isinstance(task, GlueTask):
        return None
    if glue_dir and any(has_split(task, glue_dir, split) for split in task.files):
        return glue_dir
    return None


def _prepared(
    task: GlueTask, config: ClassifierConfig, folder: pathlib.Path, note: str
) -> DataSource | None:
    folders = tfds_export.prepared_folders(task)
    if config.download:
        folders = tfds_export.download(task)
    if not folders:
        return None
    original = next(iter(folders.values()))
    # Another folder for other data, or for the same prepared anew.
    changed = (original / "dataset_info.json").stat().st_mtime_ns
    key = hashlib.sha256(f"{original} {changed}".encode()).hexdigest()[:12]
    data_dir = folder / f"tfds-{key}"
    tfds_export.export(task, folders, data_dir)
    description = f"{task.name} from TensorFlow Datasets, {original}{note}"
    return DataSource(description, data_dir, False)


def _sample(task: GlueTask, folder: pathlib.Path, note: str) -> DataSource:
    if task.name != "MRPC":
        raise InputError(
            f"no data for {task.name}: give data_dir (the folder that holds "
            f"{task.folder}/), set $GLUE_DIR to it, or add "
            f"--download to fetch it through TensorFlow Datasets.{note}"
        )
    data_dir = write_sample(folder / "sample")
    description = (
        f"a made-up sample of {NUM_ROWS['train']} pairs in MRPC's format. This is NOT "
        "MRPC, and its scores say nothing about MRPC; for the real data give data_dir, "
        f"set $GLUE_DIR or add --download.{note}"
    )
    return DataSource(description, data_dir, True)


def cache_folder() -> pathlib.Path:
    """Where this package keeps what it makes or fetches, for this user."""
    cache = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(cache) / "albert_lsh_tf"
