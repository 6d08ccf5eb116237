"""What stands for a pair that may not attend: very low, and safe to add to."""

import numpy as np
import pytest
import tensorflow as tf

from albert_lsh_tf.ops.masking import mask_bias, masked_out


@pytest.mark.parametrize("dtype", [tf.float16, tf.bfloat16, tf.float32, tf.float64])
def test_masked_out_is_half_the_lowest_number_of_its_dtype(dtype):
    masked = masked_out(dtype)
    assert masked.dtype == dtype
    assert float(masked) == pytest.approx(float(dtype.min) / 2, rel=0.01)
    assert np.isfinite(float(masked))


def test_nothing_that_is_added_to_a_masked_logit_overflows():
    masked = masked_out(tf.float32)
    for other in (-1e5, np.log(65536), -1e30, 1e30, masked):
        assert np.isfinite(masked + other)
    # A weight of 0 beside any other, and no NaN where all are masked.
    assert tf.nn.softmax([masked + 50.0, -1e5])[0] == 0
    np.testing.assert_allclose(tf.nn.softmax([masked, masked]), [0.5, 0.5])


def test_mask_bias_is_0_or_masked_out_in_float32():
    bias = mask_bias(tf.constant([[True, False, True]]))
    assert bias.dtype == tf.float32
    assert bias.numpy().tolist() == [[0, float(masked_out(tf.float32)), 0]]
