"""Keeps AutoGraph out of layers, whose code needs none of it."""

import functools
import inspect
from collections.abc import Callable

import tensorflow as tf


def without_autograph(call: Callable) -> Callable:
    """For a layer's `call`: it is run as it is written.

    Keras rewrites `call`, and every function below it, to turn Python's `if` and `for`
    into those of graphs, function by function. Here they depend on shapes and settings
    alone; and to rewrite them takes many times as long as to build an encoder.

    Args:
      call: the method.

    Returns:
      The method, with the same signature, by which Keras knows what arguments it has.
    """
    wrapped = functools.wraps(call)(tf.autograph.experimental.do_not_convert(call))
    wrapped.__signature__ = inspect.signature(call)
    return wrapped
