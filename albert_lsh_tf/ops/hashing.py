"""Angular locality-sensitive hashing: near vectors are likely to share a bucket.

Source: Andoni et al. 2015 (arXiv:1509.02897), the cross-polytope hash; Kitaev et al.
2020 (arXiv:2001.04451), section 2, "Locality-sensitive hashing".
"""

from typing import NamedTuple

import tensorflow as tf

from albert_lsh_tf.ops.branching import when

# A rotation to N / 2 directions costs T * D * N / 2, and N grows with T. From this many
# buckets on, two smaller hashes, one after the other, keep the cost near linear in T.
MAX_BUCKETS_OF_ONE_ROTATION = 128


class Whitening(NamedTuple):
    """Matrices A and inv(A)^T: [H, D, D], float32, applied from the right.

    They leave every dot product of a query and a key as it is. None leaves vectors as
    they are.
    """

    query_HDD: tf.Tensor | None
    key_HDD: tf.Tensor | None


def centre(x_BHTD: tf.Tensor, is_token_BT: tf.Tensor) -> tf.Tensor:
    """Subtracts the mean of the tokens: [B, H, T, D], float32. Has no gradient."""
    x_BHTD = tf.stop_gradient(tf.cast(x_BHTD, tf.float32))
    is_token_B1T1 = tf.cast(is_token_BT, tf.float32)[:, tf.newaxis, :, tf.newaxis]
    count_B111 = tf.reduce_sum(is_token_B1T1, axis=2, keepdims=True)
    weight_B1T1 = is_token_B1T1 / tf.maximum(count_B111, 1)
    return x_BHTD - tf.reduce_sum(x_BHTD * weight_B1T1, axis=2, keepdims=True)


def bucket_ids(
    x_BHTD: tf.Tensor,
    num_hashes: int,
    num_buckets: int | tf.Tensor,
    seed: tf.Tensor,
    whitening_HDD: tf.Tensor | None = None,
) -> tf.Tensor:
    """Hashes vectors `num_hashes` times.

    Args:
      x_BHTD: [B, H, T, D], float; H and D must be known.
      num_hashes: R. The first rounds are the same whatever R is, so a model may be
        evaluated with more rounds than it was trained with.
      num_buckets: N, even. Above `MAX_BUCKETS_OF_ONE_ROTATION` it is met by two hashes
        of about sqrt(N) buckets, so ids lie below a number slightly above N.
      seed: [2], int32; the same seed gives the same rotations on every device, and
        compiled or not. Ids are the same but for rounding: where a GPU multiplies in
        TF32, vectors at the edge of a bucket may change it. Not measured on GPUs.
      whitening_HDD: [H, D, D], float32: what vectors are multiplied by first. Costs
        nothing, since it is folded into the rotations.

    Returns:
      bucket_ids_RBHT: [R, B, H, T], int32, from 0.

    Source: the factors are those of trax's LSHSelfAttention (n_buckets as a list).
    """

    def one_hash() -> tf.Tensor:
        return _hash_rounds(x_BHTD, num_hashes, num_buckets, seed, whitening_HDD)

    def two_hashes() -> tf.Tensor:
        coarse, fine = _even_factors(num_buckets)
        coarse_ids = _hash_rounds(x_BHTD, num_hashes, coarse, seed, whitening_HDD)
        fine_seed = tf.random.fold_in(seed, 1, alg="philox")
        return coarse_ids * fine + _hash_rounds(
            x_BHTD, num_hashes, fine, fine_seed, whitening_HDD
        )

    return when(num_buckets <= MAX_BUCKETS_OF_ONE_ROTATION, one_hash, two_hashes)


def random_rotation(
    num_heads: int, head_width: int, num_buckets: int | tf.Tensor, seed: tf.Tensor
) -> tf.Tensor:
    """Draws the directions that buckets are made of, for each head its own.

    Args:
      num_heads: H.
      head_width: D.
      num_buckets: N, even.
      seed: [2], int32.

    Returns:
      rotation_HDN: [H, D, N / 2], float32, standard normal.
    """
    shape = [num_heads, head_width, num_buckets // 2]
    # Integers are drawn and made normal here, since only they are the same everywhere:
    # the default algorithm differs under XLA, and so do the floats of "philox".
    bits_HDN = tf.random.stateless_uniform(
        shape, seed=seed, minval=0, maxval=2**23, dtype=tf.int32, alg="philox"
    )
    # 23 bits and a half are exact in float32, and lie strictly between 0 and 1.
    uniform_HDN = (tf.cast(bits_HDN, tf.float32) + 0.5) / 2**23
    return tf.math.ndtri(uniform_HDN)


def angular_buckets(x_BHTD: tf.Tensor, rotation_HDN: tf.Tensor) -> tf.Tensor:
    """The bucket of each vector: the nearest among the directions R and -R.

    Args:
      x_BHTD: [B, H, T, D], float. Its length does not matter, only its direction.
      rotation_HDN: [H, D, N / 2], float32.

    Returns:
      bucket_ids_BHT: [B, H, T], int32 in [0, N).
    """
    # Hashing in half precision would make buckets depend on the precision policy.
    x_BHTD = tf.cast(tf.stop_gradient(x_BHTD), tf.float32)
    # Not `tf.matmul`: where it broadcasts, some shapes crash TensorFlow 2.20 on CPUs.
    rotated_BHTN = tf.einsum("BHTD,HDN->BHTN", x_BHTD, rotation_HDN)
    return tf.argmax(
        tf.concat([rotated_BHTN, -rotated_BHTN], axis=-1),
        axis=-1,
        output_type=tf.int32,
    )


def random_bucket_ids(
    x_BHTD: tf.Tensor,
    num_hashes: int,
    num_buckets: int | tf.Tensor,
    seed: tf.Tensor,
    whitening_HDD: tf.Tensor | None = None,
) -> tf.Tensor:
    """Buckets that know nothing of the vectors: the scientific control.

    A position has one bucket in every row of a batch, for queries and keys alike.
    Arguments and result are those of `bucket_ids`.
    """
    del whitening_HDD
    batch_size, num_heads, length, _ = tf.unstack(tf.shape(x_BHTD))
    ids_RHT = tf.stack(
        [
            tf.random.stateless_uniform(
                [num_heads, length],
                seed=tf.random.fold_in(seed, hash_round, alg="philox"),
                maxval=num_buckets,
                dtype=tf.int32,
                alg="philox",
            )
            for hash_round in range(num_hashes)
        ]
    )
    return tf.tile(ids_RHT[:, tf.newaxis], [1, batch_size, 1, 1])


def _hash_rounds(
    x_BHTD: tf.Tensor,
    num_hashes: int,
    num_buckets: int | tf.Tensor,
    seed: tf.Tensor,
    whitening_HDD: tf.Tensor | None,
) -> tf.Tensor:
    num_heads, head_width = x_BHTD.shape[1], x_BHTD.shape[3]
    rotations = [
        random_rotation(
            num_heads,
            head_width,
            num_buckets,
            tf.random.fold_in(seed, hash_round, alg="philox"),
        )
        for hash_round in range(num_hashes)
    ]
    if whitening_HDD is not None:
        rotations = [tf.matmul(whitening_HDD, rotation) for rotation in rotations]
    return tf.stack([angular_buckets(x_BHTD, rotation) for rotation in rotations])


def _even_factors(num_buckets: int | tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Two even numbers near the square root, whose product is `num_buckets` or more."""
    root = tf.sqrt(tf.cast(num_buckets, tf.float32))
    half_coarse = tf.cast(tf.math.ceil(root / 2), tf.int32)
    coarse = 2 * half_coarse
    fine = 2 * (-(-num_buckets // (2 * coarse)))
    return coarse, fine
