"""Measures one point in this process, and prints what it found as one line of JSON.

    python -m albert_lsh_tf.benchmark.measure '{"point": {...}, "work": {...}}'

`run` starts it once for each point and round: memory has to be counted from the start
of a process, and no encoder shall profit from what another left in caches.
"""

import contextlib
import json
import pathlib
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras

from albert_lsh_tf.benchmark.encoders import VOCAB_SIZE, build_encoder
from albert_lsh_tf.benchmark.memory import PeakMemory
from albert_lsh_tf.benchmark.points import Point, Work
from albert_lsh_tf.errors import InputError
from albert_lsh_tf.machine import describe_machine

Step = Callable[[], Any]


def measure(point: Point, work: Work) -> dict[str, Any]:
    """Times the steps of one encoder.

    The first step traces, compiles and warms up. It is not timed, but its memory
    counts.

    Args:
      point: which encoder, length and mode.
      work: sizes, precision and the number of timed steps.

    Returns:
      status "ok" with seconds (a list, one for each timed step) and peak_mib (see
      `PeakMemory`); or "out of memory" or "not possible" with a message. Always with
      `machine`.
    """
    found: dict[str, Any] = {"machine": describe_machine()}
    try:
        step = build_step(point, work)
        memory = PeakMemory()
        step()
        seconds = [seconds_of(step) for _ in range(work.repeats)]
        peak_mib = memory.above_start()
    except InputError as error:
        return found | {"status": "not possible", "message": str(error)}
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        return found | {"status": "out of memory", "message": _telling_line(error)}
    return found | {"status": "ok", "seconds": seconds, "peak_mib": peak_mib}


def build_step(point: Point, work: Work) -> Step:
    """One step of a point, ready to be called: all of it on the device, and waited for.

    A training step is the forward pass, the mean square of `sequence_output` as a
    stand-in for a loss, and its gradient for every variable that has one. It has no
    optimizer, which would cost the same whatever the attention.
    """
    policy = work.mixed_precision
    policy = policy if policy == "float32" else f"mixed_{policy}"
    tf_keras.mixed_precision.set_global_policy(policy)
    encoder = build_encoder(point, work)
    is_training = point.mode == "training"

    def loss_of(inputs: list[tf.Tensor]) -> tf.Tensor:
        sequence = encoder(inputs, training=is_training)["sequence_output"]
        return tf.reduce_mean(tf.square(tf.cast(sequence, tf.float32)))

    @tf.function(jit_compile=work.xla or None)
    def forward(inputs: list[tf.Tensor]) -> tf.Tensor:
        return loss_of(inputs)

    @tf.function(jit_compile=work.xla or None)
    def training(inputs: list[tf.Tensor]) -> tuple[tf.Tensor, list[Any]]:
        with tf.GradientTape() as tape:
            loss = loss_of(inputs)
        gradients = tape.gradient(loss, encoder.trainable_variables)
        return loss, [gradient for gradient in gradients if gradient is not None]

    function = training if is_training else forward
    inputs = make_inputs(work.batch_size(point.length), point.length)

    def step() -> Any:
        result = function(inputs)
        tf.test.experimental.sync_devices()
        return result

    return step


def make_inputs(batch_size: int, length: int) -> list[tf.Tensor]:
    """Random tokens without padding, the same for every encoder."""
    word_ids = np.random.default_rng(0).integers(0, VOCAB_SIZE, (batch_size, length))
    word_ids = tf.constant(word_ids, tf.int32)
    return [word_ids, tf.ones_like(word_ids), tf.zeros_like(word_ids)]


def seconds_of(step: Step) -> float:
    """Wall-clock time of one step."""
    start = time.perf_counter()
    step()
    return time.perf_counter() - start


def is_out_of_memory(error: Exception) -> bool:
    """Whether TensorFlow, XLA or Python could not get the memory they wanted."""
    # XLA's come as another type, with the name in the text.
    return isinstance(error, (MemoryError, tf.errors.ResourceExhaustedError)) or (
        isinstance(error, tf.errors.OpError) and "RESOURCE_EXHAUSTED" in str(error)
    )


def set_up_process(work: Work) -> None:
    """Settings that hold for a whole process, before TensorFlow's first operation."""
    if work.threads is not None:
        tf.config.threading.set_intra_op_parallelism_threads(work.threads)
    # Where memory runs out the system shall end this process and no other.
    with contextlib.suppress(OSError):
        pathlib.Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")


def main(argv: Sequence[str] | None = None) -> None:
    """Reads a point and its work from JSON, and prints the sample."""
    (text,) = sys.argv[1:] if argv is None else argv
    task = json.loads(text)
    work = Work.from_dict(task["work"])
    set_up_process(work)
    print(json.dumps(measure(Point.from_dict(task["point"]), work)))


def _telling_line(error: Exception) -> str:
    """The line of a message that says what did not fit; otherwise the first."""
    lines = str(error).splitlines() or [type(error).__name__]
    # Of errors in a graph the first line is "Graph execution error:".
    telling = (line for line in lines if "OOM" in line or "RESOURCE_EXHAUSTED" in line)
    return next(telling, lines[0]).strip()


if __name__ == "__main__":
    main()
