"""Which runs a comparison is made of. Imports no TensorFlow.

A plan is a YAML file:

    seeds: [1, 2, 3]
    settings: {optimizer: adamw}        # Of every run.
    tasks:
      MRPC: {max_seq_length: 128, learning_rate: 1.0e-4, num_train_epochs: 5}
      SQuAD: {train_file: [train-v1.1.json], predict_file: dev-v1.1.json}
    variants:                           # The first is what others are compared with.
      dense: {attention: dense}
      lsh 0.25: {attention: lsh, lsh_budget: 0.25}

A task is one of classification by its name, or, where it has files of questions, one of
SQuAD's kind by any name. With `do_train: false` one of questions answers them with an
init_checkpoint that is fine-tuned already.
"""

import dataclasses
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from albert_lsh_tf.comparison.plan_file import (
    folder_name,
    read_plan_file,
    require_seeds,
)
from albert_lsh_tf.config import ClassifierConfig
from albert_lsh_tf.config_io import nearest
from albert_lsh_tf.data.classification import PUBLISHED, spelled
from albert_lsh_tf.errors import InputError
from albert_lsh_tf.tasks.squad.settings import SquadConfig

# Settings that name files of questions.
FILES = ("train_file", "predict_file")


@dataclasses.dataclass(frozen=True)
class PlannedRun:
    """One run of a comparison.

    Attributes:
      task: its name in the plan.
      variant: its name in the plan.
      config: the settings of the run.
      do_train: whether it fine-tunes, or only answers.
    """

    task: str
    variant: str
    config: ClassifierConfig | SquadConfig
    do_train: bool = True

    @property
    def folder(self) -> pathlib.PurePath:
        """Of the run, below that of the comparison."""
        names = (self.task, self.variant, f"seed-{self.config.seed}")
        return pathlib.PurePath(*(folder_name(name) for name in names))


@dataclasses.dataclass(frozen=True)
class Comparison:
    """All runs of a plan.

    Attributes:
      tasks: names, in order.
      variants: names, in order; the first is what others are compared with.
      runs: in the order in which they are made.
    """

    tasks: tuple[str, ...]
    variants: tuple[str, ...]
    runs: tuple[PlannedRun, ...]

    def runs_of(self, task: str, variant: str) -> list[PlannedRun]:
        """Those of one task and variant, a run for each seed."""
        return [run for run in self.runs if (run.task, run.variant) == (task, variant)]


def read_plan(
    path: str | pathlib.Path,
    data_dirs: Sequence[str] = (),
    only_tasks: Sequence[str] = (),
    only_variants: Sequence[str] = (),
    seeds: Sequence[int] = (),
) -> Comparison:
    """Reads a plan.

    Args:
      path: the file.
      data_dirs: folders that hold SST-2/, imdb-long/, ..., or files of questions; each
        task's is the first of them that has a folder of its name, or its files. None:
        what the plan says.
      only_tasks: the tasks to leave; none: all.
      only_variants: the variants to leave; none: all.
      seeds: instead of the plan's.

    Returns:
      The runs: for each seed all tasks, and for each task all variants, so that what
      was finished at any moment can be compared.

    Raises:
      InputError: no plan, see `read_plan_file`; settings of no run; or a part that the
        plan has not.
    """
    plan = read_plan_file(path)
    require_seeds(seeds)
    tasks = _wanted(plan.tasks, only_tasks, path, "tasks")
    variants = _wanted(plan.variants, only_variants, path, "variants")
    runs = []
    for seed in seeds or plan.seeds or (ClassifierConfig().seed,):
        for task, of_task in tasks.items():
            default, places = _kind(task, of_task, data_dirs, f"{path}: tasks, {task}")
            for variant, of_variant in variants.items():
                settings = {
                    **plan.settings,
                    **of_task,
                    **of_variant,
                    **places,
                    "seed": seed,
                }
                where = f"{path}: {task}, {variant}"
                do_train = _do_train(settings, default, where)
                config = default.with_settings(settings, where)
                runs.append(PlannedRun(task, variant, config, do_train))
    return Comparison(tuple(tasks), tuple(variants), tuple(runs))


def _kind(
    task: str, of_task: Mapping[str, Any], data_dirs: Sequence[str], where: str
) -> tuple[ClassifierConfig | SquadConfig, dict[str, Any]]:
    """The defaults of a task's runs, and the settings that say where its data are."""
    if not any(name in of_task for name in FILES):
        task_name = of_task.get("task_name", task)
        if not isinstance(task_name, str):
            raise InputError(
                f"{where}: task_name={task_name} must be a word, such as MRPC."
            )
        data_dir = _data_dir(_folder_of(task_name), data_dirs)
        places = {"data_dir": data_dir} if data_dir else {}
        return ClassifierConfig(task_name=task_name), places
    places = {}
    for name in (n for n in FILES if data_dirs and of_task.get(n)):
        files = of_task[name]
        found = [_file(n, data_dirs) for n in _as_list(files, f"{where}: {name}")]
        places[name] = found[0] if isinstance(files, str) else found
    return SquadConfig(), places


def _do_train(
    settings: dict[str, Any], default: ClassifierConfig | SquadConfig, where: str
) -> bool:
    """Takes do_train, which is no setting of a run, out of its settings."""
    do_train = settings.pop("do_train", True)
    if not isinstance(do_train, bool):
        raise InputError(f"{where}: do_train={do_train} must be true or false.")
    if not do_train and isinstance(default, ClassifierConfig):
        raise InputError(
            f"{where}: do_train: false is for tasks with files of questions."
        )
    return do_train


def _as_list(files: Any, where: str) -> list[str]:
    as_list = [files] if isinstance(files, str) else files
    is_list = isinstance(as_list, list)
    if not (is_list and all(isinstance(each, str) for each in as_list)):
        raise InputError(f"{where}={files} must name a file, or be a list of files.")
    return as_list


def _file(name: str, data_dirs: Sequence[str]) -> str:
    """Where a file of questions is."""
    for folder in data_dirs:
        path = pathlib.Path(folder).expanduser() / name
        if path.is_file():
            return str(path)
    raise InputError(
        f"data_dir={','.join(data_dirs)}: no file {name} in it; name the folder that "
        "holds it, too."
    )


def _wanted(
    section: dict[str, dict[str, Any]],
    only: Sequence[str],
    path: str | pathlib.Path,
    key: str,
) -> dict[str, dict[str, Any]]:
    """Those of the tasks or variants that are named; all where none is."""
    for name in only:
        if name not in section:
            raise InputError(
                f"{path} has no {name!r} among its {key}"
                f"{nearest(name, section) or ': ' + ', '.join(section) + '.'}"
            )
    return {name: section[name] for name in section if not only or name in only}


def _folder_of(task_name: str) -> str:
    """The folder of a task's files, below its data_dir."""
    name = spelled(task_name)
    return PUBLISHED[name].folder if name in PUBLISHED else name


def _data_dir(of_task: str, data_dirs: Sequence[str]) -> str | None:
    """The first folder that holds that of a task."""
    for folder in data_dirs:
        if (pathlib.Path(folder).expanduser() / of_task).is_dir():
            return folder
    if data_dirs:
        raise InputError(
            f"data_dir={','.join(data_dirs)}: no folder {of_task} in it; name the "
            "folder that holds it, too."
        )
    return None
