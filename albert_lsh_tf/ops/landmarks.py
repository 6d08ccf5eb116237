"""Landmarks: one mean key and mean value for each long stretch of tokens.

What no other part of attention holds would otherwise vanish from the softmax. A
landmark stands for the tokens of its stretch that a query does not meet elsewhere: the
logarithm of their number is added to its logit. Equal keys and values in a stretch make
it exact.
"""

import tensorflow as tf

from albert_lsh_tf.lsh_config import LSHConfig
from albert_lsh_tf.ops.branching import length_of
from albert_lsh_tf.ops.chunking import join_chunks, take_range
from albert_lsh_tf.ops.masking import masked_out
from albert_lsh_tf.ops.window import window_edges


def stretch_length(length: int | tf.Tensor, config: LSHConfig) -> int | tf.Tensor:
    """Tokens that one landmark stands for, at most."""
    return -(-length // config.landmarks)


def pool_landmarks(
    x_BHTD: tf.Tensor, is_token_BT: tf.Tensor, config: LSHConfig
) -> tf.Tensor:
    """Means over the tokens of each stretch.

    Args:
      x_BHTD: [B, H, T, D], float.
      is_token_BT: [B, T], bool.
      config: `landmarks`, their number L.

    Returns:
      [B, H, L, D] in the dtype of `x_BHTD`; 0 for a stretch without tokens.
    """
    # In float32: float16 would lose 2 % of the sum of a stretch of 3000 tokens.
    weighted_BHLKD = tf.cast(_stretches(x_BHTD, config), tf.float32) * _weights(
        is_token_BT, config
    )
    return tf.cast(tf.reduce_sum(weighted_BHLKD, axis=3), x_BHTD.dtype)


def pool_landmarks_backward(
    d_landmarks_BHLD: tf.Tensor, is_token_BT: tf.Tensor, config: LSHConfig
) -> tf.Tensor:
    """The gradient of `pool_landmarks`: [B, H, L, D] to [B, H, T, D]."""
    weight_B1LK1 = tf.cast(_weights(is_token_BT, config), d_landmarks_BHLD.dtype)
    d_x_BHLKD = d_landmarks_BHLD[:, :, :, tf.newaxis] * weight_B1LK1
    return take_range(join_chunks(d_x_BHLKD), 0, length_of(is_token_BT, 1), axis=2)


def landmark_bias(
    is_token_BT: tf.Tensor,
    heavy_BHCK: tf.Tensor | None,
    is_heavy_BHCK: tf.Tensor | None,
    num_blocks: int | tf.Tensor,
    config: LSHConfig,
) -> tf.Tensor:
    """Logarithm of the number of tokens that a landmark stands for, in each block.

    Args:
      is_token_BT: [B, T], bool; T is `num_blocks` blocks.
      heavy_BHCK: [B, H, C, K], int32: positions that a block lists as heavy keys.
      is_heavy_BHCK: [B, H, C, K], bool: which of them count.
      num_blocks: C.
      config: lengths.

    Returns:
      bias_BHCL: [B, H, C, L], float32 ([B, 1, C, L] without heavy keys);
        `masked_out` where every token of the stretch is listed already.
    """
    length, num_landmarks = length_of(is_token_BT, 1), config.landmarks
    stretch = stretch_length(length, config)
    # Tokens before each position, so that a difference counts those in a range.
    before_BT = tf.pad(
        tf.cumsum(tf.cast(is_token_BT, tf.int32), axis=1), [[0, 0], [1, 0]]
    )

    def tokens_before(position: tf.Tensor) -> tf.Tensor:
        return tf.gather(before_BT, tf.clip_by_value(position, 0, length), axis=1)

    first_L = tf.range(num_landmarks) * stretch
    end_L = first_L + stretch
    count_BL = tokens_before(end_L) - tokens_before(first_L)
    first_C, end_C = window_edges(num_blocks, config)
    overlap_first_CL = tf.maximum(first_C[:, tf.newaxis], first_L)
    overlap_end_CL = tf.minimum(end_C[:, tf.newaxis], end_L)
    in_window_BCL = tokens_before(overlap_end_CL) - tokens_before(overlap_first_CL)
    count_BCL = count_BL[:, tf.newaxis] - tf.maximum(in_window_BCL, 0)
    count_BHCL = tf.cast(count_BCL, tf.float32)[:, tf.newaxis]
    if heavy_BHCK is not None:
        count_BHCL -= _listed_in_stretch(
            heavy_BHCK // stretch, is_heavy_BHCK, num_landmarks
        )
    return tf.where(
        count_BHCL > 0.5, tf.math.log(tf.maximum(count_BHCL, 1)), masked_out(tf.float32)
    )


def _weights(is_token_BT: tf.Tensor, config: LSHConfig) -> tf.Tensor:
    """Share of each token in the mean of its stretch: [B, 1, L, K, 1], float32."""
    is_token_B1T1 = tf.cast(is_token_BT, tf.float32)[:, tf.newaxis, :, tf.newaxis]
    is_token_B1LK1 = _stretches(is_token_B1T1, config)
    count_B1L11 = tf.reduce_sum(is_token_B1LK1, axis=3, keepdims=True)
    return is_token_B1LK1 / tf.maximum(count_B1L11, 1)


def _stretches(x: tf.Tensor, config: LSHConfig) -> tf.Tensor:
    """[B, H, T, D] to [B, H, L, K, D], with zeros where T ends."""
    length = length_of(x, 2)
    stretch = stretch_length(length, config)
    missing = config.landmarks * stretch - length
    if not (isinstance(missing, int) and missing == 0):
        x = tf.pad(x, [[0, 0], [0, 0], [0, missing], [0, 0]])
    sizes = [config.landmarks, stretch, x.shape[3]]
    return tf.reshape(x, [length_of(x, 0), length_of(x, 1), *sizes])


def _listed_in_stretch(
    stretch_BHCK: tf.Tensor, is_heavy_BHCK: tf.Tensor, num_landmarks: int
) -> tf.Tensor:
    """How many heavy keys of a block stand in each stretch: [B, H, C, L], float32."""
    shape = [length_of(stretch_BHCK, axis) for axis in range(4)]
    num_rows = shape[0] * shape[1] * shape[2]
    row_R1 = tf.range(num_rows)[:, tf.newaxis]
    segment_RK = tf.reshape(stretch_BHCK, [num_rows, shape[3]]) + row_R1 * num_landmarks
    counts = tf.math.unsorted_segment_sum(
        tf.cast(tf.reshape(is_heavy_BHCK, [-1]), tf.float32),
        tf.reshape(segment_RK, [-1]),
        num_rows * num_landmarks,
    )
    return tf.reshape(counts, [*shape[:3], num_landmarks])
