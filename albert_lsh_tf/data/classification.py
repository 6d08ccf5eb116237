"""GLUE, RACE and the user's own tasks, by name and one reader. No TensorFlow here."""

import pathlib
from collections.abc import Sequence

from albert_lsh_tf.data import glue, glue_tasks, jsonl_task
from albert_lsh_tf.data.race import questions as race
from albert_lsh_tf.data.task import Example, Task, has_split
from albert_lsh_tf.errors import InputError

PUBLISHED = {**glue_tasks.TASKS, **race.TASKS}


def find_task(
    name: str,
    labels: Sequence[str] | None = None,
    text_pairs: bool | None = None,
    data_dir: str | pathlib.Path | None = None,
) -> Task:
    """The task of a name: GLUE's or RACE, in any spelling, or else the user's own.

    Args:
      name: such as "mrpc", or a folder of `data_dir` that holds train.jsonl.
      labels: classes of the user's own task, in order. With them nothing is read.
      text_pairs: whether its lines may have a second text; None: as in train.jsonl, or
        if nothing is read, they may.
      data_dir: holds the folders of tasks.

    Returns:
      The task.

    Raises:
      InputError: there is no such task, train.jsonl is not what it should be, or a
        published task has other labels or texts.
    """
    name = known_name(name, labels, data_dir)
    if name in PUBLISHED:
        return _checked(PUBLISHED[name], labels, text_pairs)
    if labels is not None:
        return jsonl_task.make_task(name, labels, text_pairs is not False)
    task = jsonl_task.read_task(name, data_dir)
    if text_pairs is None:
        return task
    return jsonl_task.make_task(name, task.labels, text_pairs)


def known_name(
    name: str,
    labels: Sequence[str] | None = None,
    data_dir: str | pathlib.Path | None = None,
) -> str:
    """A name as `Task.name` spells it, if there is such a task. Reads no file.

    Args:
      name: see `find_task`.
      labels: see `find_task`.
      data_dir: see `find_task`.

    Returns:
      The name.

    Raises:
      InputError: there is no such task.
    """
    name = spelled(name)
    if name in PUBLISHED:
        return name
    own = jsonl_task.make_task(name, labels or ())
    if labels is not None or (data_dir and has_split(own, data_dir, "train")):
        return name
    try:
        glue_tasks.find_task(name)
    except InputError as error:
        if data_dir:
            missing = f"there is no {pathlib.Path(data_dir) / own.files['train']}"
        else:
            missing = f"give data_dir, the folder that holds {own.files['train']}"
        raise InputError(
            f"{error} {race.NAME} is known, too. For data of your own {missing}, with "
            f"{jsonl_task.EXPECTED_LINE} a line."
        ) from error


def spelled(name: str) -> str:
    """A name as GLUE and RACE spell it; one that is none of theirs as it is."""
    for task_name in race.TASKS:
        if name.strip().lower() == task_name.lower():
            return task_name
    try:
        return glue_tasks.find_task(name).name
    except InputError:
        return name.strip()


def read_examples(
    task: Task, data_dir: str | pathlib.Path, split: str
) -> list[Example]:
    """Reads one split of a task.

    Args:
      task: from `find_task`.
      data_dir: the folder that holds the task's; or the task's own folder.
      split: a key of `task.files`.

    Returns:
      The examples in the file's order; at least one.

    Raises:
      InputError: see `read_examples` of `glue`, `race.questions` and `jsonl_task`.
    """
    readers = {glue_tasks.GlueTask: glue, race.RaceTask: race}
    return readers.get(type(task), jsonl_task).read_examples(task, data_dir, split)


def _checked(task: Task, labels: Sequence[str] | None, text_pairs: bool | None) -> Task:
    """A published task, unless settings for the user's own data contradict it."""
    if labels is not None and tuple(labels) != task.labels:
        raise InputError(
            f"labels={','.join(labels)} are not those of {task.name} "
            f"({', '.join(task.labels or ['scores'])}); leave labels out."
        )
    if text_pairs not in (None, len(task.text_columns) == 2):
        raise InputError(
            f"text_pairs={text_pairs} does not fit {task.name}; leave it out."
        )
    return task
