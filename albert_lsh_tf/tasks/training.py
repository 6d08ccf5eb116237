"""Trains, evaluates and predicts one task of classification: `train_and_evaluate`.

The loop is Model Garden's trainer under Orbit's controller. A run lives in its folder:
killed at any moment, the same call goes on from the last checkpoint.
"""

import os
import pathlib
from typing import Any

import tensorflow as tf

from albert_lsh_tf.config import ClassifierConfig
from albert_lsh_tf.data.sources import glue_dir_of
from albert_lsh_tf.data.task import Task
from albert_lsh_tf.errors import InputError
from albert_lsh_tf.tasks import devices, inputs
from albert_lsh_tf.tasks.classifier_run import ClassifierRun
from albert_lsh_tf.tasks.encoder_config import say_if_dense
from albert_lsh_tf.tasks.own_data import refuse_other_classifier, settle_task
from albert_lsh_tf.tasks.progress import Progress
from albert_lsh_tf.tasks.run_folder import RunFolder, step_of
from albert_lsh_tf.tasks.same_run import (
    changed_settings,
    refuse_other_length,
    refuse_other_settings,
)
from albert_lsh_tf.tasks.task_data import load_data, resolve_steps


def train_and_evaluate(
    config: ClassifierConfig,
    output_dir: str | pathlib.Path,
    *,
    do_train: bool = True,
    do_eval: bool = True,
    do_predict: bool = True,
    strategy: tf.distribute.Strategy | None = None,
) -> dict[str, Any]:
    """Fine-tunes ALBERT on a task, evaluates it and predicts the test set.

        results = train_and_evaluate(ClassifierConfig(task_name="MRPC"), "runs/mrpc")
        results["best"]["eval_accuracy"]

    The task is one of GLUE, RACE, or data of the user's own; see `data.jsonl_task`.
    Checkpoints, the best one by the task's metric, scores, predictions, summaries and
    the loss curve are written to `output_dir`. Where it holds a part of the same run,
    training goes on from there; a finished run is not trained again, unless
    `train_step` or `num_train_epochs` is raised. Other settings that change what is
    trained or scored are refused there.

    Args:
      config: the run.
      output_dir: its folder, for this run alone.
      do_train: train, up to `config.train_step`.
      do_eval: evaluate at every checkpoint, and the best one at the end.
      do_predict: predict the task's test sets with the best checkpoint.
      strategy: instead of the one that `config` describes.

    Returns:
      What metrics.json holds: best, last, history, train_loss, seconds_per_step,
      peak_memory_mib; and `model`, the classifier with the best checkpoint's weights,
      or with those that `config.init_checkpoint` names where nothing is trained;
      `restored`, their step and, with `do_eval`, their scores; and `is_chief`, whether
      this process is the one worker that writes results.

      `best` is of the run in `output_dir`: scoring another of its checkpoints leaves
      it as it is.

    Raises:
      InputError: something the user gave cannot be used; nothing was overwritten.
    """
    folder = RunFolder(output_dir)
    with folder.named_in_errors():
        return _run(config, folder, do_train, do_eval, do_predict, strategy)


def _run(
    config: ClassifierConfig,
    folder: RunFolder,
    do_train: bool,
    do_eval: bool,
    do_predict: bool,
    strategy: tf.distribute.Strategy | None,
) -> dict[str, Any]:
    """Checks everything, then makes the run and lets it go."""
    if config.init_checkpoint:
        # Once for all that compares it with folders.
        weights = os.path.expanduser(config.init_checkpoint)
        config = config.replace(init_checkpoint=weights)
    config, task = settle_task(config, folder, do_train)
    if config.data_dir is None:
        # Part of the description, since the next start may find another $GLUE_DIR.
        config = config.replace(data_dir=glue_dir_of(task))
    folder.refuse_other_task(task)
    refuse_other_settings(config, folder, do_train)
    if not do_train:
        refuse_other_classifier(config, task, folder)
    # Before anything else of TensorFlow: it fixes which devices there are.
    strategy = strategy or devices.make_strategy(config, Progress(0).say)
    folder.writable = devices.is_chief(strategy)
    if do_train:
        num_replicas = strategy.num_replicas_in_sync
        devices.check_batch_size(config.train_batch_size, num_replicas)
    devices.set_precision(config.mixed_precision)
    say = Progress(0, enabled=folder.writable).say

    files = inputs.find_model(config, folder, do_train)
    say(f"weights: {files.description}")
    say_if_dense(config, say)
    required, optional = _splits(task, do_train, do_eval, do_predict)
    data = load_data(config, task, files, required, optional, say)
    if do_train:
        config = _with_steps(config, len(data.examples["train"]))
        if files.checkpoint:
            refuse_other_length(config, folder, step_of(files.checkpoint))
            if changes := changed_settings(folder.saved_config(), config):
                say(f"note: not as in the run so far: {', '.join(changes)}")
        # A finished run keeps the description of how it was trained.
        if step_of(files.checkpoint) < config.train_step:
            is_new = files.checkpoint is None
            folder.describe(
                config,
                files.albert_config if is_new else None,
                files.vocabulary_file if is_new else None,
            )
    run = ClassifierRun(config, task, folder, strategy, files, data, do_train, do_eval)
    try:
        return run.results(do_eval, do_predict)
    finally:
        run.close()


def _splits(
    task: Task, do_train: bool, do_eval: bool, do_predict: bool
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The splits that must be there, and those that are used where they are."""
    required = [
        *(["train"] if do_train else []),
        *(["dev"] if do_eval else []),
        *(["test"] if do_predict and not (do_train or do_eval) else []),
    ]
    wanted = [
        *(task.evaluation_splits if do_eval else []),
        *(task.test_splits if do_predict else []),
    ]
    return tuple(required), tuple(each for each in wanted if each not in required)


def _with_steps(config: ClassifierConfig, num_examples: int) -> ClassifierConfig:
    """The config with epochs turned into steps.

    A warm-up that is longer than `train_step` can be no share of it, so it is taken as
    the number of steps that it is.
    """
    resolved = resolve_steps(config, num_examples)
    if config.warmup_step <= config.train_step:
        return resolved
    if config.warmup_step > resolved.train_step:
        raise InputError(
            f"warmup_step={config.warmup_step} is more than the {resolved.train_step} "
            f"steps of num_train_epochs={config.num_train_epochs}; warm up for about a "
            "tenth of them."
        )
    return resolved.replace(warmup_step=config.warmup_step)
