"""The contracts of LSH attention, against brute force over pairs."""

import functools
import math
import re

import hypothesis
import numpy as np
import pytest
import tensorflow as tf

from albert_lsh_tf.config import LSHConfig
from albert_lsh_tf.lsh_config import NUM_SAMPLED_BLOCKS
from albert_lsh_tf.ops import chunking, sorting
from albert_lsh_tf.ops.dense_attention import dense_attention
from albert_lsh_tf.ops.dropout import Dropout
from albert_lsh_tf.ops.hash_rounds import sort_rounds
from albert_lsh_tf.ops.hashing import MAX_BUCKETS_OF_ONE_ROTATION
from albert_lsh_tf.ops.lsh_attention import (
    attend_sparsely,
    lsh_attention,
    unit_keys,
)
from tests.attention_calls import (
    SEED,
    noise_in_padding,
    random_inputs,
    relative_error,
    run,
    tensors,
    with_gradients,
)
from tests.reference import attention as reference
from tests.shared_data import shared_data
from tests.strategies import AttentionInputs, attention_inputs, lsh_configs

SCHEMES = {
    "apart": LSHConfig(num_hashes=3, chunk_length=5),
    "reformer": LSHConfig.reformer(num_hashes=2, chunk_length=5),
    "random": LSHConfig(num_hashes=2, chunk_length=7, hash="random", chunks_after=0),
}
HEAD_WIDTH = 5  # Of `random_inputs`.
properties = hypothesis.settings(max_examples=25, deadline=None, derandomize=True)


def visible_keys(inputs: AttentionInputs, config: LSHConfig):
    """For [batch row][head]: the keys that each query meets, and the keys' vectors."""
    key = unit_keys(inputs.query) if config.share_query_key else inputs.key
    rounds = sort_rounds(
        chunking.pad_to_chunks(tf.constant(inputs.query), config.chunk_length, 2),
        chunking.pad_to_chunks(tf.constant(key), config.chunk_length, 2),
        chunking.pad_to_chunks(tf.constant(inputs.is_token), config.chunk_length, 1),
        config=config,
        num_hashes=config.num_hashes,
        seed=tf.constant(SEED),
    )
    batch_size, num_heads, length, _ = inputs.query.shape
    visible = [
        [
            reference.visible_keys(
                [each.query_rank.numpy()[row, head] for each in rounds],
                [each.key_rank.numpy()[row, head] for each in rounds],
                inputs.is_token[row].sum(),
                config.chunk_length,
                config.chunks_before,
                config.chunks_after,
            )[:length]
            for head in range(num_heads)
        ]
        for row in range(batch_size)
    ]
    return visible, np.asarray(key)


def each_head(inputs: AttentionInputs):
    return np.ndindex(inputs.query.shape[:2])


@properties
@hypothesis.given(inputs=attention_inputs(), config=lsh_configs())
def test_equals_softmax_over_the_union_of_keys_met(inputs, config):
    output = run(inputs, config, attend_sparsely).numpy()
    visible, key = visible_keys(inputs, config)
    for row, head in each_head(inputs):
        expected = reference.attend(
            inputs.query[row, head],
            key[row, head],
            inputs.value[row, head],
            visible[row][head],
            self_is_last_resort=config.share_query_key,
        )
        np.testing.assert_allclose(output[row, head], expected, atol=1e-5)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_gradients_equal_those_of_brute_force(scheme):
    config, inputs = SCHEMES[scheme], random_inputs()
    query, value = tf.Variable(inputs.query), tf.Variable(inputs.value)
    key = tf.Variable(unit_keys(inputs.query) if config.share_query_key else inputs.key)
    upstream = np.random.default_rng(1).normal(size=inputs.query.shape)
    with tf.GradientTape() as tape:
        output = lsh_attention(
            query,
            key,
            value,
            tf.constant(inputs.is_token),
            config=config,
            num_hashes=config.num_hashes,
            seed=tf.constant(SEED),
        )
        loss = tf.reduce_sum(output * upstream.astype(np.float32))
    gradients = tape.gradient(loss, [query, key, value])
    visible, _ = visible_keys(inputs, config)
    for row, head in each_head(inputs):
        expected = reference.gradients(
            inputs.query[row, head],
            key.numpy()[row, head],
            inputs.value[row, head],
            visible[row][head],
            upstream[row, head],
            self_is_last_resort=config.share_query_key,
        )
        for ours, theirs in zip(gradients, expected, strict=True):
            np.testing.assert_allclose(ours[row, head], theirs, atol=1e-5)


@properties
@hypothesis.given(inputs=attention_inputs(), config=lsh_configs())
def test_what_stands_in_the_padding_never_changes_a_token(inputs, config):
    tokens = np.broadcast_to(
        inputs.is_token[:, np.newaxis, :, np.newaxis], inputs.query.shape
    )
    np.testing.assert_array_equal(
        run(inputs, config).numpy()[tokens],
        run(noise_in_padding(inputs), config).numpy()[tokens],
    )


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_row_with_nothing_to_attend_to_is_zero_with_finite_gradients(scheme):
    config, inputs = SCHEMES[scheme], random_inputs(padding=1.0)
    heads = [tf.Variable(each) for each in (inputs.query, inputs.key, inputs.value)]
    with tf.GradientTape() as tape:
        output = lsh_attention(
            *heads,
            tf.constant(inputs.is_token),
            config=config,
            num_hashes=config.num_hashes,
            seed=tf.constant(SEED),
        )
        loss = tf.reduce_sum(output**2 + output)
    assert not output.numpy().any()
    for gradient in tape.gradient(loss, heads):
        assert np.isfinite(gradient.numpy()).all()


@properties
@hypothesis.given(inputs=attention_inputs(), config=lsh_configs())
def test_chunks_that_cover_the_sequence_give_dense_attention(inputs, config):
    chunk_length = inputs.query.shape[2]
    config = config.replace(chunk_length=chunk_length)
    key = unit_keys(inputs.query) if config.share_query_key else inputs.key
    in_chunks = run(inputs, config, attend_sparsely).numpy()
    by_choice = run(inputs, config).numpy()
    for row, head in each_head(inputs):
        expected = reference.dense(
            inputs.query[row, head],
            np.asarray(key)[row, head],
            inputs.value[row, head],
            inputs.is_token[row],
            self_is_last_resort=config.share_query_key,
        )
        np.testing.assert_allclose(in_chunks[row, head], expected, atol=1e-5)
        np.testing.assert_allclose(by_choice[row, head], expected, atol=1e-5)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_eager_graph_of_any_length_and_xla_agree(scheme):
    config, inputs = SCHEMES[scheme], random_inputs()

    def attend(query, key, value, is_token):
        return lsh_attention(
            query,
            unit_keys(query) if config.share_query_key else key,
            value,
            is_token,
            config=config,
            num_hashes=config.num_hashes,
            seed=tf.constant(SEED),
        )

    heads = tf.TensorSpec([None, 3, None, 5])
    mask = tf.TensorSpec([None, None], tf.bool)
    any_length = tf.function(attend, input_signature=[heads, heads, heads, mask])
    compiled = tf.function(attend, jit_compile=True)
    arguments = (inputs.query, inputs.key, inputs.value, inputs.is_token)
    expected = run(inputs, config).numpy()
    np.testing.assert_allclose(any_length(*arguments), expected, atol=1e-6)
    np.testing.assert_allclose(compiled(*arguments), expected, atol=1e-5)
    short = [arguments[0][:, :, :5], arguments[1][:, :, :5], arguments[2][:, :, :5]]
    mask = inputs.is_token[:, :5]
    np.testing.assert_allclose(
        any_length(*short, mask), attend(*short, mask), atol=1e-6
    )


def test_same_seed_same_output_and_other_seed_other_output():
    inputs, config = random_inputs(), SCHEMES["apart"]
    arguments = (inputs.query, inputs.key, inputs.value, inputs.is_token)

    def with_seed(seed):
        return lsh_attention(
            *arguments, config=config, num_hashes=1, seed=tf.constant(seed)
        ).numpy()

    np.testing.assert_array_equal(with_seed([3, 1]), with_seed([3, 1]))
    assert np.abs(with_seed([3, 1]) - with_seed([3, 2])).max() > 1e-2
    assert np.abs(with_seed([3, 1]) - with_seed([4, 1])).max() > 1e-2


@pytest.mark.parametrize(
    "config",
    [
        SCHEMES["apart"],
        SCHEMES["apart"].replace(dense_below=20),
        SCHEMES["reformer"].replace(dense_below=20),
        LSHConfig(
            num_hashes=0, block_length=4, heavy_keys=5, landmarks=2, dense_below=20
        ),
    ],
    ids=["rounds", "dense_below", "reformer", "lists"],
)
def test_xla_trains_a_graph_for_any_length(config):
    heads, mask = tf.TensorSpec([2, 3, None, 5]), tf.TensorSpec([2, None], tf.bool)

    def gradients(query, key, value, is_token):
        with tf.GradientTape() as tape:
            tape.watch([query, key, value])
            output = lsh_attention(
                query,
                unit_keys(query) if config.share_query_key else key,
                value,
                is_token,
                config=config,
                num_hashes=config.num_hashes,
                seed=tf.constant(SEED),
            )
            assert output.shape[0] == 2
            # What attends from padding depends on how much of it there is.
            output *= tf.cast(is_token, tf.float32)[:, tf.newaxis, :, tf.newaxis]
            loss = tf.reduce_sum(output**2)
        return tape.gradient(loss, [query, key, value], unconnected_gradients="zero")

    compiled = tf.function(
        gradients, input_signature=[heads, heads, heads, mask], jit_compile=True
    )
    for length in (4, 20, 37):
        inputs = random_inputs(length)
        arguments = [
            tf.constant(each)
            for each in (inputs.query, inputs.key, inputs.value, inputs.is_token)
        ]
        for ours, expected in zip(
            compiled(*arguments), gradients(*arguments), strict=True
        ):
            np.testing.assert_allclose(ours, expected, atol=1e-4)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_no_tensor_grows_with_the_square_of_the_length(scheme):
    config, length = SCHEMES[scheme].replace(num_hashes=2), 1009
    padded_length = length + -length % config.chunk_length
    largest = max(tensor_sizes(config, length))
    # The largest are logits (B * H * T * K) or projections on bucket directions.
    keys_seen = (config.chunks_before + 1 + config.chunks_after) * config.chunk_length
    per_token = max(keys_seen, MAX_BUCKETS_OF_ONE_ROTATION)
    assert 2 * 3 * length * keys_seen <= largest <= 2 * 3 * padded_length * per_token


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("num_hashes", [0, 2])
def test_no_tensor_of_lists_grows_with_the_square_of_the_length(num_hashes, compiled):
    config = LSHConfig(
        num_hashes=num_hashes,
        chunk_length=16,
        block_length=8,
        window=4,
        heavy_keys=20,
        heavy_candidates=128,
        global_tokens=1,
        landmarks=15,
    )
    # Lists as they are gathered, once for all queries of a block; weights of candidates
    # for a block, and of all keys for the blocks that are sampled; projections.
    listed = config.window_length + config.num_listed_keys + config.landmarks
    per_token = max(
        config.logits_per_query(2**16),
        listed * HEAD_WIDTH // config.block_length,
        config.heavy_candidates // config.block_length,
        NUM_SAMPLED_BLOCKS,
        2 * HEAD_WIDTH,
        MAX_BUCKETS_OF_ONE_ROTATION if num_hashes else 0,
    )
    for length in (2053, 8209):
        padded_length = length + -length % config.padding_multiple
        sizes = tensor_sizes(config, length, compiled)
        assert max(sizes) <= 2 * 3 * padded_length * per_token


def tensor_sizes(config: LSHConfig, length: int, compiled: bool = False) -> list[int]:
    """Elements of every tensor in the graph of a training step, or of XLA's program."""
    heads = tf.TensorSpec([2, 3, length, HEAD_WIDTH])
    mask = tf.TensorSpec([2, length], tf.bool)

    def attend(*arguments):
        return lsh_attention(
            *arguments,
            config=config,
            num_hashes=config.num_hashes,
            seed=tf.constant(SEED),
        )

    step = tf.function(
        with_gradients(attend),
        input_signature=[heads, heads, heads, mask],
        jit_compile=compiled,
    )
    if compiled:
        program = step.experimental_get_compiler_ir(heads, heads, heads, mask)("hlo")
        return [
            math.prod(map(int, shape.split(",")))
            for shape in re.findall(r"\w+\[([\d,]+)\]", program)
        ]
    graph_def = step.get_concrete_function().graph.as_graph_def(add_shapes=True)
    nodes = [*graph_def.node]
    for function in graph_def.library.function:
        nodes.extend(function.node_def)
    return [
        tf.TensorShape(shape).num_elements()
        for node in nodes
        for shape in node.attr["_output_shapes"].list.shape
        if tf.TensorShape(shape).is_fully_defined()
    ]


def test_first_rounds_are_the_same_whatever_their_number():
    inputs = random_inputs()
    config = SCHEMES["apart"]
    few = visible_keys(inputs, config.replace(num_hashes=1))[0]
    many = visible_keys(inputs, config.replace(num_hashes=3))[0]
    for row, head in each_head(inputs):
        for met_in_one, met_in_three in zip(
            few[row][head], many[row][head], strict=True
        ):
            assert met_in_one <= met_in_three


def test_more_rounds_come_nearer_to_dense_attention():
    inputs = random_inputs(length=97, padding=0.0)
    dense = dense_attention(
        inputs.query, inputs.key, inputs.value, inputs.is_token
    ).numpy()
    config = LSHConfig(num_hashes=1, chunk_length=7)
    errors = [
        np.linalg.norm(run(inputs, config, num_hashes=rounds).numpy() - dense)
        for rounds in (1, 2, 4, 8)
    ]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < errors[0] / 2


def test_hashing_finds_the_keys_that_matter_better_than_chance():
    """Keys near their queries: angular hashing must beat the random control."""
    rng = np.random.default_rng(5)
    key = rng.normal(size=(1, 2, 193, 16)).astype(np.float32)
    # The key that a query wants stands elsewhere in the sequence.
    query = 2 * np.roll(key, 71, axis=2) + 0.3 * rng.normal(size=key.shape)
    query = query.astype(np.float32)
    value = rng.normal(size=key.shape).astype(np.float32)
    inputs = AttentionInputs(query, key, value, np.ones((1, 193), bool))
    dense = dense_attention(query, key, value, inputs.is_token).numpy()
    config = LSHConfig(num_hashes=1, chunk_length=8, chunks_before=0, chunks_after=0)
    angular = np.linalg.norm(run(inputs, config).numpy() - dense)
    by_chance = np.linalg.norm(
        run(inputs, config.replace(hash="random")).numpy() - dense
    )
    assert angular < 0.8 * by_chance


@pytest.mark.parametrize("dtype", [tf.float16, tf.bfloat16])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_half_precision_errs_no_more_than_twice_dense_attention(scheme, dtype):
    config, inputs = SCHEMES[scheme], random_inputs(length=61)
    rounded = [
        tf.cast(each, dtype) for each in (inputs.query, inputs.key, inputs.value)
    ]
    exact = AttentionInputs(
        *(tf.cast(each, tf.float32).numpy() for each in rounded), inputs.is_token
    )

    def error(function, **kwargs):
        in_half = function(*rounded, tf.constant(inputs.is_token), **kwargs)
        assert in_half.dtype == dtype
        in_full = function(
            *(tf.cast(each, tf.float32) for each in rounded),
            tf.constant(inputs.is_token),
            **kwargs,
        )
        return np.abs(tf.cast(in_half, tf.float32) - in_full).max()

    lsh_error = error(
        lsh_attention,
        config=config,
        num_hashes=config.num_hashes,
        seed=tf.constant(SEED),
    )
    assert np.isfinite(run(exact, config)).all()
    assert lsh_error <= 2 * error(dense_attention)


def test_dropout_drops_its_share_and_keeps_the_mean():
    inputs = random_inputs(length=61, padding=0.0)
    ones = AttentionInputs(
        inputs.query, inputs.key, np.ones_like(inputs.value), inputs.is_token
    )
    config = SCHEMES["apart"]
    dropout = Dropout(0.25, tf.constant([5, 7]))
    once = run(ones, config, dropout=dropout).numpy()
    np.testing.assert_array_equal(once, run(ones, config, dropout=dropout).numpy())
    # Weights sum to 1; each survives with 3 in 4 and then counts 4 / 3.
    assert once.std() > 0.05
    assert abs(once.mean() - 1) < 0.05
    other = run(ones, config, dropout=Dropout(0.25, tf.constant([5, 8]))).numpy()
    assert np.abs(once - other).max() > 1e-2


def test_two_ends_of_the_sorted_sequence_do_not_see_each_other():
    inputs = random_inputs(padding=0.0)
    config = LSHConfig(num_hashes=1, chunk_length=4, chunks_before=1, chunks_after=0)
    visible, _ = visible_keys(inputs, config)
    for row, head in each_head(inputs):
        numbers = sorted(len(met) for met in visible[row][head])
        # 37 tokens: the first chunk of 4 sees itself, the last one has one token.
        assert numbers == [4] * 4 + [5] + [8] * 32


def test_sorting_is_by_bucket_then_position_with_padding_last():
    bucket_ids = tf.constant([[[2, 0, 2, 1, 0, 1, 0]]])
    is_token = tf.constant([[True, True, True, True, False, True, True]])
    order, rank = sorting.sort_by_bucket(bucket_ids, is_token)
    assert order.numpy().tolist() == [[[1, 6, 3, 5, 0, 2, 4]]]
    assert rank.numpy().tolist() == [[[4, 0, 5, 2, 6, 3, 1]]]


@pytest.fixture(scope="module")
def real_inputs() -> AttentionInputs:
    """Six layers of a pre-trained encoder, as the rows of a batch: [6, 12, 512, 32]."""
    arrays = np.load(shared_data("attention/minilm_qkv_512.npz"))
    query, key, value = (
        arrays[name].astype(np.float32) for name in ("query", "key", "value")
    )
    is_token = np.ones((query.shape[0], query.shape[2]), bool)
    return AttentionInputs(query / query.shape[-1] ** 0.5, key, value, is_token)


@pytest.fixture(scope="module")
def real_error(real_inputs):
    """A function of a config: error next to dense attention, averaged over layers."""
    dense = dense_attention(*tensors(real_inputs)).numpy()

    @functools.cache
    def error(config):
        output = run(real_inputs, config)
        return np.mean(
            [relative_error(*layer) for layer in zip(output, dense, strict=True)]
        )

    return error


@pytest.mark.parametrize("budget, limit", [(0.25, 0.23), (0.5, 0.12), (1, 1e-6)])
def test_setting_for_a_length_errs_little_in_a_real_encoder(real_error, budget, limit):
    assert real_error(LSHConfig.for_length(512, budget=budget)) < limit


def test_centred_hashing_beats_chance_in_a_real_encoder(real_error):
    """At the budget of `for_length`, without lists."""
    config = LSHConfig(num_hashes=4, chunks_before=0, chunks_after=0)
    assert config.centre
    assert config.logits_per_query(512) == 128
    assert real_error(config) < 0.9 * real_error(config.replace(hash="random"))
    assert real_error(config) < 0.9 * real_error(config.replace(centre=False))


def test_heavy_keys_help_in_a_real_encoder(real_error):
    config = LSHConfig.for_length(512)
    without = config.replace(heavy_keys=0, num_hashes=3)
    assert without.logits_per_query(512) >= config.logits_per_query(512)
    assert real_error(config) < 0.5 * real_error(without)


@pytest.mark.parametrize(
    "setting, values",
    [
        ("num_hashes", (0, 1, 2, 4)),
        ("window", (0, 4, 8, 16)),
        ("heavy_keys", (0, 16, 64, 192)),
        ("landmarks", (0, 4, 16, 64)),
    ],
)
def test_more_of_anything_errs_less_in_a_real_encoder(real_error, setting, values):
    config = LSHConfig.for_length(512, heavy_keys=48)
    errors = [real_error(config.replace(**{setting: value})) for value in values]
    assert errors == sorted(errors, reverse=True)
