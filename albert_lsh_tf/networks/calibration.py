"""Covariances of queries and keys, measured once, for hashing that tells them apart.

For any invertible A, (A q).(inv(A)^T k) is q.k. Hashing works best where queries and
keys have the same covariance, and there is one symmetric A for which they do.
"""

from collections.abc import Callable, Iterable, Mapping

import numpy as np
import tensorflow as tf

from albert_lsh_tf.errors import InputError
from albert_lsh_tf.layers.lsh_attention import LSHAttention

# Added to variances, as a share of their mean: a direction that nothing uses must not
# become the longest one.
RIDGE = 1e-3


def calibrate(
    attention_layers: Mapping[int, LSHAttention],
    block_inputs: Callable[[Mapping[str, tf.Tensor]], list[tf.Tensor]],
    batches: Iterable[Mapping[str, tf.Tensor]],
) -> None:
    """Measures and stores the whitening of every layer.

    Args:
      attention_layers: by depth; those that hash with `lsh_config.whiten`.
      block_inputs: gives the input of the block at each depth, [B, T, M].
      batches: inputs of the encoder, of real text.

    Raises:
      InputError: no layer wants whitening, or there is no token in the batches.
    """
    if not attention_layers:
        raise InputError(
            "No attention layer hashes with whiten=True, so there is nothing to "
            "calibrate; set whiten=True and num_hashes in the encoder's lsh_config."
        )
    sums: dict[int, list[_Moments]] = {}
    for batch in batches:
        is_token_BT = tf.cast(batch["input_mask"], tf.bool)
        hidden = block_inputs(batch)
        for depth, layer in attention_layers.items():
            query_BHTD, key_BHTD, _ = layer.heads(hidden[depth])
            moments = sums.setdefault(depth, [_Moments(), _Moments()])
            moments[0].add(query_BHTD, is_token_BT)
            moments[1].add(key_BHTD, is_token_BT)
    if not sums or not next(iter(sums.values()))[0].count:
        raise InputError("There is no token in the batches to calibrate with.")
    for depth, (query, key) in sums.items():
        attention_layers[depth].set_whitening(
            *whitening_of(query.covariance(), key.covariance())
        )


def whitening_of(
    query_covariance_HDD: np.ndarray, key_covariance_HDD: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The symmetric A that gives queries and keys one covariance, and its inverse.

    Args:
      query_covariance_HDD: [H, D, D], float64.
      key_covariance_HDD: [H, D, D], float64.

    Returns:
      query_HDD, key_HDD: [H, D, D], float64. A^2 is the geometric mean of the inverse
      of the queries' covariance and the keys'.

    Source: Bhatia 2007, "Positive Definite Matrices", section 4.1, for the mean.
    """
    root = _power(_with_ridge(query_covariance_HDD), 0.5)
    inverse_root = _power(_with_ridge(query_covariance_HDD), -0.5)
    middle = _power(root @ _with_ridge(key_covariance_HDD) @ root, 0.5)
    square = inverse_root @ middle @ inverse_root
    return _power(square, 0.5), _power(square, -0.5)


class _Moments:
    """Running sums over tokens, for a covariance in each head."""

    def __init__(self) -> None:
        self.count = 0
        self._sum_HD: np.ndarray | float = 0.0
        self._products_HDD: np.ndarray | float = 0.0

    def add(self, x_BHTD: tf.Tensor, is_token_BT: tf.Tensor) -> None:
        x_BTHD = tf.transpose(tf.cast(x_BHTD, tf.float32), [0, 2, 1, 3])
        x_XHD = tf.boolean_mask(x_BTHD, is_token_BT).numpy().astype(np.float64)
        self.count += len(x_XHD)
        self._sum_HD = self._sum_HD + x_XHD.sum(axis=0)
        x_HXD = x_XHD.transpose(1, 0, 2)
        self._products_HDD = self._products_HDD + x_HXD.transpose(0, 2, 1) @ x_HXD

    def covariance(self) -> np.ndarray:
        mean_HD = self._sum_HD / self.count
        outer_HDD = mean_HD[:, :, np.newaxis] * mean_HD[:, np.newaxis]
        return self._products_HDD / self.count - outer_HDD


def _with_ridge(covariance_HDD: np.ndarray) -> np.ndarray:
    variance_H = np.trace(covariance_HDD, axis1=1, axis2=2) / covariance_HDD.shape[-1]
    identity_DD = np.eye(covariance_HDD.shape[-1])
    return covariance_HDD + RIDGE * variance_H[:, np.newaxis, np.newaxis] * identity_DD


def _power(matrix_HDD: np.ndarray, exponent: float) -> np.ndarray:
    """A power of symmetric positive matrices."""
    values_HD, vectors_HDD = np.linalg.eigh(matrix_HDD)
    tiny = np.finfo(np.float64).tiny
    powers_HD = np.maximum(values_HD, tiny) ** exponent
    return (vectors_HDD * powers_HD[:, np.newaxis]) @ vectors_HDD.transpose(0, 2, 1)
