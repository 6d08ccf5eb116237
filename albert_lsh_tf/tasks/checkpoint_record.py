"""The checkpoints in a folder, by TensorFlow's record or, where it is lost, without."""

import os
import pathlib

import tensorflow as tf

from albert_lsh_tf.tasks.whole_files import write_atomically

CHECKPOINT_NAME = "ckpt"
RECORD_FILE = "checkpoint"


def list_checkpoints(folder: pathlib.Path) -> list[str]:
    """Prefixes of the complete checkpoints, the oldest first.

    What is there but not on record was cut off, unless the record names none that is
    there: then it is the record that is lost, and they count by their steps.
    """
    return _on_record(folder) or _by_step(folder)


def mend_record(folder: pathlib.Path) -> None:
    """Makes a record that names no checkpoint name those that are there.

    TensorFlow keeps to it when it deletes old ones, and stops at an empty one.
    """
    if _on_record(folder):
        return
    prefixes = _by_step(folder)
    if prefixes:
        lines = [f'model_checkpoint_path: "{os.path.basename(prefixes[-1])}"\n']
        for prefix in prefixes:
            lines += [f'all_model_checkpoint_paths: "{os.path.basename(prefix)}"\n']
            # Without its time, TensorFlow would never delete it.
            time = os.stat(f"{prefix}.index").st_mtime
            lines += [f"all_model_checkpoint_timestamps: {time}\n"]
        write_atomically(folder / RECORD_FILE, "".join(lines))
    else:
        (folder / RECORD_FILE).unlink(missing_ok=True)


def _on_record(folder: pathlib.Path) -> list[str]:
    try:
        state = tf.train.get_checkpoint_state(str(folder))
    except ValueError:  # An empty record, or one that is no text.
        return []
    prefixes = state.all_model_checkpoint_paths if state else []
    return [prefix for prefix in prefixes if os.path.exists(f"{prefix}.index")]


def _by_step(folder: pathlib.Path) -> list[str]:
    prefixes = [
        str(file)[: -len(".index")]
        for file in folder.glob(f"{CHECKPOINT_NAME}-*.index")
        if file.stem.rpartition("-")[2].isdecimal()
    ]
    return sorted(prefixes, key=lambda prefix: int(prefix.rpartition("-")[2]))
