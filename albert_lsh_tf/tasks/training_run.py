"""The loop around Model Garden's trainer, and the checkpoints and log it leaves."""

import math
import time
from typing import Any

import orbit
import tensorflow as tf
from official.core import base_task
from official.core import config_definitions as cfg

from albert_lsh_tf.config import RunConfig
from albert_lsh_tf.errors import InputError
from albert_lsh_tf.tasks import devices
from albert_lsh_tf.tasks.best_checkpoint import is_finite, read_best
from albert_lsh_tf.tasks.checkpoint_record import CHECKPOINT_NAME
from albert_lsh_tf.tasks.distributed_data import Trainer
from albert_lsh_tf.tasks.peak_memory import peak_memory
from albert_lsh_tf.tasks.progress import Progress, orbit_quiet
from albert_lsh_tf.tasks.run_folder import RunFolder, step_of
from albert_lsh_tf.tasks.scoring import Scoring, in_a_line, not_finite, restore


class TrainingRun:
    """One process's part in a run: the trainer and what it writes.

    Args:
      config: the run.
      folder: its folder.
      strategy: the devices.
      task: what is trained.
      params: the run as the trainer wants it described.
      best_metric: of an evaluation; higher is better.
      start_step: steps that earlier processes have trained.
      first_step: the best checkpoint, and all that are scored, are after it.
      last_step: where training ends; None: `params.trainer.train_steps`.
      trains: train, if there is something left to train.
      evaluates: evaluate at every checkpoint.
    """

    # Whether weights without scores that come later count for more than the best ones.
    unscored_replace_best = False

    def __init__(
        self,
        config: RunConfig,
        folder: RunFolder,
        strategy: tf.distribute.Strategy,
        task: base_task.Task,
        params: cfg.ExperimentConfig,
        *,
        best_metric: str,
        start_step: int,
        first_step: int = 0,
        last_step: int | None = None,
        trains: bool,
        evaluates: bool,
    ):
        self.config, self.folder, self.strategy = config, folder, strategy
        self.task, self.best_metric = task, best_metric
        self.first_step, self.start_step = first_step, start_step
        self.last_step = last_step or params.trainer.train_steps
        self.trains = trains and start_step < self.last_step
        self.evaluates = evaluates
        devices.check_same_start(strategy, start_step, folder.path)
        folder.make(self.trains)
        self.log = folder.open_log()
        self.progress = Progress(
            params.trainer.train_steps, start_step, folder.writable
        )
        self._steps_per_loop = steps_per_loop(params.trainer.train_steps)
        # Another seed for each start, so that dropout does not repeat itself.
        devices.set_seed(config.seed + start_step)
        with strategy.scope():
            self.model = task.build_model()
            optimizer = task.create_optimizer(
                params.trainer.optimizer_config, params.runtime
            )
            optimizer.build(self.model.trainable_variables)
            self.trainer = Trainer(
                params,
                task,
                self.model,
                optimizer,
                train=self.trains,
                evaluate=evaluates,
            )
        self.weights = tf.train.Checkpoint(
            model=self.model,
            encoder=self.model.encoder,
            global_step=self.trainer.global_step,
        )
        self._scoring = Scoring(
            folder,
            strategy,
            self.log,
            self.progress,
            self.weights,
            self.evaluate,
            lambda: self.evaluation_identity if evaluates else None,
            best_metric,
            first_step,
        )

    def start(self) -> None:
        """Gives model and optimizer what training starts from; in the strategy."""
        raise NotImplementedError

    def close(self) -> None:
        """Leaves the terminal and the folder in order."""
        self.progress.close()
        self.folder.close()

    def train(self) -> None:
        """Trains up to `last_step`, with a checkpoint and an evaluation at times."""
        manager = tf.train.CheckpointManager(
            self.trainer.checkpoint,
            directory=str(self.folder.checkpoint_dir),
            # Nobody goes on from the copies of other workers.
            max_to_keep=self.config.keep_checkpoint_max if self.folder.writable else 1,
            checkpoint_name=CHECKPOINT_NAME,
        )
        best = self._scoring.best_so_far(self.start_step)
        self.log.rewind(self.start_step)
        if self.evaluates:
            if best.is_of_another_evaluation:
                self.progress.say(
                    "evaluation is on other examples than before: the best checkpoint "
                    f"so far (step {best.record.step}) does not count any more"
                )
                best.forget()
            self._scoring.score_pending(best)
        with self.strategy.scope():
            self.start()
        controller = self._controller()
        interval, step = self.config.save_checkpoints_steps, self.start_step
        while step < self.last_step:
            step = min((step // interval + 1) * interval, self.last_step)
            self._last_time = time.perf_counter()
            with orbit_quiet():
                controller.train(steps=step, checkpoint_at_completion=False)
            # Saved first: an evaluation that is cut off is made up for.
            manager.save(checkpoint_number=step)
            if self.evaluates:
                with orbit_quiet():
                    metrics = controller.evaluate()
                self._scoring.record(best, step, metrics)
            elif self.unscored_replace_best:
                best.forget()

    def evaluate_pending(self) -> None:
        """Evaluates the checkpoints without scores, where nothing is trained."""
        self._scoring.score_all()

    @property
    def evaluation_identity(self) -> str | None:
        """Which examples checkpoints are scored on; None where there is but one set."""
        return None

    def evaluate(self) -> dict[str, float]:
        """Evaluates the model as it is."""
        metrics = self.trainer.evaluate(tf.constant(-1))
        return {name: float(value) for name, value in metrics.items()}

    def restore_best(self, asked_for: str | None = None) -> int:
        """Gives the model the weights of the best checkpoint; returns its step.

        Args:
          asked_for: the prefix of another one to take.
        """
        # The chief may still be replacing the best one, which all workers read.
        devices.wait_for_all(self.strategy)
        best = read_best(self.folder.best_dir)
        prefix = asked_for or (best.prefix if best else self.folder.latest_checkpoint())
        with self.strategy.scope():
            restore(self.weights, prefix)
        return step_of(prefix)

    def evaluate_best(self, step: int) -> dict[str, float]:
        """Evaluates the checkpoint of a step, which `restore_best` restored.

        Not once more where it is the one that was evaluated last.

        Raises:
          InputError: a score or the loss is not finite.
        """
        latest_step, metrics = self._scoring.latest or (None, {})
        if latest_step != step:
            metrics = self.evaluate()
        if not is_finite(metrics):
            raise InputError(
                f"The evaluation at step {step} gave {in_a_line(not_finite(metrics))}: "
                "no checkpoint can be the best. Start again in another output_dir with "
                "a lower learning_rate, a longer warm-up or mixed_precision=float32."
            )
        return metrics

    def say_best(self, step: int, metrics: dict[str, float]) -> None:
        """Shows the scores of the best checkpoint."""
        self.progress.say(f"best checkpoint (step {step}): {in_a_line(metrics)}")

    def further_measures(
        self, outputs: dict[str, Any], steps: int, seconds: float
    ) -> dict[str, float]:
        """What to log of some steps of training, besides the loss.

        Args:
          outputs: what the trainer tells of them.
          steps: how many.
          seconds: what they took.
        """
        return {}

    def shown(self, measures: dict[str, float]) -> dict[str, str]:
        """What of `further_measures` to show while training goes on."""
        return {}

    def _controller(self) -> orbit.Controller:
        summaries = self.folder.path if self.folder.writable else None
        return orbit.Controller(
            global_step=self.trainer.global_step,
            trainer=self.trainer,
            evaluator=self.trainer if self.evaluates else None,
            strategy=self.strategy,
            steps_per_loop=self._steps_per_loop,
            train_actions=[self._after_loop],
            summary_dir=str(summaries / "train") if summaries else None,
            eval_summary_dir=str(summaries / "validation") if summaries else None,
        )

    def _after_loop(self, outputs: dict[str, tf.Tensor]) -> None:
        """Records and shows the last few steps of training."""
        step = int(self.trainer.global_step.numpy())
        loss = float(outputs["training_loss"])
        if not math.isfinite(loss):
            raise InputError(
                f"The training loss is {loss} near step {step}: training has diverged. "
                "Start again in another output_dir with a lower learning_rate or a "
                "longer warm-up."
            )
        now = time.perf_counter()
        seconds, self._last_time = now - self._last_time, now
        previous = self.log.training[-1]["step"] if self.log.training else 0
        steps = step - max(previous, self.start_step)
        measures = self.further_measures(outputs, steps, seconds)
        self.log.append(
            {
                "step": step,
                "loss": loss,
                "learning_rate": float(orbit.utils.get_value(outputs["learning_rate"])),
                "seconds_per_step": seconds / steps,
                "compiled": previous <= self.start_step,
                "peak_memory_mib": peak_memory(),
                **measures,
            }
        )
        for name, text in self.shown(measures).items():
            self.progress.show(name, text)
        self.progress.update(step, loss, seconds)


def steps_per_loop(train_steps: int) -> int:
    """About 200 points in the loss curve; the same number on every worker."""
    return min(max(train_steps // 200, 1), 20)
