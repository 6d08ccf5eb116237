"""One round of hashing: sort queries and keys by bucket, attend within chunks.

Source: Kitaev et al. 2020, Reformer (arXiv:2001.04451), section 2. `lsh_attention` says
where this differs.
"""

import dataclasses

import tensorflow as tf

from albert_lsh_tf.lsh_config import LSHConfig
from albert_lsh_tf.ops import hashing
from albert_lsh_tf.ops.branching import length_of
from albert_lsh_tf.ops.chunking import (
    join_chunks,
    num_chunks_for,
    see_neighbours,
    see_neighbours_backward,
    split_into_chunks,
)
from albert_lsh_tf.ops.dense_attention import LAST_RESORT
from albert_lsh_tf.ops.dropout import Dropout
from albert_lsh_tf.ops.key_lists import KeyLists, is_listed
from albert_lsh_tf.ops.masking import mask_bias, masked_out
from albert_lsh_tf.ops.softmax_attention import Attended, Gathering, attend_gathered
from albert_lsh_tf.ops.sorting import permute, sort_by_bucket


@dataclasses.dataclass(frozen=True)
class Round:
    """Where one round put every query and key; all [B, H, T], int32."""

    query_order: tf.Tensor  # Position of the query at each rank.
    query_rank: tf.Tensor  # Rank of the query at each position.
    key_order: tf.Tensor
    key_rank: tf.Tensor


def sort_rounds(
    query_BHTD: tf.Tensor,
    key_BHTD: tf.Tensor,
    is_token_BT: tf.Tensor,
    *,
    config: LSHConfig,
    num_hashes: int,
    seed: tf.Tensor,
    whitening: hashing.Whitening | None = None,
) -> list[Round]:
    """Hashes and sorts queries and keys, once for each round."""
    if num_hashes == 0:
        return []
    num_chunks = num_chunks_for(length_of(query_BHTD, 2), config.chunk_length)
    num_buckets = config.num_buckets or 2 * num_chunks
    hashed = {
        "angular": hashing.bucket_ids,
        "random": hashing.random_bucket_ids,
    }[config.hash]
    whitening = whitening or hashing.Whitening(None, None)

    def sort(
        x_BHTD: tf.Tensor, whitening_HDD: tf.Tensor | None
    ) -> list[tuple[tf.Tensor, tf.Tensor]]:
        if config.centre and not config.share_query_key:
            x_BHTD = hashing.centre(x_BHTD, is_token_BT)
        ids_RBHT = hashed(x_BHTD, num_hashes, num_buckets, seed, whitening_HDD)
        return [
            sort_by_bucket(ids_RBHT[number], is_token_BT)
            for number in range(num_hashes)
        ]

    queries = sort(query_BHTD, whitening.query_HDD)
    # A query and its unit vector share their bucket.
    keys = queries if config.share_query_key else sort(key_BHTD, whitening.key_HDD)
    return [Round(*query, *key) for query, key in zip(queries, keys, strict=True)]


def attend_round(
    query_BHTD: tf.Tensor,
    key_BHTD: tf.Tensor,
    value_BHTD: tf.Tensor,
    is_token_BT: tf.Tensor,
    this_round: Round,
    *,
    earlier_rounds: list[Round],
    lists: KeyLists | None,
    config: LSHConfig,
    dropout: Dropout | None,
) -> Attended:
    """Attends within the chunks of one round, to pairs that nothing earlier had.

    What is sorted and cut is sorted and cut anew in the backward pass: keys and values
    are there once for each chunk that sees them, and so are the biases of all pairs.

    Returns:
      Output [B, H, T, D] and logsumexp [B, H, T], at the original positions.
    """

    def query_chunks(x: tf.Tensor) -> tf.Tensor:
        ordered = permute(x, this_round.query_order)
        return split_into_chunks(ordered, config.chunk_length)

    def query_positions(x: tf.Tensor) -> tf.Tensor:
        return permute(join_chunks(x), this_round.query_rank)

    def key_chunks(x: tf.Tensor) -> tf.Tensor:
        ordered = permute(x, this_round.key_order)
        return seen(split_into_chunks(ordered, config.chunk_length), config)

    def key_chunks_backward(d_x: tf.Tensor) -> tf.Tensor:
        d_chunks = see_neighbours_backward(
            d_x, config.chunks_before, config.chunks_after
        )
        return permute(join_chunks(d_chunks), this_round.key_rank)

    # A byte a pair, which is much work to find out twice.
    listed_BHCQK = None
    if lists is not None:
        listed_BHCQK = is_listed(*position_pairs(this_round, config), lists, config)

    def bias() -> tf.Tensor:
        # Biases, as TensorFlow Lite's `&` of masks does not broadcast over five axes.
        bias_BHCQK = mask_bias(tokens_seen(is_token_BT, config))[..., tf.newaxis, :]
        for earlier in earlier_rounds:
            met_BHCQK = pairwise_met(
                query_chunks(earlier.query_rank // config.chunk_length),
                key_chunks(earlier.key_rank // config.chunk_length),
                config,
            )
            bias_BHCQK = tf.where(met_BHCQK, masked_out(tf.float32), bias_BHCQK)
        if listed_BHCQK is not None:
            bias_BHCQK = tf.where(listed_BHCQK, masked_out(tf.float32), bias_BHCQK)
        if config.share_query_key:
            is_self_BHCQK = tf.equal(*position_pairs(this_round, config))
            bias_BHCQK += tf.where(is_self_BHCQK, LAST_RESORT, 0.0)
        return bias_BHCQK

    gathering = Gathering(
        query_chunks, query_positions, key_chunks, key_chunks_backward
    )
    return attend_gathered(query_BHTD, key_BHTD, value_BHTD, gathering, bias, dropout)


def position_pairs(this_round: Round, config: LSHConfig) -> tuple[tf.Tensor, tf.Tensor]:
    """Positions of the queries of each chunk, and of the keys that it sees.

    Returns:
      [B, H, C, Q, 1] and [B, H, C, 1, K], int32.
    """
    query_position_BHCQ, key_position_BHCK = (
        split_into_chunks(order, config.chunk_length)
        for order in (this_round.query_order, this_round.key_order)
    )
    return (
        query_position_BHCQ[..., tf.newaxis],
        seen(key_position_BHCK, config)[..., tf.newaxis, :],
    )


def seen(chunks: tf.Tensor, config: LSHConfig) -> tf.Tensor:
    """What each chunk sees: [B, H, C, Q, ...] to [B, H, C, K, ...]."""
    return see_neighbours(chunks, config.chunks_before, config.chunks_after)


def tokens_seen(is_token_BT: tf.Tensor, config: LSHConfig) -> tf.Tensor:
    """Which of the sorted keys that each chunk sees are tokens: [B, 1, C, K], bool.

    Padding sorts last, so this depends on the number of tokens alone: no sorting, and
    the same for all heads and rounds.
    """
    num_tokens_B = tf.math.count_nonzero(is_token_BT, axis=-1, dtype=tf.int32)
    rank_T = tf.range(length_of(is_token_BT, 1))
    is_token_B1T = (rank_T < num_tokens_B[:, tf.newaxis])[:, tf.newaxis]
    return seen(split_into_chunks(is_token_B1T, config.chunk_length), config)


def pairwise_met(
    query_chunk_BHCQ: tf.Tensor, key_chunk_BHCK: tf.Tensor, config: LSHConfig
) -> tf.Tensor:
    """Whether query and key met, in a round that put them in these chunks.

    Returns:
      [B, H, C, Q, K], bool.
    """
    distance_BHCQK = (
        key_chunk_BHCK[..., tf.newaxis, :] - query_chunk_BHCQ[..., tf.newaxis]
    )
    return (distance_BHCQK >= -config.chunks_before) & (
        distance_BHCQK <= config.chunks_after
    )
