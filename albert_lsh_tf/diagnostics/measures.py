"""What LSH attention misses in one layer of one sequence."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from albert_lsh_tf.diagnostics.encoders import Heads
from albert_lsh_tf.lsh_config import LSHConfig
from albert_lsh_tf.machine import kind_for_attention
from albert_lsh_tf.ops import hashing
from albert_lsh_tf.ops.chunking import num_chunks_for, pad_to_chunks
from albert_lsh_tf.ops.dense_attention import dense_attention
from albert_lsh_tf.ops.lsh_attention import lsh_attention, unit_keys

# Attention gathers the values of its keys for every block: these columns of the
# identity at a time keep that small.
_KEYS_AT_ONCE = 512


class DenseLayer(NamedTuple):
    """Dense attention of one layer to one sequence. Q is the queries that are tokens.

    heads: of all T positions, B = 1.
    is_token_BT: [1, T], bool.
    weights_HQT: attention weights, 0 at padding.
    top_HQK: [H, Q, K], int32: the keys of the largest weights, all of them tokens.
    output_HQD: what attention gives.
    """

    heads: Heads
    is_token_BT: tf.Tensor
    weights_HQT: tf.Tensor
    top_HQK: tf.Tensor
    output_HQD: tf.Tensor


class LayerSums(NamedTuple):
    """Sums over the queries of one sequence: [H] each."""

    mass: np.ndarray
    recall: np.ndarray
    squared_difference: np.ndarray
    squared_dense: np.ndarray


def attend_densely(heads: Heads, is_token_BT: tf.Tensor, top_k: int) -> DenseLayer:
    """What dense attention does, for several settings to be compared with.

    Args:
      heads: [1, H, T, D] each.
      is_token_BT: [1, T], bool; at least one token.
      top_k: keys to rank for each query, or all tokens where there are fewer.
    """
    scaled_BHTD = _scaled(heads.query_BHTD)

    def attend(value_BHTD: tf.Tensor) -> tf.Tensor:
        return dense_attention(scaled_BHTD, heads.key_BHTD, value_BHTD, is_token_BT)

    weights_HQT = _of_tokens(_weights(attend, heads), is_token_BT)
    num_tokens = int(tf.math.count_nonzero(is_token_BT))
    top_HQK = tf.math.top_k(weights_HQT, min(top_k, num_tokens)).indices
    output_HQD = _of_tokens(attend(heads.value_BHTD), is_token_BT)
    return DenseLayer(heads, is_token_BT, weights_HQT, top_HQK, output_HQD)


def compare(dense: DenseLayer, config: LSHConfig, depth: int) -> LayerSums:
    """What LSH attention misses of dense attention's."""
    is_met_HQT = _of_tokens(
        keys_met(dense.heads, dense.is_token_BT, config, depth), dense.is_token_BT
    )
    mass_HQ = tf.reduce_sum(tf.where(is_met_HQT, dense.weights_HQT, 0.0), axis=-1)
    found_HQK = tf.gather(is_met_HQT, dense.top_HQK, batch_dims=2)
    recall_HQ = tf.reduce_mean(tf.cast(found_HQK, tf.float32), axis=-1)
    output_HQD = _of_tokens(
        attend_sparsely(
            dense.heads, dense.heads.value_BHTD, dense.is_token_BT, config, depth
        ),
        dense.is_token_BT,
    )
    return LayerSums(
        mass=_sum_over_queries(mass_HQ[..., tf.newaxis]),
        recall=_sum_over_queries(recall_HQ[..., tf.newaxis]),
        squared_difference=_sum_over_queries((output_HQD - dense.output_HQD) ** 2),
        squared_dense=_sum_over_queries(dense.output_HQD**2),
    )


def keys_met(
    heads: Heads, is_token_BT: tf.Tensor, config: LSHConfig, depth: int
) -> tf.Tensor:
    """Which keys a query really meets, landmarks aside: [B, H, T, T], bool.

    They are the keys to which attention gives any weight, so a key that is met counts
    only if its weight is no less than float32 can tell from 0.
    """
    batch_size, num_heads, length, _ = heads.query_BHTD.shape
    num_hashes = config.evaluation_hashes
    if not (config.window_length or config.num_listed_keys or num_hashes):
        # Landmarks alone: no key is met as itself.
        if not is_dense(config, length):
            return tf.zeros([batch_size, num_heads, length, length], tf.bool)
        config = config.replace(window=0)  # Without landmarks, it would be none.
    if not is_dense(config, length):
        # Buckets depend on the padded length, which without landmarks may be another.
        multiple = config.padding_multiple
        heads = Heads(*(pad_to_chunks(x, multiple, axis=2) for x in heads))
        is_token_BT = pad_to_chunks(is_token_BT, multiple, axis=1)
        config = config.replace(dense_below=0)
    config = config.replace(
        landmarks=0, num_hashes=num_hashes, num_hashes_at_evaluation=None
    )

    def attend(value_BHTD: tf.Tensor) -> tf.Tensor:
        return attend_sparsely(heads, value_BHTD, is_token_BT, config, depth)

    return _weights(attend, heads)[:, :, :length, :length] > 0


def attend_sparsely(
    heads: Heads,
    value_BHTD: tf.Tensor,
    is_token_BT: tf.Tensor,
    config: LSHConfig,
    depth: int,
) -> tf.Tensor:
    """LSH attention as `LSHAttention` of this depth computes it, to any values.

    Args:
      heads: [B, H, T, D] each; its values are not used.
      value_BHTD: [B, H, T, X], float32.
      is_token_BT: [B, T], bool.
      config: the setting.
      depth: of the layer.

    Returns:
      [B, H, T, X], float32.
    """
    if config.share_query_key:
        query_BHTD, key_BHTD = heads.query_BHTD, unit_keys(heads.query_BHTD)
    else:
        query_BHTD, key_BHTD = _scaled(heads.query_BHTD), heads.key_BHTD
    return lsh_attention(
        query_BHTD,
        key_BHTD,
        value_BHTD,
        is_token_BT,
        config=config,
        num_hashes=config.evaluation_hashes,
        seed=_seed(config, depth),
    )


def bucket_loads(
    heads: Heads, is_token_BT: tf.Tensor, config: LSHConfig, depth: int
) -> np.ndarray | None:
    """How full the buckets of one sequence are, in chunks, as a mean over rounds.

    Returns:
      [2, 2, H]: queries, then keys; the fullest bucket, then the median of those that
      hold a token. None without hash rounds.
    """
    length = heads.query_BHTD.shape[2]
    num_hashes = config.evaluation_hashes
    if num_hashes == 0 or is_dense(config, length):
        return None
    padded_length = length + -length % config.padding_multiple
    num_chunks = num_chunks_for(padded_length, config.chunk_length)
    num_buckets = config.num_buckets or 2 * num_chunks
    hashed = {
        "angular": hashing.bucket_ids,
        "random": hashing.random_bucket_ids,
    }[config.hash]

    def loads(x_BHTD: tf.Tensor) -> np.ndarray:
        if config.centre and not config.share_query_key:
            x_BHTD = hashing.centre(x_BHTD, is_token_BT)
        ids_RBHT = hashed(x_BHTD, num_hashes, num_buckets, _seed(config, depth))
        ids_RHQ = ids_RBHT.numpy()[:, 0][..., is_token_BT[0].numpy()]
        loads_RH2 = np.array([[_fill(ids_Q) for ids_Q in round_] for round_ in ids_RHQ])
        return loads_RH2.mean(axis=0).T / config.chunk_length

    queries = loads(heads.query_BHTD)
    # In Reformer's scheme a key is the query at unit length, in the same bucket.
    keys = queries if config.share_query_key else loads(heads.key_BHTD)
    return np.stack([queries, keys])


def is_dense(config: LSHConfig, length: int) -> bool:
    """Whether the setting means dense attention here, for sequences of this length."""
    return config.is_dense(length, kind_for_attention())


def _fill(ids_Q: np.ndarray) -> tuple[float, float]:
    sizes = np.bincount(ids_Q)
    return sizes.max(), np.median(sizes[sizes > 0])


def _weights(attend: Callable[[tf.Tensor], tf.Tensor], heads: Heads) -> tf.Tensor:
    """Attention weights: what attention gives if the values are the identity."""
    batch_size, num_heads, length, _ = heads.query_BHTD.shape
    identity_TT = tf.eye(length)
    parts = []
    for first in range(0, length, _KEYS_AT_ONCE):
        columns_TX = identity_TT[:, first : first + _KEYS_AT_ONCE]
        shape = [batch_size, num_heads, *columns_TX.shape]
        parts.append(attend(tf.broadcast_to(columns_TX, shape)))
    return tf.concat(parts, axis=-1)


def _of_tokens(x_BHTX: tf.Tensor, is_token_BT: tf.Tensor) -> tf.Tensor:
    """[1, H, T, X] to [H, Q, X]: what stands at tokens."""
    return tf.boolean_mask(x_BHTX[0], is_token_BT[0], axis=1)


def _sum_over_queries(x_HQX: tf.Tensor) -> np.ndarray:
    return x_HQX.numpy().astype(np.float64).sum(axis=(1, 2))


def _scaled(query_BHTD: tf.Tensor) -> tf.Tensor:
    return query_BHTD * query_BHTD.shape[-1] ** -0.5


def _seed(config: LSHConfig, depth: int) -> tf.Tensor:
    return tf.constant([config.seed, depth], tf.int32)
