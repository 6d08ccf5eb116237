"""Runs a model over examples, on all devices."""

from collections.abc import Callable

import numpy as np
import orbit
import tensorflow as tf
import tf_keras

from albert_lsh_tf.data.features import Features
from albert_lsh_tf.data.input_pipeline import evaluation_dataset
from albert_lsh_tf.tasks import glue
from albert_lsh_tf.tasks.fine_tuning_task import FineTuningTask, in_order


def predict_logits(
    strategy: tf.distribute.Strategy,
    task: glue.GlueTask,
    model: tf_keras.Model,
    features: Features,
    batch_size: int,
) -> np.ndarray:
    """Runs a classifier over features.

    Args:
      strategy: that the model was made under.
      task: the task of the model.
      model: the classifier.
      features: what it reads.
      batch_size: examples over all devices.

    Returns:
      Logits, [n, classes], in the order of the features.
    """
    batches = outputs_of(
        strategy,
        task,
        model,
        lambda input_context=None: evaluation_dataset(
            features, batch_size, input_context
        ),
    )
    return in_order(batches)["logits"]


def outputs_of(
    strategy: tf.distribute.Strategy,
    task: FineTuningTask,
    model: tf_keras.Model,
    make_dataset: Callable[..., tf.data.Dataset],
) -> list[dict[str, np.ndarray]]:
    """What `validation_step` of a task gives for a dataset.

    Args:
      strategy: that the model was made under.
      task: the task of the model.
      model: the model.
      make_dataset: takes an `InputContext`, and makes batches of one replica's size.

    Returns:
      One dict for each step; see `in_order`.
    """
    dataset = orbit.utils.make_distributed_dataset(strategy, make_dataset)

    @tf.function
    def step(batch):
        outputs = strategy.run(task.validation_step, args=(batch, model))
        return tf.nest.map_structure(strategy.experimental_local_results, outputs)

    batches = []
    for batch in dataset:
        batches = task.aggregate_logs(batches, step(batch))
    return batches
