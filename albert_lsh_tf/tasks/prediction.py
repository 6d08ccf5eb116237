"""Runs a model over examples, on all devices."""

import time
from collections.abc import Callable

import numpy as np
import tensorflow as tf
import tf_keras
import tqdm

from albert_lsh_tf.data.classification_features import TaskFeatures
from albert_lsh_tf.data.input_pipeline import evaluation_dataset
from albert_lsh_tf.tasks import classification
from albert_lsh_tf.tasks.distributed_data import distribute
from albert_lsh_tf.tasks.fine_tuning_task import FineTuningTask, in_order


def predict_logits(
    strategy: tf.distribute.Strategy,
    task: classification.ClassificationTask,
    model: tf_keras.Model,
    features: TaskFeatures,
    batch_size: int,
    shows_progress: bool = False,
) -> np.ndarray:
    """Runs a classifier over features.

    Args:
      strategy: that the model was made under.
      task: the task of the model.
      model: the classifier.
      features: what it reads.
      batch_size: examples over all devices.
      shows_progress: draw a bar, on a terminal.

    Returns:
      Logits, [n, classes], in the order of the features.
    """
    batches, _ = outputs_of(
        strategy,
        task,
        model,
        lambda input_context=None: evaluation_dataset(
            features, batch_size, input_context
        ),
        len(features),
        "example",
        shows_progress,
    )
    return in_order(batches)["logits"]


def outputs_of(
    strategy: tf.distribute.Strategy,
    task: FineTuningTask,
    model: tf_keras.Model,
    make_dataset: Callable[..., tf.data.Dataset],
    num_examples: int,
    unit: str,
    shows_progress: bool,
) -> tuple[list[dict[str, np.ndarray]], float]:
    """What `validation_step` of a task gives for a dataset.

    Args:
      strategy: that the model was made under.
      task: the task of the model.
      model: the model.
      make_dataset: takes an `InputContext`, and makes batches of one replica's size.
      num_examples: in the dataset, without filler rows.
      unit: what an example is, in a word.
      shows_progress: draw a bar, on a terminal; of several workers only one does.

    Returns:
      One dict for each step, see `in_order`; and the seconds up to the last of them,
      with the time to compile. What TensorFlow takes to let go of a pipeline that has
      ended is left out: it says nothing about the model.
    """
    start = time.monotonic()
    dataset = distribute(strategy, make_dataset)

    @tf.function
    def step(batch):
        outputs = strategy.run(task.validation_step, args=(batch, model))
        return tf.nest.map_structure(strategy.experimental_local_results, outputs)

    batches = []
    with tqdm.tqdm(
        total=num_examples,
        unit=unit,
        desc="predictions",
        dynamic_ncols=True,
        disable=None if shows_progress else True,
    ) as bar:
        for batch in dataset:
            batches = task.aggregate_logs(batches, step(batch))
            bar.update(np.count_nonzero(batches[-1]["example_id"] >= 0))
            seconds = time.monotonic() - start
    return batches, seconds
