"""What is decided in Python, what in the graph, and what is computed twice."""

import contextlib
from collections.abc import Callable, Sequence
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


def computed_anew(upstream: Sequence[tf.Tensor]) -> contextlib.AbstractContextManager:
    """For what a backward pass computes a second time.

    Ties it to the upstream gradients. Else the graph optimizer finds that it has been
    computed already, and keeps the results of the forward pass until they are needed.
    XLA ignores control dependencies: there the results are right, but may be kept.
    """
    return tf.control_dependencies([x for x in upstream if x is not None])


def length_of(tensor: tf.Tensor, axis: int) -> int | tf.Tensor:
    """The size of one axis: an int where it is static, a scalar int32 otherwise."""
    static = tensor.shape[axis]
    return tf.shape(tensor)[axis] if static is None else static
