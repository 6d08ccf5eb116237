"""From a pipeline to batches on the devices of a strategy."""

import functools
from collections.abc import Callable
from typing import Any

import orbit
import tensorflow as tf
from official.core import base_trainer


def distribute(
    strategy: tf.distribute.Strategy, make_dataset: Callable[..., tf.data.Dataset]
) -> tf.data.Dataset | tf.distribute.DistributedDataset:
    """A dataset whose elements `strategy.run` takes.

    TensorFlow puts a pipeline of its own behind what it deals to devices, with a thread
    that tunes it. That thread may hold up whoever lets go of the pipeline for up to a
    minute (`input_pipeline.finish` sees to it that ours has none), so one device alone
    gets the dataset itself.

    Args:
      strategy: the devices.
      make_dataset: takes `input_context`, a `tf.distribute.InputContext`, or None for
        one device, and makes batches of one replica's size.

    Returns:
      The dataset, of batches of all devices.
    """
    is_tpu = isinstance(strategy, tf.distribute.TPUStrategy)
    if strategy.num_replicas_in_sync > 1 or is_tpu:
        return orbit.utils.make_distributed_dataset(strategy, make_dataset)
    # In a scope the strategy's device is the default, and no GPU runs a pipeline.
    with tf.device("CPU:0"):
        return make_dataset(input_context=None)


class Trainer(base_trainer.Trainer):
    """Model Garden's trainer, with the datasets of `distribute`."""

    def distribute_dataset(
        self, dataset_or_fn: Callable[..., tf.data.Dataset], *args: Any, **kwargs: Any
    ) -> tf.data.Dataset | tf.distribute.DistributedDataset:
        """See `distribute`; what comes after the function is for the function."""
        make_dataset = functools.partial(dataset_or_fn, *args, **kwargs)
        return distribute(self.strategy, make_dataset)
