"""What is told of a machine, and what is not."""

import json
import os
import pathlib
import platform

import pytest
import tensorflow as tf

from albert_lsh_tf.machine import describe_machine


def test_hardware_and_versions_but_no_names_or_paths():
    machine = describe_machine()
    assert list(machine) == [
        "cpu",
        "instructions",
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


@pytest.mark.parametrize(
    ("flags", "instructions"),
    [
        ("fpu sse2 avx avx2 avx512f avx512_bf16", "avx512_bf16"),
        ("fpu sse2 avx avx2 avx512f", "avx512f"),
        ("avx512_bf16 avx2 amx_bf16", "amx_bf16"),
        ("fpu sse2", None),
    ],
)
def test_the_best_instructions_for_products_are_told(flags, instructions, monkeypatch):
    text = f"processor\t: 0\nmodel name\t: A Core\nflags\t\t: {flags}\n"
    monkeypatch.setattr(pathlib.Path, "read_text", lambda path, encoding: text)
    machine = describe_machine()
    assert machine["cpu"] == "A Core"
    assert machine["instructions"] == instructions


def test_a_system_without_cpuinfo_is_told_of(monkeypatch):
    def missing(path, encoding):
        raise FileNotFoundError(path)

    monkeypatch.setattr(pathlib.Path, "read_text", missing)
    machine = describe_machine()
    assert machine["cpu"]
    assert machine["instructions"] is None


def test_a_gpu_is_named(monkeypatch):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: ["gpu 0"])
    monkeypatch.setattr(
        tf.config.experimental,
        "get_device_details",
        lambda gpu: {"device_name": f"the name of {gpu}"},
    )
    assert describe_machine()["gpu"] == "the name of gpu 0"
