"""One process's part in a run: the loop around the trainer, and what it writes."""

import logging
import math
import time
from typing import Any

import orbit
import tensorflow as tf
from official.core import base_trainer

from albert_lsh_tf.config import ClassifierConfig
from albert_lsh_tf.errors import InputError
from albert_lsh_tf.tasks import devices, glue, inputs, results
from albert_lsh_tf.tasks.best_checkpoint import BestCheckpoint, is_finite, read_best
from albert_lsh_tf.tasks.experiment import experiment_config
from albert_lsh_tf.tasks.prediction import predict_logits
from albert_lsh_tf.tasks.progress import Progress, orbit_quiet
from albert_lsh_tf.tasks.run_folder import (
    CHECKPOINT_NAME,
    RunFolder,
    TrainingLog,
    step_of,
)

_logger = logging.getLogger(__name__)


class ClassifierRun:
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
        params = experiment_config(config, files, data, self.start_step)
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

    def results(self, do_eval: bool, do_predict: bool) -> dict[str, Any]:
        """Trains if there is something left to train, then evaluates and predicts."""
        say = self.progress.say
        if self.trains:
            self._train()
        elif self.start_step:
            say(f"{self.folder.path} is trained up to step {self.start_step} already.")
        step = self._restore_best()
        recorded = self._recorded()
        best = None
        if do_eval:
            metrics = self._evaluate_now()
            if not is_finite(metrics):
                raise InputError(
                    f"The evaluation loss at step {step} is {metrics['loss']}: no "
                    "checkpoint can be the best. Start again in another output_dir "
                    "with a lower learning_rate or mixed_precision=float32."
                )
            metrics = self._unless_recorded(recorded, step, metrics)
            best = {"step": step, **metrics}
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
            self._predict(keep=bool(recorded))
        summary = results.summarize(self.log, best)
        if recorded:
            # What training needed, not what it takes to score it again.
            summary["peak_memory_mib"] = recorded["peak_memory_mib"]
        if do_eval or self.trains:
            results.write_summary(self.folder, summary)
        results.draw_curves(self.folder, self.log, self.task.glue_task)
        say(f"results: {self.folder.path}")
        return {**summary, "model": self.model, "is_chief": self.folder.writable}

    def _recorded(self) -> dict[str, Any] | None:
        """metrics.json of the run in the folder, if this process does not train it."""
        if self.trains or not (
            self.folder.saved_config() and self.folder.checkpoints()
        ):
            return None
        return results.read_summary(self.folder)

    def _unless_recorded(
        self, recorded: dict[str, Any] | None, step: int, metrics: dict[str, float]
    ) -> dict[str, float]:
        """The metrics on record for a step; the new ones where there are none."""
        best = dict((recorded or {}).get("best") or {})
        if best.pop("step", None) != step:
            return metrics
        if not results.agree(best, metrics) and self.folder.writable:
            _logger.warning(
                "Step %d now scores %s, not as recorded: data or programs have "
                "changed. The recorded scores stay.",
                step,
                ", ".join(f"{name} {metrics[name]:.4f}" for name in metrics),
            )
        return best

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
        # JSON has no nan.
        logged = {n: v if math.isfinite(v) else None for n, v in metrics.items()}
        self.log.append({"step": step, "eval": logged})
        if not is_finite(metrics) and self.folder.writable:
            _logger.warning(
                "The evaluation loss at step %d is %s: this checkpoint cannot be the "
                "best. Training may have diverged; try a lower learning_rate.",
                step,
                metrics["loss"],
            )
        name = self.task.glue_task.best_metric
        self.progress.show_metric(name, metrics[name])
        shown = "  ".join(f"{name} {metrics[name]:.4f}" for name in metrics)
        self.progress.say(f"step {step}: {shown}{'  (best)' if is_best else ''}")

    def _restore_best(self) -> int:
        """Gives the model the weights of the best checkpoint; returns its step."""
        # The chief may still be replacing the best one, which all workers read.
        devices.wait_for_all(self.strategy)
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

    def _predict(self, keep: bool) -> None:
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
                self.folder, task, split, self.data.examples[split], logits, keep
            )
            self.progress.say(f"predictions of {split}: {', '.join(names)}")


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
