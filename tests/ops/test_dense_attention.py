"""Dense attention against brute force, and its masks."""

import hypothesis
import numpy as np
import pytest
import tensorflow as tf

from albert_lsh_tf.ops.dense_attention import dense_attention
from albert_lsh_tf.ops.masking import mask_logits, masked_softmax
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


@pytest.mark.parametrize("dtype", [tf.float16, tf.bfloat16, tf.float32])
def test_masked_logits_are_finite_and_get_no_weight_at_all(dtype):
    logits = tf.cast([[3.0, -2.0, 5.0], [1.0, 2.0, 3.0]], dtype)
    may_attend = tf.constant([[True, True, False], [False, False, False]])
    masked = mask_logits(logits, may_attend)
    assert masked.dtype == dtype
    assert np.isfinite(tf.cast(masked, tf.float32)).all()
    weights, logsumexp = masked_softmax(tf.cast(logits, tf.float32), may_attend)
    assert weights.numpy()[0, 2] == 0
    assert weights.numpy()[0].sum() == pytest.approx(1)
    assert not weights.numpy()[1].any()
    assert logsumexp.numpy()[0] == pytest.approx(np.log(np.exp(3) + np.exp(-2)))
    assert np.isfinite(logsumexp.numpy()[1])
