"""Blocks of neighbouring queries, and the window of keys around each."""

import tensorflow as tf

from albert_lsh_tf.lsh_config import LSHConfig
from albert_lsh_tf.ops.branching import length_of
from albert_lsh_tf.ops.chunking import split_into_chunks, take_range


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
    num_blocks = length_of(blocks, 2)
    paddings = [[0, 0] for _ in blocks.shape]
    paddings[2] = [1, 1]
    padded = tf.pad(blocks, paddings)
    before = take_range(padded, 0, num_blocks, axis=2)
    after = take_range(padded, 2, num_blocks, axis=2)
    start = config.block_length - config.window
    return tf.concat(
        [
            take_range(before, start, config.window, axis=3),
            blocks,
            take_range(after, 0, config.window, axis=3),
        ],
        axis=3,
    )


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
