"""How fast training is: tokens a second, and the share of what the machine can do."""

import time

import tensorflow as tf

from albert_lsh_tf.config import AlbertConfig, check_attention_kinds
from albert_lsh_tf.lsh_config import LSHConfig

_TRIES = 5
_WIDTH = {"CPU": 2048, "GPU": 8192}


def training_flops(
    albert: AlbertConfig,
    attention: str | tuple[str, ...],
    lsh: LSHConfig,
    max_seq_length: int,
    num_predictions: int,
    device: str = "cpu",
    detects_replaced_tokens: bool = False,
) -> float:
    """Arithmetic of the matrix products of one example, forward and backward.

    Hashing and what is computed anew in the backward pass are not counted: it is the
    arithmetic that the model asks for, not that which is done.

    Args:
      albert: the architecture.
      attention: "lsh" or "dense", or one of them for each layer.
      lsh: how many keys a query attends to.
      max_seq_length: tokens (T), padding too.
      num_predictions: places for masked tokens (P).
      device: "cpu" or "gpu", which decide from what length on LSH is used.
      detects_replaced_tokens: the head for it, and a forward pass before that guesses.

    Returns:
      Operations, a multiplication and an addition being two.
    """
    embedding, hidden = albert.embedding_size, albert.hidden_size
    length = max_seq_length
    dense_products = 4 * hidden**2 + 2 * hidden * albert.intermediate_size
    lsh = lsh.replace(num_hashes_at_evaluation=None)  # Training's rounds are counted.
    # Embeddings of the blocks' width are not projected.
    total = length * embedding * hidden if embedding != hidden else 0
    for kind in check_attention_kinds(attention, albert.num_hidden_layers):
        keys = length
        if kind == "lsh":
            keys = min(lsh.logits_per_query(length, device), length)
        total += length * (dense_products + 2 * keys * hidden)
    total += hidden**2  # The pooler; sentence order itself is too small to count.
    total += num_predictions * embedding * (hidden + albert.vocab_size)
    if detects_replaced_tokens:
        return 2 * (total + 3 * (total + length * hidden * (hidden + 1)))
    return 2 * 3 * total


def matmul_peak(dtype: tf.DType, strategy: tf.distribute.Strategy) -> float | None:
    """Operations a second of large matrix products on the devices of a run.

    Args:
      dtype: of the matrices.
      strategy: the devices, of all hosts.

    Returns:
      The best of a few tries on one device of this process, times the number of
      devices; of CPUs that of hosts, since logical ones share the machine. None for
      TPUs, where it is not measured.
    """
    own = _own_devices(strategy)
    kind = tf.DeviceSpec.from_string(own[0]).device_type
    if kind not in _WIDTH:
        return None
    num_devices = strategy.num_replicas_in_sync
    if kind == "CPU":
        num_devices //= len(own)
    return _peak_of(own[0], dtype, _WIDTH[kind]) * num_devices


def _own_devices(strategy: tf.distribute.Strategy) -> tuple[str, ...]:
    """Names of the devices that this process trains on."""
    try:
        return tuple(strategy.extended.worker_devices)
    except RuntimeError:  # TensorFlow's default one does not tell.
        gpus = tf.config.list_logical_devices("GPU")
        return (gpus[0].name if gpus else "/device:CPU:0",)


def _peak_of(device: str, dtype: tf.DType, width: int) -> float:
    """Operations a second of products of [width, width] on one device."""
    multiply = tf.function(lambda x, y: tf.reduce_sum(tf.matmul(x, y)[0]))
    with tf.device(device):
        x = tf.cast(tf.random.stateless_normal([width, width], seed=(0, 0)), dtype)
        multiply(x, x).numpy()  # Traces, and wakes the device up.
        seconds = []
        for _ in range(_TRIES):
            start = time.perf_counter()
            multiply(x, x).numpy()
            seconds.append(time.perf_counter() - start)
    return 2 * width**3 / min(seconds)


class Throughput:
    """Tokens a second and share of the peak, of some steps of training.

    Args:
      flops_per_example: of `training_flops`.
      global_batch_size: examples a step.
      peak: of `matmul_peak`, for all devices of the run; None where it is not known.
    """

    def __init__(
        self, flops_per_example: float, global_batch_size: int, peak: float | None
    ):
        self._flops_per_step = flops_per_example * global_batch_size
        self._peak = peak

    def measures(self, tokens: float, steps: int, seconds: float) -> dict[str, float]:
        """What some steps came to.

        Args:
          tokens: read in them, without padding.
          steps: how many.
          seconds: what they took.

        Returns:
          tokens_per_second, and share_of_peak where the peak is known.
        """
        measures = {"tokens_per_second": tokens / seconds}
        if self._peak:
            done = self._flops_per_step * steps / seconds
            measures["share_of_peak"] = done / self._peak
        return measures
