"""What is told of a machine, and what is not."""

import json
import os
import platform

import tensorflow as tf

from albert_lsh_tf.benchmark.machine import describe_machine


def test_hardware_and_versions_but_no_names_or_paths():
    machine = describe_machine()
    assert list(machine) == [
        "cpu",
        "cores",
        "memory_gib",
        "gpu",
        "system",
        "python",
        "tensorflow",
    ]
    assert machine["cpu"]
    assert 1 <= machine["cores"] <= os.cpu_count()
    assert machine["memory_gib"] > 0
    text = json.dumps(machine)
    assert "/" not in text.replace(machine["cpu"], "")
    assert platform.node() not in text


def test_a_gpu_is_named(monkeypatch):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: ["gpu 0"])
    monkeypatch.setattr(
        tf.config.experimental,
        "get_device_details",
        lambda gpu: {"device_name": f"the name of {gpu}"},
    )
    assert describe_machine()["gpu"] == "the name of gpu 0"
