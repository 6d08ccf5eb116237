"""Whether the run in a folder may go on, or be scored again, with other settings."""

import os
import pathlib
from collections.abc import Sequence
from typing import Any

from albert_lsh_tf.config import ClassifierConfig, FineTuningConfig, RunConfig
from albert_lsh_tf.data.classification import spelled
from albert_lsh_tf.embedded import EMBEDDED_MODEL_NAME
from albert_lsh_tf.errors import InputError
from albert_lsh_tf.tasks.run_folder import RunFolder

# How often and on what machine: free to change while a run goes on.
FREE_OF_EVERY_RUN = (
    *("save_checkpoints_steps", "keep_checkpoint_max", "eval_batch_size"),
    *("distribution_strategy", "num_gpus", "num_logical_cpus", "worker_hosts"),
    *("task_index", "tpu_address", "enable_xla", "recompute"),
    *("spm_model_file", "vocab_file"),  # What is in them is compared.
)
_FREE = (
    *FREE_OF_EVERY_RUN,
    *("train_step", "num_train_epochs", "warmup_step"),  # See `refuse_other_length`.
    "predict_batch_size",
)
# What the scores of weights that are trained already depend on.
_SCORING = (
    *("task_name", "data_dir", "labels", "text_pairs", "download"),
    *("do_lower_case", "max_seq_length", "max_qa_length"),
    *("attention", "lsh", "lsh_budget", "mixed_precision"),
)
_WEIGHTS = ("init_checkpoint", "albert_hub_module_handle")
_PATHS = (
    *(*_WEIGHTS, "albert_config_file"),
    *("data_dir", "train_file", "predict_file"),
)


def refuse_other_settings(
    config: ClassifierConfig, folder: RunFolder, do_train: bool
) -> None:
    """Refuses settings that would mix two runs in one folder.

    Args:
      config: what is asked for.
      folder: may hold a run, whose settings are in it.
      do_train: False where only scores and predictions are asked for; settings of
        training are not compared then.

    Raises:
      InputError: names every setting that is another one, with both values.
    """
    saved = folder.saved_config()
    if saved is None or not folder.checkpoints():
        return
    if do_train:
        names = [name for name in config.to_dict() if name not in _FREE]
        hint = "leave them as they were"
    else:
        names = [*_SCORING, *weights_from_elsewhere(config, folder)]
        hint = (
            f"leave them as they were, or score it with init_checkpoint={folder.path}"
        )
        hint += " in another folder"
    if config.data_dir or saved.data_dir:
        names.remove("download")  # Nothing is fetched where a folder is named.
    if changes := changed_settings(saved, config, names):
        raise InputError(
            f"output_dir={folder.path} holds a run with other settings: "
            f"{', '.join(changes)}. Give another --output_dir, or {hint}."
        )


def refuse_other_length(
    config: ClassifierConfig, folder: RunFolder, trained_steps: int
) -> None:
    """Refuses less training than there was, and another warm-up.

    Args:
      config: what is asked for, with epochs turned into steps.
      folder: holds the run that is to go on.
      trained_steps: of its last checkpoint.

    Raises:
      InputError: `train_step` lies below what is trained, or `warmup_step` is another
        one and did not just keep its share of a new `train_step`.
    """
    saved = folder.saved_config()
    refuse_fewer_steps(folder, "train_step", config.train_step, trained_steps)
    keeps_share = warmup_keeps_its_share(
        (saved.warmup_step, saved.train_step), (config.warmup_step, config.train_step)
    )
    if config.warmup_step != saved.warmup_step and not keeps_share:
        raise InputError(
            f"output_dir={folder.path} holds a run with other settings: warmup_step="
            f"{saved.warmup_step} -> {config.warmup_step}. Give another --output_dir, "
            "or leave it as it was."
        )


def warmup_keeps_its_share(before: tuple[int, int], now: tuple[int, int]) -> bool:
    """Whether warm-up is another one only since there are other steps.

    Args:
      before: the old steps of warm-up, and of all of training.
      now: the new ones.
    """
    factor = now[1] / before[1]
    # Both numbers of steps were rounded.
    tolerance = 0.5 + 0.5 * factor if factor != 1 else 0
    return abs(now[0] - before[0] * factor) <= tolerance


def refuse_fewer_steps(
    folder: RunFolder, name: str, steps: int, trained_steps: int
) -> None:
    """Refuses less training than there was.

    Args:
      folder: holds the run that is to go on.
      name: of the setting that says how long.
      steps: its value.
      trained_steps: of the run's last checkpoint.

    Raises:
      InputError: `steps` lies below what is trained.
    """
    if steps < trained_steps:
        raise InputError(
            f"output_dir={folder.path} is trained up to step {trained_steps}, beyond "
            f"{name}={steps}. Give another --output_dir, or {name}={trained_steps} or "
            "more."
        )


def changed_settings(
    before: RunConfig, now: RunConfig, names: Sequence[str] | None = None
) -> list[str]:
    """The settings that differ, as "name=old -> new"; of `lsh` its own settings.

    Args:
      before: the old settings.
      now: the new ones.
      names: those to compare; None for all.

    Returns:
      One text for each.
    """
    old, new = before.to_dict(), now.to_dict()
    if (before.lsh is None) != (now.lsh is None):
        # What was recommended, beside what is set.
        old["lsh"] = before.lsh_or_recommended.to_dict()
        new["lsh"] = now.lsh_or_recommended.to_dict()
    # Pre-training begins at random where no weights are named.
    unnamed = EMBEDDED_MODEL_NAME if isinstance(now, FineTuningConfig) else None
    changes = []
    for name in new if names is None else names:
        if _meaning(name, old[name], unnamed) == _meaning(name, new[name], unnamed):
            continue
        if isinstance(old[name], dict) and isinstance(new[name], dict):
            changes += [
                f"{name}.{key}={_shown(old[name][key])} -> {_shown(value)}"
                for key, value in new[name].items()
                if value != old[name][key]
            ]
        else:
            changes.append(f"{name}={_shown(old[name])} -> {_shown(new[name])}")
    return changes


def weights_from_elsewhere(config: FineTuningConfig, folder: RunFolder) -> list[str]:
    """The settings that name weights which are not in a run's folder.

    Without training, weights need not be named, since a run has its own; these are to
    be compared with what the run started from.
    """
    home = os.path.realpath(folder.path)
    given = {name: os.path.expanduser(getattr(config, name) or "") for name in _WEIGHTS}
    return [
        name
        for name, value in given.items()
        if value and not pathlib.Path(os.path.realpath(value)).is_relative_to(home)
    ]


def _meaning(name: str, value: Any, unnamed: str | None) -> Any:
    """What is compared: two ways to write the same are no change.

    Args:
      name: of the setting.
      value: of it.
      unnamed: the weights that training begins with where none are named.
    """
    if name == "task_name":
        return spelled(value)
    if name == "init_checkpoint" and value in (None, EMBEDDED_MODEL_NAME):
        return value or unnamed
    if isinstance(value, list):
        return [_meaning(name, each, unnamed) for each in value]
    if name in _PATHS and value is not None and "://" not in value:
        return os.path.realpath(os.path.expanduser(value))
    return value


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(value)
    return "unset" if value is None else str(value)
