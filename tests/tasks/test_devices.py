"""Devices that cannot be used are named."""

import random

import numpy as np
import pytest
import tensorflow as tf

from albert_lsh_tf.config import ClassifierConfig
from albert_lsh_tf.errors import InputError
from albert_lsh_tf.tasks import devices, workers


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


def test_seeds_begin_again_where_numpys_end():
    """A run that goes on adds its steps to its seed."""
    drawn = []
    for seed in (2**32 + 3, 3):
        devices.set_seed(seed)
        drawn.append((np.random.rand(), random.random(), float(tf.random.uniform([]))))
    assert drawn[0] == drawn[1]
