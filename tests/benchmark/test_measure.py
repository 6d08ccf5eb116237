"""One point in this process: what comes back, not how long it took."""

import json

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from albert_lsh_tf.benchmark import measure
from albert_lsh_tf.benchmark.points import Point, Work
from albert_lsh_tf.errors import InputError

WORK = Work(tokens=128, hidden_size=20, num_heads=5, layers=2, repeats=3)
FORWARD = Point("dense", "forward", 64)
TRAINING = Point("dense", "training", 64)


@pytest.mark.parametrize("point", [FORWARD, TRAINING, Point("lsh", "forward", 300, 1)])
def test_a_sample_has_a_time_for_every_step_and_the_machine(point):
    found = measure.measure(point, WORK)
    assert found["status"] == "ok"
    assert len(found["seconds"]) == 3
    assert all(seconds > 0 for seconds in found["seconds"])
    assert found["peak_mib"] is None or found["peak_mib"] >= 0
    assert found["machine"]["tensorflow"] == tf.__version__
    assert json.loads(json.dumps(found)) == found


def test_a_training_step_has_a_gradient_for_all_but_the_pooler():
    loss, gradients = measure.build_step(TRAINING, WORK)()
    # Variables: 25, of which the pooler's 2 do not reach sequence_output.
    assert len(gradients) == 23
    dense = [tf.convert_to_tensor(gradient).numpy() for gradient in gradients]
    assert all(np.isfinite(gradient).all() for gradient in dense)
    assert sum(np.abs(gradient).sum() > 0 for gradient in dense) >= 20
    assert loss > 0


def test_a_forward_step_is_the_loss_of_the_same_work():
    tf_keras.utils.set_random_seed(3)
    forward = measure.build_step(FORWARD, WORK)()
    tf_keras.utils.set_random_seed(3)
    loss, _ = measure.build_step(TRAINING, WORK)()
    np.testing.assert_allclose(forward, loss, rtol=1e-5)


def test_batches_have_the_tokens_asked_for_and_no_padding():
    word_ids, mask, type_ids = measure.make_inputs(3, 50)
    assert word_ids.shape == mask.shape == type_ids.shape == (3, 50)
    assert word_ids.dtype == tf.int32
    assert mask.numpy().all() and not type_ids.numpy().any()
    assert len(np.unique(word_ids)) > 50


@pytest.mark.parametrize("precision", ["float16", "bfloat16"])
def test_precision_and_xla_reach_the_step(precision):
    loss = measure.build_step(
        FORWARD, WORK.replace(mixed_precision=precision, xla=True)
    )()
    assert tf_keras.mixed_precision.global_policy().name == f"mixed_{precision}"
    assert np.isfinite(loss)


@pytest.mark.parametrize(
    "error, status, message",
    [
        (InputError("too short."), "not possible", "too short."),
        (MemoryError(), "out of memory", "MemoryError"),
        (
            tf.errors.ResourceExhaustedError(
                None, None, "Graph error:\n\n OOM when allocating\nmore"
            ),
            "out of memory",
            "OOM when allocating",
        ),
        (
            tf.errors.InternalError(None, None, "RESOURCE_EXHAUSTED: of XLA"),
            "out of memory",
            "RESOURCE_EXHAUSTED: of XLA",
        ),
    ],
)
def test_failures_that_belong_to_the_point(monkeypatch, error, status, message):
    def fail(*_):
        raise error

    monkeypatch.setattr(measure, "build_step", fail)
    found = measure.measure(FORWARD, WORK)
    assert (found["status"], found["message"]) == (status, message)
    assert "seconds" not in found
    assert "machine" in found


def test_mistakes_of_the_program_are_raised(monkeypatch):
    def fail(*_):
        raise ValueError("a mistake")

    monkeypatch.setattr(measure, "build_step", fail)
    with pytest.raises(ValueError, match="a mistake"):
        measure.measure(FORWARD, WORK)


def test_main_reads_and_prints_json(monkeypatch, capsys):
    monkeypatch.setattr(measure, "set_up_process", lambda work: None)
    monkeypatch.setattr(
        measure, "measure", lambda point, work: {"got": [str(point), work.threads]}
    )
    task = {"point": TRAINING.to_dict(), "work": WORK.replace(threads=2).to_dict()}
    measure.main([json.dumps(task)])
    assert json.loads(capsys.readouterr().out) == {
        "got": ["ours, dense, training, 64 tokens", 2]
    }
