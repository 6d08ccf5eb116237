"""Batches for the devices of a strategy."""

import pytest
import tensorflow as tf

from albert_lsh_tf.tasks.distributed_data import Trainer, distribute

ONE_DEVICE = [
    tf.distribute.get_strategy,
    lambda: tf.distribute.OneDeviceStrategy("CPU:1"),
    lambda: tf.distribute.MirroredStrategy(["CPU:0"]),
]


@pytest.fixture
def make_dataset():
    """Makes 0 to 7 in batches for a replica, and keeps what it is told of devices."""

    def made(size=2, input_context=None):
        made.contexts.append(input_context)
        return tf.data.Dataset.range(8).batch(size)

    made.contexts = []
    return made


def numbers_in(strategy, dataset):
    """Those that each device gets, step by step."""
    per_replica = [strategy.experimental_local_results(batch) for batch in dataset]
    return [[values.numpy().tolist() for values in step] for step in per_replica]


@pytest.mark.parametrize("make_strategy", ONE_DEVICE)
def test_one_device_gets_the_pipeline_itself(make_strategy, make_dataset):
    strategy = make_strategy()
    with strategy.scope():
        dataset = distribute(strategy, make_dataset)
    assert isinstance(dataset, tf.data.Dataset)
    assert "CPU:0" in dataset._variant_tensor.device
    assert numbers_in(strategy, dataset) == [[[0, 1]], [[2, 3]], [[4, 5]], [[6, 7]]]
    assert make_dataset.contexts == [None]


def test_two_devices_are_dealt_batches_in_turn(make_dataset):
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    dataset = distribute(strategy, make_dataset)
    dealt = numbers_in(strategy, dataset)
    assert dealt == [[[0, 1], [2, 3]], [[4, 5], [6, 7]]]
    (context,) = make_dataset.contexts
    assert (context.num_replicas_in_sync, context.num_input_pipelines) == (2, 1)


@pytest.mark.parametrize("make_strategy", ONE_DEVICE)
def test_the_trainer_gives_the_function_what_comes_after_it(
    make_strategy, make_dataset
):
    strategy = make_strategy()

    class Untrained(Trainer):
        def __init__(self):
            self._strategy = strategy

    dataset = Untrained().distribute_dataset(make_dataset, 4)
    assert numbers_in(strategy, dataset) == [[[0, 1, 2, 3]], [[4, 5, 6, 7]]]
