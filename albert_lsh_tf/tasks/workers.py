"""The workers of multi_worker_mirrored: who they are, and waiting for them."""

import contextlib
import json
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator

from official.common import distribute_utils

from albert_lsh_tf.config import RunConfig
from albert_lsh_tf.errors import InputError

_SECONDS_BETWEEN_TRIES = 0.2
_SECONDS_FOR_ONE_TRY = 2.0


def configure_workers(config: RunConfig) -> None:
    """Leaves the workers in TF_CONFIG, where TensorFlow looks for them.

    Args:
      config: its `worker_hosts` and `task_index` are used where TF_CONFIG is not set.

    Raises:
      InputError: they do not make a cluster.
    """
    if os.environ.get("TF_CONFIG", "").strip() in ("", "{}"):
        os.environ.pop("TF_CONFIG", None)  # Set but empty: as good as not set.
    if "TF_CONFIG" not in os.environ:
        _check_worker_hosts(config)
    try:
        distribute_utils.configure_cluster(config.worker_hosts, config.task_index)
    except (json.JSONDecodeError, KeyError) as error:
        raise InputError(
            "TF_CONFIG is not JSON with a cluster and a task; mend or unset it."
        ) from error


def wait_for_workers(say: Callable[[str], None]) -> None:
    """Waits until every other worker in TF_CONFIG has started.

    TensorFlow would wait, too, but says nothing, and hears no signal meanwhile. Each
    worker listens at its own port until it has seen all others; from then on
    TensorFlow's server does, and those who come later see that one.

    Args:
      say: takes one line that names the missing workers, if there are any.

    Raises:
      InputError: TF_CONFIG is no cluster with this worker in it, or its port is taken.
    """
    own, others = _cluster()
    if not others:
        return
    with _listening(own):
        missing = [host for host in others if not _is_there(host)]
        if missing:
            say(f"waiting for {', '.join(missing)}")
        while missing:
            time.sleep(_SECONDS_BETWEEN_TRIES)
            missing = [host for host in missing if not _is_there(host)]


@contextlib.contextmanager
def signals_end_the_process() -> Iterator[None]:
    """Keeps SIGINT and SIGTERM working while TensorFlow joins workers, and after it.

    It runs no Python meanwhile, so Ctrl-C has to end the process directly; and it takes
    SIGTERM for itself, as a notice of preemption that nothing here reads.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # Only the main thread may set handlers.
        return
    before = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    if before[signal.SIGINT] is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        for number, handler in before.items():
            if handler is not None:  # None: not set from Python.
                signal.signal(number, handler)


def _check_worker_hosts(config: RunConfig) -> None:
    if not config.worker_hosts:
        raise InputError(
            "distribution_strategy=multi_worker_mirrored needs the workers: give "
            "worker_hosts=host1:port,host2:port and task_index, or set TF_CONFIG."
        )
    hosts = config.worker_hosts.split(",")
    for host in hosts:
        if not host.rpartition(":")[0] or not host.rpartition(":")[2].isdigit():
            raise InputError(
                f"worker_hosts names {host!r}; write every worker as host:port."
            )
    if config.task_index is None:
        raise InputError(
            f"worker_hosts names {len(hosts)} workers, but not which of them this is: "
            "give task_index, 0 for the first."
        )
    if config.task_index >= len(hosts):
        raise InputError(
            f"task_index={config.task_index} is beyond the {len(hosts)} workers in "
            f"worker_hosts; the first has task_index 0."
        )


def _cluster() -> tuple[str, list[str]]:
    """host:port of this worker, and of those that train with it."""
    settings = json.loads(os.environ["TF_CONFIG"])
    try:
        cluster, task = settings["cluster"], settings["task"]
        own = cluster[task["type"]][int(task["index"])]
        hosts = [*cluster.get("chief", []), *cluster.get("worker", [])]
        for host in (own, *hosts):
            _address(host)
    except (AttributeError, KeyError, IndexError, TypeError, ValueError) as error:
        raise InputError(
            "TF_CONFIG names no worker of its cluster as its task; write it as "
            '{"cluster": {"worker": ["host:port", ...]}, '
            '"task": {"type": "worker", "index": 0}}.'
        ) from error
    return own, [host for host in hosts if host != own]


def _address(host_and_port: str) -> tuple[str, int]:
    host, _, port = host_and_port.rpartition(":")
    return host.strip("[]"), int(port)  # [::1]:2222 is how IPv6 is written.


def _listening(own: str) -> socket.socket:
    """Listens at the worker's own port."""
    try:
        return _open_port(_address(own)[1])
    except OSError as error:
        raise InputError(
            f"{own}: this worker's port cannot be opened ({error.strerror}). Give "
            "every worker a port that is free on its host, and its own task_index."
        ) from error


def _open_port(port: int) -> socket.socket:
    if socket.has_dualstack_ipv6():
        with contextlib.suppress(OSError):
            return socket.create_server(
                ("", port), family=socket.AF_INET6, dualstack_ipv6=True
            )
    return socket.create_server(("", port))


def _is_there(host: str) -> bool:
    try:
        with socket.create_connection(_address(host), _SECONDS_FOR_ONE_TRY) as peer:
            # A port that nobody has may, by chance, be the one this socket was given.
            return peer.getsockname() != peer.getpeername()
    except OSError:
        return False
