"""Initializers of variables: ALBERT's default, and one for several of them."""

from typing import Any

import tf_keras


def of_weights(initializer: Any) -> tf_keras.initializers.Initializer:
    """What Keras makes of an argument; ALBERT's truncated normal of 0.02 for None."""
    if initializer is None:
        return tf_keras.initializers.TruncatedNormal(stddev=0.02)
    return tf_keras.initializers.get(initializer)


def clone(initializer: Any) -> Any:
    """The same initializer anew: Keras warns where one instance is used twice."""
    return type(initializer).from_config(initializer.get_config())
