"""Pre-trains ALBERT and evaluates it: `pretrain`.

A run lives in its folder: killed at any moment, the same call goes on from the last
checkpoint, with the examples that would have come next.
"""

import json
import pathlib
from typing import Any

import tensorflow as tf
import tf_keras

from albert_lsh_tf.errors import InputError
from albert_lsh_tf.tasks import devices
from albert_lsh_tf.tasks.pretraining import inputs
from albert_lsh_tf.tasks.pretraining.results import draw_curves, summarize
from albert_lsh_tf.tasks.pretraining.same_run import refuse_other_settings
from albert_lsh_tf.tasks.pretraining.settings import PretrainingConfig
from albert_lsh_tf.tasks.pretraining.stage_run import StageRun
from albert_lsh_tf.tasks.pretraining.throughput import matmul_peak
from albert_lsh_tf.tasks.progress import Progress
from albert_lsh_tf.tasks.results import write_scores, write_summary
from albert_lsh_tf.tasks.run_folder import RunFolder, step_of


def pretrain(
    config: PretrainingConfig,
    output_dir: str | pathlib.Path,
    *,
    do_train: bool = True,
    do_eval: bool = True,
    strategy: tf.distribute.Strategy | None = None,
) -> dict[str, Any]:
    """Pre-trains ALBERT on masked words and sentence order, and evaluates it.

        config = PretrainingConfig(
            input_file=("pretraining/tokens",), albert_config_file="albert_config.json"
        )
        results = pretrain(config, "runs/pretraining")
        results["best"]["masked_lm_accuracy"]

    Checkpoints, the best one by the accuracy of masked words, scores, summaries and
    learning curves are written to `output_dir`, which is then a source of weights for
    everything else. Where it holds a part of the same run, training goes on from there.
    Training that is not evaluated leaves no best checkpoint: the last one counts then,
    until what is kept of the others is evaluated.

    Args:
      config: the run.
      output_dir: its folder, for this run alone.
      do_train: train, up to `config.num_train_steps`.
      do_eval: evaluate at every checkpoint, those of the stage that have no scores yet
        too, and the best one at the end.
      strategy: instead of the one that `config` describes.

    Returns:
      What metrics.json holds: best, last, history, train_loss, seconds_per_step,
      tokens_per_second, share_of_peak, peak_memory_mib; and `model`, with the weights
      of the best checkpoint, or else of the last one, and `is_chief`, whether this
      process is the one worker that writes results.

    Raises:
      InputError: something the user gave cannot be used; nothing was overwritten.
    """
    folder = RunFolder(output_dir, config_class=PretrainingConfig)
    with folder.named_in_errors():
        return _run(config, folder, do_train, do_eval, strategy)


def _run(
    config: PretrainingConfig,
    folder: RunFolder,
    do_train: bool,
    do_eval: bool,
    strategy: tf.distribute.Strategy | None,
) -> dict[str, Any]:
    """Checks everything, then trains stage by stage."""
    refuse_other_settings(config, folder, do_train)
    # Before anything else of TensorFlow: it fixes which devices there are.
    strategy = strategy or devices.make_strategy(config, Progress(0).say)
    folder.writable = devices.is_chief(strategy)
    for stage in config.stages():
        devices.check_batch_size(
            stage.train_batch_size,
            strategy.num_replicas_in_sync,
            config.gradient_accumulation_steps,
        )
    devices.set_precision(config.mixed_precision)
    say = Progress(0, enabled=folder.writable).say

    trained_steps = step_of(folder.latest_checkpoint())
    if not do_train and not trained_steps:
        raise InputError(
            f"output_dir={folder.path} holds no pre-trained model; add --do_train."
        )
    start = inputs.find_start(config, folder)
    say(f"weights: {start.description}")
    examples = inputs.open_examples(config)
    say(f"examples: {examples.train.description}")
    if examples.evaluation is not examples.train:
        say(f"evaluation: {examples.evaluation.description}")
    identity = inputs.check_data(examples, start, folder)
    if do_train and trained_steps < config.num_train_steps:
        if trained_steps:
            folder.describe(config)
        else:
            folder.describe(config, start.albert_config, start.vocabulary_file)
            folder.write(inputs.DATA_FILE, json.dumps(identity, indent=2) + "\n")
        peak = None
        if folder.writable:
            peak = matmul_peak(_compute_dtype(), strategy)
        if peak:
            say(f"matmul peak: {peak / 1e9:,.0f} GFLOP/s in {_compute_dtype().name}")
    elif do_train:
        say(f"{folder.path} is trained up to step {trained_steps} already.")
    while True:
        trains = do_train and trained_steps < config.num_train_steps
        stage = (config.stage_after if trains else config.stage_of)(trained_steps)
        run = StageRun(
            config,
            stage,
            folder,
            strategy,
            start,
            examples,
            peak if trains else None,
            trains,
            do_eval,
        )
        try:
            if run.trains:
                if len(config.stages()) > 1:
                    say(
                        f"stage: {stage.max_seq_length} tokens, batches of "
                        f"{stage.train_batch_size}, up to step {stage.last_step}"
                    )
                run.train()
                trained_steps = stage.last_step
            if not trains or trained_steps >= config.num_train_steps:
                return _finish(run, do_eval)
        finally:
            run.close()
        # The chief may still be writing the checkpoint that the next stage begins with.
        devices.wait_for_all(strategy)


def _finish(run: StageRun, do_eval: bool) -> dict[str, Any]:
    """Evaluates the best checkpoint, and writes what the run came to."""
    if do_eval and not run.trains:
        run.evaluate_pending()
    scores, step = None, run.restore_best()
    if do_eval:
        metrics = run.evaluate_best(step)
        scores = {"step": step, **metrics}
        write_scores(run.folder, metrics, step)
        run.say_best(step, metrics)
    summary = summarize(run.log, scores)
    if do_eval or run.trains:
        write_summary(run.folder, summary)
    draw_curves(run.folder, run.log)
    run.progress.say(f"results: {run.folder.path}")
    return {**summary, "model": run.model, "is_chief": run.folder.writable}


def _compute_dtype() -> tf.DType:
    return tf.as_dtype(tf_keras.mixed_precision.global_policy().compute_dtype)
