"""GLUE as TensorFlow Datasets prepares it, written out in the official TSV layouts.

So there is one reader for all data, `data.glue`. `tensorflow_datasets` is imported only
where its data is there, or is asked for.
"""

import os
import pathlib
from collections.abc import Iterable, Mapping
from typing import Any

from albert_lsh_tf.data.glue_tasks import GlueTask
from albert_lsh_tf.errors import InputError

# What TensorFlow Datasets calls the two texts, in their order.
_TEXT_FEATURES = ("premise", "question1", "question", "sentence1", "sentence")
_SECOND_TEXT_FEATURES = ("hypothesis", "question2", "sentence2", "sentence")

_BLANKS = str.maketrans("\t\n\r", "   ")  # What would end a column or a row.


def prepared_folders(task: GlueTask) -> dict[str, pathlib.Path]:
    """The prepared data of a task on this machine. Never touches the network.

    Args:
      task: from `glue_tasks.find_task`.

    Returns:
      Config of the builder "glue" to the folder of its newest version; empty unless
      the one with the training data is among them.
    """
    found = {}
    for config in _configs(task):
        # A download that was broken off leaves a folder without this file.
        files = (_data_dir() / "glue" / config).glob("*/dataset_info.json")
        folders = sorted((path.parent for path in files), key=_version)
        if folders:
            found[config] = folders[-1]
    return found if _config(task, "train") in found else {}


def download(task: GlueTask) -> dict[str, pathlib.Path]:
    """Downloads and prepares what a task needs.

    Args:
      task: from `glue_tasks.find_task`.

    Returns:
      As `prepared_folders`.

    Raises:
      InputError: no network, or the files are no longer where they were.
    """
    import tensorflow_datasets as tfds

    for config in _configs(task):
        if config in prepared_folders(task):
            continue
        try:
            builder = tfds.builder(f"glue/{config}", data_dir=str(_data_dir()))
            builder.download_and_prepare()
        except Exception as error:  # Of many types: sockets, HTTP, checksums, disk.
            reason = " ".join(str(error).split())[:200] or type(error).__name__
            raise InputError(
                f"glue/{config} could not be downloaded ({reason}); check the network, "
                f"or give data_dir, a folder that holds {task.files['train']}."
            ) from error
    return prepared_folders(task)


def export(
    task: GlueTask, folders: Mapping[str, pathlib.Path], target: pathlib.Path
) -> None:
    """Writes the TSV files of a task; those that are there already stay.

    Args:
      task: from `glue_tasks.find_task`.
      folders: from `prepared_folders` or `download`.
      target: gets the folder of the task; then it is a `data_dir`.

    Raises:
      InputError: a prepared folder that cannot be read.
    """
    import tensorflow_datasets as tfds

    for split in task.tfds_splits:
        path = target / task.files[split]
        config, theirs = task.tfds_splits[split].split("/")
        if path.exists() or config not in folders:
            continue
        try:
            builder = tfds.builder_from_directory(str(folders[config]))
            rows = list(tfds.as_numpy(builder.as_dataset(split=theirs)))
            names = getattr(builder.info.features["label"], "names", None)
        except Exception as error:  # Of many types: files, JSON, unknown features.
            reason = " ".join(str(error).split())[:200]
            raise InputError(
                f"{folders[config]}: cannot be read by TensorFlow Datasets ({reason}); "
                "delete that folder, or give data_dir."
            ) from error
        rows.sort(key=lambda row: row["idx"])  # It shuffles what it writes.
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{path.name}.{os.getpid()}")
        with part.open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(_tsv_lines(task, split, rows, names))
        os.replace(part, path)


def _tsv_lines(
    task: GlueTask, split: str, rows: list[dict[str, Any]], names: list[str] | None
) -> Iterable[str]:
    """Lines with the columns that `data.glue` looks for, and no others."""
    is_hidden = split.startswith("test") or split == "diagnostic"
    columns = [task.id_column, *task.text_columns]
    if not is_hidden:
        columns.append(task.label_column)
    if task.headerless_columns and not is_hidden:
        columns = list(task.headerless_columns)
    else:
        yield "\t".join(columns) + "\n"
    for row in rows:
        values = {task.id_column: str(row["idx"])}
        for column, features in zip(
            task.text_columns, (_TEXT_FEATURES, _SECOND_TEXT_FEATURES), strict=False
        ):
            values[column] = _text(row, features)
        if not is_hidden:
            values[task.label_column] = _label(task, row["label"], names)
        yield "\t".join(values.get(column, "") for column in columns) + "\n"


def _text(row: Mapping[str, Any], features: tuple[str, ...]) -> str:
    feature = next(name for name in features if name in row)
    return row[feature].decode("utf-8").translate(_BLANKS)


def _label(task: GlueTask, label: Any, names: list[str] | None) -> str:
    if task.labels is None:
        return repr(float(label))
    # Where GLUE's files say 0 and 1, the ids are the same; else the order differs.
    if names and set(task.labels) <= set(names):
        return names[int(label)]
    return task.labels[int(label)]


def _config(task: GlueTask, split: str) -> str:
    return task.tfds_splits[split].split("/")[0]


def _configs(task: GlueTask) -> list[str]:
    """Without repeats, in the order of the splits."""
    return list(dict.fromkeys(_config(task, split) for split in task.tfds_splits))


def _data_dir() -> pathlib.Path:
    default = pathlib.Path.home() / "tensorflow_datasets"
    return pathlib.Path(os.environ.get("TFDS_DATA_DIR") or default)


def _version(folder: pathlib.Path) -> list[int]:
    return [int(part) for part in folder.name.split(".") if part.isdigit()]
