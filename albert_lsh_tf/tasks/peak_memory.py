"""The most memory that a run has needed, over all of its processes."""

import resource
import sys

import tensorflow as tf

from albert_lsh_tf.tasks.training_log import TrainingLog


def peak_memory() -> dict[str, float]:
    """Most memory used so far, in MiB: of this process, and of each GPU."""
    # Linux counts in KiB, macOS in bytes.
    unit = 2**20 if sys.platform == "darwin" else 2**10
    peaks = {"host": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit}
    for index in range(len(tf.config.list_logical_devices("GPU"))):
        info = tf.config.experimental.get_memory_info(f"GPU:{index}")
        peaks[f"GPU:{index}"] = info["peak"] / 2**20
    return {name: round(peak, 1) for name, peak in peaks.items()}


def peak_memory_of_run(log: TrainingLog) -> dict[str, float]:
    """The highest of `peak_memory` now and as the log has it of earlier processes."""
    peaks = peak_memory()
    for entry in log.training:
        for name, peak in entry.get("peak_memory_mib", {}).items():
            peaks[name] = max(peak, peaks.get(name, 0.0))
    return peaks
