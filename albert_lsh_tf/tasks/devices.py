"""From settings to a `tf.distribute` strategy, a precision and seeds."""

import pathlib
from collections.abc import Callable

import tensorflow as tf
import tf_keras
from official.common import distribute_utils
from official.modeling import performance

from albert_lsh_tf.config import RunConfig
from albert_lsh_tf.errors import InputError
from albert_lsh_tf.tasks import workers

# Settings that name machines, and the strategy that uses them.
_OF_STRATEGY = {
    "worker_hosts": "multi_worker_mirrored",
    "task_index": "multi_worker_mirrored",
    "tpu_address": "tpu",
}


def make_strategy(
    config: RunConfig, say: Callable[[str], None] = print
) -> tf.distribute.Strategy:
    """Sets up devices. Comes before anything else that touches TensorFlow.

    Args:
      config: its settings of device, workers and logical CPUs are used.
      say: takes a line for the user, where other workers are waited for.

    Returns:
      The strategy; for "off", TensorFlow's default one.

    Raises:
      InputError: devices that are not there, or TensorFlow has already started with
        other ones, or workers that do not fit together or cannot be joined.
    """
    _refuse_what_has_no_effect(config)
    _set_logical_cpus(config.num_logical_cpus)
    try:
        return _strategy_named(config, say)
    except tf.errors.OpError as error:
        raise InputError(
            f"distribution_strategy={config.distribution_strategy} cannot be set up "
            f"({_first_line(error)}). Check devices and workers, or give another one."
        ) from error


def _refuse_what_has_no_effect(config: RunConfig) -> None:
    """Refuses names of machines that the strategy would not use."""
    for name, strategy in _OF_STRATEGY.items():
        value = getattr(config, name)
        if value is not None and config.distribution_strategy != strategy:
            raise InputError(
                f"{name}={value} is for distribution_strategy={strategy}, and not for "
                f"{config.distribution_strategy}; give that, or leave {name} out."
            )


def _strategy_named(
    config: RunConfig, say: Callable[[str], None]
) -> tf.distribute.Strategy:
    if config.distribution_strategy == "tpu":
        return _tpu_strategy(config)
    if config.distribution_strategy == "multi_worker_mirrored":
        workers.configure_workers(config)
        return _multi_worker_strategy(say)
    num_gpus = _count_gpus(config)
    if config.distribution_strategy == "mirrored" and num_gpus == 0:
        # The default would be collective operations, whose keys two strategies of one
        # process share: a second model of another shape fails with the first one's.
        return tf.distribute.MirroredStrategy(
            [f"CPU:{index}" for index in range(config.num_logical_cpus)],
            cross_device_ops=tf.distribute.ReductionToOneDevice(),
        )
    if config.distribution_strategy != "mirrored":
        num_gpus = min(num_gpus, 1)
    return distribute_utils.get_distribution_strategy(
        config.distribution_strategy, num_gpus=num_gpus
    )


def is_chief(strategy: tf.distribute.Strategy) -> bool:
    """Whether this process writes results; of several workers only one does."""
    return strategy.extended.should_checkpoint


def wait_for_all(strategy: tf.distribute.Strategy) -> None:
    """Returns when every worker has come here; at once where there is one alone."""
    values_of_all(strategy, 0)


def values_of_all(strategy: tf.distribute.Strategy, value: int) -> list[int]:
    """The numbers that all workers come here with, one for each of their devices.

    Args:
      strategy: the devices.
      value: of this worker.

    Returns:
      The same on every worker; `value` alone where there is but one process.
    """
    if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        return [value]

    @tf.function
    def gather() -> tf.Tensor:
        def one() -> tf.Tensor:
            context = tf.distribute.get_replica_context()
            place = context.replica_id_in_sync_group
            is_own = tf.one_hot(place, context.num_replicas_in_sync, dtype=tf.float64)
            return context.all_reduce("sum", is_own * value)

        return strategy.run(one)

    values = strategy.experimental_local_results(gather())[0]
    return [int(each) for each in values.numpy()]


def check_same_start(
    strategy: tf.distribute.Strategy, step: int, folder: pathlib.Path
) -> None:
    """Raises `InputError` where workers would begin with different checkpoints.

    Args:
      strategy: the devices.
      step: of the checkpoint that this worker has found.
      folder: where it has.
    """
    steps = values_of_all(strategy, step)
    if len(set(steps)) > 1:
        raise InputError(
            f"output_dir={folder}: workers see different checkpoints there, from step "
            f"{min(steps)} to step {max(steps)}. Give a folder that all workers share."
        )


def set_precision(mixed_precision: str) -> None:
    """Sets the policy of layers that are made from now on: a name of `PRECISIONS`."""
    performance.set_mixed_precision_policy(tf.dtypes.as_dtype(mixed_precision))


def set_seed(seed: int) -> None:
    """Seeds Python, NumPy and TensorFlow."""
    # NumPy takes no more; a run adds its steps to a seed.
    tf_keras.utils.set_random_seed(seed % 2**32)


def check_batch_size(size: int, num_replicas: int, num_parts: int = 1) -> None:
    """Raises `InputError` where a batch cannot be shared out evenly.

    Args:
      size: examples of a step.
      num_replicas: devices that share it.
      num_parts: parts that a device's share is computed in.
    """
    if size % num_replicas:
        raise InputError(
            f"train_batch_size={size} must be a multiple of the {num_replicas} devices "
            f"that share it; try {-(-size // num_replicas) * num_replicas}."
        )
    if size % (num_replicas * num_parts):
        raise InputError(
            f"train_batch_size={size} must be a multiple of "
            f"gradient_accumulation_steps={num_parts} times {num_replicas} devices."
        )


def _set_logical_cpus(number: int) -> None:
    cpu = tf.config.list_physical_devices("CPU")[0]
    known = tf.config.get_logical_device_configuration(cpu) or [None]
    if len(known) >= number:
        return
    try:
        tf.config.set_logical_device_configuration(
            cpu, [tf.config.LogicalDeviceConfiguration()] * number
        )
    except RuntimeError as error:
        raise InputError(
            f"num_logical_cpus={number} cannot be set any more: TensorFlow has already "
            f"started with {len(known)}. Set it in a new process."
        ) from error


def _count_gpus(config: RunConfig) -> int:
    present = len(tf.config.list_physical_devices("GPU"))
    if config.num_gpus is None:
        return present
    if config.num_gpus > present:
        raise InputError(
            f"num_gpus={config.num_gpus}, but TensorFlow sees {present}; lower it, or "
            "install the CUDA libraries with pip install 'albert-lsh-tf[cuda]'."
        )
    if config.num_gpus > 1 and config.distribution_strategy != "mirrored":
        raise InputError(
            f"num_gpus={config.num_gpus} needs distribution_strategy=mirrored; "
            f"{config.distribution_strategy} uses one device."
        )
    return config.num_gpus


def _multi_worker_strategy(say: Callable[[str], None]) -> tf.distribute.Strategy:
    workers.wait_for_workers(say)
    try:
        with workers.signals_end_the_process():
            return distribute_utils.get_distribution_strategy("multi_worker_mirrored")
    except (ValueError, RuntimeError) as error:
        raise InputError(
            "distribution_strategy=multi_worker_mirrored cannot be set up "
            f"({_first_line(error)}). Start all workers again, each in a new process."
        ) from error


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")


def _tpu_strategy(config: RunConfig) -> tf.distribute.Strategy:
    try:
        return distribute_utils.get_distribution_strategy(
            "tpu", tpu_address=config.tpu_address or "local"
        )
    except (ValueError, tf.errors.OpError) as error:
        raise InputError(
            f"distribution_strategy=tpu: no TPU at {config.tpu_address or 'local'} "
            f"({_first_line(error)}). Give tpu_address, or another strategy."
        ) from error
