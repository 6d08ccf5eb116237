"""The feed-forward layer of a transformer block, lean in its backward pass."""

from collections.abc import Callable, Sequence

import tensorflow as tf

from albert_lsh_tf.ops.activations import activation_backward, gelu
from albert_lsh_tf.ops.branching import computed_anew, length_of
from albert_lsh_tf.ops.chunking import pad_to_chunks
from albert_lsh_tf.ops.turns import in_turns

# Rows whose gradients of width F exist at the same time.
ROWS_AT_ONCE = 2048


def feed_forward(
    x_XM: tf.Tensor,
    inner_kernel_MF: tf.Tensor,
    inner_bias_F: tf.Tensor,
    outer_kernel_FM: tf.Tensor,
    outer_bias_M: tf.Tensor,
    activation: Callable[[tf.Tensor], tf.Tensor],
    *,
    training: bool = True,
) -> tf.Tensor:
    """A dense layer, an activation and a dense layer.

    Keeps its input and what enters the activation. All else of width F is computed anew
    in the backward pass, for `ROWS_AT_ONCE` rows at a time.

    Args:
      x_XM: [X, M], float; the rows of all sequences together.
      inner_kernel_MF, inner_bias_F: [M, F] and [F], in the dtype of `x_XM`.
      outer_kernel_FM, outer_bias_M: [F, M] and [M], in the dtype of `x_XM`.
      activation: of the layer of width F.
      training: False where no gradient is expected: it can be had, but costs more.

    Returns:
      [X, M] in the dtype of `x_XM`.
    """
    parameters = (inner_kernel_MF, inner_bias_F, outer_kernel_FM, outer_bias_M)
    if tf.get_static_value(training) is False:
        # TensorFlow knows this form, and fuses it with the product before it.
        fused_gelu = lambda x: tf.nn.gelu(x, approximate=True)  # noqa: E731
        activation = fused_gelu if activation is gelu else activation
        return _forward(x_XM, *parameters, activation)[0]

    @tf.custom_gradient
    def recomputed(
        x_XM: tf.Tensor, *parameters: tf.Tensor
    ) -> tuple[tf.Tensor, Callable[[tf.Tensor], tuple[tf.Tensor, ...]]]:
        output_XM, inner_XF = _forward(x_XM, *parameters, activation)
        return output_XM, lambda d_output_XM: _backward(
            x_XM, inner_XF, d_output_XM, parameters, activation
        )

    return recomputed(x_XM, *parameters)


def _forward(
    x_XM: tf.Tensor,
    inner_kernel_MF: tf.Tensor,
    inner_bias_F: tf.Tensor,
    outer_kernel_FM: tf.Tensor,
    outer_bias_M: tf.Tensor,
    activation: Callable[[tf.Tensor], tf.Tensor],
) -> tuple[tf.Tensor, tf.Tensor]:
    inner_XF = tf.nn.bias_add(tf.matmul(x_XM, inner_kernel_MF), inner_bias_F)
    outer_XM = tf.matmul(activation(inner_XF), outer_kernel_FM)
    return tf.nn.bias_add(outer_XM, outer_bias_M), inner_XF


def _backward(
    x_XM: tf.Tensor,
    inner_XF: tf.Tensor,
    d_output_XM: tf.Tensor,
    parameters: Sequence[tf.Tensor],
    activation: Callable[[tf.Tensor], tf.Tensor],
) -> tuple[tf.Tensor, ...]:
    """Gradients of `feed_forward` with respect to its input and its parameters."""
    inner_kernel_MF, inner_bias_F, outer_kernel_FM, outer_bias_M = parameters

    def of_rows(
        x_XM: tf.Tensor, inner_XF: tf.Tensor, d_output_XM: tf.Tensor
    ) -> tuple[tf.Tensor, ...]:
        activated_XF, d_inner_XF = activation_backward(
            activation,
            inner_XF,
            tf.matmul(d_output_XM, outer_kernel_FM, transpose_b=True),
        )
        # Sums over rows are slow on CPUs; products with a row of ones are not.
        ones_1X = tf.ones([1, length_of(x_XM, 0)], x_XM.dtype)
        return (
            tf.matmul(d_inner_XF, inner_kernel_MF, transpose_b=True),
            tf.matmul(x_XM, d_inner_XF, transpose_a=True),
            tf.matmul(ones_1X, d_inner_XF)[0],
            tf.matmul(activated_XF, d_output_XM, transpose_a=True),
            tf.matmul(ones_1X, d_output_XM)[0],
        )

    num_rows = length_of(x_XM, 0)
    if isinstance(num_rows, int) and num_rows <= ROWS_AT_ONCE:
        with computed_anew([d_output_XM]):
            return of_rows(x_XM, inner_XF, d_output_XM)
    # Rows of padding have no upstream gradient, so they add nothing to any sum.
    rows = [
        pad_to_chunks(each, ROWS_AT_ONCE, axis=0)
        for each in (x_XM, inner_XF, d_output_XM)
    ]

    def step(turn: tf.Tensor, *sums: tf.Tensor) -> tuple[tf.Tensor, ...]:
        first = turn * ROWS_AT_ONCE
        d_x_XM, *d_parameters = of_rows(
            *(tf.slice(r, [first, 0], [ROWS_AT_ONCE, r.shape[1]]) for r in rows)
        )
        added = (s + d for s, d in zip(sums, d_parameters, strict=True))
        return (d_x_XM, *added)

    zeros = [tf.zeros_like(p) for p in parameters]
    num_turns = length_of(rows[0], 0) // ROWS_AT_ONCE
    spec = tf.TensorSpec([ROWS_AT_ONCE, x_XM.shape[1]], x_XM.dtype)
    d_x, *d_parameters = in_turns(num_turns, step, [spec], *zeros)
    d_x_XM = tf.reshape(d_x, [-1, x_XM.shape[1]])[:num_rows]
    return (tf.ensure_shape(d_x_XM, x_XM.shape), *d_parameters)
