"""Attention among the tokens that hash alike: the algorithm, top to bottom.

    hash     each query and key to a bucket, R times          `hashing`
    sort     by bucket, padding last                          `sorting`
    cut      into equal chunks that see their neighbours      `chunking`
    attend   within each chunk, each pair once                below
    merge    the rounds by their logsumexp                    below

Source: Kitaev et al. 2020, Reformer (arXiv:2001.04451), section 2. What readers argue
about, and what is done here:

- Queries and keys. Reformer makes the key the query at unit length. A pre-trained
  encoder has two projections, so by default both are hashed with the same rotations
  and sorted apart: chunk c of the queries sees chunks of the keys of about the same
  rank. `share_query_key` is Reformer's scheme.
- Scale. Queries come scaled by 1 / sqrt(D). In Reformer's scheme keys have length 1 and
  queries are not scaled: the paper leaves the scale out, and in the authors' code it
  cancels (their keys have length sqrt(D)).
- Edges. The first chunk has nothing before it and the last nothing after it, as in the
  paper's formula; the authors' code wraps around.
- Padding sorts behind every bucket, so it fills no place among tokens, and is never
  attended to. What stands in it cannot change a token's result.
- Pairs found in several rounds count once, in the first round that has them. The paper
  subtracts the logarithm of their number, which comes to the same sum. So the result is
  softmax attention over the union of the keys that a query meets in any round.
- Self. In Reformer's scheme a token attends to itself only if it meets nothing else.
- Nothing to attend to: the result is 0, with finite gradients.
- Short sequences. Where chunks see everything the result is that of dense attention,
  and where the length is known, dense attention computes it at a fraction of the cost.
  In a graph for any length chunks do: the gradient of a `tf.cond` on the length aborts
  in XLA (TensorFlow 2.20).
"""

import dataclasses
import functools
from collections.abc import Callable

import tensorflow as tf

from albert_lsh_tf.config import LSHConfig
from albert_lsh_tf.ops import hashing
from albert_lsh_tf.ops.branching import length_of
from albert_lsh_tf.ops.chunking import (
    join_chunks,
    num_chunks_for,
    pad_to_chunks,
    see_neighbours,
    split_into_chunks,
    take_range,
)
from albert_lsh_tf.ops.dense_attention import (
    LAST_RESORT,
    combine_values,
    dense_attention,
)
from albert_lsh_tf.ops.dropout import Dropout
from albert_lsh_tf.ops.masking import masked_softmax
from albert_lsh_tf.ops.sorting import permute, sort_by_bucket


def lsh_attention(
    query_BHTD: tf.Tensor,
    key_BHTD: tf.Tensor,
    value_BHTD: tf.Tensor,
    is_token_BT: tf.Tensor,
    *,
    config: LSHConfig,
    num_hashes: int,
    seed: tf.Tensor,
    dropout: Dropout | None = None,
) -> tf.Tensor:
    """Each query attends to the keys that share a chunk with it in any round.

    Args:
      query_BHTD: [B, H, T, D], float; H and D must be known.
      key_BHTD: [B, H, T, D], in the dtype of the query.
      value_BHTD: [B, H, T, D], in the dtype of the query.
      is_token_BT: [B, T], bool; False is padding.
      config: chunks, buckets and the hash.
      num_hashes: rounds (R); the first ones are the same whatever their number.
      seed: [2], int32; the same seed gives the same result.
      dropout: applied to the attention weights.

    Returns:
      [B, H, T, D] in the dtype of the value.
    """
    tensors = (query_BHTD, key_BHTD, value_BHTD, is_token_BT, seed, dropout)
    if tf.executing_eagerly():
        return _lsh_attention(*tensors, config=config, num_hashes=num_hashes)
    shapes = tuple(tuple(each.shape) for each in tensors[:4])
    return _traced_once(config, num_hashes, shapes)(*tensors)


@functools.cache
def _traced_once(
    config: LSHConfig, num_hashes: int, shapes: tuple[tuple[int | None, ...], ...]
) -> Callable[..., tf.Tensor]:
    """One graph function for all layers alike.

    A 12-layer encoder calls it 12 times instead of holding 12 copies of the algorithm,
    which makes building, tracing and saving the model several times faster. Known
    shapes have a function of their own: TensorFlow would serve them with one traced for
    any length.
    """
    del shapes
    return tf.function(
        functools.partial(_lsh_attention, config=config, num_hashes=num_hashes)
    )


def _lsh_attention(
    query_BHTD: tf.Tensor,
    key_BHTD: tf.Tensor,
    value_BHTD: tf.Tensor,
    is_token_BT: tf.Tensor,
    seed: tf.Tensor,
    dropout: Dropout | None,
    *,
    config: LSHConfig,
    num_hashes: int,
) -> tf.Tensor:
    num_chunks = num_chunks_for(length_of(query_BHTD, 2), config.chunk_length)
    if isinstance(num_chunks, int) and config.covers(num_chunks):
        return dense_attention(
            query_BHTD,
            key_BHTD,
            value_BHTD,
            is_token_BT,
            self_is_last_resort=config.share_query_key,
            dropout=dropout,
        )
    return attend_in_chunks(
        query_BHTD,
        key_BHTD,
        value_BHTD,
        is_token_BT,
        config=config,
        num_hashes=num_hashes,
        seed=seed,
        dropout=dropout,
    )


def attend_in_chunks(
    query_BHTD: tf.Tensor,
    key_BHTD: tf.Tensor,
    value_BHTD: tf.Tensor,
    is_token_BT: tf.Tensor,
    *,
    config: LSHConfig,
    num_hashes: int,
    seed: tf.Tensor,
    dropout: Dropout | None = None,
) -> tf.Tensor:
    """`lsh_attention` without the short cut for sequences that chunks cover."""
    length, chunk_length = length_of(query_BHTD, 2), config.chunk_length
    query_BHTD = pad_to_chunks(query_BHTD, chunk_length, axis=2)
    key_BHTD = pad_to_chunks(key_BHTD, chunk_length, axis=2)
    value_BHTD = pad_to_chunks(value_BHTD, chunk_length, axis=2)
    is_token_BT = pad_to_chunks(is_token_BT, chunk_length, axis=1)

    rounds = sort_rounds(
        query_BHTD,
        key_BHTD,
        is_token_BT,
        config=config,
        num_hashes=num_hashes,
        seed=seed,
    )
    outputs, logsumexps = [], []
    for number, this_round in enumerate(rounds):
        output_BHTD, logsumexp_BHT = attend_round(
            query_BHTD,
            key_BHTD,
            value_BHTD,
            is_token_BT,
            this_round,
            earlier_rounds=rounds[:number],
            config=config,
            dropout=dropout and dropout.fold_in(number),
        )
        outputs.append(output_BHTD)
        logsumexps.append(logsumexp_BHT)
    return take_range(merge_rounds(outputs, logsumexps), 0, length, axis=2)


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
) -> list[Round]:
    """Hashes and sorts queries and keys, once for each round."""
    num_chunks = num_chunks_for(length_of(query_BHTD, 2), config.chunk_length)
    num_buckets = config.num_buckets or 2 * num_chunks
    hashed = {
        "angular": hashing.bucket_ids,
        "random": hashing.random_bucket_ids,
    }[config.hash]

    def sort(x_BHTD: tf.Tensor) -> list[tuple[tf.Tensor, tf.Tensor]]:
        bucket_ids_RBHT = hashed(x_BHTD, num_hashes, num_buckets, seed)
        return [
            sort_by_bucket(bucket_ids_RBHT[number], is_token_BT)
            for number in range(num_hashes)
        ]

    queries = sort(query_BHTD)
    # A query and its unit vector share their bucket.
    keys = queries if config.share_query_key else sort(key_BHTD)
    return [Round(*query, *key) for query, key in zip(queries, keys, strict=True)]


def attend_round(
    query_BHTD: tf.Tensor,
    key_BHTD: tf.Tensor,
    value_BHTD: tf.Tensor,
    is_token_BT: tf.Tensor,
    this_round: Round,
    *,
    earlier_rounds: list[Round],
    config: LSHConfig,
    dropout: Dropout | None,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Attends within the chunks of one round, to pairs that no earlier round had.

    Returns:
      output_BHTD: [B, H, T, D] in the dtype of the value, at the original positions.
      logsumexp_BHT: [B, H, T], float32: of the logits behind `output_BHTD`.
    """

    def query_chunks(x: tf.Tensor) -> tf.Tensor:
        ordered = permute(x, this_round.query_order, this_round.query_rank)
        return split_into_chunks(ordered, config.chunk_length)

    def key_chunks(x: tf.Tensor) -> tf.Tensor:
        ordered = permute(x, this_round.key_order, this_round.key_rank)
        chunks = split_into_chunks(ordered, config.chunk_length)
        return see_neighbours(chunks, config.chunks_before, config.chunks_after)

    query_BHCQD = query_chunks(query_BHTD)
    key_BHCKD = key_chunks(key_BHTD)
    logits_BHCQK = tf.matmul(query_BHCQD, key_BHCKD, transpose_b=True)
    logits_BHCQK = tf.cast(logits_BHCQK, tf.float32)
    if config.share_query_key:
        query_position_BHCQ = split_into_chunks(
            this_round.query_order, config.chunk_length
        )
        key_position_BHCK = see_neighbours(
            split_into_chunks(this_round.key_order, config.chunk_length),
            config.chunks_before,
            config.chunks_after,
        )
        is_self_BHCQK = pairwise(tf.equal, query_position_BHCQ, key_position_BHCK)
        logits_BHCQK = tf.where(is_self_BHCQK, LAST_RESORT, logits_BHCQK)

    may_attend_BHCQK = tokens_seen(is_token_BT, config)[..., tf.newaxis, :]
    for earlier in earlier_rounds:
        is_new_BHCQK = pairwise(
            lambda query_chunk, key_chunk: (
                (key_chunk < query_chunk - config.chunks_before)
                | (key_chunk > query_chunk + config.chunks_after)
            ),
            query_chunks(earlier.query_rank // config.chunk_length),
            key_chunks(earlier.key_rank // config.chunk_length),
        )
        may_attend_BHCQK &= is_new_BHCQK

    weights_BHCQK, logsumexp_BHCQ = masked_softmax(logits_BHCQK, may_attend_BHCQK)
    output_BHCQD = combine_values(weights_BHCQK, key_chunks(value_BHTD), dropout)

    def undo_sort(x: tf.Tensor) -> tf.Tensor:
        return permute(join_chunks(x), this_round.query_rank, this_round.query_order)

    return undo_sort(output_BHCQD), undo_sort(logsumexp_BHCQ)


def tokens_seen(is_token_BT: tf.Tensor, config: LSHConfig) -> tf.Tensor:
    """Which of the sorted keys that each chunk sees are tokens: [B, 1, C, K], bool.

    Padding sorts last, so this depends on the number of tokens alone: no sorting, and
    the same for all heads and rounds.
    """
    num_tokens_B = tf.math.count_nonzero(is_token_BT, axis=-1, dtype=tf.int32)
    rank_T = tf.range(length_of(is_token_BT, 1))
    is_token_B1T = (rank_T < num_tokens_B[:, tf.newaxis])[:, tf.newaxis]
    chunks = split_into_chunks(is_token_B1T, config.chunk_length)
    return see_neighbours(chunks, config.chunks_before, config.chunks_after)


def pairwise(
    relation: Callable[[tf.Tensor, tf.Tensor], tf.Tensor],
    query_BHCQ: tf.Tensor,
    key_BHCK: tf.Tensor,
) -> tf.Tensor:
    """`relation` between every query and every key of a chunk: [B, H, C, Q, K]."""
    return relation(query_BHCQ[..., tf.newaxis], key_BHCK[..., tf.newaxis, :])


def merge_rounds(
    outputs_BHTD: list[tf.Tensor], logsumexps_BHT: list[tf.Tensor]
) -> tf.Tensor:
    """Weighs each round by its share of the softmax's sum over all rounds.

    Args:
      outputs_BHTD: R times [B, H, T, D], float.
      logsumexps_BHT: R times [B, H, T], float32.

    Returns:
      [B, H, T, D] in the dtype of the outputs: what one softmax over the keys of all
      rounds would have given.
    """
    if len(outputs_BHTD) == 1:
        return outputs_BHTD[0]
    share_RBHT = tf.nn.softmax(tf.stack(logsumexps_BHT), axis=0)
    merged = tf.add_n(
        [
            share_BHT[..., tf.newaxis] * tf.cast(output_BHTD, tf.float32)
            for share_BHT, output_BHTD in zip(
                tf.unstack(share_RBHT), outputs_BHTD, strict=True
            )
        ]
    )
    return tf.cast(merged, outputs_BHTD[0].dtype)


def unit_keys(query_BHTD: tf.Tensor) -> tf.Tensor:
    """Reformer's keys: the queries at length 1, in their dtype."""
    unit = tf.math.l2_normalize(tf.cast(query_BHTD, tf.float32), axis=-1)
    return tf.cast(unit, query_BHTD.dtype)
