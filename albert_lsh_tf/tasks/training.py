"""Trains, evaluates and predicts one GLUE task: `train_and_evaluate`.

The loop is Model Garden's trainer under Orbit's controller. A run lives in its folder:
killed at any moment, the same call goes on from the last checkpoint.
"""

import json
import logging
import math
import pathlib
import time
from typing import Any

import numpy as np
import orbit
import tensorflow as tf
import tf_keras
import yaml
from official.core import base_trainer
from official.core import config_definitions as cfg

from albert_lsh_tf.config import ClassifierConfig
from albert_lsh_tf.data.features import Features
from albert_lsh_tf.data.glue_tasks import find_task
from albert_lsh_tf.data.input_pipeline import evaluation_dataset
from albert_lsh_tf.errors import InputError
from albert_lsh_tf.tasks import devices, glue, inputs, results
from albert_lsh_tf.tasks.best_checkpoint import BestCheckpoint, read_best
from albert_lsh_tf.tasks.encoder_config import encoder_config
from albert_lsh_tf.tasks.optimization import optimization_config
from albert_lsh_tf.tasks.progress import Progress, orbit_quiet
from albert_lsh_tf.tasks.run_folder import (
    CHECKPOINT_NAME,
    RunFolder,
    TrainingLog,
    step_of,
)

_logger = logging.getLogger(__name__)


def train_and_evaluate(
    config: ClassifierConfig,
    output_dir: str | pathlib.Path,
    *,
    do_train: bool = True,
    do_eval: bool = True,
    do_predict: bool = True,
    strategy: tf.distribute.Strategy | None = None,
) -> dict[str, Any]:
    """Fine-tunes ALBERT on a GLUE task, evaluates it and predicts the test set.

        results = train_and_evaluate(ClassifierConfig(task_name="MRPC"), "runs/mrpc")
        results["best"]["eval_accuracy"]

    Checkpoints, the best one by the task's metric, scores, predictions, summaries and
    the loss curve are written to `output_dir`. Where it holds a part of the same run,
    training goes on from there; a finished run is not trained again.

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
      and `is_chief`, whether this process is the one worker that writes results.

    Raises:
      InputError: something the user gave cannot be used; nothing was overwritten.
    """
    task = find_task(config.task_name)
    folder = RunFolder(output_dir)
    folder.refuse_other_task(task)
    # Before anything else of TensorFlow: it fixes which devices there are.
    strategy = strategy or devices.make_strategy(config)
    folder.writable = devices.is_chief(strategy)
    devices.check_batch_size(config, strategy.num_replicas_in_sync)
    devices.set_precision(config.mixed_precision)
    say = Progress(0, enabled=folder.writable).say

    files = inputs.find_model(config, folder, do_train)
    say(f"weights: {files.description}")
    data = inputs.load_data(
        config,
        task,
        files,
        required=(
            *(["train"] if do_train else []),
            *(["dev"] if do_eval else []),
            *(["test"] if do_predict and not (do_train or do_eval) else []),
        ),
        optional=(
            *(task.evaluation_splits[1:] if do_eval else []),
            *(task.test_splits if do_predict and (do_train or do_eval) else []),
            *(task.test_splits[1:] if do_predict else []),
        ),
        say=say,
    )
    if do_train:
        config = inputs.resolve_steps(config, len(data.examples["train"]))
        if files.checkpoint and (changes := _changes(folder.saved_config(), config)):
            say(f"note: not as in the run so far: {changes}")
        # A finished run keeps the description of how it was trained.
        if step_of(files.checkpoint) < config.train_step:
            _save_description(config, folder, files)
    run = _Run(config, folder, strategy, files, data, do_train, do_eval)
    try:
        return run.results(do_eval, do_predict)
    finally:
        run.close()


class _Run:
    """One process's part in a run: the trainer and what it writes."""

    def __init__(
        self,
        config: ClassifierConfig,
        folder: RunFolder,
        strategy: tf.distribute.Strategy,
        files: inputs.ModelFiles,
        data: inputs.TaskData,
        do_train: bool,
        do_eval: bool,
    ):
        folder.make()
        self.config, self.folder, self.strategy = config, folder, strategy
        self.files, self.data = files, data
        self.start_step = step_of(files.checkpoint) if do_train else 0
        self.trains = do_train and self.start_step < config.train_step
        self.evaluates = do_eval
        self.log = TrainingLog(folder.log_file, folder.writable)
        self.progress = Progress(config.train_step, self.start_step, folder.writable)
        # Another seed for each start, so that dropout does not repeat itself.
        devices.set_seed(config.seed + self.start_step)
        params = self._parameters()
        self.task = glue.GlueTask(params.task)
        self.task.features = data.features
        with strategy.scope():
            model = self.task.build_model()
            optimizer = self.task.create_optimizer(
                params.trainer.optimizer_config, params.runtime
            )
            optimizer.build(model.trainable_variables)
            self.trainer = base_trainer.Trainer(
                params,
                self.task,
                model,
                optimizer,
                train=self.trains,
                evaluate=self.evaluates,
            )
        self.model = model
        self.weights = tf.train.Checkpoint(
            model=model, encoder=model.encoder, global_step=self.trainer.global_step
        )

    def _parameters(self) -> cfg.ExperimentConfig:
        """The run as Model Garden's trainer wants it described."""
        config, files = self.config, self.files
        data_settings = {
            "input_path": self.data.data_dir,
            "spm_model_file": files.spm_model_file,
            "do_lower_case": config.do_lower_case,
            "max_seq_length": config.max_seq_length,
        }
        dev_splits = find_task(config.task_name).evaluation_splits
        return cfg.ExperimentConfig(
            runtime=cfg.RuntimeConfig(mixed_precision_dtype=config.mixed_precision),
            task=glue.GlueConfig(
                task_name=config.task_name,
                model=glue.GlueModelConfig(
                    encoder=encoder_config(
                        files.albert_config,
                        config.attention,
                        config.lsh,
                        config.hidden_dropout_prob,
                        config.attention_probs_dropout_prob,
                    ),
                    classifier_dropout=config.classifier_dropout_prob,
                ),
                train_data=glue.GlueDataConfig(
                    global_batch_size=config.train_batch_size,
                    seed=config.seed,
                    start_step=self.start_step,
                    **data_settings,
                ),
                validation_data=glue.GlueDataConfig(
                    splits=self.data.splits(dev_splits),
                    is_training=False,
                    global_batch_size=config.eval_batch_size,
                    **data_settings,
                ),
                enable_xla=config.enable_xla,
            ),
            trainer=cfg.TrainerConfig(
                optimizer_config=optimization_config(config),
                train_steps=config.train_step,
            ),
        )

    def results(self, do_eval: bool, do_predict: bool) -> dict[str, Any]:
        """Trains if there is something left to train, then evaluates and predicts."""
        say = self.progress.say
        if self.trains:
            self._train()
        elif self.start_step:
            say(f"{self.folder.path} is trained up to step {self.start_step} already.")
        step = self._restore_best()
        best = None
        if do_eval:
            best = {"step": step, **self._evaluate_now()}
            metrics = {name: best[name] for name in best if name != "step"}
            results.write_scores(self.folder, metrics, step)
            shown = "  ".join(f"{name} {metrics[name]:.4f}" for name in metrics)
            say(f"best checkpoint (step {step}): {shown}")
            if self.task.constant_prediction and self.folder.writable:
                _logger.warning(
                    "The model predicts %s for every example: it has not learned the "
                    "task. Train longer, or try another learning_rate or seed.",
                    self.task.constant_prediction,
                )
        if do_predict:
            self._predict()
        summary = results.summarize(self.log, best)
        if do_eval or self.trains:
            results.write_summary(self.folder, summary)
        results.draw_curves(self.folder, self.log, self.task.glue_task)
        say(f"results: {self.folder.path}")
        return {**summary, "model": self.model, "is_chief": self.folder.writable}

    def close(self) -> None:
        self.progress.close()
        self.folder.close()

    def _train(self) -> None:
        manager = tf.train.CheckpointManager(
            self.trainer.checkpoint,
            directory=str(self.folder.checkpoint_dir),
            max_to_keep=self.config.keep_checkpoint_max,
            checkpoint_name=CHECKPOINT_NAME,
        )
        best = BestCheckpoint(
            self.folder.best_dir,
            self.task.glue_task.best_metric,
            None if self.folder.writable else self.folder.checkpoint_dir,
        )
        best.forget_after(self.start_step)
        self.log.rewind(self.start_step)
        if self.evaluates:
            self._evaluate_pending(best)
        self._restore_or_initialize()
        controller = self._controller()
        interval, step = self.config.save_checkpoints_steps, self.start_step
        while step < self.config.train_step:
            step = min((step // interval + 1) * interval, self.config.train_step)
            self._last_time = time.perf_counter()
            with orbit_quiet():
                controller.train(steps=step, checkpoint_at_completion=False)
            # Saved first: an evaluation that is cut off is made up for.
            manager.save(checkpoint_number=step)
            if self.evaluates:
                with orbit_quiet():
                    metrics = controller.evaluate()
                self._record(best, step, metrics)

    def _controller(self) -> orbit.Controller:
        summaries = self.folder.path if self.folder.writable else None
        return orbit.Controller(
            global_step=self.trainer.global_step,
            trainer=self.trainer,
            evaluator=self.trainer if self.evaluates else None,
            strategy=self.strategy,
            steps_per_loop=self._steps_per_loop(),
            train_actions=[self._after_loop],
            summary_dir=str(summaries / "train") if summaries else None,
            eval_summary_dir=str(summaries / "validation") if summaries else None,
        )

    def _steps_per_loop(self) -> int:
        """About 200 points in the loss curve; the same number on every worker."""
        return min(max(self.config.train_step // 200, 1), 20)

    def _after_loop(self, outputs: dict[str, tf.Tensor]) -> None:
        """Records and shows the last few steps of training."""
        step = int(self.trainer.global_step.numpy())
        loss = float(outputs["training_loss"])
        if not math.isfinite(loss):
            raise InputError(
                f"The training loss is {loss} near step {step}: training has diverged. "
                "Start again in another output_dir with a lower learning_rate or a "
                "longer warm-up (warmup_step)."
            )
        now = time.perf_counter()
        seconds, self._last_time = now - self._last_time, now
        previous = self.log.training[-1]["step"] if self.log.training else 0
        self.log.append(
            {
                "step": step,
                "loss": loss,
                "learning_rate": float(orbit.utils.get_value(outputs["learning_rate"])),
                "seconds_per_step": seconds / (step - max(previous, self.start_step)),
                "compiled": previous <= self.start_step,
            }
        )
        self.progress.update(step, loss, seconds)

    def _restore_or_initialize(self) -> None:
        with self.strategy.scope():
            if self.files.checkpoint is None:
                self.task.initialize_from(self.model, self.files.weights)
            else:
                _restore(self.trainer.checkpoint, self.files.checkpoint)

    def _evaluate_pending(self, best: BestCheckpoint) -> None:
        """Evaluates the checkpoints that an earlier process saved but did not score."""
        scored = {entry["step"] for entry in self.log.evaluations}
        for prefix in self.folder.checkpoints():
            if (step := step_of(prefix)) not in scored:
                self.progress.say(f"evaluating {prefix}, which has no scores yet")
                with self.strategy.scope():
                    _restore(self.weights, prefix)
                self._record(best, step, self._evaluate_now())

    def _record(self, best: BestCheckpoint, step: int, metrics: dict[str, Any]) -> None:
        metrics = {name: float(value) for name, value in metrics.items()}
        is_best = best.offer(self.weights, step, metrics)
        self.log.append({"step": step, "eval": metrics})
        name = self.task.glue_task.best_metric
        self.progress.show_metric(name, metrics[name])
        shown = "  ".join(f"{name} {metrics[name]:.4f}" for name in metrics)
        self.progress.say(f"step {step}: {shown}{'  (best)' if is_best else ''}")

    def _restore_best(self) -> int:
        """Gives the model the weights of the best checkpoint; returns its step."""
        best = read_best(self.folder.best_dir)
        prefix = best.prefix if best else self.folder.latest_checkpoint()
        if not self.trains and self.files.checkpoint and not self.start_step:
            prefix = self.files.checkpoint  # The one that was asked for.
        with self.strategy.scope():
            _restore(self.weights, prefix)
        return step_of(prefix)

    def _evaluate_now(self) -> dict[str, float]:
        metrics = self.trainer.evaluate(tf.constant(-1))
        return {name: float(value) for name, value in metrics.items()}

    def _predict(self) -> None:
        task = self.task.glue_task
        for split in self.data.splits(task.test_splits):
            logits = predict_logits(
                self.strategy,
                self.task,
                self.model,
                self.data.features[split],
                self.config.predict_batch_size,
            )
            names = results.write_predictions(
                self.folder, task, split, self.data.examples[split], logits
            )
            self.progress.say(f"predictions of {split}: {', '.join(names)}")


def predict_logits(
    strategy: tf.distribute.Strategy,
    task: glue.GlueTask,
    model: tf_keras.Model,
    features: Features,
    batch_size: int,
) -> np.ndarray:
    """Runs a classifier over features, on all devices.

    Args:
      strategy: that the model was made under.
      task: the task of the model.
      model: the classifier.
      features: what it reads.
      batch_size: examples over all devices.

    Returns:
      Logits, [n, classes], in the order of the features.
    """
    dataset = orbit.utils.make_distributed_dataset(
        strategy,
        lambda input_context=None: evaluation_dataset(
            features, batch_size, input_context
        ),
    )

    @tf.function
    def step(batch):
        outputs = strategy.run(task.validation_step, args=(batch, model))
        return tf.nest.map_structure(strategy.experimental_local_results, outputs)

    batches = []
    for batch in dataset:
        batches = task.aggregate_logs(batches, step(batch))
    return glue.in_order(batches)[0]


def _restore(checkpoint: tf.train.Checkpoint, prefix: str) -> None:
    """Restores all of `checkpoint`, or says what does not fit."""
    try:
        # Not `restore`, which would miss the counter that only a manager writes.
        status = checkpoint.read(prefix)
        status.assert_existing_objects_matched().expect_partial()
    # "Read less bytes than requested": a data file that was cut off.
    except (IndexError, tf.errors.DataLossError) as error:
        raise InputError(
            f"{prefix}: the checkpoint is damaged ({str(error).splitlines()[0]}). "
            "Delete its files, and the same command goes on from the one before it."
        ) from error
    except (AssertionError, ValueError, tf.errors.OpError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(
            f"{prefix} does not fit this run ({reason}). Use the settings that it was "
            "trained with, or another output_dir."
        ) from error


def _changes(before: ClassifierConfig, now: ClassifierConfig) -> str:
    """The settings that differ, for the user; empty if none does."""
    old = before.to_dict()
    return ", ".join(
        f"{name}={value} (was {old[name]})"
        for name, value in now.to_dict().items()
        if value != old[name]
    )


def _save_description(
    config: ClassifierConfig, folder: RunFolder, files: inputs.ModelFiles
) -> None:
    """Writes what makes the folder complete: config, architecture and vocabulary."""
    folder.make()
    if files.checkpoint is None:
        albert_config = json.dumps(files.albert_config.to_dict(), indent=2) + "\n"
        folder.write(folder.albert_config_file.name, albert_config)
        vocabulary = pathlib.Path(files.spm_model_file).read_bytes()
        folder.write(folder.spm_model_file.name, vocabulary)
    text = yaml.safe_dump(config.to_dict(), sort_keys=False)
    folder.write(folder.config_file.name, text)
