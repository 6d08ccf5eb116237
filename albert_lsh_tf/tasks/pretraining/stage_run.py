"""One process's part in a stage of pre-training."""

from typing import Any

import tensorflow as tf

from albert_lsh_tf.checkpoints import name_map
from albert_lsh_tf.checkpoints.positions import extend_table
from albert_lsh_tf.tasks.pretraining.experiment import experiment_config
from albert_lsh_tf.tasks.pretraining.inputs import Examples, StartingPoint
from albert_lsh_tf.tasks.pretraining.settings import PretrainingConfig, Stage
from albert_lsh_tf.tasks.pretraining.task import PretrainingTask
from albert_lsh_tf.tasks.pretraining.throughput import Throughput, training_flops
from albert_lsh_tf.tasks.run_folder import RunFolder, step_of
from albert_lsh_tf.tasks.training_run import TrainingRun, restore

BEST_METRIC = "masked_lm_accuracy"


class StageRun(TrainingRun):
    """One process's part in a stage of pre-training: examples of one length.

    Args:
      config: the run.
      stage: which part of it.
      folder: its folder.
      strategy: the devices.
      start: where the model comes from, if the folder has no checkpoint.
      examples: of training and evaluation.
      peak: operations a second that all devices can do; None where not measured.
      do_train: train, up to the end of the stage.
      do_eval: evaluate at every checkpoint.
    """

    # Training goes on for long: nobody expects the weights of long before its end.
    unscored_replace_best = True

    def __init__(
        self,
        config: PretrainingConfig,
        stage: Stage,
        folder: RunFolder,
        strategy: tf.distribute.Strategy,
        start: StartingPoint,
        examples: Examples,
        peak: float | None,
        do_train: bool,
        do_eval: bool,
    ):
        self.stage = stage
        self._start = start
        self._checkpoint = folder.latest_checkpoint()
        start_step = step_of(self._checkpoint)
        params = experiment_config(config, stage, start.albert_config, start_step)
        task = PretrainingTask(params.task)
        task.sources = {
            params.task.validation_data.input_path: examples.evaluation,
            params.task.train_data.input_path: examples.train,
        }
        super().__init__(
            config,
            folder,
            strategy,
            task,
            params,
            best_metric=BEST_METRIC,
            first_step=stage.first_step,
            start_step=start_step,
            last_step=stage.last_step,
            trains=do_train,
            evaluates=do_eval,
        )
        flops = training_flops(
            start.albert_config,
            config.attention,
            config.lsh_at(stage.max_seq_length, config.lsh_budget),
            stage.max_seq_length,
            examples.num_predictions(config.example_config(stage.max_seq_length)),
            "gpu" if tf.config.list_logical_devices("GPU") else "cpu",
            config.replaced_token_weight > 0,
        )
        self._throughput = Throughput(flops, stage.train_batch_size, peak)

    @property
    def evaluation_identity(self) -> str | None:
        return self.task.evaluation_identity

    def start(self) -> None:
        if self._checkpoint:
            restore(self.trainer.checkpoint, self._checkpoint)
            if self.start_step == self.stage.first_step:
                self._begin_stage()
        elif self._start.weights:
            self.task.initialize_from(self.model, self._start.weights)

    def _begin_stage(self) -> None:
        """Gives positions that no stage has reached yet what the others have learned.

        They are as they were drawn, and would have to be learned from there. Weights
        that training began from may have learned them before.
        """
        learned = self.config.longest_before(self.stage)
        if self.config.init_checkpoint or learned >= self.stage.max_seq_length:
            return
        (table,) = (
            variable
            for variable in self.model.encoder.variables
            if variable.name.split(":")[0] == name_map.POSITIONS
        )
        rows = table.numpy()
        table.assign(extend_table(rows[:learned], len(rows), "tile"))

    def further_measures(
        self, outputs: dict[str, Any], steps: int, seconds: float
    ) -> dict[str, float]:
        names = [metric.name for metric in self.trainer.train_metrics]
        measures = {name: float(outputs[name]) for name in names}
        tokens = measures.pop("tokens")
        return {**measures, **self._throughput.measures(tokens, steps, seconds)}

    def shown(self, measures: dict[str, float]) -> dict[str, str]:
        shown = {
            "masked_lm": f"{measures['masked_lm_accuracy']:.3f}",
            "sentence_order": f"{measures['sentence_order_accuracy']:.3f}",
            "tokens/s": f"{measures['tokens_per_second']:,.0f}",
        }
        if "share_of_peak" in measures:
            shown["of peak"] = f"{measures['share_of_peak']:.0%}"
        return shown
