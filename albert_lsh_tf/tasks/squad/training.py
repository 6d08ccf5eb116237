"""Fine-tunes ALBERT on SQuAD, and answers questions: `train_and_answer`.

A run lives in its folder: killed at any moment, the same call goes on from the last
checkpoint.
"""

import os
import pathlib
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from albert_lsh_tf.errors import InputError
from albert_lsh_tf.tasks import devices, inputs
from albert_lsh_tf.tasks.encoder_config import say_if_dense
from albert_lsh_tf.tasks.progress import Progress
from albert_lsh_tf.tasks.run_folder import RunFolder, step_of
from albert_lsh_tf.tasks.same_run import (
    FREE_OF_EVERY_RUN,
    changed_settings,
    weights_from_elsewhere,
)
from albert_lsh_tf.tasks.squad.data import load_data
from albert_lsh_tf.tasks.squad.files import find_files
from albert_lsh_tf.tasks.squad.settings import SquadConfig
from albert_lsh_tf.tasks.squad.squad_run import SquadRun

# Free to change while a run goes on, besides what is of every run.
_FREE = (
    *FREE_OF_EVERY_RUN,
    *("predict_batch_size", "n_best_size", "num_train_epochs"),
    *("train_feature_file", "predict_feature_file"),
)
# What a model is, however it is asked.
_MODEL = ("version_2", "do_lower_case")
# What the answers of a model that is trained already depend on.
_ANSWERING = (
    *(*_MODEL, "start_n_top", "end_n_top"),
    *("attention", "lsh", "lsh_budget", "mixed_precision"),
)


def train_and_answer(
    config: SquadConfig,
    output_dir: str | pathlib.Path,
    *,
    do_train: bool = True,
    do_predict: bool = True,
    strategy: tf.distribute.Strategy | None = None,
) -> dict[str, Any]:
    """Fine-tunes ALBERT on questions about texts, and answers others.

        config = SquadConfig(train_file=("train.json",), predict_file="dev.json")
        results = train_and_answer(config, "runs/squad")
        results["best"]["f1"]

    Checkpoints, the best one by F1, scores, answers, summaries and the loss curve are
    written to `output_dir`. Where it holds a part of the same run, training goes on
    from there; a finished run is not trained again, unless `num_train_epochs` is
    raised. Other settings that change what is trained are refused there.

    Args:
      config: the run.
      output_dir: its folder, for this run alone.
      do_train: train for `config.num_train_epochs`, and score every checkpoint, where
        the answers to `config.predict_file` are known.
      do_predict: answer `config.predict_file` with the best checkpoint.
      strategy: instead of the one that `config` describes.

    Returns:
      What metrics.json holds: best, last, history, train_loss, seconds_per_step,
      peak_memory_mib; answering, the seconds of the last pass over questions, and the
      windows and questions of it, and predicted, the file, step and scores of the
      answers, None without them; with `version_2` threshold, its step and value, if
      training found one. And `model`, with the best checkpoint's weights, and
      `is_chief`, whether this process is the one worker that writes results.

      Where a threshold is to be found, held-out questions of training are answered in
      the same pass: `answering` counts them, too, so that its seconds are those of its
      windows and questions.

      `best` is of the run in `output_dir`, on the predict_file that it was trained
      with: answering other files leaves it as it is.

    Raises:
      InputError: something the user gave cannot be used; nothing was overwritten.
    """
    folder = RunFolder(output_dir, config_class=SquadConfig)
    with folder.named_in_errors():
        return _run(config, folder, do_train, do_predict, strategy)


def _run(
    config: SquadConfig,
    folder: RunFolder,
    do_train: bool,
    do_predict: bool,
    strategy: tf.distribute.Strategy | None,
) -> dict[str, Any]:
    """Checks everything, then makes the run and lets it go."""
    # Before anything else of TensorFlow: it fixes which devices there are.
    strategy = strategy or devices.make_strategy(config, Progress(0).say)
    folder.writable = devices.is_chief(strategy)
    say = Progress(0, enabled=folder.writable).say
    config = find_files(config, do_train, say)
    _refuse_other_settings(config, folder, do_train)
    if do_train:
        num_replicas = strategy.num_replicas_in_sync
        devices.check_batch_size(config.train_batch_size, num_replicas)
    devices.set_precision(config.mixed_precision)

    files = inputs.find_model(config, folder, do_train)
    say(f"weights: {files.description}")
    say_if_dense(config, say)
    data = load_data(config, files, folder, do_train, say)
    if do_train:
        trained_steps = step_of(files.checkpoint)
        steps, _ = config.num_steps(len(data.training.features))
        if steps < trained_steps:
            raise InputError(
                f"output_dir={folder.path} is trained up to step {trained_steps}, and "
                f"num_train_epochs={config.num_train_epochs} is {steps} steps. Give "
                "another --output_dir, or more epochs."
            )
        # A finished run keeps the description of how it was trained.
        if trained_steps < steps:
            is_new = files.checkpoint is None
            folder.describe(
                config,
                files.albert_config if is_new else None,
                files.vocabulary_file if is_new else None,
            )
    run = SquadRun(config, folder, strategy, files, data, do_train)
    try:
        return run.results(do_predict)
    finally:
        run.close()


def _refuse_other_settings(
    config: SquadConfig, folder: RunFolder, do_train: bool
) -> None:
    """Refuses settings that would mix two runs in one folder, or their answers."""
    saved, holds_run = folder.saved_config(), bool(folder.checkpoints())
    if holds_run and saved is None:
        raise InputError(
            f"output_dir={folder.path} holds checkpoints, but no config.yaml that "
            "says what they are of; give another output_dir."
        )
    if do_train:
        if holds_run:
            names = [name for name in config.to_dict() if name not in _FREE]
            _refuse_changes(config, folder, names, is_of_output=True)
        return
    run, _ = inputs.find_trained(config, folder)
    if holds_run:
        names = weights_from_elsewhere(config, folder)
        _refuse_changes(config, folder, names, is_of_output=True)
        # Also where the folder's own run once started from that checkpoint.
        if os.path.realpath(run.path) != os.path.realpath(folder.path):
            raise InputError(
                f"output_dir={folder.path} holds a run, and init_checkpoint="
                f"{config.init_checkpoint} is a checkpoint of another one. Give "
                "another --output_dir, or leave init_checkpoint out."
            )
    # In a folder of its own, a model may be tried with another attention.
    names = _ANSWERING if holds_run else _MODEL
    _refuse_changes(config, run, names, is_of_output=holds_run)


def _refuse_changes(
    config: SquadConfig, run: RunFolder, names: Sequence[str], is_of_output: bool
) -> None:
    """Refuses other values of some settings than those of a run."""
    if changes := changed_settings(run.saved_config(), config, names):
        name, hint = "", "Leave"
        if is_of_output:
            name, hint = "output_dir=", "Give another --output_dir, or leave"
        raise InputError(
            f"{name}{run.path} holds a run with other settings: "
            f"{', '.join(changes)}. {hint} them as they were."
        )
