"""Runs a classifier over a test set."""

import numpy as np
import orbit
import tensorflow as tf
import tf_keras

from albert_lsh_tf.data.features import Features
from albert_lsh_tf.data.input_pipeline import evaluation_dataset
from albert_lsh_tf.tasks import glue


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
