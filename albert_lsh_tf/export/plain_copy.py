"""The network that is exported: free of how it was trained."""

from typing import TypeVar

import tf_keras

_Model = TypeVar("_Model", bound=tf_keras.Model)


def plain_copy(model: _Model) -> _Model:
    """The same network outside of any strategy, in float32.

    Args:
      model: one of `networks`, made under any strategy and precision.

    Returns:
      A copy with the same weights, which computes in float32 on any device.
    """
    policy = tf_keras.mixed_precision.global_policy()
    tf_keras.mixed_precision.set_global_policy("float32")
    try:
        copy = type(model).from_config(model.get_config())
    finally:
        tf_keras.mixed_precision.set_global_policy(policy)
    copy.set_weights(model.get_weights())
    return copy
