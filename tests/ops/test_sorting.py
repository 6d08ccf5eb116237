"""Sorting by bucket, and permutations that undo each other."""

import hypothesis
import hypothesis.strategies as st
import numpy as np
import tensorflow as tf

from albert_lsh_tf.ops.sorting import permute, sort_by_bucket


@st.composite
def bucket_ids_and_masks(draw):
    length = draw(st.integers(1, 31))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    ids = rng.integers(0, 5, size=(2, 3, length)).astype(np.int32)
    return ids, rng.random((2, length)) > 0.3


properties = hypothesis.settings(max_examples=30, deadline=None, derandomize=True)


@properties
@hypothesis.given(case=bucket_ids_and_masks())
def test_tokens_come_by_bucket_then_position_and_padding_last(case):
    ids, is_token = case
    order, rank = (each.numpy() for each in sort_by_bucket(ids, is_token))
    for row, head in np.ndindex(ids.shape[:2]):
        expected = sorted(
            range(ids.shape[2]),
            key=lambda t: (
                not is_token[row, t],
                is_token[row, t] * ids[row, head, t],
                t,
            ),
        )
        assert order[row, head].tolist() == expected
        assert order[row, head][rank[row, head]].tolist() == list(range(ids.shape[2]))


@properties
@hypothesis.given(case=bucket_ids_and_masks())
def test_permuting_there_and_back_is_the_identity(case):
    order, rank = sort_by_bucket(*case)
    x = tf.random.normal([*order.shape, 7])
    np.testing.assert_array_equal(permute(permute(x, order), rank), x)
