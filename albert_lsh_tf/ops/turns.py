"""Doing a long computation in turns, so that only one turn's memory is needed."""

from collections.abc import Callable, Sequence

import tensorflow as tf


def in_turns(
    num_turns: int | tf.Tensor,
    step: Callable[..., Sequence[tf.Tensor]],
    specs: Sequence[tf.TensorSpec],
    *carried: tf.Tensor,
) -> list[tf.Tensor]:
    """Calls `step` once a turn, one turn after the other.

    Has no gradient of its own that would save memory: for use inside custom gradients.

    Args:
      num_turns: how often.
      step: takes the turn (scalar, int32) and what is carried; returns one tensor for
        each of `specs`, then what to carry on.
      specs: of the results that are collected; the same in every turn. TensorFlow Lite
        has to know their shapes, as far as they can be known.
      *carried: tensors that go from turn to turn, as sums do.

    Returns:
      The collected results, with the turns along a new first axis, then the carried.
    """
    arrays = [
        tf.TensorArray(spec.dtype, size=num_turns, element_shape=spec.shape)
        for spec in specs
    ]
    collected = len(arrays)

    def body(turn: tf.Tensor, *state: object) -> tuple[object, ...]:
        results = step(turn, *state[collected:])
        written = [
            array.write(turn, result)
            for array, result in zip(
                state[:collected], results[:collected], strict=True
            )
        ]
        return (turn + 1, *written, *results[collected:])

    _, *state = tf.while_loop(
        lambda turn, *_: turn < num_turns,
        body,
        (tf.constant(0), *arrays, *carried),
        parallel_iterations=1,  # More would need the memory that turns save.
    )
    return [array.stack() for array in state[:collected]] + state[collected:]
