"""Inputs and calls of attention that several tests share."""

import numpy as np
import tensorflow as tf

from albert_lsh_tf.ops.lsh_attention import lsh_attention, unit_keys
from tests.strategies import AttentionInputs

SEED = (3, 1)


def random_inputs(length=37, padding=0.3, seed=0) -> AttentionInputs:
    rng = np.random.default_rng(seed)
    heads = rng.normal(size=(3, 2, 3, length, 5)).astype(np.float32)
    return AttentionInputs(*heads, rng.random((2, length)) >= padding)


def run(inputs: AttentionInputs, config, function=lsh_attention, **kwargs):
    """Attention in the scheme of `config`, eagerly."""
    key = unit_keys(inputs.query) if config.share_query_key else inputs.key
    arguments = {"num_hashes": config.num_hashes, "seed": tf.constant(SEED), **kwargs}
    return function(
        tf.constant(inputs.query),
        tf.constant(key),
        tf.constant(inputs.value),
        tf.constant(inputs.is_token),
        config=config,
        **arguments,
    )


def with_gradients(attend, upstream=None):
    """`attend(query, key, value, is_token)`, which then returns its gradients too.

    They are those of the sum of the output times `upstream`, or of its squares.
    """

    def output_and_gradients(query, key, value, is_token):
        with tf.GradientTape() as tape:
            tape.watch([query, key, value])
            output = attend(query, key, value, is_token)
            factor = output if upstream is None else tf.cast(upstream, output.dtype)
            loss = tf.reduce_sum(output * factor)
        return output, *tape.gradient(loss, [query, key, value])

    return output_and_gradients


def tensors(inputs: AttentionInputs) -> list[tf.Tensor]:
    """Query, key, value and the mask."""
    return [
        tf.constant(each)
        for each in (inputs.query, inputs.key, inputs.value, inputs.is_token)
    ]


def noise_in_padding(inputs: AttentionInputs, scale=100) -> AttentionInputs:
    """The same tokens with other content in the padding."""
    noise = np.random.default_rng(2).normal(size=inputs.query.shape) * scale
    is_token_B1T1 = inputs.is_token[:, np.newaxis, :, np.newaxis]
    return AttentionInputs(
        *(
            np.where(is_token_B1T1, heads, noise).astype(np.float32)
            for heads in (inputs.query, inputs.key, inputs.value)
        ),
        inputs.is_token,
    )


def with_more_padding(inputs: AttentionInputs, num_positions: int) -> AttentionInputs:
    """The same rows with so many positions behind them."""
    more = (0, num_positions)
    return AttentionInputs(
        *(
            np.pad(heads, [(0, 0), (0, 0), more, (0, 0)])
            for heads in (inputs.query, inputs.key, inputs.value)
        ),
        np.pad(inputs.is_token, [(0, 0), more]),
    )


def relative_error(output, expected) -> float:
    """Norm of the difference over the norm of what is expected."""
    output, expected = np.asarray(output), np.asarray(expected)
    return float(np.linalg.norm(output - expected) / np.linalg.norm(expected))
