"""Pre-training as a Model Garden task, and the experiment `albert_lsh/pretraining`.

The loss of a step is the mean over the masked tokens of its whole batch plus the mean
over its examples, however many replicas and parts the batch is shared out to. With
replaced-token detection, a weighted mean over the tokens is added.
"""

from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras
from official.core import base_task, exp_factory, task_factory
from official.core import config_definitions as cfg

from albert_lsh_tf.checkpoints.loading import restore_pretrainer
from albert_lsh_tf.checkpoints.sources import find_weights
from albert_lsh_tf.checkpoints.weight_source import WeightSource
from albert_lsh_tf.data.input_pipeline import evaluation_dataset
from albert_lsh_tf.data.pretraining.settings import ExampleConfig
from albert_lsh_tf.data.pretraining.source import ExampleSource, open_source
from albert_lsh_tf.networks.pretrainer import HEADS, AlbertPretrainer
from albert_lsh_tf.tasks.encoder_config import build_encoder
from albert_lsh_tf.tasks.optimization import OptimizationConfig
from albert_lsh_tf.tasks.pretraining import losses, replaced_tokens
from albert_lsh_tf.tasks.pretraining.accumulation import accumulate
from albert_lsh_tf.tasks.pretraining.evaluation_examples import EvaluationExamples
from albert_lsh_tf.tasks.pretraining.task_config import (
    PretrainingDataConfig,
    PretrainingTaskConfig,
)


@task_factory.register_task_cls(PretrainingTaskConfig)
class PretrainingTask(base_task.Task):
    """Trains and evaluates the encoder with its two heads.

    Args:
      params: weights, data and how a step is computed.
      logging_dir: unused, as Model Garden passes it.
      name: of the `tf.Module`.
    """

    def __init__(
        self,
        params: PretrainingTaskConfig,
        logging_dir: str | None = None,
        name: str | None = None,
    ):
        super().__init__(params, logging_dir, name)
        # By `input_path`; `build_inputs` opens those that are not here.
        self.sources: dict[str, ExampleSource] = {}
        # Of the examples that `build_inputs` made last for evaluations.
        self.evaluation_identity: str | None = None

    def build_model(self) -> AlbertPretrainer:
        """The model with new weights; `initialize` or a checkpoint may fill it."""
        encoder_config = self.task_config.model.encoder.get()
        return AlbertPretrainer(
            build_encoder(encoder_config),
            (*HEADS, "rtd") if self.task_config.replaced_token_weight else HEADS,
            initializer=tf_keras.initializers.TruncatedNormal(
                stddev=encoder_config.initializer_range
            ),
        )

    def initialize(self, model: AlbertPretrainer) -> None:
        """Loads the start weights, if there are any, or raises `InputError`."""
        if self.task_config.init_checkpoint:
            self.initialize_from(model, find_weights(self.task_config.init_checkpoint))

    def initialize_from(self, model: AlbertPretrainer, weights: WeightSource) -> None:
        """Loads start weights; heads that they lack keep their random ones."""
        restore_pretrainer(model, weights, extend_positions="tile", new_heads=HEADS)

    def build_inputs(
        self,
        params: PretrainingDataConfig,
        input_context: tf.distribute.InputContext | None = None,
    ) -> tf.data.Dataset:
        """Batches of one replica's size, by the names of Google's records."""
        # Model Garden's configs may also name files in a list.
        path = params.input_path
        path = path if isinstance(path, str) else ",".join(path)
        if path not in self.sources:
            self.sources[path] = open_source(path.split(","))
        source = self.sources[path]
        config = example_config(params)
        if params.is_training:
            return source.training_dataset(
                config, params.global_batch_size, params.start_step, input_context
            )
        most = params.max_eval_steps * params.global_batch_size
        examples = EvaluationExamples(source.evaluation_examples(config, most))
        self.evaluation_identity = examples.identity()
        return evaluation_dataset(examples, params.global_batch_size, input_context)

    def build_metrics(self, training: bool = True) -> list[tf_keras.metrics.Metric]:
        """Training's means since the last look; evaluation adds up sums instead."""
        if not training:
            return []
        heads = losses.HEADS
        if self.task_config.replaced_token_weight:
            heads = (*heads, "replaced_tokens")
        names = [f"{head}_{kind}" for head in heads for kind in ("accuracy", "loss")]
        return [
            *(tf_keras.metrics.Mean(name, dtype=tf.float32) for name in names),
            tf_keras.metrics.Sum("tokens", dtype=tf.float32),
        ]

    @tf.autograph.experimental.do_not_convert
    def train_step(
        self,
        inputs: dict[str, tf.Tensor],
        model: AlbertPretrainer,
        optimizer: tf_keras.optimizers.Optimizer,
        metrics: list[tf_keras.metrics.Metric] | None = None,
    ) -> dict[str, tf.Tensor]:
        """One step on one replica's share of the batch."""
        scales_loss = isinstance(optimizer, tf_keras.mixed_precision.LossScaleOptimizer)
        variables = model.trainable_variables
        settings = self.task_config
        if settings.replaced_token_weight:
            seed = tf.stack(
                [
                    tf.constant(settings.train_data.seed or 0, tf.int64),
                    tf.cast(optimizer.iterations, tf.int64),
                ]
            )
            inputs = replaced_tokens.draw_guesses(
                inputs, settings.replaced_token_share, seed
            )
        counts = losses.global_counts(inputs)

        def loss_of(sums):
            return losses.mean_loss(sums, counts, settings.replaced_token_weight)

        def gradients_and_sums(part):
            if settings.replaced_token_weight:
                part = replaced_tokens.fill_in(model, part)
            with tf.GradientTape() as tape:
                sums = losses.head_sums(model, part, training=True)
                loss = loss_of(sums)
                if model.losses:
                    num_parts = settings.gradient_accumulation_steps
                    loss += tf.add_n(model.losses) / num_parts
                scaled = optimizer.get_scaled_loss(loss) if scales_loss else loss
            return tape.gradient(scaled, variables), sums

        if settings.enable_xla:
            gradients_and_sums = tf.function(gradients_and_sums, jit_compile=True)
        gradients, sums = accumulate(
            gradients_and_sums,
            inputs,
            settings.gradient_accumulation_steps,
        )
        if scales_loss:
            gradients = optimizer.get_unscaled_gradients(gradients)
        optimizer.apply_gradients(list(zip(gradients, variables, strict=True)))
        _update(metrics or [], sums, inputs)
        # Shares add up to the loss; Model Garden takes the mean over replicas.
        num_replicas = tf.distribute.get_strategy().num_replicas_in_sync
        return {self.loss: loss_of(sums) * num_replicas}

    @tf.autograph.experimental.do_not_convert
    def validation_step(
        self,
        inputs: dict[str, tf.Tensor],
        model: AlbertPretrainer,
        metrics: Any = None,
    ) -> dict[str, tf.Tensor]:
        """Sums of one replica's share of the batch, by head: [3] each."""
        sums = losses.head_sums(model, inputs, training=False)
        return {head: tf.stack(sums[head]) for head in losses.HEADS}

    def aggregate_logs(
        self,
        state: dict[str, np.ndarray] | None = None,
        step_logs: dict[str, tuple[tf.Tensor, ...]] | None = None,
    ) -> dict[str, np.ndarray]:
        """Adds a step's sums, in float64.

        Every worker evaluates all examples, so its own replicas' sums are enough.
        """
        state = state or {head: np.zeros(3) for head in losses.HEADS}
        return {
            head: state[head] + np.sum([part.numpy() for part in step_logs[head]], 0)
            for head in losses.HEADS
        }

    def reduce_aggregated_logs(
        self,
        aggregated_logs: dict[str, np.ndarray],
        global_step: tf.Tensor | None = None,
    ) -> dict[str, float]:
        """Both heads' accuracy and loss, and `loss`, the sum of the two."""
        return losses.report(aggregated_logs)


def example_config(params: PretrainingDataConfig) -> ExampleConfig:
    """What the examples of a data config are like."""
    return ExampleConfig(
        max_seq_length=params.max_seq_length,
        max_predictions_per_seq=params.max_predictions_per_seq,
        masked_lm_prob=params.masked_lm_prob,
        ngram=params.ngram,
        favor_shorter_ngram=params.favor_shorter_ngram,
        do_whole_word_mask=params.do_whole_word_mask,
        short_seq_prob=params.short_seq_prob,
        copied_segment_prob=params.copied_segment_prob,
        random_seed=params.seed or 0,
    )


def _update(
    metrics: list[tf_keras.metrics.Metric],
    sums: dict[str, losses.HeadSums],
    inputs: dict[str, tf.Tensor],
) -> None:
    """Brings the metrics of `build_metrics` up to date."""
    values = {"tokens": (tf.cast(inputs["input_mask"], tf.float32), None)}
    for head, (loss, correct, count) in sums.items():
        for kind, total in (("loss", loss), ("accuracy", correct)):
            mean = tf.math.divide_no_nan(total, count)
            values[f"{head}_{kind}"] = mean, count
    for metric in metrics:
        value, weight = values[metric.name]
        metric.update_state(value, sample_weight=weight)


@exp_factory.register_config_factory("albert_lsh/pretraining")
def albert_lsh_pretraining() -> cfg.ExperimentConfig:
    """ALBERT with LSH attention, pre-trained, for Model Garden's own trainer.

    To be given: `input_path` of training and validation data; the encoder is ALBERT
    base. `task.init_checkpoint` continues from weights.
    """
    optimizer_config = OptimizationConfig({"optimizer": {"type": "albert_lamb"}})
    schedule = optimizer_config.learning_rate.albert_linear
    schedule.initial_learning_rate = 0.00176
    schedule.train_steps, schedule.warmup_steps = 125000, 3125
    return cfg.ExperimentConfig(
        task=PretrainingTaskConfig(),
        trainer=cfg.TrainerConfig(
            optimizer_config=optimizer_config, train_steps=125000
        ),
        restrictions=[
            "task.train_data.is_training != None",
            "task.validation_data.is_training != None",
        ],
    )
