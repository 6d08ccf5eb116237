"""Which sequences get dense attention, in graphs whose length is not known."""

import numpy as np
import pytest
import tensorflow as tf

from albert_lsh_tf.config import LSHConfig
from albert_lsh_tf.ops.dense_attention import dense_attention
from albert_lsh_tf.ops.lsh_attention import attend_sparsely, lsh_attention
from tests.attention_calls import SEED, random_inputs, tensors


def for_any_length(config):
    """Attention as a graph function of one trace, in which a length is a tensor."""
    heads, mask = tf.TensorSpec([2, 3, None, 5]), tf.TensorSpec([2, None], tf.bool)
    return tf.function(
        lambda *x: lsh_attention(
            *x, config=config, num_hashes=0, seed=tf.constant(SEED)
        ),
        input_signature=[heads, heads, heads, mask],
    )


@pytest.mark.parametrize("length", [20, 37])
def test_a_graph_chooses_by_the_length_that_it_meets(length):
    config = LSHConfig(num_hashes=0, block_length=4, window=1, dense_below=20)
    arguments = tensors(random_inputs(length))
    settings = {"config": config, "num_hashes": 0, "seed": tf.constant(SEED)}
    expected = (
        dense_attention(*arguments)
        if length == 20
        else attend_sparsely(*arguments, **settings)
    )
    output = for_any_length(config)(*arguments)
    np.testing.assert_allclose(output, expected, atol=1e-5)


def test_a_budget_of_1_is_dense_at_any_length():
    config = LSHConfig.for_length(16, budget=1)
    arguments = tensors(random_inputs(37))
    output = for_any_length(config)(*arguments)
    np.testing.assert_allclose(output, dense_attention(*arguments), atol=1e-5)
