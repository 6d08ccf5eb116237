"""What a round of hashing leaves for its backward pass."""

import pytest
import tensorflow as tf

from albert_lsh_tf.config import LSHConfig
from albert_lsh_tf.ops.lsh_attention import attend_sparsely
from tests.attention_calls import random_inputs

LENGTH, DEPTH = 192, 5  # Depth is that of `random_inputs`.


def kept_per_query(config: LSHConfig) -> float:
    """Numbers of the forward pass that the backward pass reads, inputs aside.

    Of a batch of one and all heads, divided by the queries.
    """

    @tf.function
    def train(query, key, value, is_token):
        graph = tf.compat.v1.get_default_graph()
        with tf.GradientTape() as tape:
            tape.watch([query, key, value])
            output = attend_sparsely(
                query,
                key,
                value,
                is_token,
                config=config,
                num_hashes=config.num_hashes,
                seed=tf.constant([7, 0]),
            )
        forward = set(graph.get_operations())
        gradients = tape.gradient(output, [query, key, value], output_gradients=output)
        kept = {
            tensor.ref()
            for op in graph.get_operations()
            if op not in forward
            for tensor in op.inputs
            if tensor.op in forward and tensor.op.type not in ("Placeholder", "Const")
        }
        sizes.extend(ref.deref().shape.num_elements() or 0 for ref in kept)
        return gradients

    sizes: list[int] = []
    inputs = random_inputs(LENGTH)
    train.get_concrete_function(
        *map(tf.constant, (inputs.query, inputs.key, inputs.value, inputs.is_token))
    )
    num_queries = inputs.query.size / inputs.query.shape[-1]
    return sum(sizes) / num_queries


@pytest.mark.parametrize(
    "config",
    [LSHConfig(chunk_length=32), LSHConfig.reformer(chunk_length=32)],
    ids=["two_rounds", "reformer"],
)
def test_neither_logits_nor_copies_of_keys_are_kept(config):
    chunks_seen = config.chunks_before + 1 + config.chunks_after
    copies = 2 * chunks_seen * DEPTH
    assert kept_per_query(config) < config.num_hashes * copies
