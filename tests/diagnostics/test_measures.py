"""Which keys are met: those of attention as it really runs."""

import numpy as np
import pytest
import tensorflow as tf

from albert_lsh_tf.config import LSHConfig
from albert_lsh_tf.diagnostics.encoders import Heads
from albert_lsh_tf.diagnostics.measures import keys_met
from albert_lsh_tf.ops.hash_rounds import sort_rounds
from tests.attention_calls import random_inputs, with_more_padding

LENGTH = 37
# Padded to 48 tokens, and without landmarks to 40.
CONFIG = LSHConfig(
    num_hashes=2,
    chunk_length=4,
    chunks_before=0,
    chunks_after=0,
    landmarks=2,
    block_length=16,
)


@pytest.mark.parametrize(
    "config",
    [
        CONFIG,
        CONFIG.replace(dense_below=45),
        LSHConfig(num_hashes=0, landmarks=2, dense_below=45),
    ],
    ids=["rounds", "dense", "dense_instead_of_landmarks"],
)
def test_landmarks_do_not_change_which_chunks_there_are(config):
    inputs = random_inputs(LENGTH, padding=0.3)
    heads = Heads(*map(tf.constant, (inputs.query, inputs.key, inputs.value)))
    met = keys_met(heads, tf.constant(inputs.is_token), config, depth=1).numpy()
    expected = np.broadcast_to(inputs.is_token[:, None, None], met.shape)
    if not config.is_dense(LENGTH):
        padded = with_more_padding(inputs, -LENGTH % config.padding_multiple)
        assert padded.query.shape[2] == 48
        rounds = sort_rounds(
            *map(tf.constant, (padded.query, padded.key, padded.is_token)),
            config=config,
            num_hashes=2,
            seed=tf.constant([config.seed, 1]),
        )
        chunks = [(r.query_rank.numpy() // 4, r.key_rank.numpy() // 4) for r in rounds]
        together = [query[..., None] == key[..., None, :] for query, key in chunks]
        expected = expected & np.any(together, axis=0)[..., :LENGTH, :LENGTH]
    np.testing.assert_array_equal(met, expected)
