"""Settles what the classes of a run are, before anything else is."""

from albert_lsh_tf.config import ClassifierConfig
from albert_lsh_tf.data.classification import PUBLISHED, find_task, spelled
from albert_lsh_tf.data.task import Task, shown
from albert_lsh_tf.errors import InputError
from albert_lsh_tf.tasks.inputs import find_trained
from albert_lsh_tf.tasks.run_folder import RunFolder


def settle_task(
    config: ClassifierConfig, folder: RunFolder, do_train: bool
) -> tuple[ClassifierConfig, Task]:
    """The task of a run, and its config with all that is needed to make it again.

    What is unset of `labels` and `text_pairs` comes from train.jsonl or, without
    training, from the run that was trained. For published tasks both stay unset.

    Args:
      config: the run.
      folder: its folder.
      do_train: False where a trained classifier is needed.

    Returns:
      The config and the task.

    Raises:
      InputError: there is no such task, train.jsonl is not what it should be, or there
        is no trained classifier, or one of other labels.
    """
    if spelled(config.task_name) in PUBLISHED:
        task = find_task(config.task_name, config.labels, config.text_pairs)
        return config.replace(labels=None, text_pairs=None), task
    if do_train:
        source = find_task(config.task_name, data_dir=config.data_dir)
    else:
        source = _trained_task(config, folder)
    pairs = config.text_pairs
    config = config.replace(
        labels=config.labels or source.labels,
        text_pairs=len(source.text_columns) == 2 if pairs is None else pairs,
    )
    return config, find_task(config.task_name, config.labels, config.text_pairs)


def _trained_task(config: ClassifierConfig, folder: RunFolder) -> Task:
    """What the classifier that is to be used was trained on."""
    run, _ = find_trained(config, folder)
    saved = run.saved_config()
    task = find_task(saved.task_name, saved.labels, saved.text_pairs)
    if task.labels is None or config.labels not in (None, task.labels):
        raise InputError(
            f"{run.path} holds a classifier for {shown(task.labels or ('scores',))}; "
            "leave labels out, or name another run."
        )
    return task
