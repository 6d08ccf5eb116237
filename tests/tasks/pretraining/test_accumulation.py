"""A batch in parts gives what the whole batch gives."""

import numpy as np
import pytest
import tensorflow as tf

from albert_lsh_tf.errors import InputError
from albert_lsh_tf.tasks.pretraining.accumulation import accumulate
from albert_lsh_tf.tasks.pretraining.losses import HeadSums

B, T, V, E = 30, 3, 13, 5


class TinyModel:
    """A table that is only looked up, one that also predicts, and a kernel."""

    def __init__(self):
        random = np.random.default_rng(3)
        self.looked_up, self.tied, self.kernel = self.variables = [
            tf.Variable(random.normal(size=shape), dtype=tf.float64)
            for shape in ([V, E], [V, E], [E, E])
        ]
        self.parts_seen = []

    def gradients_and_sums(self, part):
        self.parts_seen.append({name: each.shape for name, each in part.items()})
        with tf.GradientTape() as tape:
            hidden = tf.gather(self.looked_up, part["input_ids"])
            hidden += tf.gather(self.tied, part["input_ids"])
            hidden = tf.tanh(tf.reduce_sum(hidden, 1) @ self.kernel)
            logits = tf.matmul(hidden, self.tied, transpose_b=True)
            losses = part["weights"] * tf.nn.sparse_softmax_cross_entropy_with_logits(
                part["labels"], logits
            )
            loss = tf.reduce_sum(losses)
        is_correct = tf.argmax(logits, -1) == part["labels"]
        correct = tf.reduce_sum(tf.cast(is_correct, tf.float64))
        sums = {"masked_lm": HeadSums(loss, correct, tf.reduce_sum(part["weights"]))}
        return tape.gradient(loss, self.variables), sums


def inputs():
    random = np.random.default_rng(5)
    return {
        "input_ids": tf.constant(random.integers(0, V, [B, T])),
        "labels": tf.constant(random.integers(0, V, [B])),
        "weights": tf.constant(random.random([B])),
    }


@pytest.fixture
def model():
    return TinyModel()


@pytest.mark.parametrize("num_parts", [2, 3, 30])
@pytest.mark.parametrize("in_graph", [True, False])
def test_parts_give_what_the_whole_gives(model, num_parts, in_graph):
    gradients, sums = model.gradients_and_sums(inputs())
    # What makes this worth a test: one of them cannot be a loop's variable.
    assert isinstance(gradients[0], tf.IndexedSlices)

    def step(batch):
        return accumulate(model.gradients_and_sums, batch, num_parts)

    added, added_sums = (tf.function(step) if in_graph else step)(inputs())
    assert len(added) == len(gradients)
    for expected, total in zip(gradients, added, strict=True):
        assert isinstance(total, tf.Tensor)
        np.testing.assert_allclose(total, tf.convert_to_tensor(expected), atol=1e-12)
    assert isinstance(added_sums["masked_lm"], HeadSums)
    np.testing.assert_allclose(added_sums["masked_lm"], sums["masked_lm"], rtol=1e-12)


def test_parts_are_of_static_shape(model):
    tf.function(lambda batch: accumulate(model.gradients_and_sums, batch, 5))(inputs())
    part = {"input_ids": [B // 5, T], "labels": [B // 5], "weights": [B // 5]}
    assert model.parts_seen
    assert all(seen == part for seen in model.parts_seen)


def test_a_graph_does_not_grow_with_the_parts(model):
    """Or tracing, and with it the memory of a step, would."""
    sizes = []
    for num_parts in (2, 15):
        step = tf.function(
            lambda batch, n=num_parts: accumulate(model.gradients_and_sums, batch, n)
        )
        graph = step.get_concrete_function(inputs()).graph.as_graph_def()
        bodies = sum(len(each.node_def) for each in graph.library.function)
        sizes.append(len(graph.node) + bodies)
    assert sizes[0] == sizes[1]


def test_one_part_is_the_function_itself(model):
    gradients, _ = accumulate(model.gradients_and_sums, inputs(), 1)
    assert isinstance(gradients[0], tf.IndexedSlices)
    assert len(model.parts_seen) == 1


def test_parts_that_do_not_divide_are_refused(model):
    with pytest.raises(
        InputError,
        match="gradient_accumulation_steps=7 does not divide the 30 examples of a devi",
    ):
        accumulate(model.gradients_and_sums, inputs(), 7)
    assert not model.parts_seen
