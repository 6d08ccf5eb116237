"""Settles what the classes of a run are, before anything else is."""

import os

from albert_lsh_tf.config import ClassifierConfig
from albert_lsh_tf.data.classification import PUBLISHED, find_task, spelled
from albert_lsh_tf.data.race.questions import RaceTask
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


def refuse_other_classifier(
    config: ClassifierConfig, task: Task, folder: RunFolder
) -> None:
    """Refuses a trained classifier whose classes are not those that are asked for.

    Where their names mean something, they are compared alone, so that a classifier can
    be used on other data. In GLUE, "0" and "1" mean something else in every task.

    Args:
      config: what is asked for, without training.
      task: its task.
      folder: where results are to be written.

    Raises:
      InputError: the classes are others, or the folder holds another run.
    """
    run, _ = find_trained(config, folder)
    is_own = os.path.realpath(run.path) == os.path.realpath(folder.path)
    if not is_own and folder.saved_config() and folder.checkpoints():
        # Also where the folder's own run once started from that checkpoint.
        raise InputError(
            f"output_dir={folder.path} holds a run, and init_checkpoint="
            f"{config.init_checkpoint} is a checkpoint of another one. Give another "
            "--output_dir, or leave init_checkpoint out."
        )
    saved = run.saved_config()
    trained = find_task(saved.task_name, saved.labels, saved.text_pairs)
    if _mean_the_same(trained, task):
        return
    raise InputError(
        f"{run.path} holds a classifier for {trained.name} ({_classes(trained)}), not "
        f"for {task.name} ({_classes(task)}); name a run of {task.name}, or give "
        f"task_name={trained.name}."
    )


def _mean_the_same(trained: Task, task: Task) -> bool:
    """Whether the classes of two tasks are the same, as far as one can know."""
    # Options of a question are no classes, whatever their names are.
    if isinstance(trained, RaceTask) or isinstance(task, RaceTask):
        return type(trained) is type(task)
    if trained.labels != task.labels:
        return False
    is_other_published = trained.name != task.name and (
        trained.name in PUBLISHED and task.name in PUBLISHED
    )
    says_nothing = all(label.isdigit() for label in task.labels or ())
    return not (is_other_published and says_nothing)


def _classes(task: Task) -> str:
    return shown(task.labels or ("scores",))


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
