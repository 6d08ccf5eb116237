"""How much memory a step takes above what was there before it."""

import contextlib
import pathlib

import tensorflow as tf

_STATUS = pathlib.Path("/proc/self/status")
_CLEAR_REFS = pathlib.Path("/proc/self/clear_refs")
_GPU = "GPU:0"


class PeakMemory:
    """Peak memory since this was made, in MiB above the memory in use at that time.

    Of the first GPU where there is one, as TensorFlow's allocator counts it; otherwise
    resident memory of the process, as Linux counts it, and None on other systems.
    """

    def __init__(self) -> None:
        self._on_gpu = bool(tf.config.list_physical_devices("GPU"))
        if self._on_gpu:
            tf.config.experimental.reset_memory_stats(_GPU)
        else:
            # Forget the peak of imports and model building; where that is not allowed
            # the peak starts from theirs.
            with contextlib.suppress(OSError):
                _CLEAR_REFS.write_text("5")
        self._start = self._read("current", "VmRSS")

    def above_start(self) -> float | None:
        """The peak until now, above the start."""
        peak = self._read("peak", "VmHWM")
        return None if peak is None else peak - self._start

    def _read(self, gpu_key: str, status_key: str) -> float | None:
        if self._on_gpu:
            return tf.config.experimental.get_memory_info(_GPU)[gpu_key] / 2**20
        return _status_mib(status_key)


def _status_mib(key: str) -> float | None:
    """A line of /proc/self/status that counts kB."""
    try:
        lines = _STATUS.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return None
    for line in lines:
        if line.startswith(f"{key}:"):
            return int(line.split()[1]) / 1024
    return None
