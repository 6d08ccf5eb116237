"""Dense attention against brute force, and its masks."""

import hypothesis
import numpy as np
import pytest
import tensorflow as tf

from albert_lsh_tf.ops.dense_attention import dense_attention
from tests.reference import attention as reference
from tests.strategies import attention_inputs


@pytest.mark.parametrize("self_is_last_resort", [False, True])
@hypothesis.settings(max_examples=20, deadline=None, derandomize=True)
@hypothesis.given(inputs=attention_inputs())
def test_equals_brute_force(self_is_last_resort, inputs):
    output = dense_attention(
        inputs.query,
        inputs.key,
        inputs.value,
        inputs.is_token,
        self_is_last_resort=self_is_last_resort,
    ).numpy()
    for row, head in np.ndindex(inputs.query.shape[:2]):
        expected = reference.dense(
            inputs.query[row, head],
            inputs.key[row, head],
            inputs.value[row, head],
            inputs.is_token[row],
            self_is_last_resort,
        )
        np.testing.assert_allclose(output[row, head], expected, atol=1e-5)
