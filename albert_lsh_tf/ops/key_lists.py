"""Attention of blocks of neighbouring queries to one list of keys each.

    window     the keys around the block                               `window`
    heavy      the keys that the block expects to weigh most           `heavy_keys`
    landmarks  means over long stretches, for all that is not listed   `landmarks`

A list serves all queries of its block, so logits are products of small matrices, and
only the few heavy keys are gathered.
"""

from typing import NamedTuple

import tensorflow as tf

from albert_lsh_tf.lsh_config import LSHConfig
from albert_lsh_tf.ops.branching import length_of
from albert_lsh_tf.ops.chunking import join_chunks, split_into_chunks, take_range
from albert_lsh_tf.ops.dropout import Dropout
from albert_lsh_tf.ops.gathering import gather_heads, gather_heads_backward, row_of
from albert_lsh_tf.ops.heavy_keys import heavy_keys, smaller
from albert_lsh_tf.ops.landmarks import (
    landmark_bias,
    pool_landmarks,
    pool_landmarks_backward,
)
from albert_lsh_tf.ops.masking import mask_bias
from albert_lsh_tf.ops.softmax_attention import Attended, Gathering, attend_gathered
from albert_lsh_tf.ops.window import see_window, see_window_backward


class KeyLists(NamedTuple):
    """What each of the C blocks attends to.

    heavy_BHCK: [B, H, C, K], int32: positions of heavy keys; None for none.
    is_heavy_BHCK: [B, H, C, K], bool: which of these places hold a key that is not in
      the window.
    bias_BHC1K: [B, H, C, 1, K], float32, over window, heavy keys and landmarks in this
      order: 0, `masked_out`, or the logarithm of the tokens that a landmark stands for.
    is_token_BT: [B, T], bool.
    """

    heavy_BHCK: tf.Tensor | None
    is_heavy_BHCK: tf.Tensor | None
    bias_BHC1K: tf.Tensor
    is_token_BT: tf.Tensor


def list_keys(
    query_BHTD: tf.Tensor,
    centred_key_BHTD: tf.Tensor,
    is_token_BT: tf.Tensor,
    is_global_BT: tf.Tensor,
    config: LSHConfig,
) -> KeyLists:
    """Makes the lists of all blocks. Has no gradient.

    Args:
      query_BHTD: [B, H, T, D], float, scaled; T a multiple of the block length.
      centred_key_BHTD: [B, H, T, D], float.
      is_token_BT: [B, T], bool.
      is_global_BT: [B, T], bool: keys that every block lists.
      config: lengths and counts.

    Returns:
      The lists.
    """
    shape = [length_of(query_BHTD, axis) for axis in (0, 1)]
    num_blocks = length_of(query_BHTD, 2) // config.block_length
    heavy_BHCK = is_heavy_BHCK = None
    biases = []
    if config.window_length:
        biases.append(mask_bias(see_window(is_token_BT[:, tf.newaxis], config)))
    if config.num_listed_keys:
        heavy_BHCK, is_heavy_BHCK = heavy_keys(
            query_BHTD, centred_key_BHTD, is_token_BT, is_global_BT, config
        )
        biases.append(mask_bias(is_heavy_BHCK))
    if config.landmarks:
        biases.append(
            landmark_bias(is_token_BT, heavy_BHCK, is_heavy_BHCK, num_blocks, config)
        )
    bias_BHCK = tf.concat(
        [tf.broadcast_to(b, [*shape, num_blocks, length_of(b, 3)]) for b in biases],
        axis=-1,
    )
    return KeyLists(
        heavy_BHCK, is_heavy_BHCK, bias_BHCK[..., tf.newaxis, :], is_token_BT
    )


def attend_to_lists(
    query_BHTD: tf.Tensor,
    key_BHTD: tf.Tensor,
    value_BHTD: tf.Tensor,
    lists: KeyLists,
    config: LSHConfig,
    dropout: Dropout | None,
) -> Attended:
    """Each query attends to the list of its block.

    Lists are gathered anew in the backward pass: they are several times as long as the
    sequence.

    Args:
      query_BHTD: [B, H, T, D], float, scaled; T a multiple of the block length.
      key_BHTD: [B, H, T, D], in the dtype of the query.
      value_BHTD: [B, H, T, D], in the dtype of the query.
      lists: what `list_keys` returned.
      config: the same.
      dropout: applied to the attention weights.

    Returns:
      Output [B, H, T, D] and logsumexp [B, H, T].
    """

    gathering = Gathering(
        queries=lambda x: split_into_chunks(x, config.block_length),
        queries_back=join_chunks,
        keys=lambda x: _listed(x, lists, config),
        keys_backward=lambda d_x: _listed_backward(d_x, lists, config),
    )
    return attend_gathered(
        query_BHTD, key_BHTD, value_BHTD, gathering, lambda: lists.bias_BHC1K, dropout
    )


def is_listed(
    query_position: tf.Tensor,
    key_position: tf.Tensor,
    lists: KeyLists,
    config: LSHConfig,
) -> tf.Tensor:
    """Whether a key stands in the list of a query's block, landmarks aside.

    Args:
      query_position: [B, H, ...], int32.
      key_position: [B, H, ...], int32, broadcastable with the queries' positions.
      lists: what `list_keys` returned.
      config: the same.

    Returns:
      bool, in the shape that both broadcast to. No [T, T] tensor is made: all heavy
      keys are from `heavy_candidates`, so a table of blocks and candidates holds them.
    """
    block = query_position // config.block_length
    first = block * config.block_length - (config.window or 0)
    listed = (key_position >= first) & (key_position < first + config.window_length)
    if lists.heavy_BHCK is None:
        return listed
    # Not `tf.searchsorted`: under XLA it compares every number with every other.
    number_BHT, num_numbers = _number_heavy_keys(lists, config)
    column_BHCK = tf.gather(number_BHT, lists.heavy_BHCK, batch_dims=2)
    sizes = [length_of(lists.heavy_BHCK, axis) for axis in range(3)]
    row_BHC = tf.reshape(tf.range(sizes[0] * sizes[1] * sizes[2]), sizes)
    table = tf.math.unsorted_segment_sum(
        tf.cast(lists.is_heavy_BHCK, tf.float32),
        row_BHC[..., tf.newaxis] * num_numbers + column_BHCK,
        sizes[0] * sizes[1] * sizes[2] * num_numbers,
    )
    row = tf.gather(row_BHC, block, batch_dims=2)
    column = tf.gather(number_BHT, key_position, batch_dims=2)
    return listed | tf.gather(table > 0, row * num_numbers + column)


def _number_heavy_keys(
    lists: KeyLists, config: LSHConfig
) -> tuple[tf.Tensor, int | tf.Tensor]:
    """Numbers the keys of each head that any block lists from 1 on; others are 0.

    Returns:
      number_BHT: [B, H, T], int32.
      num_numbers: what all numbers lie below.
    """
    batch_size, num_heads = (length_of(lists.heavy_BHCK, axis) for axis in (0, 1))
    length = length_of(lists.is_token_BT, 1)
    blocks = tf.math.unsorted_segment_sum(
        tf.cast(lists.is_heavy_BHCK, tf.float32),
        row_of(lists.heavy_BHCK, length),
        batch_size * num_heads * length,
    )
    is_heavy_BHT = tf.reshape(blocks, [batch_size, num_heads, length]) > 0
    number_BHT = tf.cumsum(tf.cast(is_heavy_BHT, tf.int32), axis=-1)
    num_numbers = 1 + smaller(config.heavy_candidates, length)
    return tf.where(is_heavy_BHT, number_BHT, 0), num_numbers


def _listed(x_BHTD: tf.Tensor, lists: KeyLists, config: LSHConfig) -> tf.Tensor:
    """What stands at the listed places: [B, H, C, K, D]."""
    shape = [length_of(x_BHTD, axis) for axis in range(4)]
    num_blocks = shape[2] // config.block_length
    parts = []
    if config.window_length:
        parts.append(see_window(x_BHTD, config))
    if lists.heavy_BHCK is not None:
        parts.append(gather_heads(x_BHTD, lists.heavy_BHCK))
    if config.landmarks:
        pooled_BHLD = pool_landmarks(x_BHTD, lists.is_token_BT, config)
        sizes = [*shape[:2], num_blocks, config.landmarks, shape[3]]
        parts.append(tf.broadcast_to(pooled_BHLD[:, :, tf.newaxis], sizes))
    return tf.concat(parts, axis=3)


def _listed_backward(
    d_listed_BHCKD: tf.Tensor, lists: KeyLists, config: LSHConfig
) -> tf.Tensor:
    """The gradient of `_listed`: [B, H, T, D], in the dtype of `d_listed_BHCKD`.

    Many blocks list the same keys, so sums are float32: in bfloat16 they would stop
    growing at 256 terms.
    """
    num_heavy = 0 if lists.heavy_BHCK is None else length_of(lists.heavy_BHCK, 3)
    end_of_heavy = config.window_length + num_heavy
    parts = []
    if config.window_length:
        d_window = see_window_backward(d_listed_BHCKD, config)
        parts.append(tf.cast(d_window, tf.float32))
    if lists.heavy_BHCK is not None:
        length = length_of(lists.is_token_BT, 1)
        d_heavy = take_range(d_listed_BHCKD, config.window_length, num_heavy, axis=3)
        d_heavy = tf.cast(d_heavy, tf.float32)
        parts.append(gather_heads_backward(d_heavy, lists.heavy_BHCK, length))
    if config.landmarks:
        d_landmarks = take_range(d_listed_BHCKD, end_of_heavy, config.landmarks, axis=3)
        d_landmarks_BHLD = tf.reduce_sum(tf.cast(d_landmarks, tf.float32), axis=2)
        parts.append(
            pool_landmarks_backward(d_landmarks_BHLD, lists.is_token_BT, config)
        )
    return tf.cast(tf.add_n(parts), d_listed_BHCKD.dtype)
