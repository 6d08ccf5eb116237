"""Everything here is `tf_keras` (Keras 2), as in the TF Model Garden."""

from typing import Any


def refuse_keras_3(**arguments: Any) -> None:
    """Checks that no argument is an object, class or tensor of Keras 3.

    Args:
      **arguments: name to value, as the caller passed them.

    Raises:
      TypeError: one of them comes from the `keras` package.
    """
    for name, value in arguments.items():
        of_type = value if isinstance(value, type) else type(value)
        if of_type.__module__.split(".")[0] == "keras":
            raise TypeError(
                f"{name} is a Keras 3 object ({of_type.__module__}."
                f"{of_type.__qualname__}), but albert_lsh_tf is built on tf_keras "
                "(Keras 2), as the TF Model Garden is. Make it with `import tf_keras`; "
                "`tf.keras` is Keras 3 unless TF_USE_LEGACY_KERAS=1 is set."
            )
