"""Sorting tokens by bucket, and putting them in that order."""

import tensorflow as tf


def sort_by_bucket(
    bucket_ids_BHT: tf.Tensor, is_token_BT: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Orders tokens by bucket, those of one bucket by position, padding last.

    Padding behind everything else leaves the ranks of tokens as they would be without
    it, so its content can never move a token to another chunk.

    Args:
      bucket_ids_BHT: [B, H, T], int32.
      is_token_BT: [B, T], bool; False is padding.

    Returns:
      order_BHT: [B, H, T], int32: the position of the token at each rank.
      rank_BHT: [B, H, T], int32: the rank of the token at each position; the inverse.
    """
    after_all_buckets = tf.int32.max
    sort_key_BHT = tf.where(
        is_token_BT[:, tf.newaxis], bucket_ids_BHT, after_all_buckets
    )
    order_BHT = tf.argsort(sort_key_BHT, axis=-1, stable=True)
    return order_BHT, tf.argsort(order_BHT, axis=-1, stable=True)


def permute(x_BHTD: tf.Tensor, order_BHT: tf.Tensor) -> tf.Tensor:
    """Puts tokens in another order.

    Args:
      x_BHTD: [B, H, T, D] or [B, H, T], any dtype.
      order_BHT: [B, H, T], int32; a permutation of the positions in each head.

    Returns:
      The shape of `x_BHTD`: token `order[t]` at place `t`. The inverse permutation
      undoes it, and gives the gradient: that of the gather would be a scatter, which is
      slower.
    """
    return tf.gather(x_BHTD, order_BHT, axis=2, batch_dims=2)
