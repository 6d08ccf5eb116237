"""Heavy keys against an independent count of what blocks want."""

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
import tensorflow as tf

from albert_lsh_tf.config import LSHConfig
from albert_lsh_tf.ops.hashing import centre
from albert_lsh_tf.ops.heavy_keys import heavy_keys
from tests.reference import key_lists as reference

properties = hypothesis.settings(max_examples=30, deadline=None, derandomize=True)


def choose(query, key, is_token, is_global, config):
    """For [row][head][block]: the set of positions that `heavy_keys` lists."""
    heavy, is_heavy = heavy_keys(
        tf.constant(query),
        centre(tf.constant(key), tf.constant(is_token)),
        tf.constant(is_token),
        tf.constant(is_global),
        config,
    )
    return as_sets(heavy.numpy(), is_heavy.numpy())


def as_sets(heavy, is_heavy):
    listed = np.empty(heavy.shape[:3], object)
    for place in np.ndindex(listed.shape):
        positions = heavy[place][is_heavy[place]].tolist()
        listed[place] = set(positions)
        assert len(listed[place]) == len(positions), "a key is listed twice"
    return listed


def random_arguments(length, seed=0, padding=0.3, share_global=0.0):
    rng = np.random.default_rng(seed)
    query, key = rng.normal(size=(2, 2, 3, length, 5)).astype(np.float32)
    is_token = rng.random((2, length)) >= padding
    return query, key, is_token, rng.random((2, length)) < share_global


@properties
@hypothesis.given(
    num_blocks=st.sampled_from([1, 3, 7, 41]),
    block_length=st.integers(1, 3),
    window=st.sampled_from([None, 0, 1]),
    num_heavy=st.integers(1, 6),
    more_candidates=st.sampled_from([0, 5, 11, 2048]),
    padding=st.sampled_from([0.0, 0.5, 1.0]),
    share_global=st.sampled_from([0.0, 0.2]),
    seed=st.integers(0, 1000),
)
def test_equals_brute_force(
    num_blocks,
    block_length,
    window,
    num_heavy,
    more_candidates,
    padding,
    share_global,
    seed,
):
    query, key, is_token, is_global = random_arguments(
        num_blocks * block_length, seed, padding, share_global
    )
    config = LSHConfig(
        block_length=block_length,
        window=window,
        heavy_keys=num_heavy,
        heavy_candidates=num_heavy + more_candidates,
    )
    listed = choose(query, key, is_token, is_global, config)
    for row, head in np.ndindex(2, 3):
        expected, margin = reference.heavy_keys(
            query[row, head],
            key[row, head],
            is_token[row],
            is_global[row],
            block_length,
            window,
            num_heavy,
            config.heavy_candidates,
        )
        if margin < 1e-5:  # Rounding decides.
            continue
        for block, keys in enumerate(expected):
            if keys is not None:
                assert listed[row, head, block] == keys


@pytest.mark.parametrize("candidates", [2048, 10])
def test_only_tokens_outside_the_window_are_listed(candidates):
    arguments = random_arguments(36, share_global=0.2)
    config = LSHConfig(
        block_length=3, window=2, heavy_keys=9, heavy_candidates=candidates
    )
    listed = choose(*arguments, config)
    is_token = arguments[2]
    for row, head, block in np.ndindex(listed.shape):
        in_window = range(3 * block - 2, 3 * block + 5)
        for position in listed[row, head, block]:
            assert is_token[row, position]
            assert position not in in_window


@pytest.mark.parametrize("candidates", [2048, 10])
def test_choice_depends_neither_on_padding_nor_on_one_vector_added(candidates):
    query, key, is_token, is_global = random_arguments(36)
    config = LSHConfig(
        block_length=3, window=0, heavy_keys=4, heavy_candidates=candidates
    )
    listed = choose(query, key, is_token, is_global, config)
    noise = np.random.default_rng(1).normal(size=(2, *query.shape)) * 100
    noisy_query, noisy_key = np.where(
        is_token[:, np.newaxis, :, np.newaxis], [query, key], noise
    ).astype(np.float32)
    bias = np.linspace(-4, 4, 5, dtype=np.float32)
    has_tokens = is_token.reshape(2, 12, 3).any(-1)
    for other in (
        choose(noisy_query, noisy_key, is_token, is_global, config),
        choose(query, key + bias, is_token, is_global, config),
    ):
        for row, head, block in np.ndindex(listed.shape):
            if has_tokens[row, block]:
                assert listed[row, head, block] == other[row, head, block]


@pytest.mark.parametrize("candidates", [2048, 10])
def test_global_tokens_come_first(candidates):
    query, key, is_token, is_global = random_arguments(36, padding=0.2)
    is_global[:, [7, 30]] = True
    config = LSHConfig(
        block_length=3,
        window=None,
        heavy_keys=1,
        global_tokens=2,
        heavy_candidates=candidates,
    )
    for (row, _, _), keys in np.ndenumerate(
        choose(query, key, is_token, is_global, config)
    ):
        assert {p for p in (7, 30) if is_token[row, p]} <= keys


def test_as_many_as_there_are_tokens_lists_them_all():
    arguments = random_arguments(36)
    config = LSHConfig(block_length=3, window=None, heavy_keys=100)
    for (row, _, _), keys in np.ndenumerate(choose(*arguments, config)):
        assert keys == set(np.flatnonzero(arguments[2][row]))


@pytest.mark.parametrize("candidates", [2048, 10])
@pytest.mark.parametrize("compiled", [False, True])
def test_graph_of_any_length_and_xla_choose_the_same(candidates, compiled):
    query, key, is_token, is_global = random_arguments(36, share_global=0.1)
    config = LSHConfig(
        block_length=3, window=1, heavy_keys=5, heavy_candidates=candidates
    )
    heads, mask = tf.TensorSpec([2, 3, None, 5]), tf.TensorSpec([2, None], tf.bool)
    in_graph = tf.function(
        lambda *arguments: heavy_keys(*arguments, config),
        input_signature=[heads, heads, mask, mask],
        jit_compile=compiled,
    )
    centred = centre(tf.constant(key), tf.constant(is_token))
    heavy, is_heavy = in_graph(query, centred, is_token, is_global)
    has_tokens = is_token.reshape(2, 12, 3).any(-1)
    expected = choose(query, key, is_token, is_global, config)
    for place, keys in np.ndenumerate(as_sets(heavy.numpy(), is_heavy.numpy())):
        if has_tokens[place[0], place[2]]:
            assert keys == expected[place]


def test_no_gradient_flows_through_the_choice():
    query, key, is_token, is_global = map(tf.constant, random_arguments(36))
    config = LSHConfig(block_length=3, heavy_keys=5, heavy_candidates=10)
    with tf.GradientTape() as tape:
        tape.watch([query, key])
        heavy, _ = heavy_keys(query, key, is_token, is_global, config)
        total = tf.reduce_sum(tf.cast(heavy, tf.float32))
    assert tape.gradient(total, [query, key]) == [None, None]


def test_a_key_that_varying_queries_want_beats_one_they_want_on_average():
    """Two rows of a block's queries: the variance is what tells the outer keys."""
    query = np.zeros((1, 1, 8, 2), np.float32)
    query[0, 0, :2] = [[3, 0.3], [-3, 0.3]]
    key = np.zeros((1, 1, 8, 2), np.float32)
    key[0, 0, 4:6] = [[4, 0], [0, 1]]  # exp(12) / 2 against exp(0.3).
    config = LSHConfig(block_length=2, window=0, heavy_keys=1)
    is_token = np.ones((1, 8), bool)
    heavy, _ = heavy_keys(
        tf.constant(query),
        tf.constant(key),
        tf.constant(is_token),
        tf.constant(~is_token),
        config,
    )
    assert heavy.numpy()[0, 0, 0].tolist() == [4]
