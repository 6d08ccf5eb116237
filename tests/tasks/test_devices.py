"""Devices that cannot be used are named."""

import os
import random
import socket
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from albert_lsh_tf.config import ClassifierConfig
from albert_lsh_tf.errors import InputError
from albert_lsh_tf.tasks import devices, workers

# Of a worker that has trained as many steps as its number.
WORKER = """
import sys
from albert_lsh_tf.config import ClassifierConfig
from albert_lsh_tf.errors import InputError
from albert_lsh_tf.tasks import devices

hosts, index = sys.argv[1], int(sys.argv[2])
strategy = devices.make_strategy(
    ClassifierConfig(
        distribution_strategy="multi_worker_mirrored",
        worker_hosts=hosts,
        task_index=index,
    )
)
print(devices.values_of_all(strategy, 2**40 + index))
devices.wait_for_all(strategy)
devices.check_same_start(strategy, 7, "run")
try:
    devices.check_same_start(strategy, index, "run")
except InputError as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("strategy", "error", "message"),
    [
        (
            "multi_worker_mirrored",
            tf.errors.UnavailableError(None, None, "a:1 is gone.\nAnd more"),
            r"multi_worker_mirrored cannot be set up \(a:1 is gone\)\. Check devices",
        ),
        (
            "multi_worker_mirrored",
            RuntimeError("Collective ops must be configured at program startup"),
            r"cannot be set up \(Collective ops .*\)\. Start all workers again",
        ),
        (
            "one_device",
            tf.errors.InternalError(None, None, "no driver"),
            r"distribution_strategy=one_device cannot be set up \(no driver\)",
        ),
        (
            "tpu",
            tf.errors.NotFoundError(None, None, "No TPU devices"),
            r"no TPU at local \(No TPU devices\)\. Give tpu_address",
        ),
    ],
)
def test_errors_of_tensorflow_become_one_line(strategy, error, message, monkeypatch):
    def fail(*args, **kwargs):
        raise error

    monkeypatch.setattr(devices.distribute_utils, "get_distribution_strategy", fail)
    monkeypatch.setattr(workers, "configure_workers", lambda config: None)
    monkeypatch.setattr(workers, "wait_for_workers", lambda say: None)
    config = ClassifierConfig(distribution_strategy=strategy)
    with pytest.raises(InputError, match=message) as refused:
        devices.make_strategy(config)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"worker_hosts": "a:1,b:1"}, "worker_hosts=a:1,b:1 is for .*=multi_worker_m"),
        ({"task_index": 0}, "task_index=0 is for .*, and not for mirrored; give that"),
        ({"tpu_address": "local"}, "tpu_address=local is for distribution_strategy=tp"),
    ],
)
def test_machines_that_the_strategy_would_not_use_are_refused(settings, message):
    with pytest.raises(InputError, match=message):
        devices.make_strategy(ClassifierConfig(**settings))


def test_seeds_begin_again_where_numpys_end():
    """A run that goes on adds its steps to its seed."""
    drawn = []
    for seed in (2**32 + 3, 3):
        devices.set_seed(seed)
        drawn.append((np.random.rand(), random.random(), float(tf.random.uniform([]))))
    assert drawn[0] == drawn[1]


@pytest.mark.slow
def test_workers_that_start_from_different_checkpoints_are_told():
    sockets = [socket.create_server(("localhost", 0)) for _ in range(2)]
    hosts = ",".join(f"localhost:{each.getsockname()[1]}" for each in sockets)
    for each in sockets:
        each.close()
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, hosts, str(index)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "TF_CONFIG": ""},
            text=True,
        )
        for index in range(2)
    ]
    outputs = [process.communicate(timeout=180) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    for told, _ in outputs:
        assert str([2**40, 2**40 + 1]) in told
        assert "output_dir=run: workers see different checkpoints there, fr" in told
        assert "from step 0 to step 1." in told and "step 7" not in told


def test_one_process_alone_starts_where_it_starts(tmp_path):
    strategy = tf.distribute.OneDeviceStrategy("CPU:0")
    assert devices.values_of_all(strategy, 23) == [23]
    devices.check_same_start(strategy, 23, tmp_path)
