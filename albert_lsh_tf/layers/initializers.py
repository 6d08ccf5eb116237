"""Initializers for several variables of one layer."""

from typing import Any


def clone(initializer: Any) -> Any:
    """The same initializer anew: Keras warns where one instance is used twice."""
    return type(initializer).from_config(initializer.get_config())
