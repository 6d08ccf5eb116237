"""Landmarks: one mean key and mean value for each long stretch of tokens.

What no other part of attention holds would otherwise vanish from the softmax. A
landmark stands for the tokens of its stretch that a block does not list: the logarithm
of their number is added to its logit. Equal keys and values in a stretch make it exact,
where there are no hash rounds: what a query meets in a round, its landmark counts too.

The landmarks of a row share out what reaches up to its last token, and not the padding
behind that: how much of it there is changes no result.
"""

from collections.abc import Callable

import tensorflow as tf

from albert_lsh_tf.lsh_config import LSHConfig
from albert_lsh_tf.ops.branching import length_of
from albert_lsh_tf.ops.gathering import gather_heads
from albert_lsh_tf.ops.masking import masked_out, tokens_reach
from albert_lsh_tf.ops.window import window_edges


def stretch_lengths(is_token_BT: tf.Tensor, config: LSHConfig) -> tf.Tensor:
    """Positions that one landmark of each row stands for, at most: [B], int32."""
    return -(-tf.maximum(tokens_reach(is_token_BT), 1) // config.landmarks)


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
    batch_size, num_heads, length = (length_of(x_BHTD, axis) for axis in range(3))
    stretch_B11 = stretch_lengths(is_token_BT, config)[:, tf.newaxis, tf.newaxis]
    place_K = tf.range(-(-length // config.landmarks))
    position_BLK = tf.range(config.landmarks)[:, tf.newaxis] * stretch_B11 + place_K
    is_own_BLK = (place_K < stretch_B11) & (position_BLK < length)
    position_BLK = tf.minimum(position_BLK, length - 1)
    share_BLK = tf.gather(_shares(is_token_BT, config), position_BLK, batch_dims=1)
    share_B1LK1 = tf.where(is_own_BLK, share_BLK, 0.0)[:, tf.newaxis, ..., tf.newaxis]

    sizes = [batch_size, num_heads, config.landmarks, length_of(place_K, 0)]
    position_BHLK = tf.broadcast_to(position_BLK[:, tf.newaxis], sizes)
    x_BHLKD = gather_heads(x_BHTD, position_BHLK)
    # In float32: float16 would lose 2 % of the sum of a stretch of 3000 tokens.
    pooled_BHLD = tf.reduce_sum(tf.cast(x_BHLKD, tf.float32) * share_B1LK1, axis=3)
    return tf.cast(pooled_BHLD, x_BHTD.dtype)


def pool_landmarks_backward(
    d_landmarks_BHLD: tf.Tensor, is_token_BT: tf.Tensor, config: LSHConfig
) -> tf.Tensor:
    """The gradient of `pool_landmarks`: [B, H, L, D] to [B, H, T, D]."""
    batch_size, num_heads = (length_of(d_landmarks_BHLD, axis) for axis in (0, 1))
    length = length_of(is_token_BT, 1)
    landmark_B11T = _landmark_of(tf.range(length), is_token_BT, config)
    landmark_BH1T = tf.broadcast_to(landmark_B11T, [batch_size, num_heads, 1, length])
    d_x_BHTD = gather_heads(d_landmarks_BHLD, landmark_BH1T)[:, :, 0]
    share_B1T1 = _shares(is_token_BT, config)[:, tf.newaxis, :, tf.newaxis]
    return d_x_BHTD * tf.cast(share_B1T1, d_x_BHTD.dtype)


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
    tokens_before = _token_counter(is_token_BT)
    first_BL, end_BL = _stretch_edges(is_token_BT, config)
    first_B1L, end_B1L = first_BL[:, tf.newaxis], end_BL[:, tf.newaxis]
    count_B1L = tokens_before(end_B1L) - tokens_before(first_B1L)
    first_C1, end_C1 = (
        edge[:, tf.newaxis] for edge in window_edges(num_blocks, config)
    )
    in_window_BCL = tokens_before(tf.minimum(end_C1, end_B1L)) - tokens_before(
        tf.maximum(first_C1, first_B1L)
    )
    count_BCL = count_B1L - tf.maximum(in_window_BCL, 0)
    count_BHCL = tf.cast(count_BCL, tf.float32)[:, tf.newaxis]
    if heavy_BHCK is not None:
        landmark_BHCK = _landmark_of(heavy_BHCK, is_token_BT, config)
        count_BHCL -= _listed_for_each(landmark_BHCK, is_heavy_BHCK, config.landmarks)
    return tf.where(
        count_BHCL > 0.5, tf.math.log(tf.maximum(count_BHCL, 1)), masked_out(tf.float32)
    )


def _stretch_edges(
    is_token_BT: tf.Tensor, config: LSHConfig
) -> tuple[tf.Tensor, tf.Tensor]:
    """First position of each stretch, and the one behind its last: [B, L], int32."""
    stretch_B1 = stretch_lengths(is_token_BT, config)[:, tf.newaxis]
    first_BL = tf.range(config.landmarks) * stretch_B1
    return first_BL, first_BL + stretch_B1


def _landmark_of(
    position: tf.Tensor, is_token_BT: tf.Tensor, config: LSHConfig
) -> tf.Tensor:
    """Which landmark stands for each position: [T] to [B, 1, 1, T], or [B, H, C, K].

    For padding behind the last token it is the last one, where its share is 0.
    """
    stretch_B = stretch_lengths(is_token_BT, config)
    landmark = position // stretch_B[:, tf.newaxis, tf.newaxis, tf.newaxis]
    return tf.minimum(landmark, config.landmarks - 1)


def _shares(is_token_BT: tf.Tensor, config: LSHConfig) -> tf.Tensor:
    """The share of each token in the mean of its stretch: [B, T], float32."""
    first_BL, end_BL = _stretch_edges(is_token_BT, config)
    tokens_before = _token_counter(is_token_BT)
    count_BL = tf.cast(tokens_before(end_BL) - tokens_before(first_BL), tf.float32)
    landmark_B11T = _landmark_of(
        tf.range(length_of(is_token_BT, 1)), is_token_BT, config
    )
    count_BT = tf.gather(count_BL, landmark_B11T[:, 0, 0], batch_dims=1)
    return tf.cast(is_token_BT, tf.float32) / tf.maximum(count_BT, 1)


def _token_counter(is_token_BT: tf.Tensor) -> Callable[[tf.Tensor], tf.Tensor]:
    """A function from positions [B, ...] to the number of tokens before each.

    A difference of two counts those in a range.
    """
    length = length_of(is_token_BT, 1)
    before_BT = tf.pad(
        tf.cumsum(tf.cast(is_token_BT, tf.int32), axis=1), [[0, 0], [1, 0]]
    )

    def tokens_before(position: tf.Tensor) -> tf.Tensor:
        within = tf.clip_by_value(position, 0, length)
        return tf.gather(before_BT, within, batch_dims=1)

    return tokens_before


def _listed_for_each(
    landmark_BHCK: tf.Tensor, is_heavy_BHCK: tf.Tensor, num_landmarks: int
) -> tf.Tensor:
    """How many heavy keys of a block each landmark has: [B, H, C, L], float32."""
    shape = [length_of(landmark_BHCK, axis) for axis in range(4)]
    num_rows = shape[0] * shape[1] * shape[2]
    row_R1 = tf.range(num_rows)[:, tf.newaxis]
    place_RK = tf.reshape(landmark_BHCK, [num_rows, shape[3]]) + row_R1 * num_landmarks
    counts = tf.math.unsorted_segment_sum(
        tf.cast(tf.reshape(is_heavy_BHCK, [-1]), tf.float32),
        tf.reshape(place_RK, [-1]),
        num_rows * num_landmarks,
    )
    return tf.reshape(counts, [*shape[:3], num_landmarks])
