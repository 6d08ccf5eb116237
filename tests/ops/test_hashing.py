"""Buckets: their range, what they depend on, and that they are the same everywhere."""

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
import tensorflow as tf

from albert_lsh_tf.ops import hashing

SEED = tf.constant([3, 1])


def vectors(seed=0, length=53):
    rng = np.random.default_rng(seed)
    return tf.constant(rng.normal(size=(2, 3, length, 7)), tf.float32)


@pytest.mark.parametrize("function", [hashing.bucket_ids, hashing.random_bucket_ids])
@pytest.mark.parametrize("num_buckets", [2, 10, 128])
def test_ids_lie_between_0_and_the_number_of_buckets(function, num_buckets):
    ids = function(vectors(), 5, num_buckets, SEED).numpy()
    assert ids.shape == (5, 2, 3, 53)
    assert ids.dtype == np.int32
    assert ids.min() >= 0
    assert ids.max() < num_buckets
    assert len(np.unique(ids)) > num_buckets / 2


def test_many_buckets_are_the_product_of_two_hashes():
    ids = hashing.bucket_ids(vectors(length=4001), 1, 1000, SEED).numpy()
    # 32 coarse buckets by 32 fine ones meet the thousand.
    assert 128 < len(np.unique(ids)) <= 32 * 32
    assert ids.max() < 32 * 32


def test_id_is_the_nearest_direction():
    x = vectors()
    rotation = hashing.random_rotation(3, 7, 10, SEED).numpy()
    assert rotation.shape == (3, 7, 5)
    ids = hashing.angular_buckets(x, tf.constant(rotation)).numpy()
    for row, head, token in np.ndindex(2, 3, 53):
        similarity = x.numpy()[row, head, token] @ rotation[head]
        expected = max(
            range(10), key=lambda n: similarity[n] if n < 5 else -similarity[n - 5]
        )
        assert ids[row, head, token] == expected


@hypothesis.settings(max_examples=10, deadline=None, derandomize=True)
@hypothesis.given(scale=st.floats(1e-3, 1e3))
def test_ids_ignore_positive_scaling(scale):
    ids = hashing.bucket_ids(vectors(), 2, 10, SEED).numpy()
    scaled = hashing.bucket_ids(vectors() * scale, 2, 10, SEED).numpy()
    np.testing.assert_array_equal(ids, scaled)


def test_near_vectors_share_a_bucket_more_often_than_far_ones():
    x = vectors(length=997)
    noise = vectors(seed=1, length=997)
    ids = hashing.bucket_ids(x, 4, 16, SEED)

    def share_of_equal(other):
        equal = ids == hashing.bucket_ids(other, 4, 16, SEED)
        return tf.reduce_mean(tf.cast(equal, tf.float32)).numpy()

    near, middling, far = (share_of_equal(x + s * noise) for s in (0.1, 0.5, 100.0))
    assert near > 0.8 > middling > 0.3 > far
    # By chance 1 in 16, and somewhat more, since 8 directions in 7 dimensions differ.
    assert 1 / 16 < far < 2 / 16


def test_rounds_heads_and_seeds_hash_differently():
    same = tf.tile(vectors()[:, :1], [1, 3, 1, 1])
    ids = hashing.bucket_ids(same, 2, 16, SEED).numpy()
    assert (ids[0] != ids[1]).any()
    assert (ids[:, :, 0] != ids[:, :, 1]).any()
    assert (ids != hashing.bucket_ids(same, 2, 16, SEED + 1).numpy()).any()


@pytest.mark.parametrize("function", [hashing.bucket_ids, hashing.random_bucket_ids])
@pytest.mark.parametrize("num_buckets", [10, 500])
def test_eager_graph_and_xla_give_the_same_ids(function, num_buckets):
    # The seed is an argument: a constant would be folded before XLA sees it.
    def ids(x, seed):
        return function(x, 2, num_buckets, seed)

    expected = ids(vectors(), SEED).numpy()
    np.testing.assert_array_equal(tf.function(ids)(vectors(), SEED), expected)
    compiled = tf.function(ids, jit_compile=True)
    np.testing.assert_array_equal(compiled(vectors(), SEED), expected)


def test_rotations_are_standard_normal():
    rotation = hashing.random_rotation(4, 64, 256, SEED).numpy()
    assert np.isfinite(rotation).all()
    assert abs(rotation.mean()) < 0.02
    assert abs(rotation.std() - 1) < 0.02
    assert abs((np.abs(rotation) < 1).mean() - 0.6827) < 0.01


def test_no_gradient_flows_through_the_hash():
    x = tf.Variable(vectors())
    with tf.GradientTape() as tape:
        ids = hashing.bucket_ids(x, 1, 10, SEED)
    assert tape.gradient(ids, x) is None


def test_centring_leaves_what_differs_from_the_mean_of_the_tokens():
    x = vectors().numpy() + 3
    is_token = np.random.default_rng(4).random((2, 53)) < 0.7
    is_token[1] = False
    centred = hashing.centre(tf.constant(x), tf.constant(is_token)).numpy()
    mean = x[0][:, is_token[0]].mean(axis=1, keepdims=True)
    np.testing.assert_allclose(centred[0], x[0] - mean, atol=1e-5)
    # Without tokens there is no mean.
    np.testing.assert_array_equal(centred[1], x[1])


def test_one_vector_added_to_all_changes_no_id_of_centred_vectors():
    is_token = tf.constant(np.random.default_rng(4).random((2, 53)) < 0.7)

    def ids(x):
        return hashing.bucket_ids(hashing.centre(x, is_token), 4, 10, SEED).numpy()

    bias = tf.constant([2.0, -1, 0, 3, 1, -2, 1])
    np.testing.assert_array_equal(ids(vectors()), ids(vectors() + bias))
    # Uncentred, most of them point the way of the bias.
    plain = hashing.bucket_ids(vectors() + 4 * bias, 1, 10, SEED).numpy()
    assert np.bincount(plain[0, 0, 0]).max() > 40


def test_centring_gives_float32_and_no_gradient():
    x = tf.cast(vectors(length=3001), tf.float16) + 100
    is_token = tf.ones([2, 3001], tf.bool)
    with tf.GradientTape() as tape:
        tape.watch(x)
        centred = hashing.centre(x, is_token)
    assert centred.dtype == tf.float32
    np.testing.assert_allclose(tf.reduce_mean(centred, axis=2), 0, atol=1e-3)
    assert tape.gradient(centred, x) is None


@pytest.mark.parametrize("num_buckets", [10, 500])
def test_whitening_is_folded_into_the_rotations(num_buckets):
    whitening = np.random.default_rng(6).normal(size=(3, 7, 7)).astype(np.float32)
    ids = hashing.bucket_ids(vectors(), 2, num_buckets, SEED, tf.constant(whitening))
    whitened = tf.einsum("BHTD,HDE->BHTE", vectors(), whitening)
    np.testing.assert_array_equal(
        ids, hashing.bucket_ids(whitened, 2, num_buckets, SEED)
    )
    assert (ids != hashing.bucket_ids(vectors(), 2, num_buckets, SEED)).numpy().any()
    same = tf.eye(7, batch_shape=[3])
    np.testing.assert_array_equal(
        hashing.bucket_ids(vectors(), 2, num_buckets, SEED, same),
        hashing.bucket_ids(vectors(), 2, num_buckets, SEED),
    )


def test_random_buckets_ignore_whitening():
    whitening = tf.random.stateless_normal([3, 7, 7], seed=SEED)
    np.testing.assert_array_equal(
        hashing.random_bucket_ids(vectors(), 2, 10, SEED, whitening),
        hashing.random_bucket_ids(vectors(), 2, 10, SEED),
    )
