"""Classification, and GLUE's scores, as a Model Garden task: `albert_lsh/glue`.

The loss of a step is the mean over the batch. Evaluation brings all logits to the host
and scores them there at once, so metrics do not depend on batch size or devices.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras
from official.core import base_task, exp_factory, task_factory
from official.core import config_definitions as cfg

from albert_lsh_tf.checkpoints.loading import restore_encoder
from albert_lsh_tf.checkpoints.sources import find_weights
from albert_lsh_tf.checkpoints.weight_source import WeightSource
from albert_lsh_tf.data.classification import find_task, read_examples
from albert_lsh_tf.data.features import Features, encode_examples
from albert_lsh_tf.data.input_pipeline import evaluation_dataset, training_dataset
from albert_lsh_tf.data.tokenizers import open_tokenizer
from albert_lsh_tf.errors import InputError
from albert_lsh_tf.networks.classifier import AlbertClassifier
from albert_lsh_tf.tasks.encoder_config import build_encoder
from albert_lsh_tf.tasks.glue_config import GlueConfig, GlueDataConfig
from albert_lsh_tf.tasks.metrics import constant_prediction, evaluation_metrics
from albert_lsh_tf.tasks.optimization import OptimizationConfig
from albert_lsh_tf.tasks.trimming import run_trimmed

INPUT_NAMES = ("input_word_ids", "input_mask", "input_type_ids")


@task_factory.register_task_cls(GlueConfig)
class GlueTask(base_task.Task):
    """Fine-tunes and evaluates ALBERT on one task of GLUE, or of the user's own.

    Args:
      params: which task, weights and data.
      logging_dir: unused, as Model Garden passes it.
      name: of the `tf.Module`.
    """

    def __init__(
        self,
        params: GlueConfig,
        logging_dir: str | None = None,
        name: str | None = None,
    ):
        super().__init__(params, logging_dir, name)
        self.glue_task = find_task(
            params.task_name, params.labels, data_dir=params.train_data.input_path
        )
        # By split; `build_inputs` reads the files of those that are not here.
        self.features: dict[str, Features] = {}
        # What the last evaluation's model gave to every example, if it did.
        self.constant_prediction: str | None = None

    def build_model(self) -> AlbertClassifier:
        """The classifier with new weights; `initialize` or a checkpoint fills it."""
        config = self.task_config.model
        encoder = build_encoder(config.encoder.get())
        task = self.glue_task
        return AlbertClassifier(
            encoder,
            num_classes=1 if task.is_regression else len(task.labels),
            dropout_rate=config.classifier_dropout,
        )

    def initialize(self, model: AlbertClassifier) -> None:
        """Loads the encoder's start weights, all of them, or raises `InputError`."""
        if not self.task_config.init_checkpoint:
            raise InputError(
                "task.init_checkpoint is not set: training would start from random "
                "weights. Give a checkpoint, a run folder, or 'albert_lsh_tiny'."
            )
        self.initialize_from(model, find_weights(self.task_config.init_checkpoint))

    def initialize_from(self, model: AlbertClassifier, weights: WeightSource) -> None:
        """Loads the encoder's start weights from what `find_weights` found.

        Positions beyond the learned ones repeat them.
        """
        restore_encoder(model.encoder, weights, extend_positions="tile")

    def build_inputs(
        self,
        params: GlueDataConfig,
        input_context: tf.distribute.InputContext | None = None,
    ) -> tf.data.Dataset:
        """Batches of one replica's size: the three inputs, label and example_id."""
        features = self._features_of(params)
        if not params.is_training:
            return evaluation_dataset(
                features,
                params.global_batch_size,
                input_context,
                shortest_first=self._trims_padding,
            )
        return training_dataset(
            features,
            params.global_batch_size,
            seed=params.seed or 0,
            start_step=params.start_step,
            input_context=input_context,
        )

    @property
    def _trims_padding(self) -> bool:
        """Whether what is padding in a whole batch is left out.

        What LSH attention computes depends on the length; what is compiled is for one.
        """
        attention = self.task_config.model.encoder.get().attention
        kinds = [attention] if isinstance(attention, str) else attention
        is_compiled = self.task_config.enable_xla or tf.config.list_logical_devices(
            "TPU"
        )
        return set(kinds) == {"dense"} and not is_compiled

    def _run(
        self,
        function: Callable[[dict[str, tf.Tensor]], Any],
        inputs: dict[str, tf.Tensor],
    ) -> Any:
        """What a function gives for a batch, without its padding where that pays."""
        if self._trims_padding:
            return run_trimmed(function, inputs)
        return function(inputs)

    def _features_of(self, params: GlueDataConfig) -> Features:
        """The features of all splits of `params`, numbered in one row."""
        for split in params.splits:
            if split not in self.features:
                self.features[split] = encode_examples(
                    read_examples(self.glue_task, params.input_path, split),
                    open_tokenizer(params.vocabulary_file, params.do_lower_case),
                    params.max_seq_length,
                    is_regression=self.glue_task.is_regression,
                )
        return concatenate([self.features[split] for split in params.splits])

    def build_losses(
        self,
        labels: tf.Tensor,
        model_outputs: tf.Tensor,
        aux_losses: Any = None,
    ) -> tf.Tensor:
        """The mean cross entropy, or squared error for regression."""
        if self.glue_task.is_regression:
            losses = tf.square(model_outputs[:, 0] - tf.cast(labels, tf.float32))
        else:
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(
                labels, model_outputs
            )
        loss = tf.reduce_mean(losses)
        return tf.add_n([loss, *aux_losses]) if aux_losses else loss

    def train_step(
        self,
        inputs: dict[str, tf.Tensor],
        model: AlbertClassifier,
        optimizer: tf_keras.optimizers.Optimizer,
        metrics: Any = None,
    ) -> dict[str, tf.Tensor]:
        """One step on one replica's share of the batch."""
        scales_loss = isinstance(optimizer, tf_keras.mixed_precision.LossScaleOptimizer)
        variables = model.trainable_variables

        def loss_and_gradients(inputs):
            with tf.GradientTape() as tape:
                logits = model(model_inputs(inputs), training=True)
                loss = self.build_losses(inputs["label"], logits, model.losses)
                # The optimizer sums gradients over replicas.
                scaled = loss / tf.distribute.get_strategy().num_replicas_in_sync
                if scales_loss:
                    scaled = optimizer.get_scaled_loss(scaled)
            return loss, tape.gradient(scaled, variables)

        if self.task_config.enable_xla:
            loss_and_gradients = tf.function(loss_and_gradients, jit_compile=True)
        loss, gradients = self._run(loss_and_gradients, inputs)
        if scales_loss:
            gradients = optimizer.get_unscaled_gradients(gradients)
        optimizer.apply_gradients(list(zip(gradients, variables, strict=True)))
        return {self.loss: loss}

    def validation_step(
        self,
        inputs: dict[str, tf.Tensor],
        model: AlbertClassifier,
        metrics: Any = None,
    ) -> dict[str, tf.Tensor]:
        """Ids, labels and logits of one replica's share of the batch."""

        def logits_of(inputs):
            return self.inference_step(model_inputs(inputs), model)

        return {
            "example_id": inputs["example_id"],
            "label": inputs["label"],
            "logits": self._run(logits_of, inputs),
        }

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

    def reduce_aggregated_logs(
        self,
        aggregated_logs: list[dict[str, np.ndarray]],
        global_step: tf.Tensor | None = None,
    ) -> dict[str, float]:
        """Metrics of all validation splits: the first by plain names, others suffixed.

        MNLI's second dev set, for one, gives `eval_accuracy_mismatched`.
        """
        logits, labels = in_order(aggregated_logs)
        self.constant_prediction = constant_prediction(self.glue_task, logits)
        metrics, start = {}, 0
        for split in self.task_config.validation_data.splits:
            end = start + len(self.features[split])
            part = evaluation_metrics(
                self.glue_task, logits[start:end], labels[start:end]
            )
            suffix = split.removeprefix("dev")
            metrics.update({name + suffix: value for name, value in part.items()})
            start = end
        return metrics


def model_inputs(inputs: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """The part of a batch that the model takes."""
    return {name: inputs[name] for name in INPUT_NAMES}


def in_order(batches: list[dict[str, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """Logits and labels of all batches, sorted by id and without filler rows."""
    ids, logits, labels = (
        np.concatenate([batch[name] for batch in batches])
        for name in ("example_id", "logits", "label")
    )
    order = np.argsort(ids, kind="stable")
    # Rows that only fill up the last batch have the id -1.
    order = order[ids[order] >= 0]
    return logits[order], labels[order]


def concatenate(parts: list[Features]) -> Features:
    """One set of features from several, with ids from 0 in their order."""
    columns = [part.as_dict() for part in parts]
    joined = {
        name: np.concatenate([column[name] for column in columns])
        for name in columns[0]
    }
    joined["example_id"] = np.arange(len(joined["label"]), dtype=np.int64)
    return Features(**joined)


@exp_factory.register_config_factory("albert_lsh/glue")
def albert_lsh_glue() -> cfg.ExperimentConfig:
    """ALBERT with LSH attention on GLUE or own data, for Model Garden's own trainer.

    To be given: `task.init_checkpoint`, and for training and validation data
    `input_path` and `vocabulary_file`; the encoder is ALBERT base.
    """
    return cfg.ExperimentConfig(
        task=GlueConfig(),
        trainer=cfg.TrainerConfig(
            optimizer_config=OptimizationConfig(), train_steps=1000
        ),
        restrictions=[
            "task.train_data.is_training != None",
            "task.validation_data.is_training != None",
        ],
    )
