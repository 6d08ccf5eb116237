"""What tasks that start from pre-trained weights have in common, for Model Garden."""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras
from official.core import base_task

from albert_lsh_tf.checkpoints.loading import restore_encoder
from albert_lsh_tf.checkpoints.sources import find_weights
from albert_lsh_tf.checkpoints.weight_source import WeightSource
from albert_lsh_tf.errors import InputError
from albert_lsh_tf.lsh_config import LSHConfig
from albert_lsh_tf.machine import kind_for_attention
from albert_lsh_tf.tasks.trimming import run_trimmed

INPUT_NAMES = ("input_word_ids", "input_mask", "input_type_ids")


class FineTuningTask(base_task.Task):
    """A head on an encoder whose start weights were pre-trained.

    The config has `model.encoder`, `init_checkpoint` and `enable_xla`.
    """

    def loss_of(self, inputs: dict[str, tf.Tensor], model: tf_keras.Model) -> tf.Tensor:
        """The mean loss of one replica's share of a batch, in training: float32 []."""
        raise NotImplementedError

    def trained_variables(self, model: tf_keras.Model) -> list[tf.Variable]:
        """Those that the loss depends on."""
        return model.trainable_variables

    def initialize(self, model: tf_keras.Model) -> None:
        """Loads the encoder's start weights, all of them, or raises `InputError`."""
        if not self.task_config.init_checkpoint:
            raise InputError(
                "task.init_checkpoint is not set: training would start from random "
                "weights. Give a checkpoint, a run folder, or 'albert_lsh_tiny'."
            )
        self.initialize_from(model, find_weights(self.task_config.init_checkpoint))

    def initialize_from(self, model: tf_keras.Model, weights: WeightSource) -> None:
        """Loads the encoder's start weights from what `find_weights` found.

        Positions beyond the learned ones repeat them.
        """
        restore_encoder(model.encoder, weights, extend_positions="tile")

    @property
    def trims_padding(self) -> bool:
        """Whether what is padding in a whole batch is left out; see `may_cut`.

        What is compiled is for one length.
        """
        return not (
            self.task_config.enable_xla or tf.config.list_logical_devices("TPU")
        )

    def may_cut(self, length: int, total: int) -> bool:
        """Whether rows that are cut to `length` of `total` tokens give the same."""
        encoder = self.task_config.model.encoder.get()
        if "lsh" not in encoder.attention:  # A kind for all layers, or one for each.
            return True
        lsh = LSHConfig.from_dict(encoder.lsh.as_dict())
        return lsh.ignores_padding(length, total, kind_for_attention())

    def run_on(
        self,
        inputs: dict[str, tf.Tensor],
        function: Callable[[dict[str, tf.Tensor]], Any],
    ) -> Any:
        """What a function gives for a batch, without its padding where that pays."""
        if self.trims_padding:
            return run_trimmed(function, inputs, self.may_cut)
        return function(inputs)

    @tf.autograph.experimental.do_not_convert
    def train_step(
        self,
        inputs: dict[str, tf.Tensor],
        model: tf_keras.Model,
        optimizer: tf_keras.optimizers.Optimizer,
        metrics: Any = None,
    ) -> dict[str, tf.Tensor]:
        """One step on one replica's share of the batch."""
        scales_loss = isinstance(optimizer, tf_keras.mixed_precision.LossScaleOptimizer)
        variables = self.trained_variables(model)

        def loss_and_gradients(inputs):
            with tf.GradientTape() as tape:
                loss = self.loss_of(inputs, model)
                # The optimizer sums gradients over replicas.
                scaled = loss / tf.distribute.get_strategy().num_replicas_in_sync
                if scales_loss:
                    scaled = optimizer.get_scaled_loss(scaled)
            return loss, tape.gradient(scaled, variables)

        if self.task_config.enable_xla:
            loss_and_gradients = tf.function(loss_and_gradients, jit_compile=True)
        loss, gradients = self.run_on(inputs, loss_and_gradients)
        if scales_loss:
            gradients = optimizer.get_unscaled_gradients(gradients)
        optimizer.apply_gradients(list(zip(gradients, variables, strict=True)))
        return {self.loss: loss}

    def aggregate_logs(
        self,
        state: list[dict[str, np.ndarray]] | None = None,
        step_logs: dict[str, tuple[tf.Tensor, ...]] | None = None,
    ) -> list[dict[str, np.ndarray]]:
        """Keeps a step's outputs on the host.

        Every worker evaluates all examples, so its own replicas' outputs are enough.
        """
        batch = {
            name: np.concatenate([value.numpy() for value in values])
            for name, values in step_logs.items()
        }
        return [*(state or []), batch]


def model_inputs(inputs: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """The part of a batch that a model takes."""
    return {name: inputs[name] for name in INPUT_NAMES}


def in_order(batches: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """The outputs of all batches, sorted by example_id and without filler rows."""
    joined = {
        name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]
    }
    ids = joined["example_id"]
    order = np.argsort(ids, kind="stable")
    # Rows that only fill up the last batch have the id -1.
    order = order[ids[order] >= 0]
    return {name: values[order] for name, values in joined.items()}
