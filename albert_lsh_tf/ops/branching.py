"""A choice made in Python where the answer is known, in the graph where it is not."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf


def when(
    condition: bool | tf.Tensor,
    if_true: Callable[[], Any],
    if_false: Callable[[], Any],
) -> Any:
    """Calls one of two functions; `tf.cond` only for a tensor without a known value.

    A sequence length is a Python number when the shape is static. Then only the branch
    that is taken is built, and the graph holds no branch at all.
    """
    if not isinstance(condition, bool):
        known = tf.get_static_value(condition)
        if known is None:
            return tf.cond(condition, if_true, if_false)
        condition = bool(known)
    return if_true() if condition else if_false()


def length_of(tensor: tf.Tensor, axis: int) -> int | tf.Tensor:
    """The size of one axis: an int where it is static, a scalar int32 otherwise."""
    static = tensor.shape[axis]
    return tf.shape(tensor)[axis] if static is None else static
