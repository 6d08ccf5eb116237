"""Settings of LSH attention: what they cost, counted in the graph, and their checks."""

import numpy as np
import pytest
import tensorflow as tf

from albert_lsh_tf.config import LSHConfig
from albert_lsh_tf.errors import InputError
from albert_lsh_tf.lsh_config import LINEAR_FROM_LENGTH
from albert_lsh_tf.ops import heavy_keys
from albert_lsh_tf.ops.lsh_attention import lsh_attention
from tests.attention_calls import SEED, random_inputs, run, with_more_padding

LENGTHS = (16, 17, 64, 100, 128, 511, 512, 513, 640, 1000, 1024, 2048, 4096, 5000)
BUDGETS = (0.01, 0.03, 0.05, 0.08, 0.1, 0.2, 0.25, 0.3, 0.5, 0.75, 0.99, 1)
LISTS = LSHConfig(
    num_hashes=0, window=2, block_length=8, heavy_keys=9, global_tokens=1, landmarks=6
)
KINDS = {
    "rounds": LSHConfig(num_hashes=3, chunk_length=7, chunks_before=0),
    "window": LSHConfig(num_hashes=0, block_length=5, window=0),
    "lists": LISTS,
    "few candidates": LISTS.replace(heavy_candidates=13),
    "global tokens": LSHConfig(num_hashes=0, block_length=8, global_tokens=3),
    "both": LISTS.replace(num_hashes=2, chunk_length=12),
    "landmarks and a round": LSHConfig(num_hashes=1, landmarks=5, block_length=6),
    "dense": LSHConfig(dense_below=1000),
    "chunks cover": LSHConfig(chunk_length=50),
    "for 256": LSHConfig.for_length(256),
    "for 8192": LSHConfig.for_length(8192),
}


@pytest.mark.parametrize("budget", BUDGETS)
@pytest.mark.parametrize("length", (*LENGTHS, 8192, 65536))
def test_setting_for_a_length_keeps_its_budget(length, budget):
    if budget * min(length, LINEAR_FROM_LENGTH) < 1:
        with pytest.raises(InputError, match="less than one logit"):
            LSHConfig.for_length(length, budget=budget)
        return
    config = LSHConfig.for_length(length, budget=budget)
    logits = config.logits_per_query(length)
    assert logits <= budget * length
    if budget < 1:
        allowed = int(budget * min(length, LINEAR_FROM_LENGTH))
        assert logits <= allowed
        # What is left over would buy one more key.
        assert logits == allowed or config.heavy_keys >= length


def test_budgets_of_all_sizes_are_kept():
    for length in (128, 512, 513, 600, 1024, 2048, 8192):
        for logits in range(1, min(length, LINEAR_FROM_LENGTH)):
            budget = (logits + 0.5) / min(length, LINEAR_FROM_LENGTH)
            config = LSHConfig.for_length(length, budget=budget)
            assert 0 < config.logits_per_query(length) <= logits, (length, logits)


def test_budget_of_1_is_dense_attention():
    for overrides in ({}, {"dense_below": None}):
        config = LSHConfig.for_length(300, budget=1, **overrides)
        for length in (300, 301, 65536):
            assert config.is_dense(length)
            assert config.logits_per_query(length) == length
    for dense_below in (0, 300):
        with pytest.raises(InputError, match="a budget of 1 is dense attention at an"):
            LSHConfig.for_length(300, budget=1, dense_below=dense_below)


def test_cost_of_a_query_stops_growing():
    costs = [
        LSHConfig.for_length(length).logits_per_query(length)
        for length in (2 * LINEAR_FROM_LENGTH, 8192, 65536)
    ]
    assert max(costs) <= LINEAR_FROM_LENGTH / 4


def test_overrides_replace_settings():
    config = LSHConfig.for_length(512, num_hashes=2, dense_below=None)
    assert config.num_hashes == 2
    assert config.dense_below is None
    assert config.replace(num_hashes=0, dense_below=0) == LSHConfig.for_length(512)


@pytest.mark.parametrize("length", [53, 96])
@pytest.mark.parametrize("kind", KINDS)
def test_logits_are_those_that_the_graph_computes(kind, length):
    """Every logit of a softmax has its exponential; a merge and a choice do not."""
    config = KINDS[kind]
    heads, mask = tf.TensorSpec([2, 3, length, 5]), tf.TensorSpec([2, length], tf.bool)

    @tf.function(input_signature=[heads, heads, heads, mask])
    def attend(*arguments):
        return lsh_attention(
            *arguments,
            config=config,
            num_hashes=config.evaluation_hashes,
            seed=tf.constant(SEED),
        )

    graph_def = attend.get_concrete_function().graph.as_graph_def(add_shapes=True)
    called = {
        node.attr["f"].func.name
        for node in graph_def.node
        if "PartitionedCall" in node.op
    }
    nodes = [*graph_def.node]
    for function in graph_def.library.function:
        # A forward function for gradients is there too, but not called.
        if function.signature.name in called:
            nodes.extend(function.node_def)
    logits = sum(
        tf.TensorShape(node.attr["_output_shapes"].list.shape[0]).num_elements()
        for node in nodes
        if node.op == "Exp"
    )
    padded_length = length
    if not config.is_dense(length):
        padded_length += -length % config.padding_multiple
    assert logits == 2 * 3 * padded_length * config.logits_per_query(length)


@pytest.mark.parametrize("length", [53, 96])
@pytest.mark.parametrize("kind", KINDS)
def test_cost_of_choosing_is_what_is_computed(kind, length, monkeypatch):
    config, dot_products = KINDS[kind], []
    expected_weights = heavy_keys._expected_weights

    def recorded(wanted, key_BHTD, is_token_BHT):
        weights = expected_weights(wanted, key_BHTD, is_token_BHT)
        # Means and variances are as wide as two queries.
        assert wanted.mean_BHCD.shape[-1] + wanted.variance_BHCD.shape[-1] == 2 * 5
        dot_products.append(2 * np.prod(weights.shape))
        return weights

    monkeypatch.setattr(heavy_keys, "_expected_weights", recorded)
    run(random_inputs(length), config, num_hashes=config.evaluation_hashes)
    padded_length = length + -length % config.padding_multiple
    a_query = sum(dot_products) / (2 * 3 * padded_length)
    assert config.choosing_per_query(length) == pytest.approx(a_query)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("suffix", ["json", "yaml"])
def test_files_round_trip(kind, suffix, tmp_path):
    KINDS[kind].save(tmp_path / f"config.{suffix}")
    assert LSHConfig.from_file(tmp_path / f"config.{suffix}") == KINDS[kind]


@pytest.mark.parametrize(
    "budget, message",
    [
        (0, "budget=0 must be above 0 and at most 1"),
        (-0.5, "budget=-0.5 must be above 0 and at most 1"),
        (1.01, "budget=1.01 must be above 0 and at most 1"),
        (float("nan"), "budget=nan must be above 0"),
        (0.01, "budget=0.01 of 64 tokens is less than one logit a query; try 0.12"),
    ],
)
def test_budgets_that_make_no_sense_are_refused(budget, message):
    with pytest.raises(InputError, match=message):
        LSHConfig.for_length(64, budget=budget)


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"num_hashes": -1}, "num_hashes=-1 must be at least 0"),
        ({"num_hashes": 0}, "num_hashes=0 leaves a query nothing to attend to"),
        ({"num_hashes_at_evaluation": 0}, "leaves a query nothing to attend to"),
        ({"share_query_key": True, "whiten": True}, "whiten has nothing to do with sh"),
        ({"seed": 2**31}, "seed=2147483648 must be at least -2.31 and below"),
        ({"block_length": 0}, "block_length=0 must be at least 1"),
        ({"window": -1}, "window=-1 must be at least 0"),
        ({"window": 17}, "window=17 must not exceed block_length=16"),
        ({"heavy_keys": -1}, "heavy_keys=-1 must be at least 0"),
        ({"heavy_candidates": 0}, "heavy_candidates=0 must be at least 1"),
        ({"global_tokens": -1}, "global_tokens=-1 must be at least 0"),
        ({"landmarks": -1}, "landmarks=-1 must be at least 0"),
        ({"dense_below": -1}, "dense_below=-1 must be at least 0"),
        (
            {"heavy_keys": 60, "global_tokens": 5, "heavy_candidates": 64},
            "65 keys, more than heavy_candidates=64",
        ),
        ({"share_query_key": True, "window": 0}, "share_query_key is Reformer's"),
        ({"share_query_key": True, "heavy_keys": 1}, "share_query_key is Reformer's"),
        ({"share_query_key": True, "landmarks": 1}, "share_query_key is Reformer's"),
        ({"window": 1.5}, "window=1.5 is of type float"),
        ({"hevy_keys": 1}, "did you mean 'heavy_keys'"),
    ],
)
def test_what_makes_no_sense_is_refused(settings, message):
    with pytest.raises(InputError, match=message):
        LSHConfig.from_dict(settings)


def test_lists_take_the_place_of_rounds():
    for settings in ({"window": 0}, {"heavy_keys": 1}, {"global_tokens": 1}):
        assert LSHConfig(num_hashes=0, **settings).has_key_lists
    assert LSHConfig(num_hashes=0, landmarks=1).evaluation_hashes == 0


def test_lists_are_off_by_default_and_in_reformers_scheme():
    for config in (LSHConfig(), LSHConfig.reformer()):
        assert not config.has_key_lists
        assert config.window_length == config.num_listed_keys == 0
    config = LSHConfig.reformer(num_hashes=2)
    assert (config.num_hashes, config.share_query_key) == (2, True)
    assert (config.chunks_before, config.chunks_after) == (1, 0)


@pytest.mark.parametrize(
    "before, after, length, is_dense",
    [
        (1, 1, 64, True),
        (1, 1, 65, False),
        (1, 0, 33, False),
        (1, 0, 32, True),
        (2, 2, 96, True),
    ],
)
def test_chunks_that_cover_a_sequence_are_dense(before, after, length, is_dense):
    config = LSHConfig(chunk_length=32, chunks_before=before, chunks_after=after)
    assert config.is_dense(length) == is_dense
    # Lists have a truth of their own.
    assert not config.replace(window=0).is_dense(length)


@pytest.mark.parametrize(
    ("kind", "settings", "is_ignored"),
    [
        ("window", {}, True),
        ("lists", {}, True),
        ("few candidates", {}, True),
        ("global tokens", {}, True),
        ("for 256", {}, True),
        ("lists", {"dense_below": 40}, True),
        ("lists", {"dense_below": 60}, False),
        ("dense", {}, True),
        ("chunks cover", {}, True),
        ("chunks cover", {"chunk_length": 30}, False),
        ("rounds", {}, False),
        ("rounds", {"num_buckets": 6}, True),
        ("rounds", {"num_buckets": 6, "hash": "random"}, False),
        ("both", {}, False),
        ("both", {"num_buckets": 6}, True),
        ("for 8192", {}, False),
        ("lists", {"num_hashes_at_evaluation": 1}, False),
    ],
)
def test_padding_is_ignored_where_the_setting_says_so(kind, settings, is_ignored):
    config, inputs = KINDS[kind].replace(**settings), random_inputs(60, padding=0.0)
    assert config.ignores_padding(60, 100) == is_ignored
    padded = with_more_padding(inputs, 40)
    rounds = {"num_hashes": config.evaluation_hashes}
    result, of_padded = run(inputs, config, **rounds), run(padded, config, **rounds)
    if is_ignored:
        np.testing.assert_allclose(of_padded[:, :, :60], result, atol=1e-5)


def test_dense_below_counts_tokens():
    config = LISTS.replace(dense_below=100)
    assert config.is_dense(100)
    assert not config.is_dense(101)
    measured = LISTS.replace(dense_below=None)
    for device in ("cpu", "gpu"):
        assert measured.is_dense(16, device)
        assert not measured.is_dense(65536, device)


def test_sequences_are_padded_to_whole_blocks_and_chunks():
    assert LISTS.padding_multiple == 8
    assert KINDS["both"].padding_multiple == 24
    assert LSHConfig(chunk_length=12).padding_multiple == 12
    at_evaluation = LISTS.replace(num_hashes_at_evaluation=1, chunk_length=12)
    assert at_evaluation.padding_multiple == 24
