"""Classification with GLUE's scores and RACE's, as a Model Garden task.

It is registered as `albert_lsh/classification`.

The loss of a step is the mean over the batch. Evaluation brings all logits to the host
and scores them there at once, so metrics do not depend on batch size or devices.
"""

from typing import Any

import numpy as np
import tensorflow as tf
from official.core import config_definitions as cfg
from official.core import exp_factory, task_factory

from albert_lsh_tf.data.classification import find_task, read_examples
from albert_lsh_tf.data.classification_features import TaskFeatures, make_features
from albert_lsh_tf.data.features import Features
from albert_lsh_tf.data.input_pipeline import evaluation_dataset, training_dataset
from albert_lsh_tf.data.race.features import RaceFeatures
from albert_lsh_tf.data.race.questions import RaceTask
from albert_lsh_tf.data.tokenizers import open_tokenizer
from albert_lsh_tf.errors import InputError
from albert_lsh_tf.networks.classifier import AlbertClassifier
from albert_lsh_tf.networks.multiple_choice import AlbertMultipleChoice
from albert_lsh_tf.tasks.classification_config import (
    ClassificationConfig,
    ClassificationDataConfig,
)
from albert_lsh_tf.tasks.encoder_config import build_encoder
from albert_lsh_tf.tasks.fine_tuning_task import (
    FineTuningTask,
    in_order,
    model_inputs,
)
from albert_lsh_tf.tasks.metrics import constant_prediction, metrics_of_groups
from albert_lsh_tf.tasks.optimization import OptimizationConfig


@task_factory.register_task_cls(ClassificationConfig)
class ClassificationTask(FineTuningTask):
    """Fine-tunes and evaluates ALBERT on a task of GLUE, RACE, or of the user's own.

    Args:
      params: which task, weights and data.
      logging_dir: unused, as Model Garden passes it.
      name: of the `tf.Module`.
    """

    def __init__(
        self,
        params: ClassificationConfig,
        logging_dir: str | None = None,
        name: str | None = None,
    ):
        super().__init__(params, logging_dir, name)
        self.definition = find_task(
            params.task_name, params.labels, data_dir=params.train_data.input_path
        )
        # By split; `build_inputs` reads the files of those that are not here.
        self.features: dict[str, TaskFeatures] = {}
        # What the last evaluation's model gave to every example, if it did.
        self.constant_prediction: str | None = None

    def build_model(self) -> AlbertClassifier | AlbertMultipleChoice:
        """The classifier with new weights; `initialize` or a checkpoint fills it."""
        config = self.task_config.model
        encoder = build_encoder(config.encoder.get())
        task = self.definition
        if isinstance(task, RaceTask):
            return AlbertMultipleChoice(encoder, config.classifier_dropout)
        return AlbertClassifier(
            encoder,
            num_classes=1 if task.is_regression else len(task.labels),
            dropout_rate=config.classifier_dropout,
        )

    def build_inputs(
        self,
        params: ClassificationDataConfig,
        input_context: tf.distribute.InputContext | None = None,
    ) -> tf.data.Dataset:
        """Batches of one replica's size: the three inputs, label and example_id."""
        features = self._features_of(params)
        if not params.is_training:
            return evaluation_dataset(
                features,
                params.global_batch_size,
                input_context,
                shortest_first=self.trims_padding,
            )
        return training_dataset(
            features,
            params.global_batch_size,
            seed=params.seed or 0,
            start_step=params.start_step,
            input_context=input_context,
            group_by_length=params.group_by_length,
        )

    def _features_of(self, params: ClassificationDataConfig) -> TaskFeatures:
        """The features of all splits of `params`, numbered in one row."""
        for split in params.splits:
            if split not in self.features:
                self.features[split] = make_features(
                    self.definition,
                    read_examples(self.definition, params.input_path, split),
                    open_tokenizer(params.vocabulary_file, params.do_lower_case),
                    params.max_seq_length,
                    params.max_qa_length,
                )
        parts = [self.features[split] for split in params.splits]
        if len(parts) == 1:
            return parts[0]
        if any(isinstance(part, RaceFeatures) for part in parts):
            raise InputError(
                f"splits={', '.join(params.splits)}: splits of RACE are not joined; "
                "name one."
            )
        return concatenate(parts)

    def build_losses(
        self,
        labels: tf.Tensor,
        model_outputs: tf.Tensor,
        aux_losses: Any = None,
    ) -> tf.Tensor:
        """The mean cross entropy, or squared error for regression."""
        if self.definition.is_regression:
            losses = tf.square(model_outputs[:, 0] - tf.cast(labels, tf.float32))
        else:
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(
                labels, model_outputs
            )
        loss = tf.reduce_mean(losses)
        return tf.add_n([loss, *aux_losses]) if aux_losses else loss

    def loss_of(
        self, inputs: dict[str, tf.Tensor], model: AlbertClassifier
    ) -> tf.Tensor:
        logits = model(model_inputs(inputs), training=True)
        return self.build_losses(inputs["label"], logits, model.losses)

    @tf.autograph.experimental.do_not_convert
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
            "logits": self.run_on(inputs, logits_of),
        }

    def reduce_aggregated_logs(
        self,
        aggregated_logs: list[dict[str, np.ndarray]],
        global_step: tf.Tensor | None = None,
    ) -> dict[str, float]:
        """Metrics of all validation splits: the first by plain names, others suffixed.

        MNLI's second dev set, for one, gives `eval_accuracy_mismatched`; what is for
        high schools in RACE gives `eval_accuracy_high`.
        """
        outputs = in_order(aggregated_logs)
        logits, labels = outputs["logits"], outputs["label"]
        self.constant_prediction = constant_prediction(self.definition, logits)
        metrics, start = {}, 0
        for split in self.task_config.validation_data.splits:
            end = start + len(self.features[split])
            part = metrics_of_groups(
                self.definition,
                logits[start:end],
                labels[start:end],
                self.features[split].groups(),
            )
            suffix = split.removeprefix("dev")
            metrics.update({name + suffix: value for name, value in part.items()})
            start = end
        return metrics


def concatenate(parts: list[Features]) -> Features:
    """One set of features from several, with ids from 0 in their order."""
    columns = [part.as_dict() for part in parts]
    joined = {
        name: np.concatenate([column[name] for column in columns])
        for name in columns[0]
    }
    joined["example_id"] = np.arange(len(joined["label"]), dtype=np.int64)
    return Features(**joined)


@exp_factory.register_config_factory("albert_lsh/classification")
def albert_lsh_classification() -> cfg.ExperimentConfig:
    """ALBERT with LSH attention on GLUE or own data, for Model Garden's own trainer.

    To be given: `task.init_checkpoint`, and for training and validation data
    `input_path` and `vocabulary_file`; the encoder is ALBERT base.
    """
    return cfg.ExperimentConfig(
        task=ClassificationConfig(),
        trainer=cfg.TrainerConfig(
            optimizer_config=OptimizationConfig(), train_steps=1000
        ),
        restrictions=[
            "task.train_data.is_training != None",
            "task.validation_data.is_training != None",
        ],
    )
