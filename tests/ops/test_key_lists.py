"""Attention to lists, alone and with hash rounds, against brute force over items."""

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
import tensorflow as tf

from albert_lsh_tf.config import LSHConfig
from albert_lsh_tf.ops import lsh_attention
from albert_lsh_tf.ops.dense_attention import dense_attention
from albert_lsh_tf.ops.dropout import Dropout
from albert_lsh_tf.ops.hash_rounds import sort_rounds
from albert_lsh_tf.ops.hashing import centre
from albert_lsh_tf.ops.key_lists import is_listed, list_keys
from albert_lsh_tf.ops.lsh_attention import attend_sparsely
from tests.attention_calls import (
    SEED,
    noise_in_padding,
    random_inputs,
    relative_error,
    run,
    tensors,
    with_gradients,
    with_more_padding,
)
from tests.reference import attention as pairs_reference
from tests.reference import key_lists as reference
from tests.strategies import AttentionInputs, attention_inputs, key_list_configs

LISTS = LSHConfig(
    num_hashes=0, block_length=3, window=1, heavy_keys=4, global_tokens=1, landmarks=4
)
KINDS = {
    "lists": LISTS,
    "few candidates": LISTS.replace(heavy_candidates=9),
    "lists and rounds": LISTS.replace(
        num_hashes=2, chunk_length=4, chunks_before=0, heavy_candidates=9
    ),
    "window and rounds": LSHConfig(window=2, block_length=5, chunk_length=4),
    "landmarks": LSHConfig(num_hashes=0, landmarks=5, block_length=7),
    "heavy keys": LSHConfig(num_hashes=0, heavy_keys=5, block_length=2),
}
properties = hypothesis.settings(max_examples=40, deadline=None, derandomize=True)


def padded(inputs: AttentionInputs, multiple: int) -> AttentionInputs:
    missing = -inputs.query.shape[2] % multiple
    heads = (inputs.query, inputs.key, inputs.value)
    return AttentionInputs(
        *(np.pad(x, [(0, 0), (0, 0), (0, missing), (0, 0)]) for x in heads),
        np.pad(inputs.is_token, [(0, 0), (0, missing)]),
    )


def items_of(inputs: AttentionInputs, config: LSHConfig, is_global=None):
    """For [row][head]: the items of each query. Skips an example that ties decide.

    Which keys share a chunk is taken from `sort_rounds`, which has tests of its own.
    """
    length = inputs.query.shape[2]
    inputs = padded(inputs, config.padding_multiple)
    padded_length = inputs.query.shape[2]
    is_first = np.arange(padded_length) < config.global_tokens
    rounds = sort_rounds(
        *(tensors(inputs)[i] for i in (0, 1, 3)),
        config=config,
        num_hashes=config.num_hashes,
        seed=tf.constant(SEED),
    )
    items = np.empty(inputs.query.shape[:2], object)
    for row, head in np.ndindex(items.shape):
        is_token = inputs.is_token[row]
        own_global = is_first.copy()
        if is_global is not None:
            own_global[:length] |= is_global[row]
        heavy, margin = reference.heavy_keys(
            inputs.query[row, head],
            inputs.key[row, head],
            is_token,
            own_global,
            config.block_length,
            config.window,
            config.num_listed_keys,
            config.heavy_candidates,
        )
        hypothesis.assume(margin > 1e-5)
        met = [set() for _ in range(padded_length)]
        if rounds:
            met = pairs_reference.visible_keys(
                [each.query_rank.numpy()[row, head] for each in rounds],
                [each.key_rank.numpy()[row, head] for each in rounds],
                is_token.sum(),
                config.chunk_length,
                config.chunks_before,
                config.chunks_after,
            )
        items[row, head] = reference.items_of_queries(
            is_token, heavy, met, config.block_length, config.window, config.landmarks
        )[:length]
    return items


@properties
@hypothesis.given(
    inputs=attention_inputs(),
    config=key_list_configs(),
    share_global=st.sampled_from([None, 0.0, 0.3]),
)
def test_output_and_gradients_equal_brute_force(inputs, config, share_global):
    rng = np.random.default_rng(3)
    is_global = None
    if share_global is not None and config.num_listed_keys:
        is_global = rng.random(inputs.is_token.shape) < share_global
    items = items_of(inputs, config, is_global)
    # What a padding query would get is nobody's business.
    is_token_B1T1 = inputs.is_token[:, np.newaxis, :, np.newaxis]
    upstream = np.where(is_token_B1T1, rng.normal(size=inputs.query.shape), 0)

    def attend(query, key, value, is_token):
        return attend_sparsely(
            query,
            key,
            value,
            is_token,
            config=config,
            num_hashes=config.num_hashes,
            seed=tf.constant(SEED),
            is_global_BT=None if is_global is None else tf.constant(is_global),
        )

    output, *gradients = with_gradients(attend, upstream)(*tensors(inputs))
    for row, head in np.ndindex(items.shape):
        heads = [x[row, head] for x in (inputs.query, inputs.key, inputs.value)]
        tokens = inputs.is_token[row]
        expected = reference.attend(*heads, items[row, head])
        np.testing.assert_allclose(
            output[row, head][tokens], expected[tokens], atol=1e-5
        )
        expected = reference.gradients(*heads, items[row, head], upstream[row, head])
        for ours, theirs in zip(gradients, expected, strict=True):
            np.testing.assert_allclose(ours[row, head], theirs, atol=2e-5)


@properties
@hypothesis.given(inputs=attention_inputs(), config=key_list_configs(max_hashes=0))
def test_is_listed_tells_what_stands_in_the_list_of_a_block(inputs, config):
    inputs = padded(inputs, config.block_length)
    query, key, _, is_token = tensors(inputs)
    is_first = np.arange(query.shape[2]) < config.global_tokens
    lists = list_keys(
        query, centre(key, is_token), is_token, is_token & is_first, config
    )
    position = tf.broadcast_to(tf.range(query.shape[2]), query.shape[:3])
    listed = is_listed(
        position[..., tf.newaxis], position[..., tf.newaxis, :], lists, config
    ).numpy()
    for row, head, of_query in np.ndindex(inputs.query.shape[:3]):
        block = of_query // config.block_length
        expected = reference.window_keys(
            inputs.is_token[row], block, config.block_length, config.window
        )
        if lists.heavy_BHCK is not None:
            is_heavy = lists.is_heavy_BHCK[row, head, block].numpy()
            heavy = lists.heavy_BHCK[row, head, block].numpy()
            expected |= set(heavy[is_heavy].tolist())
        found = np.flatnonzero(listed[row, head, of_query] & inputs.is_token[row])
        assert set(found.tolist()) == expected


@properties
@hypothesis.given(inputs=attention_inputs(), config=key_list_configs())
def test_what_stands_in_the_padding_never_changes_a_token(inputs, config):
    tokens = np.broadcast_to(
        inputs.is_token[:, np.newaxis, :, np.newaxis], inputs.query.shape
    )
    np.testing.assert_array_equal(
        run(inputs, config).numpy()[tokens],
        run(noise_in_padding(inputs), config).numpy()[tokens],
    )


@properties
@hypothesis.given(
    inputs=attention_inputs(),
    config=key_list_configs(max_hashes=0),
    share_global=st.sampled_from([0.0, 0.3]),
)
def test_the_full_budget_gives_dense_attention(inputs, config, share_global):
    """With every key listed nothing is left for landmarks."""
    config = config.replace(heavy_keys=inputs.query.shape[2], heavy_candidates=2048)
    is_global = np.random.default_rng(3).random(inputs.is_token.shape) < share_global
    output = run(
        inputs, config, attend_sparsely, is_global_BT=tf.constant(is_global)
    ).numpy()
    for row, head in np.ndindex(output.shape[:2]):
        expected = pairs_reference.dense(
            *(x[row, head] for x in (inputs.query, inputs.key, inputs.value)),
            inputs.is_token[row],
        )
        tokens = inputs.is_token[row]
        np.testing.assert_allclose(
            output[row, head][tokens], expected[tokens], atol=1e-5
        )


@properties
@hypothesis.given(
    inputs=attention_inputs(),
    config=key_list_configs(max_hashes=0),
    landmarks=st.integers(1, 9),
)
def test_landmarks_are_exact_where_a_stretch_has_equal_keys_and_values(
    inputs, config, landmarks
):
    config = config.replace(landmarks=landmarks)
    position = np.arange(inputs.query.shape[2])
    reach = np.max(np.where(inputs.is_token, position + 1, 1), axis=1)
    first = position // -(-reach // landmarks)[:, np.newaxis]
    rows = np.arange(len(first))[:, np.newaxis]

    def equal_in_stretches(heads):
        return heads.swapaxes(1, 2)[rows, first].swapaxes(1, 2)

    inputs = AttentionInputs(
        inputs.query,
        equal_in_stretches(inputs.key),
        equal_in_stretches(inputs.value),
        inputs.is_token,
    )
    tokens = np.broadcast_to(
        inputs.is_token[:, np.newaxis, :, np.newaxis], inputs.query.shape
    )
    output = run(inputs, config, attend_sparsely).numpy()[tokens]
    dense = dense_attention(*tensors(inputs)).numpy()[tokens]
    np.testing.assert_allclose(output, dense, atol=1e-5)


@properties
@hypothesis.given(
    inputs=attention_inputs(),
    config=key_list_configs(),
    more=st.integers(1, 40),
)
def test_how_much_padding_there_is_never_changes_a_token(inputs, config, more):
    """Where buckets do not depend on the length."""
    config = config.replace(num_buckets=6, hash="angular")
    padded = with_more_padding(inputs, more)
    tokens = np.broadcast_to(
        inputs.is_token[:, np.newaxis, :, np.newaxis], inputs.query.shape
    )
    length = inputs.query.shape[2]
    np.testing.assert_allclose(
        run(padded, config, attend_sparsely).numpy()[:, :, :length][tokens],
        run(inputs, config, attend_sparsely).numpy()[tokens],
        atol=1e-5,
    )


@pytest.mark.parametrize("kind", KINDS)
def test_eager_graph_of_any_length_and_xla_agree_with_gradients(kind):
    config, inputs = KINDS[kind], random_inputs()

    def attend(query, key, value, is_token):
        return attend_sparsely(
            query,
            key,
            value,
            is_token,
            config=config,
            num_hashes=config.num_hashes,
            seed=tf.constant(SEED),
        )

    # Padding may list other keys where its weights are all 0.
    upstream = np.where(inputs.is_token[:, np.newaxis, :, np.newaxis], 1.0, 0.0)
    upstream = upstream * np.random.default_rng(1).normal(size=inputs.query.shape)
    step = with_gradients(attend, upstream)
    heads, mask = tf.TensorSpec([None, 3, None, 5]), tf.TensorSpec([None, None], "bool")
    any_length = tf.function(step, input_signature=[heads, heads, heads, mask])
    compiled = tf.function(step, jit_compile=True)
    expected = step(*tensors(inputs))
    is_token_B1T1 = inputs.is_token[:, np.newaxis, :, np.newaxis]
    for others in (any_length(*tensors(inputs)), compiled(*tensors(inputs))):
        np.testing.assert_allclose(
            others[0] * is_token_B1T1, expected[0] * is_token_B1T1, atol=1e-5
        )
        for ours, theirs in zip(others[1:], expected[1:], strict=True):
            np.testing.assert_allclose(ours, theirs, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_with_nothing_to_attend_to_is_zero_with_finite_gradients(kind):
    inputs = random_inputs()
    inputs.is_token[0] = False
    config = KINDS[kind]

    def attend(*arguments):
        return attend_sparsely(
            *arguments,
            config=config,
            num_hashes=config.num_hashes,
            seed=tf.constant(SEED),
        )

    output, *gradients = with_gradients(attend)(*tensors(inputs))
    assert not np.any(output[0])
    assert np.any(output[1])
    for gradient in gradients:
        assert np.isfinite(gradient).all()
        assert not np.any(gradient[0])


def half_precision_errors(attend, inputs, dtype):
    """Errors of tokens' output and of three gradients, next to float32."""
    is_token_B1T1 = inputs.is_token[:, np.newaxis, :, np.newaxis]
    tokens = np.broadcast_to(is_token_B1T1, inputs.query.shape)
    rounded = [tf.cast(x, dtype) for x in (inputs.query, inputs.key, inputs.value)]
    exact = [tf.cast(x, tf.float32) for x in rounded]
    # Of one sign on the whole, so that sums over blocks grow.
    upstream = 0.5 + np.random.default_rng(1).normal(size=inputs.query.shape)
    upstream = tf.cast(tf.cast(np.where(tokens, upstream, 0), dtype), tf.float32)
    step = with_gradients(attend, upstream)
    in_half, in_full = step(*rounded, inputs.is_token), step(*exact, inputs.is_token)
    assert all(x.dtype == dtype for x in in_half)
    return [
        relative_error(tf.cast(half, tf.float32)[tokens], full[tokens])
        for half, full in zip(in_half, in_full, strict=True)
    ]


@pytest.mark.parametrize("dtype", [tf.float16, tf.bfloat16])
@pytest.mark.parametrize("kind", [*KINDS, "many blocks"])
def test_half_precision_errs_no_more_than_twice_dense_attention(kind, dtype):
    config, length = KINDS.get(kind, LISTS), 61
    if kind == "many blocks":
        # What 683 blocks list is read 683 times: a sum that bfloat16 cannot hold.
        length = 2048

    def sparse(*arguments):
        return attend_sparsely(
            *arguments,
            config=config,
            num_hashes=config.num_hashes,
            seed=tf.constant(SEED),
        )

    inputs = random_inputs(length, padding=0.1)
    errors = half_precision_errors(sparse, inputs, dtype)
    of_dense = half_precision_errors(dense_attention, inputs, dtype)
    for ours, theirs in zip(errors, of_dense, strict=True):
        assert ours <= 2 * theirs


@pytest.mark.parametrize("kind", ["lists", "lists and rounds"])
def test_dropout_keeps_the_mean_and_follows_its_seed(kind):
    config, one = KINDS[kind], random_inputs(length=19, padding=0.2)
    many = 500
    copies = AttentionInputs(
        *(np.repeat(x[:1], many, axis=0) for x in (one.query, one.key, one.value)),
        np.repeat(one.is_token[:1], many, axis=0),
    )

    def dropped(seed):
        dropout = Dropout(0.3, tf.constant([5, seed]))
        return run(copies, config, dropout=dropout).numpy()

    first = dropped(7)
    np.testing.assert_array_equal(first, dropped(7))
    assert np.abs(first - dropped(8)).max() > 0.1
    expected = run(copies, config).numpy()[0]
    standard_error = first.std(axis=0) / many**0.5
    assert (np.abs(first.mean(axis=0) - expected) < 5 * standard_error + 1e-6).all()


def first_result(name):
    """A function of `lsh_attention` that returns what it first did, ever after."""
    function, results = getattr(lsh_attention, name), []

    def remembered(*args, **kwargs):
        if not results:
            results.append(function(*args, **kwargs))
        return results[0]

    return remembered


@pytest.mark.parametrize("kind", KINDS)
def test_gradient_under_dropout_is_the_slope(kind, monkeypatch):
    """Numeric slopes along random directions, with the same entries dropped."""
    config, inputs = KINDS[kind], random_inputs()
    upstream = np.random.default_rng(1).normal(size=inputs.query.shape)
    *heads, is_token = tensors(inputs)
    # What is chosen, and so what a dropped entry belongs to, has no slope.
    for name in ("list_keys", "sort_rounds"):
        monkeypatch.setattr(lsh_attention, name, first_result(name))

    def attend(*arguments):
        return attend_sparsely(
            *arguments,
            config=config,
            num_hashes=config.num_hashes,
            seed=tf.constant(SEED),
            dropout=Dropout(0.3, tf.constant([5, 7])),
        )

    _, *gradients = with_gradients(attend, upstream)(*heads, is_token)
    step = 1e-3
    for which, gradient in enumerate(gradients):
        direction = np.random.default_rng(which).normal(size=inputs.query.shape)

        def loss(by, which=which, direction=direction):
            moved = list(heads)
            moved[which] += tf.constant(by * direction, tf.float32)
            return np.sum(attend(*moved, is_token).numpy() * upstream, dtype=float)

        slope = (loss(step) - loss(-step)) / (2 * step)
        expected = np.sum(gradient * direction)
        assert abs(slope - expected) < 0.01 * np.linalg.norm(gradient)


def structured_inputs(seed, length=192, width=16) -> AttentionInputs:
    """What pre-trained attention looks like: neighbours, columns, and topics."""
    rng = np.random.default_rng(seed)
    shape = (1, 4, length, width)
    walk = np.cumsum(rng.normal(size=shape), axis=2)
    walk -= walk.mean(axis=2, keepdims=True)
    near = walk / walk.std(axis=2, keepdims=True)
    topics = rng.normal(size=(1, 4, 12, width))
    topic = topics[:, :, rng.integers(12, size=length)]
    query = 0.5 * near + 0.6 * topic + 0.3 * rng.normal(size=shape)
    key = 0.5 * near + 0.6 * topic + 0.3 * rng.normal(size=shape)
    columns = rng.choice(length, 6, replace=False)
    key[:, :, columns] += 1.5 * query.mean(axis=2, keepdims=True)
    value = near + topic + rng.normal(size=shape)
    return AttentionInputs(
        *(x.astype(np.float32) for x in (query, key, value)),
        np.ones((1, length), bool),
    )


@pytest.mark.parametrize(
    "setting, values, config",
    [
        ("num_hashes", (0, 1, 2, 4, 8), LISTS.replace(landmarks=0)),
        ("window", (0, 2, 4, 8), LSHConfig(num_hashes=0, block_length=8, window=0)),
        ("heavy_keys", (0, 4, 16, 64, 192), LISTS.replace(block_length=8)),
        ("landmarks", (0, 6, 24, 96, 192), LISTS.replace(block_length=8)),
    ],
)
def test_more_of_anything_errs_less_on_average(setting, values, config):
    config = config.replace(chunk_length=8, chunks_before=0, chunks_after=0)
    errors = np.zeros(len(values))
    for seed in range(6):
        inputs = structured_inputs(seed)
        dense = dense_attention(*tensors(inputs))
        for number, value in enumerate(values):
            changed = config.replace(**{setting: value})
            errors[number] += relative_error(run(inputs, changed), dense) / 6
    assert list(errors) == sorted(errors, reverse=True)
    assert errors[-1] < 0.8 * errors[0]
