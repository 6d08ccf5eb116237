"""Dropout as a function of a seed, so that a block can be computed twice alike."""

from typing import NamedTuple

import tensorflow as tf


class Dropout(NamedTuple):
    """Sets a share of the entries to 0 and scales the others up.

    rate: share that is dropped, in [0, 1).
    seed: [2], int32; the same seed drops the same entries.
    """

    rate: float
    seed: tf.Tensor

    def __call__(self, x: tf.Tensor) -> tf.Tensor:
        """`x` with entries dropped, in its shape and dtype."""
        return tf.nn.experimental.stateless_dropout(
            x, rate=self.rate, seed=self.seed, rng_alg="philox"
        )

    def fold_in(self, data: int) -> "Dropout":
        """The same rate with another seed, for another part of one computation."""
        return Dropout(self.rate, tf.random.fold_in(self.seed, data, alg="philox"))
