"""Blocks of neighbouring queries, and the window of keys around each."""

import tensorflow as tf

from albert_lsh_tf.lsh_config import LSHConfig
from albert_lsh_tf.ops.branching import length_of
from albert_lsh_tf.ops.chunking import join_chunks, split_into_chunks, take_range


def see_window(x: tf.Tensor, config: LSHConfig) -> tf.Tensor:
    """What stands in the window of each block.

    Args:
      x: [B, H, T] or [B, H, T, D], any dtype; T a multiple of the block length.
      config: `block_length`, and `window` tokens more on either side.

    Returns:
      [B, H, C, K] or [B, H, C, K, D], K = `config.window_length`. Beyond both ends
      there is nothing: zeros, or False.
    """
    blocks = split_into_chunks(x, config.block_length)
    if not config.window:
        return blocks
    start = config.block_length - config.window
    last_tokens = take_range(blocks, start, config.window, axis=3)
    first_tokens = take_range(blocks, 0, config.window, axis=3)
    return tf.concat(
        [_shift_blocks(last_tokens, 1), blocks, _shift_blocks(first_tokens, -1)], axis=3
    )


def see_window_backward(d_window: tf.Tensor, config: LSHConfig) -> tf.Tensor:
    """The gradient of `see_window`.

    By hand, since that of slices of a padded tensor pads every one of them.

    Args:
      d_window: [B, H, C, K, D], upstream; what stands behind the window is left aside.
      config: as for `see_window`.

    Returns:
      [B, H, T, D].
    """
    window, block = config.window, config.block_length
    if not window:
        return join_chunks(take_range(d_window, 0, block, axis=3))
    to_previous = take_range(d_window, 0, window, axis=3)
    to_next = take_range(d_window, window + block, window, axis=3)
    from_next, from_previous = _shift_blocks(to_previous, -1), _shift_blocks(to_next, 1)
    if 2 * window <= block:
        own = tf.concat(
            [
                take_range(d_window, window, window, axis=3) + from_previous,
                take_range(d_window, 2 * window, block - 2 * window, axis=3),
                take_range(d_window, block, window, axis=3) + from_next,
            ],
            axis=3,
        )
    else:
        own = take_range(d_window, window, block, axis=3)
        own += tf.pad(from_next, _paddings(own, axis=3, before=block - window))
        own += tf.pad(from_previous, _paddings(own, axis=3, after=block - window))
    return join_chunks(own)


def window_edges(
    num_blocks: int | tf.Tensor, config: LSHConfig
) -> tuple[tf.Tensor, tf.Tensor]:
    """First position of each block's window, and the one behind its last: [C], int32.

    They may lie beyond the ends of the sequence. Equal where there is no window.
    """
    first_C = tf.range(num_blocks) * config.block_length
    if config.window is None:
        return first_C, first_C
    end_C = first_C + config.block_length + config.window
    return first_C - config.window, end_C


def _shift_blocks(x_BHCKD: tf.Tensor, by: int) -> tf.Tensor:
    """Moves what belongs to block c to block c + `by`; zeros come in at the end."""
    kept = length_of(x_BHCKD, 2) - 1
    moved = take_range(x_BHCKD, max(-by, 0), kept, axis=2)
    return tf.pad(moved, _paddings(x_BHCKD, 2, before=max(by, 0), after=max(-by, 0)))


def _paddings(x: tf.Tensor, axis: int, before: int = 0, after: int = 0) -> list:
    paddings = [[0, 0] for _ in x.shape]
    paddings[axis] = [before, after]
    return paddings
