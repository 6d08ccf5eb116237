"""Gradients of a batch that does not fit, part by part."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from albert_lsh_tf.errors import InputError


def accumulate(
    gradients_and_sums: Callable[[dict[str, tf.Tensor]], tuple[Any, Any]],
    inputs: dict[str, tf.Tensor],
    num_parts: int,
) -> tuple[Any, Any]:
    """Adds up what a function gives for the parts of a batch.

    Memory is that of one part, and of one more copy of the gradients.

    Args:
      gradients_and_sums: from a part to nested tensors that add up over parts.
      inputs: [B, ...] each, of static shape.
      num_parts: B must be a multiple of it.

    Returns:
      The sums over all parts, dense; for one part, what the function gave.

    Raises:
      InputError: the batch cannot be cut into so many parts.
    """
    if num_parts == 1:
        return gradients_and_sums(inputs)
    size = inputs["input_ids"].shape[0]
    if size % num_parts:
        raise InputError(
            f"gradient_accumulation_steps={num_parts} does not divide the {size} "
            "examples of a device; choose train_batch_size as a multiple of both."
        )

    def part_of_batch(number: tf.Tensor | int) -> Any:
        part = {
            name: tf.ensure_shape(
                values[
                    number * (size // num_parts) : (number + 1) * (size // num_parts)
                ],
                [size // num_parts, *values.shape[1:]],
            )
            for name, values in inputs.items()
        }
        # The gradient of an embedding table is sparse, and cannot be a loop's variable.
        return tf.nest.map_structure(tf.convert_to_tensor, gradients_and_sums(part))

    def add_part(number: tf.Tensor, totals: Any) -> tuple[tf.Tensor, Any]:
        added = tf.nest.map_structure(tf.add, totals, part_of_batch(number))
        return number + 1, added

    _, totals = tf.while_loop(
        lambda number, _: number < num_parts,
        add_part,
        (tf.constant(1), part_of_batch(0)),
        # One part at a time, or memory would be that of several.
        parallel_iterations=1,
    )
    return totals
