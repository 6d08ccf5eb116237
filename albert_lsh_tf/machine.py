"""The machine: what numbers were measured on, and what attention runs on.

Names no host and no path.
"""

import os
import pathlib
import platform

import tensorflow as tf

# What speeds up matrix products most comes first.
_INSTRUCTIONS = ("amx_bf16", "avx512_bf16", "avx512f", "avx2")


def describe_machine() -> dict[str, str | int | float | None]:
    """CPU and cores, memory, GPU if any, and versions, ready for JSON.

    Beside the CPU's name stand its instructions for matrix products, as Linux calls
    them: some machines give all of their CPUs one name.
    """
    gpus = tf.config.list_physical_devices("GPU")
    gpu = tf.config.experimental.get_device_details(gpus[0]) if gpus else {}
    return {
        "cpu": _of_cpu("model name") or platform.processor() or platform.machine(),
        "instructions": _instructions(),
        "cores": _num_cores(),
        "memory_gib": round(_memory_bytes() / 2**30, 1),
        "gpu": gpu.get("device_name", "unknown") if gpus else None,
        "system": platform.system(),
        "python": platform.python_version(),
        "tensorflow": tf.__version__,
    }


def kind_for_attention() -> str:
    """What `LSHConfig` calls the kind of device that attention runs on."""
    return "gpu" if tf.config.list_physical_devices("GPU") else "cpu"


def _num_cores() -> int:
    """Those that this process may use, where the system tells."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _memory_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _instructions() -> str | None:
    flags = (_of_cpu("flags") or "").split()
    return next((name for name in _INSTRUCTIONS if name in flags), None)


def _of_cpu(name: str) -> str | None:
    """What Linux says of the first core; None on other systems."""
    try:
        text = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return None
    for line in text.splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return None
