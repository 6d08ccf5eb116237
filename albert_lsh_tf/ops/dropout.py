"""Dropout as a function of a seed, so that a block can be computed twice alike."""

from typing import NamedTuple

import tensorflow as tf


class Dropout(NamedTuple):
    """Sets a share of the entries to 0 and scales the others up.

    rate: share that is dropped, in [0, 1); a float, or a tensor that only the graph
      knows.
    seed: [2], int32; the same seed drops the same entries.
    """

    rate: float | tf.Tensor
    seed: tf.Tensor

    @classmethod
    def when_training(
        cls, rate: float, training: bool | tf.Tensor, seed: tf.Tensor | None = None
    ) -> "Dropout | None":
        """Dropout for one call of a layer; None where it is known to drop nothing.

        Args:
          rate: share that is dropped in training.
          training: a bool, or a tensor that says so when the graph runs.
          seed: [2], int32; unset: `new_seed()`.
        """
        known = tf.get_static_value(training)
        if rate == 0 or (known is not None and not known):
            return None
        seed = new_seed() if seed is None else seed
        return cls(rate if known else tf.where(training, rate, 0.0), seed)

    def __call__(self, x: tf.Tensor) -> tf.Tensor:
        """`x` with entries dropped, in its shape and dtype."""
        rate = self.rate
        if isinstance(rate, tf.Tensor):
            rate = tf.cast(rate, x.dtype)
        return tf.nn.experimental.stateless_dropout(
            x, rate=rate, seed=self.seed, rng_alg="philox"
        )

    def fold_in(self, data: int) -> "Dropout":
        """The same rate with another seed, for another part of one computation."""
        return Dropout(self.rate, tf.random.fold_in(self.seed, data, alg="philox"))


def new_seed() -> tf.Tensor:
    """[2], int32, from the global generator, which `tf.random.set_seed` governs."""
    return tf.random.uniform([2], maxval=tf.int32.max, dtype=tf.int32)
