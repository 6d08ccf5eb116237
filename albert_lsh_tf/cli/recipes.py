"""Where the settings of a run come from. Does not import TensorFlow.

Later wins: the defaults of `ClassifierConfig`; the task's recipe, configs/glue/*.yaml
or configs/race/race.yaml; what suits the embedded model, where its weights are used;
without training, the config of the run that is used, but for its weights and devices;
--config_file; flags.
"""

import dataclasses
import os
import pathlib
from collections.abc import Mapping
from typing import Any

from albert_lsh_tf.cli.flags import ParsedFlags
from albert_lsh_tf.config import ClassifierConfig, RunConfig
from albert_lsh_tf.config_io import read_mapping
from albert_lsh_tf.data.classification import known_name, spelled
from albert_lsh_tf.data.race import questions as race
from albert_lsh_tf.embedded import (
    EMBEDDED_MODEL_NAME,
    FINE_TUNING_FILE,
    RACE_FINE_TUNING_FILE,
)

_PACKAGE = pathlib.Path(__file__).resolve().parents[1]
# In an installed package, and in a checkout.
_CONFIGS = (_PACKAGE / "configs", _PACKAGE.parent / "configs")
# Tasks without training files of their own, and the task whose they have.
_TRAINS_ON = {"MISMNLI": "MNLI", "AX": "MNLI"}
# What is not taken over from a run that is used without training. Its folder holds the
# files that the first of these name; the machines of the others may be gone.
NOT_TAKEN_OVER = (
    *("init_checkpoint", "albert_hub_module_handle", "albert_config_file"),
    *("spm_model_file", "vocab_file"),
    *("distribution_strategy", "num_gpus", "num_logical_cpus"),
    *("worker_hosts", "task_index", "tpu_address"),
)


@dataclasses.dataclass(frozen=True)
class Resolved:
    """A config, and the run's folder and recipe.

    description: where the settings are from, for the user, one line.
    """

    config: ClassifierConfig
    output_dir: pathlib.Path
    description: str


def resolve(
    parsed: ParsedFlags,
    do_train: bool,
    default_task: str = ClassifierConfig().task_name,
) -> Resolved:
    """Puts the layers of settings on top of each other.

    Args:
      parsed: the command line.
      do_train: whether the run trains.
      default_task: the task where no layer names one.

    Returns:
      The config of the run.

    Raises:
      InputError: a file is missing or broken, or the settings do not fit together.
    """
    file_settings = settings_file(parsed.run["config_file"])
    run_file = None
    if not do_train:
        run_file = _run_file(parsed, file_settings, default_task)
    saved_settings = read_mapping(run_file) if run_file else {}
    saved_settings = {
        name: value
        for name, value in saved_settings.items()
        if name not in NOT_TAKEN_OVER
    }
    given = [saved_settings, file_settings, parsed.settings]
    task_name = known_name(
        _last(given, "task_name", default_task),
        _last(given, "labels", None),
        _last(given, "data_dir", None),
    )

    layers: list[tuple[str, Mapping[str, Any]]] = []
    if run_file:
        layers.append((str(run_file), saved_settings))
    else:
        if recipe := _recipe_file(task_name):
            layers.append((str(recipe), read_mapping(recipe)))
        if uses_embedded_weights(given):
            recipe = (
                RACE_FINE_TUNING_FILE if task_name in race.TASKS else FINE_TUNING_FILE
            )
            layers.append((str(recipe), read_mapping(recipe)))
    if parsed.run["config_file"]:
        layers.append((parsed.run["config_file"], file_settings))
    layers.append(("", {**parsed.settings, "task_name": task_name}))

    config = ClassifierConfig()
    for source, settings in layers:
        config = apply(config, settings, source)
    output_dir = parsed.run["output_dir"] or f"runs/{task_name.lower()}"
    return Resolved(config, pathlib.Path(output_dir), _describe(layers, parsed))


def apply(
    config: ClassifierConfig, settings: Mapping[str, Any], source: str = ""
) -> ClassifierConfig:
    """Puts one layer of settings on a config.

    Where a layer changes `train_step` alone, warm-up keeps its share of it, and epochs
    of an earlier layer no longer count.

    Args:
      config: the layers below.
      settings: the layer; those of `lsh` as in `RunConfig.with_settings`.
      source: its file, for the error message.

    Returns:
      The config with the layer on it.

    Raises:
      InputError: an unknown setting, or one that does not fit.
    """
    settings = with_warmup_share(config, settings, "train_step", "warmup_step")
    if _is_number_of_steps(settings.get("train_step")):
        settings.setdefault("num_train_epochs", None)
    return config.with_settings(settings, source)


def with_warmup_share(
    config: RunConfig, settings: Mapping[str, Any], steps_name: str, warmup_name: str
) -> dict[str, Any]:
    """A layer of settings in which warm-up keeps its share of a new number of steps.

    Args:
      config: the layers below.
      settings: the layer; where it has a warm-up of its own, that stays.
      steps_name: the setting of the steps.
      warmup_name: the setting of the warm-up.
    """
    steps = settings.get(steps_name)
    if not _is_number_of_steps(steps):
        return dict(settings)
    warmup = round(getattr(config, warmup_name) * steps / getattr(config, steps_name))
    return {warmup_name: warmup, **settings}


def _is_number_of_steps(value: Any) -> bool:
    """Whether it can be one; what cannot is refused where configs are made."""
    return isinstance(value, int) and not isinstance(value, bool)


def _recipe_file(task_name: str) -> pathlib.Path | None:
    name = f"glue/{_TRAINS_ON.get(task_name, task_name).lower()}.yaml"
    if task_name in race.TASKS:
        name = "race/race.yaml"
    return next((f / name for f in _CONFIGS if (f / name).exists()), None)


def _run_file(
    parsed: ParsedFlags, file_settings: Mapping[str, Any], default_task: str
) -> pathlib.Path | None:
    """The config of the run that is evaluated or predicted with, if there is one."""
    given = [file_settings, parsed.settings]
    # A file may hold anything; its types are checked where a config is made of it.
    task_name = str(_last(given, "task_name", default_task))
    weights = _last(given, "init_checkpoint", None)
    output_dir = parsed.run["output_dir"] or f"runs/{spelled(task_name).lower()}"
    return trained_run_file(output_dir, weights and str(weights))


def trained_run_file(output_dir: str, weights: str | None) -> pathlib.Path | None:
    """The config of the run whose model is used as it is, without training.

    Args:
      output_dir: may be the run's folder.
      weights: what `init_checkpoint` says: the folder of a run, one of its checkpoints,
        or something else.

    Returns:
      The run's config.yaml; None where there is no run.
    """
    folders = [pathlib.Path(os.path.expanduser(output_dir))]
    if weights:
        folder = pathlib.Path(os.path.expanduser(weights))
        # As in `tasks.inputs.find_trained`, a checkpoint that is named comes first.
        place = 0 if os.path.exists(f"{folder}.index") else 1
        if not os.path.isdir(folder):
            folder = folder.parent
        folders.insert(place, folder.parent if folder.name == "best" else folder)
    for folder in folders:
        # Not pathlib's, which raises for names that no file can have.
        if os.path.exists(path := folder / "config.yaml"):
            return path
    return None


def run_paths(
    output_dir: str | pathlib.Path, weights: str | None
) -> dict[str, str | pathlib.Path | None]:
    """What an export of a run must not replace: `apart_from` of its check."""
    if weights == EMBEDDED_MODEL_NAME:
        weights = None  # No path, though a folder may be called so.
    return {"output_dir": output_dir, "init_checkpoint": weights}


def settings_file(path: str | None) -> dict[str, Any]:
    """The settings in a --config_file; none where none is given."""
    return read_mapping(path) if path else {}


def _last(layers: list[Mapping[str, Any]], name: str, default: Any) -> Any:
    """What the last layer that has a setting says."""
    return next((layer[name] for layer in reversed(layers) if layer.get(name)), default)


def uses_embedded_weights(layers: list[Mapping[str, Any]]) -> bool:
    """Whether settings, of which later ones win, name no other weights."""
    source = _last(layers, "init_checkpoint", None)
    return source in (None, EMBEDDED_MODEL_NAME) and not _last(
        layers, "albert_hub_module_handle", None
    )


def _describe(layers: list[tuple[str, Mapping[str, Any]]], parsed: ParsedFlags) -> str:
    names = [_shown(source) for source, _ in layers if source]
    flat = {
        **{name: value for name, value in parsed.settings.items() if name != "lsh"},
        **parsed.settings.get("lsh", {}),
    }
    if changed := [name for name in flat if name != "task_name"]:
        names.append(f"flags ({', '.join(changed)})")
    return ", then ".join(names) if names else "the defaults"


def _shown(source: str) -> str:
    """A path as short as it stays clear."""
    path = pathlib.Path(source)
    if path in (FINE_TUNING_FILE, RACE_FINE_TUNING_FILE):
        return f"what suits {EMBEDDED_MODEL_NAME}"
    for folder in _CONFIGS:
        if path.is_relative_to(folder):
            return f"configs/{path.relative_to(folder)}"
    return source
