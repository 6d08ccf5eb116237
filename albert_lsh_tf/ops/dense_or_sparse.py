"""Which sequences get dense attention, and one graph function for all layers alike."""

import functools
from collections.abc import Callable

import tensorflow as tf

from albert_lsh_tf.lsh_config import ANY_LENGTH, LSHConfig
from albert_lsh_tf.machine import kind_for_attention
from albert_lsh_tf.ops.branching import length_of
from albert_lsh_tf.ops.dense_attention import dense_attention
from albert_lsh_tf.ops.dropout import Dropout
from albert_lsh_tf.ops.hashing import Whitening


def dense_or_sparse(
    attend_sparsely: Callable[..., tf.Tensor],
    query_BHTD: tf.Tensor,
    key_BHTD: tf.Tensor,
    value_BHTD: tf.Tensor,
    is_token_BT: tf.Tensor,
    *,
    config: LSHConfig,
    num_hashes: int,
    seed: tf.Tensor,
    is_global_BT: tf.Tensor | None,
    whitening: Whitening | None,
    dropout: Dropout | None,
) -> tf.Tensor:
    """Dense attention where `config.is_dense` says so, else `attend_sparsely`.

    Args:
      attend_sparsely: takes the other arguments of this function.
      query_BHTD, key_BHTD, value_BHTD, is_token_BT, config, num_hashes, seed,
        is_global_BT, whitening, dropout: those of `lsh_attention`.

    Returns:
      [B, H, T, D] in the dtype of the value.
    """
    tensors = (query_BHTD, key_BHTD, value_BHTD, is_token_BT, seed)
    optional = (is_global_BT, whitening, dropout)
    if tf.executing_eagerly():
        return _dense_or_sparse(
            attend_sparsely, config, num_hashes, *tensors, *optional
        )
    shapes = tuple(tuple(each.shape) for each in tensors[:4])
    traced = _traced_once(attend_sparsely, config, num_hashes, shapes)
    return traced(*tensors, *optional)


@functools.cache
def _traced_once(
    attend_sparsely: Callable[..., tf.Tensor],
    config: LSHConfig,
    num_hashes: int,
    shapes: tuple[tuple[int | None, ...], ...],
) -> Callable[..., tf.Tensor]:
    """One graph function for all layers alike.

    A 12-layer encoder calls it 12 times instead of holding 12 copies of the algorithm,
    which makes building, tracing and saving the model several times faster. Known
    shapes have a function of their own: TensorFlow would serve them with one traced for
    any length.
    """
    del shapes
    return tf.function(
        functools.partial(_dense_or_sparse, attend_sparsely, config, num_hashes),
        autograph=False,
    )


def _dense_or_sparse(
    attend_sparsely: Callable[..., tf.Tensor],
    config: LSHConfig,
    num_hashes: int,
    query_BHTD: tf.Tensor,
    key_BHTD: tf.Tensor,
    value_BHTD: tf.Tensor,
    is_token_BT: tf.Tensor,
    seed: tf.Tensor,
    is_global_BT: tf.Tensor | None,
    whitening: Whitening | None,
    dropout: Dropout | None,
) -> tf.Tensor:
    def densely(*tensors: tf.Tensor, is_global_BT: tf.Tensor | None) -> tf.Tensor:
        del is_global_BT  # Every token attends to every token.
        return dense_attention(
            *tensors, self_is_last_resort=config.share_query_key, dropout=dropout
        )

    def sparsely(*tensors: tf.Tensor, is_global_BT: tf.Tensor | None) -> tf.Tensor:
        return attend_sparsely(
            *tensors,
            config=config,
            num_hashes=num_hashes,
            seed=seed,
            is_global_BT=is_global_BT,
            whitening=whitening,
            dropout=dropout,
        )

    length = length_of(query_BHTD, 2)
    device = kind_for_attention()
    tensors = (query_BHTD, key_BHTD, value_BHTD, is_token_BT)
    if isinstance(length, int):
        attend = densely if config.is_dense(length, device) else sparsely
        return attend(*tensors, is_global_BT=is_global_BT)
    longest = config.longest_dense(device)
    if longest in (0, ANY_LENGTH):
        attend = densely if longest else sparsely
        return attend(*tensors, is_global_BT=is_global_BT)
    # One of the two gets the whole batch, and the other none of it. The gradient of a
    # `tf.cond` aborts in XLA and cannot be saved (TensorFlow 2.20).
    num_dense = tf.where(length <= longest, length_of(query_BHTD, 0), 0)
    parts = [
        attend(
            *(x[rows] for x in tensors),
            is_global_BT=None if is_global_BT is None else is_global_BT[rows],
        )
        for attend, rows in (
            (densely, slice(None, num_dense)),
            (sparsely, slice(num_dense, None)),
        )
    ]
    return tf.ensure_shape(tf.concat(parts, axis=0), value_BHTD.shape)
