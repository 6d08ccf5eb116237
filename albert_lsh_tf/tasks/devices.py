"""From settings to a `tf.distribute` strategy, a precision and seeds."""

import json
import os

import tensorflow as tf
import tf_keras
from official.common import distribute_utils
from official.modeling import performance

from albert_lsh_tf.config import ClassifierConfig
from albert_lsh_tf.errors import InputError


def make_strategy(config: ClassifierConfig) -> tf.distribute.Strategy:
    """Sets up devices. Comes before anything else that touches TensorFlow.

    Args:
      config: its settings of device, workers and logical CPUs are used.

    Returns:
      The strategy; for "off", TensorFlow's default one.

    Raises:
      InputError: devices that are not there, or TensorFlow has already started with
        other ones, or workers that do not fit together.
    """
    _set_logical_cpus(config.num_logical_cpus)
    if config.distribution_strategy == "tpu":
        return _tpu_strategy(config)
    if config.distribution_strategy == "multi_worker_mirrored":
        _configure_workers(config)
        return distribute_utils.get_distribution_strategy("multi_worker_mirrored")
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


def set_precision(mixed_precision: str) -> None:
    """Sets the policy of layers that are made from now on: a name of `PRECISIONS`."""
    performance.set_mixed_precision_policy(tf.dtypes.as_dtype(mixed_precision))


def set_seed(seed: int) -> None:
    """Seeds Python, NumPy and TensorFlow."""
    tf_keras.utils.set_random_seed(seed)


def check_batch_size(config: ClassifierConfig, num_replicas: int) -> None:
    """Raises `InputError` where a batch cannot be shared out evenly over replicas."""
    if (size := config.train_batch_size) % num_replicas:
        raise InputError(
            f"train_batch_size={size} must be a multiple of the {num_replicas} devices "
            f"that share it; try {-(-size // num_replicas) * num_replicas}."
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


def _count_gpus(config: ClassifierConfig) -> int:
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


def _configure_workers(config: ClassifierConfig) -> None:
    """Leaves the workers in TF_CONFIG, where TensorFlow looks for them."""
    if not os.environ.get("TF_CONFIG"):
        os.environ.pop("TF_CONFIG", None)  # Set but empty: as good as not set.
    if "TF_CONFIG" not in os.environ and not config.worker_hosts:
        raise InputError(
            "distribution_strategy=multi_worker_mirrored needs the workers: give "
            "worker_hosts=host1:port,host2:port and task_index, or set TF_CONFIG."
        )
    hosts = (config.worker_hosts or "").split(",")
    if config.worker_hosts and config.task_index >= len(hosts):
        raise InputError(
            f"task_index={config.task_index} is beyond the {len(hosts)} workers in "
            f"worker_hosts; the first has task_index 0."
        )
    for host in hosts if config.worker_hosts else ():
        if not host.rpartition(":")[0] or not host.rpartition(":")[2].isdigit():
            raise InputError(
                f"worker_hosts names {host!r}; write every worker as host:port."
            )
    try:
        distribute_utils.configure_cluster(config.worker_hosts, config.task_index)
    except (json.JSONDecodeError, KeyError) as error:
        raise InputError(
            "TF_CONFIG is not JSON with a cluster and a task; mend or unset it."
        ) from error


def _tpu_strategy(config: ClassifierConfig) -> tf.distribute.Strategy:
    try:
        return distribute_utils.get_distribution_strategy(
            "tpu", tpu_address=config.tpu_address or "local"
        )
    except (ValueError, tf.errors.OpError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(
            f"distribution_strategy=tpu: no TPU at {config.tpu_address or 'local'} "
            f"({reason}). Give tpu_address, or another strategy."
        ) from error
