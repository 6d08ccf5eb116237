"""Outputs of a pass over examples, and the time that it takes."""

import time

import numpy as np
import tensorflow as tf

from albert_lsh_tf.tasks.prediction import outputs_of

PAUSE = 0.5  # Seconds.


class Doubling:
    """What a pass needs of a task."""

    def validation_step(self, inputs, model):
        return {"example_id": inputs["example_id"], "twice": 2 * inputs["value"]}

    def aggregate_logs(self, state, outputs):
        return [*state, {name: each[0].numpy() for name, each in outputs.items()}]


def make_dataset(input_context=None):
    def batches():
        for first in (0, 2):
            ids = np.arange(first, first + 2)
            yield {"example_id": ids, "value": ids.astype(np.float32)}
        time.sleep(PAUSE)  # As a pipeline that takes its time to end.

    return tf.data.Dataset.from_generator(
        batches,
        output_signature={
            "example_id": tf.TensorSpec([2], tf.int64),
            "value": tf.TensorSpec([2], tf.float32),
        },
    )


def test_the_end_of_the_pipeline_is_no_part_of_the_time():
    start = time.monotonic()
    outputs, seconds = outputs_of(
        tf.distribute.get_strategy(), Doubling(), None, make_dataset, 4, "row", False
    )
    assert time.monotonic() - start >= seconds + PAUSE
    assert seconds > 0
    twice = np.concatenate([each["twice"] for each in outputs])
    np.testing.assert_array_equal(twice, [0, 2, 4, 6])
