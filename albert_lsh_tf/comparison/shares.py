"""Equal shares of a machine, for runs side by side. Imports no TensorFlow."""

import dataclasses
import os
import pathlib

from albert_lsh_tf.errors import InputError

_VISIBLE_GPUS = "CUDA_VISIBLE_DEVICES"


@dataclasses.dataclass(frozen=True)
class Share:
    """What one of several runs side by side may use.

    Attributes:
      cores: numbers of CPU cores; empty: the system cannot tell, and divides them.
      gpus: names of GPUs, as CUDA_VISIBLE_DEVICES has them; empty: there are none.
    """

    cores: tuple[int, ...]
    gpus: tuple[str, ...]

    def take(self) -> None:
        """Confines this process to the share; before TensorFlow is imported."""
        if self.cores:
            os.sched_setaffinity(0, self.cores)
        if self.gpus:
            os.environ[_VISIBLE_GPUS] = ",".join(self.gpus)


def shares_of_machine(num_shares: int) -> list[Share | None]:
    """Divides the cores and GPUs that this process may use.

    Args:
      num_shares: 1 or more.

    Returns:
      The shares, disjoint and of equal size, so that times can be compared; what is
      left over is in none. Of one: [None], which is everything.

    Raises:
      InputError: fewer cores, or GPUs, than shares.
    """
    if num_shares == 1:
        return [None]
    cores = _divided(_cores(), num_shares, "CPU cores")
    gpus = _divided(_gpus(), num_shares, "GPUs")
    return [Share(*of_one) for of_one in zip(cores, gpus, strict=True)]


def _divided(things: list, num_shares: int, name: str) -> list[tuple]:
    if not things:
        return [()] * num_shares
    size = len(things) // num_shares
    if size == 0:
        raise InputError(
            f"num_parallel_runs={num_shares}, but there are {len(things)} {name}; "
            f"give at most {len(things)}."
        )
    return [tuple(things[i * size : (i + 1) * size]) for i in range(num_shares)]


def _cores() -> list[int]:
    if not hasattr(os, "sched_getaffinity"):  # Not Linux.
        return []
    return sorted(os.sched_getaffinity(0))


def _gpus() -> list[str]:
    visible = os.environ.get(_VISIBLE_GPUS)
    if visible is not None:
        return [name for name in visible.split(",") if name and name != "-1"]
    devices = pathlib.Path("/dev").glob("nvidia[0-9]*")
    return sorted((path.name.removeprefix("nvidia") for path in devices), key=int)
