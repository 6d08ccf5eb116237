"""Cutting a sorted sequence into equal chunks that see their neighbours."""

import tensorflow as tf

from albert_lsh_tf.ops.branching import length_of


def num_chunks_for(length: int | tf.Tensor, chunk_length: int) -> int | tf.Tensor:
    """Chunks that `length` tokens fill; the last one may be part empty."""
    return -(-length // chunk_length)


def pad_to_chunks(x: tf.Tensor, chunk_length: int, axis: int) -> tf.Tensor:
    """Pads the token axis with zeros (False) to a multiple of `chunk_length`.

    Args:
      x: any shape and dtype.
      chunk_length: tokens in a chunk (Q).
      axis: the token axis of `x`, not negative.

    Returns:
      `x` with T rounded up along `axis`.
    """
    missing = -length_of(x, axis) % chunk_length
    if isinstance(missing, int) and missing == 0:
        return x
    paddings = [[0, 0] for _ in x.shape]
    paddings[axis] = [0, missing]
    return tf.pad(x, paddings)


def split_into_chunks(x: tf.Tensor, chunk_length: int) -> tf.Tensor:
    """Cuts the token axis into equal chunks.

    Args:
      x: [B, H, T, ...], any dtype; T must be a multiple of `chunk_length`.
      chunk_length: tokens in one chunk (Q), at least 1.

    Returns:
      [B, H, C, Q, ...] in the dtype of `x`, with C = T / Q.

    Raises:
      ValueError: T is known and is not a multiple of `chunk_length`.

    Source: Kitaev et al. 2020 (arXiv:2001.04451), section 2, "LSH attention".
    """
    length = x.shape[2]
    if length is not None and length % chunk_length:
        padded_length = length + -length % chunk_length
        raise ValueError(
            f"The sequence has {length} tokens, but must be a multiple of "
            f"{chunk_length=}. Pad it to {padded_length} tokens with pad_to_chunks."
        )
    return _reshape_tokens(x, [length_of(x, 2) // chunk_length, chunk_length], used=3)


def join_chunks(x: tf.Tensor) -> tf.Tensor:
    """Undoes `split_into_chunks`: [B, H, C, Q, ...] to [B, H, T, ...]."""
    return _reshape_tokens(x, [length_of(x, 2) * length_of(x, 3)], used=4)


def see_neighbours(x: tf.Tensor, before: int, after: int) -> tf.Tensor:
    """Gives each chunk the content of the chunks around it.

    Args:
      x: [B, H, C, Q, ...], any dtype.
      before: chunks seen before a chunk's own.
      after: chunks seen after it.

    Returns:
      [B, H, C, K, ...] with K = (before + 1 + after) * Q. Beyond both ends there is
      nothing: zeros, or False. The sequence does not wrap around, since its two ends
      share nothing (trax wraps; the paper's formula does not).
    """
    if before == 0 and after == 0:
        return x
    num_chunks = length_of(x, 2)
    paddings = [[0, 0] for _ in x.shape]
    paddings[2] = [before, after]
    padded = tf.pad(x, paddings)
    seen = [
        take_range(padded, offset, num_chunks, axis=2)
        for offset in range(before + 1 + after)
    ]
    return tf.concat(seen, axis=3)


def see_neighbours_backward(d_seen: tf.Tensor, before: int, after: int) -> tf.Tensor:
    """The gradient of `see_neighbours`: each chunk's, summed over those that see it.

    Args:
      d_seen: [B, H, C, K, ...], upstream, with K = (before + 1 + after) * Q.
      before, after: as there.

    Returns:
      [B, H, C, Q, ...].
    """
    if before == 0 and after == 0:
        return d_seen
    paddings = [[0, 0] for _ in d_seen.shape]
    d_padded = 0
    for offset, part in enumerate(tf.split(d_seen, before + 1 + after, axis=3)):
        paddings[2] = [offset, before + after - offset]
        d_padded += tf.pad(part, paddings)
    return take_range(d_padded, before, length_of(d_seen, 2), axis=2)


def take_range(x: tf.Tensor, start: int, size: int | tf.Tensor, axis: int) -> tf.Tensor:
    """`size` entries of one axis from `start` on.

    `tf.slice`, and not `x[..., start:stop]`: on CPUs the gradient of the latter took
    half the time of a training step.
    """
    begin, sizes = [0] * x.shape.rank, [-1] * x.shape.rank
    begin[axis], sizes[axis] = start, size
    taken = tf.slice(x, begin, sizes)
    # A size that is a tensor makes TensorFlow forget the other axes.
    known = x.shape.as_list()
    known[axis] = size if isinstance(size, int) else None
    return tf.ensure_shape(taken, known)


def _reshape_tokens(
    x: tf.Tensor, token_axes: list[int | tf.Tensor], used: int
) -> tf.Tensor:
    """Replaces the axes from the third up to `used` by `token_axes`."""
    leading = [length_of(x, 0), length_of(x, 1)]
    trailing = [length_of(x, axis) for axis in range(used, x.shape.rank)]
    return tf.reshape(x, [*leading, *token_axes, *trailing])
