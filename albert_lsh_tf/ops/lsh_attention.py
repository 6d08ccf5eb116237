"""Attention to the few keys that matter: the algorithm, top to bottom.

    list     keys for each block of neighbouring queries      `key_lists`
    hash     each query and key to a bucket, R times          `hashing`
    sort     by bucket, padding last                          `sorting`
    cut      into equal chunks that see their neighbours      `chunking`
    attend   to each list and in each chunk, each pair once   `key_lists`, `hash_rounds`
    merge    lists and rounds by their logsumexp              `softmax_attention`

Source: Kitaev et al. 2020, Reformer (arXiv:2001.04451), section 2, for hash, sort, cut
and merge. What readers argue about, and what is done here:

- Queries and keys. Reformer makes the key the query at unit length. A pre-trained
  encoder has two projections, so by default both are hashed with the same rotations
  and sorted apart: chunk c of the queries sees chunks of the keys of about the same
  rank. `share_query_key` is Reformer's scheme. Put into a pre-trained ALBERT without
  training it leaves a mean cosine of 0.13 to the states of dense attention.
- Centring. Softmax does not change when one vector is subtracted from all keys, and the
  bias of pre-trained keys is so large that without `centre` they nearly all point one
  way and hash little better than chance. `whiten` gives queries and keys one
  covariance.
- Lists. Not in Reformer, and off unless asked for. What pre-trained queries want is
  mostly near them or wanted by their neighbours too; hashing finds what is left. At 128
  of 512 keys, without training, lists alone are nearer to dense attention than lists of
  96 keys and a round of 32 (docs/attention.md), so `LSHConfig.for_length` hashes only
  above 4096 tokens, where a block chooses among a part of the keys.
- Scale. Queries come scaled by 1 / sqrt(D). In Reformer's scheme keys have length 1 and
  queries are not scaled: the paper leaves the scale out, and in the authors' code it
  cancels (their keys have length sqrt(D)).
- Edges. The first chunk has nothing before it and the last nothing after it, as in the
  paper's formula; the authors' code wraps around.
- Padding sorts behind every bucket, so it fills no place among tokens, and is never
  attended to. What stands in it cannot change a token's result, nor can how much of it
  there is, where buckets do not depend on the length (`LSHConfig.ignores_padding`).
- Pairs found in several places count once: in the list, or else in the first round that
  has them. The paper subtracts the logarithm of their number, which comes to the same
  sum. So, landmarks aside, the result is softmax attention over the union of the keys
  that a query meets.
- Landmarks stand for what the list of a block leaves out, and so also for keys that a
  query of the block meets in a round: those count in both.
- Self. In Reformer's scheme a token attends to itself only if it meets nothing else.
- Nothing to attend to: the result is 0, with finite gradients.
- Short sequences. Where chunks see everything, or `dense_below` says so, dense
  attention computes the result (`dense_or_sparse`). In a graph for any length it does
  so for `dense_below` alone: chunks that see everything give the same.
"""

import tensorflow as tf

from albert_lsh_tf.lsh_config import LSHConfig
from albert_lsh_tf.ops import hashing
from albert_lsh_tf.ops.branching import length_of
from albert_lsh_tf.ops.chunking import pad_to_chunks, take_range
from albert_lsh_tf.ops.dense_or_sparse import dense_or_sparse
from albert_lsh_tf.ops.dropout import Dropout
from albert_lsh_tf.ops.hash_rounds import attend_round, sort_rounds
from albert_lsh_tf.ops.key_lists import attend_to_lists, list_keys
from albert_lsh_tf.ops.softmax_attention import merge


def lsh_attention(
    query_BHTD: tf.Tensor,
    key_BHTD: tf.Tensor,
    value_BHTD: tf.Tensor,
    is_token_BT: tf.Tensor,
    *,
    config: LSHConfig,
    num_hashes: int,
    seed: tf.Tensor,
    is_global_BT: tf.Tensor | None = None,
    whitening: hashing.Whitening | None = None,
    dropout: Dropout | None = None,
) -> tf.Tensor:
    """Each query attends to the list of its block, and to what it meets in any round.

    Args:
      query_BHTD: [B, H, T, D], float; H and D must be known.
      key_BHTD: [B, H, T, D], in the dtype of the query.
      value_BHTD: [B, H, T, D], in the dtype of the query.
      is_token_BT: [B, T], bool; False is padding.
      config: lists, chunks, buckets and the hash.
      num_hashes: rounds (R); the first ones are the same whatever their number.
      seed: [2], int32; the same seed gives the same result.
      is_global_BT: [B, T], bool: keys that all blocks list besides the first
        `config.global_tokens`, in place of heavy keys; of more than
        `config.num_listed_keys` the first ones.
      whitening: of queries and keys before they are hashed.
      dropout: applied to the attention weights.

    Returns:
      [B, H, T, D] in the dtype of the value.

    Raises:
      ValueError: `is_global_BT` where blocks list no keys.
    """
    return dense_or_sparse(
        attend_sparsely,
        query_BHTD,
        key_BHTD,
        value_BHTD,
        is_token_BT,
        config=config,
        num_hashes=num_hashes,
        seed=seed,
        is_global_BT=is_global_BT,
        whitening=whitening,
        dropout=dropout,
    )


def attend_sparsely(
    query_BHTD: tf.Tensor,
    key_BHTD: tf.Tensor,
    value_BHTD: tf.Tensor,
    is_token_BT: tf.Tensor,
    *,
    config: LSHConfig,
    num_hashes: int,
    seed: tf.Tensor,
    is_global_BT: tf.Tensor | None = None,
    whitening: hashing.Whitening | None = None,
    dropout: Dropout | None = None,
) -> tf.Tensor:
    """`lsh_attention` without the short cut for sequences that get dense attention."""
    if is_global_BT is not None and not config.num_listed_keys:
        raise ValueError(
            "global_mask marks keys for all blocks to list, but "
            f"{config.heavy_keys=} and {config.global_tokens=} leave no places for "
            "them; set heavy_keys to as many as are marked, or leave global_mask out."
        )
    length, multiple = length_of(query_BHTD, 2), config.padding_multiple
    query_BHTD = pad_to_chunks(query_BHTD, multiple, axis=2)
    key_BHTD = pad_to_chunks(key_BHTD, multiple, axis=2)
    value_BHTD = pad_to_chunks(value_BHTD, multiple, axis=2)
    is_token_BT = pad_to_chunks(is_token_BT, multiple, axis=1)
    parts, lists = [], None

    if config.has_key_lists:
        is_first_T = tf.range(length_of(is_token_BT, 1)) < config.global_tokens
        if is_global_BT is None:
            is_global_BT = is_first_T & is_token_BT
        else:
            is_global_BT = is_first_T | pad_to_chunks(is_global_BT, multiple, axis=1)
        lists = list_keys(
            query_BHTD,
            hashing.centre(key_BHTD, is_token_BT),
            is_token_BT,
            is_global_BT,
            config,
        )
        parts.append(
            attend_to_lists(query_BHTD, key_BHTD, value_BHTD, lists, config, dropout)
        )
    rounds = sort_rounds(
        query_BHTD,
        key_BHTD,
        is_token_BT,
        config=config,
        num_hashes=num_hashes,
        seed=seed,
        whitening=whitening,
    )
    for number, this_round in enumerate(rounds):
        parts.append(
            attend_round(
                query_BHTD,
                key_BHTD,
                value_BHTD,
                is_token_BT,
                this_round,
                earlier_rounds=rounds[:number],
                lists=lists,
                config=config,
                dropout=dropout and dropout.fold_in(number),
            )
        )
    return take_range(merge(parts), 0, length, axis=2)


def unit_keys(query_BHTD: tf.Tensor) -> tf.Tensor:
    """Reformer's keys: the queries at length 1, in their dtype."""
    unit = tf.math.l2_normalize(tf.cast(query_BHTD, tf.float32), axis=-1)
    return tf.cast(unit, query_BHTD.dtype)
