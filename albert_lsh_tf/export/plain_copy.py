"""The network that is exported: free of how it was trained."""

from typing import Any, TypeVar

import tf_keras

from albert_lsh_tf.config import LSHConfig

_Model = TypeVar("_Model", bound=tf_keras.Model)


def plain_copy(model: _Model) -> _Model:
    """The same network outside of any strategy, in float32.

    Args:
      model: one of `networks`, made under any strategy and precision.

    Returns:
      A copy with the same weights, which computes in float32 on any device. It has
      dense attention where LSH attention would be dense at every length: a graph for
      any length does not know that.
    """
    config = model.get_config()
    encoder = config["encoder"]["config"] if "encoder" in config else config
    # What only training needs.
    encoder["recompute"] = None
    encoder["attention"] = _attention_at_any_length(encoder)
    policy = tf_keras.mixed_precision.global_policy()
    tf_keras.mixed_precision.set_global_policy("float32")
    try:
        copy = type(model).from_config(config)
    finally:
        tf_keras.mixed_precision.set_global_policy(policy)
    copy.set_weights(model.get_weights())
    return copy


def _attention_at_any_length(encoder: dict[str, Any]) -> str | list[str]:
    lsh = LSHConfig.from_dict(encoder["lsh_config"])
    # Dense layers have keys of their own, and no place for the variables of whitening.
    is_other_layer = lsh.share_query_key or lsh.whiten
    if lsh.is_dense(encoder["max_sequence_length"]) and not is_other_layer:
        return "dense"
    return encoder["attention"]
