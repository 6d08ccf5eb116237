"""Leaves out what is padding in all rows of a batch."""

import functools
from collections.abc import Callable
from typing import Any

import tensorflow as tf

# Every length is a graph of its own, with shapes that are known when it is made: where
# they are not, a step takes up to twice as long.
NUM_LENGTHS = 4


def run_trimmed(
    function: Callable[[dict[str, tf.Tensor]], Any],
    inputs: dict[str, tf.Tensor],
    may_cut: Callable[[int, int], bool] = lambda length, total: True,
) -> Any:
    """What a function gives for a batch that is cut to its longest row.

    Args:
      function: whose results have the same shapes for any length; None where nothing
        is.
      inputs: input_mask, [B, T] or [B, ..., T], others like it, and columns [B].
      may_cut: whether T may be cut to so many tokens, from these and T.

    Returns:
      The result of one of up to `NUM_LENGTHS` calls, with T, 3/4, half or a quarter of
      it, rounded up.
    """
    total = inputs["input_mask"].shape[-1]
    lengths = {-(-total * n // NUM_LENGTHS) for n in range(1, NUM_LENGTHS)}
    lengths = sorted(n for n in lengths if n < total and may_cut(n, total))
    if not lengths:
        return function(inputs)
    longest = tf.reduce_max(tf.reduce_sum(inputs["input_mask"], axis=-1))
    structures = []

    def at_length(length: int) -> list[tf.Tensor]:
        trimmed = {
            name: values[..., :length] if values.shape.rank > 1 else values
            for name, values in inputs.items()
        }
        result = function(trimmed)
        structures.append(result)
        # The gradient of an embedding table is sparse, and as long as the batch. That
        # of a variable which is not used is None.
        leaves = tf.nest.flatten(result)
        return [tf.convert_to_tensor(leaf) for leaf in leaves if leaf is not None]

    leaves = iter(
        tf.switch_case(
            tf.searchsorted(lengths, [longest])[0],
            [functools.partial(at_length, length) for length in (*lengths, total)],
        )
    )
    return tf.nest.map_structure(
        lambda leaf: None if leaf is None else next(leaves), structures[-1]
    )
