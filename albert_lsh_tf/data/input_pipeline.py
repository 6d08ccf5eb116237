"""Features to `tf.data` batches, the same for any number of replicas and workers.

Both functions give batches as large as one replica takes. `InputContext` is what
`tf.distribute.Strategy.distribute_datasets_from_function` hands to its function; the
strategy deals the batches of a pipeline to that worker's replicas in turn.
"""

from collections.abc import Callable
from typing import Protocol

import numpy as np
import tensorflow as tf

from albert_lsh_tf.data.features import NO_LABEL
from albert_lsh_tf.errors import InputError

# Steps whose examples are put into batches of like length together: few enough to leave
# batches random, and enough to leave them little padding. As in Hugging Face's trainer.
STEPS_GROUPED = 50

FILLER_ID = -1  # `example_id` of a row that only makes a batch full.


class FeaturesInColumns(Protocol):
    """n examples as arrays in memory, such as `Features`."""

    token_counts: np.ndarray  # [n]

    def __len__(self) -> int:
        """How many examples there are."""

    def as_dict(self) -> dict[str, np.ndarray]:
        """Columns by name, [n, ...]; input_mask and example_id among them."""


class FeaturesInRows(Protocol):
    """n examples of up to T tokens, made or read when they are asked for."""

    token_counts: np.ndarray  # [n]

    def __len__(self) -> int:
        """How many examples there are."""

    def gather(self, indices: tf.Tensor) -> dict[str, tf.Tensor]:
        """Columns by name, of the examples int64 [m]; shapes but for m are known.

        Among them are input_mask, int32 [m, T] or [m, ..., T], and example_id, the
        indices.
        """


def training_dataset(
    features: FeaturesInColumns | FeaturesInRows,
    global_batch_size: int,
    seed: int,
    start_step: int = 0,
    input_context: tf.distribute.InputContext | None = None,
    group_by_length: bool = False,
) -> tf.data.Dataset:
    """Endless shuffled batches, from any step on.

    The examples form one endless sequence: every epoch is a shuffle of all examples
    that depends on `seed` and the epoch's number alone. Step s is the s-th stretch of
    `global_batch_size` examples in it, also where a stretch runs over the end of an
    epoch. So a run that stops and goes on neither repeats nor skips an example, and
    the replicas together see the same examples at each step, however many they are.

    Args:
      features: one example or more.
      global_batch_size: examples a step, over all replicas.
      seed: the same seed gives the same sequence.
      start_step: steps to leave out at the beginning; they are not read.
      input_context: which slice of each step this pipeline gives; None: all of it.
      group_by_length: whether the examples of a step have about as many tokens.

    Returns:
      A dataset of dicts with the names and dtypes of the features, each
      [global_batch_size / replicas, ...].

    Raises:
      InputError: the batch does not divide by the number of replicas.
    """
    num_examples = len(features)
    # Groups are made of whole stretches of steps, so one is read from its beginning.
    extra_steps = start_step % STEPS_GROUPED if group_by_length else 0
    first_example = (start_step - extra_steps) * global_batch_size
    first_epoch, skipped = divmod(first_example, num_examples)

    def epoch_order(epoch: tf.Tensor) -> tf.data.Dataset:
        order = tf.random.experimental.stateless_shuffle(
            tf.range(num_examples, dtype=tf.int64), seed=tf.stack([seed, epoch])
        )
        is_first = tf.equal(epoch, first_epoch)
        return tf.data.Dataset.from_tensor_slices(
            order[tf.where(is_first, tf.constant(skipped, tf.int64), 0) :]
        )

    dataset = tf.data.Dataset.counter(first_epoch).flat_map(epoch_order)
    if group_by_length:
        first_group = start_step // STEPS_GROUPED
        counts = features.token_counts
        dataset = _grouped(dataset, counts, global_batch_size, seed, first_group)
        dataset = dataset.skip(extra_steps * global_batch_size)
    batches, _ = share_out(dataset, global_batch_size, input_context)
    return finish(batches.map(_gatherer(features), **PARALLEL))


def _grouped(
    indices: tf.data.Dataset,
    token_counts: np.ndarray,
    global_batch_size: int,
    seed: int,
    first_group: int,
) -> tf.data.Dataset:
    """An endless sequence of examples, those of each group of steps in another order.

    Args:
      indices: a dataset of int64 scalars, from the beginning of a group on.
      token_counts: [n], int.
      global_batch_size: examples a step.
      seed: of the order of a group's steps.
      first_group: the number of the first one, from 0.
    """
    token_counts = tf.constant(token_counts, tf.int32)

    def grouped(number: tf.Tensor, group: tf.Tensor) -> tf.data.Dataset:
        by_length = tf.argsort(tf.gather(token_counts, group), stable=True)
        steps = tf.reshape(tf.gather(group, by_length), [-1, global_batch_size])
        # A seed that is no epoch's: shuffles of as many things would be alike.
        steps = tf.random.experimental.stateless_shuffle(
            steps, seed=tf.stack([seed, -1 - number])
        )
        return tf.data.Dataset.from_tensor_slices(tf.reshape(steps, [-1]))

    groups = indices.batch(STEPS_GROUPED * global_batch_size, drop_remainder=True)
    return groups.enumerate(first_group).flat_map(grouped)


def share_out(
    elements: tf.data.Dataset,
    global_batch_size: int,
    input_context: tf.distribute.InputContext | None,
) -> tuple[tf.data.Dataset, int]:
    """Cuts an endless sequence into steps, and each step for the replicas.

    Args:
      elements: a dataset of scalars, the same one in every pipeline.
      global_batch_size: elements a step, over all replicas.
      input_context: which slice of each step this pipeline gives; None: all of it.

    Returns:
      A dataset of [global_batch_size / replicas], and that size.

    Raises:
      InputError: the batch does not divide by the number of replicas.
    """
    pipeline, num_pipelines, num_replicas = topology(input_context)
    per_replica = replica_batch_size(global_batch_size, num_replicas)

    def own_slices(step: tf.Tensor) -> tf.data.Dataset:
        """[global batch] to this pipeline's part, cut for its replicas."""
        by_replica = tf.reshape(step, [num_pipelines, -1, per_replica])
        return tf.data.Dataset.from_tensor_slices(by_replica[pipeline])

    steps = elements.batch(global_batch_size, drop_remainder=True)
    return steps.flat_map(own_slices), per_replica


def evaluation_dataset(
    features: FeaturesInColumns | FeaturesInRows,
    batch_size: int,
    input_context: tf.distribute.InputContext | None = None,
    shortest_first: bool = False,
) -> tf.data.Dataset:
    """Every example once, in order, in batches of equal size.

    Nothing is shared out between workers: each evaluates everything, on its own
    replicas. What is missing to fill the last batches is made up by rows whose
    `example_id` is -1. Their mask has a single 1, so that no row is without a token to
    attend to; leave them out of every metric.

    Args:
      features: one example or more.
      batch_size: examples a step, over the replicas of one worker; rounded up to a
        multiple of them.
      input_context: says how many replicas there are; None: one.
      shortest_first: in order of their `token_counts`, so that a batch has little
        padding in all rows.

    Returns:
      A dataset of dicts with the names and dtypes of the features; its cardinality is a
      multiple of the worker's replicas, so that they all take the last step.
    """
    _, num_pipelines, num_replicas = topology(input_context)
    own_replicas = num_replicas // num_pipelines
    per_replica = -(-batch_size // own_replicas)
    num_steps = -(-len(features) // (per_replica * own_replicas))
    num_examples = len(features)
    gather = _gatherer(features)
    order = np.arange(num_examples)
    if shortest_first:
        order = np.argsort(features.token_counts, kind="stable")

    def read_batch(batch: tf.Tensor) -> dict[str, tf.Tensor]:
        positions = batch * per_replica + tf.range(per_replica, dtype=tf.int64)
        rows = gather(tf.gather(order, tf.minimum(positions, num_examples - 1)))
        is_real = positions < num_examples
        return {
            name: tf.where(
                tf.reshape(is_real, [-1] + [1] * (values.shape.rank - 1)),
                values,
                _filler(name, values),
            )
            for name, values in rows.items()
        }

    dataset = tf.data.Dataset.range(num_steps * own_replicas)
    return finish(dataset.map(read_batch, **PARALLEL))


# Reading in parallel must not change the order.
PARALLEL = {"num_parallel_calls": tf.data.AUTOTUNE, "deterministic": True}


def topology(input_context: tf.distribute.InputContext | None) -> tuple[int, int, int]:
    """This pipeline, the number of pipelines, the number of replicas over all.

    Raises:
      InputError: the pipelines do not all feed equally many replicas.
    """
    if input_context is None:
        return 0, 1, 1
    num_pipelines = input_context.num_input_pipelines
    num_replicas = input_context.num_replicas_in_sync
    if num_replicas % num_pipelines:
        raise InputError(
            f"{num_replicas} replicas cannot be shared out over {num_pipelines} "
            "workers; give every worker the same number of devices."
        )
    return input_context.input_pipeline_id, num_pipelines, num_replicas


def replica_batch_size(global_batch_size: int, num_replicas: int) -> int:
    """Examples a step of one replica, or an `InputError` if they do not divide."""
    if global_batch_size % num_replicas:
        raise InputError(
            f"train_batch_size={global_batch_size} must be a multiple of the "
            f"{num_replicas} replicas; try "
            f"{-(-global_batch_size // num_replicas) * num_replicas}."
        )
    return global_batch_size // num_replicas


def _gatherer(
    features: FeaturesInColumns | FeaturesInRows,
) -> Callable[[tf.Tensor], dict[str, tf.Tensor]]:
    """A function from int64 indices [n] to a dict of those rows."""
    if hasattr(features, "gather"):
        return features.gather
    # On the host: GPU memory is for the model. As tensors and not as constants of the
    # graph, which may not be larger than 2 GiB.
    with tf.device("CPU:0"):
        tensors = {
            name: tf.convert_to_tensor(values)
            for name, values in features.as_dict().items()
        }

    def gather(indices: tf.Tensor) -> dict[str, tf.Tensor]:
        return {name: tf.gather(values, indices) for name, values in tensors.items()}

    return gather


def _filler(name: str, values: tf.Tensor) -> tf.Tensor:
    """What a row that stands for no example holds, like one row of `values`."""
    if name == "example_id":
        return tf.constant(FILLER_ID, values.dtype)
    if name == "input_mask":
        return tf.one_hot(0, values.shape[-1], dtype=values.dtype)
    if name == "label":
        return tf.constant(NO_LABEL, values.dtype)
    return tf.zeros([], values.dtype)  # The id of <pad>, and of the first sentence.


def finish(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """A dataset that is ready for a strategy: prefetched, and not cut once more."""
    options = tf.data.Options()
    # The slices are cut above; a strategy must not cut them again.
    policy = tf.data.experimental.AutoShardPolicy.OFF
    options.experimental_distribute.auto_shard_policy = policy
    # TensorFlow's tuning thread can miss that a pipeline has ended, and then whoever
    # lets go of it waits, for up to a minute. Without it, a map runs on all cores.
    options.autotune.enabled = False
    return dataset.prefetch(tf.data.AUTOTUNE).with_options(options)
