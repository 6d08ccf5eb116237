"""What the numbers were measured on. Names no host and no path."""

import os
import pathlib
import platform

import tensorflow as tf


def describe_machine() -> dict[str, str | int | float | None]:
    """CPU model and cores, memory, GPU if any, and versions, ready for JSON."""
    gpus = tf.config.list_physical_devices("GPU")
    gpu = tf.config.experimental.get_device_details(gpus[0]) if gpus else {}
    return {
        "cpu": _cpu_model(),
        "cores": _num_cores(),
        "memory_gib": round(_memory_bytes() / 2**30, 1),
        "gpu": gpu.get("device_name", "unknown") if gpus else None,
        "system": platform.system(),
        "python": platform.python_version(),
        "tensorflow": tf.__version__,
    }


def _num_cores() -> int:
    """Those that this process may use, where the system tells."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _memory_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _cpu_model() -> str:
    try:
        text = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        text = ""
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.processor() or platform.machine()
