"""What a plan's file says, each part of the kind that it must be.

Imports no TensorFlow. `plan` has what the parts mean.
"""

import dataclasses
import pathlib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from albert_lsh_tf.config_io import nearest, read_mapping
from albert_lsh_tf.errors import InputError

_KEYS = ("seeds", "settings", "tasks", "variants")


@dataclasses.dataclass(frozen=True)
class PlanFile:
    """The parts of a plan.

    Attributes:
      seeds: each once; none where the file has none.
      settings: of every run.
      tasks: name to settings, one or more.
      variants: name to settings, one or more.
    """

    seeds: Sequence[int]
    settings: dict[str, Any]
    tasks: dict[str, dict[str, Any]]
    variants: dict[str, dict[str, Any]]


def read_plan_file(path: str | pathlib.Path) -> PlanFile:
    """Reads the parts of a plan.

    Args:
      path: the file.

    Returns:
      The parts. No two tasks, variants or seeds have the same folder.

    Raises:
      InputError: no such file, an unknown key, a part of the wrong kind, a seed among
        the settings, or a name that no folder can have, or two the same.
    """
    plan = read_mapping(path)
    for key in plan:
        if key not in _KEYS:
            known = nearest(str(key), _KEYS) or f"; a plan has {', '.join(_KEYS)}."
            raise InputError(f"{path}: unknown key {key!r}{known}")
    seeds = plan.get("seeds")
    seeds = () if seeds is None else seeds
    require_seeds(seeds, f"{path}: ")
    return PlanFile(
        seeds,
        _settings(plan.get("settings"), f"{path}: settings"),
        _section(path, plan, "tasks"),
        _section(path, plan, "variants"),
    )


def require_seeds(seeds: Any, where: str = "") -> None:
    """Raises `InputError` unless seeds are a list of whole numbers, each there once.

    Args:
      seeds: what stands for them.
      where: they come from, for the error message.
    """
    is_list = isinstance(seeds, list | tuple)
    if not (is_list and all(type(seed) is int for seed in seeds)):  # No bool.
        raise InputError(
            f"{where}seeds={seeds} must be a list of whole numbers, such as [1, 2, 3]."
        )
    if twice := [seed for n, seed in enumerate(seeds) if seed in seeds[:n]]:
        raise InputError(
            f"{where}seeds={list(seeds)} has {twice[0]} twice, and both runs would be "
            "in one folder; name each seed once."
        )


def folder_name(name: str) -> str:
    """The folder of a task, a variant or a seed."""
    return re.sub(r"[^\w.-]+", "_", name).strip("_")


def _section(
    path: str | pathlib.Path, plan: Mapping[str, Any], key: str
) -> dict[str, dict[str, Any]]:
    """Name to settings."""
    section = plan.get(key)
    if not isinstance(section, Mapping) or not section:
        raise InputError(f"{path}: {key} must name one or more, with their settings.")
    section = {str(name): settings for name, settings in section.items()}
    _require_folders(section, f"{path}: {key}")
    return {
        name: _settings(settings, f"{path}: {key}, {name}")
        for name, settings in section.items()
    }


def _settings(settings: Any, where: str) -> dict[str, Any]:
    """Settings of runs, which are 'name: value' pairs, or nothing at all."""
    settings = {} if settings is None else settings
    if not isinstance(settings, Mapping):
        raise InputError(
            f"{where}: expected 'name: value' pairs, such as 'optimizer: adamw', and "
            f"found {settings!r}."
        )
    if no_words := [name for name in settings if not isinstance(name, str)]:
        raise InputError(
            f"{where}: {no_words[0]!r} is not the name of a setting, such as optimizer."
        )
    if "seed" in settings:
        raise InputError(
            f"{where}: seed={settings['seed']} would not be used; name all seeds of "
            "the plan at its top, as in 'seeds: [1, 2, 3]'."
        )
    return dict(settings)


def _require_folders(names: Iterable[str], where: str) -> None:
    """Raises `InputError` unless each name has a folder of its own."""
    seen = {}
    for name in names:
        folder = folder_name(name)
        # These would be the folder above, or the one above that.
        if folder in ("", ".", ".."):
            raise InputError(
                f"{where}, {name!r}: no folder can be named so; use letters or digits."
            )
        if folder in seen:
            raise InputError(
                f"{where}, {seen[folder]!r} and {name!r} would both have the folder "
                f"{folder}; rename one of them."
            )
        seen[folder] = name
