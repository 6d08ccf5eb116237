"""Figures of tiny encoders, against NumPy and where they must be exact."""

import json

import numpy as np
import pytest
import tensorflow as tf

from albert_lsh_tf.config import LSHConfig
from albert_lsh_tf.diagnostics import diagnose
from albert_lsh_tf.diagnostics.encoders import with_attention
from albert_lsh_tf.errors import InputError
from albert_lsh_tf.networks.albert_encoder import AlbertLSHEncoder
from albert_lsh_tf.ops.hash_rounds import sort_rounds
from tests.reference.albert import albert
from tests.reference.attention import attend, dense, visible_keys

LAYERS, HEADS, WIDTH, LENGTH = 3, 2, 14, 29
TOP_K = 4
LAYER = "bert/encoder/transformer/group_0/inner_group_0/"
GOOGLE_NAMES = {
    "word_embeddings/embeddings": "bert/embeddings/word_embeddings",
    "position_embedding/embeddings": "bert/embeddings/position_embeddings",
    "type_embeddings/embeddings": "bert/embeddings/token_type_embeddings",
    "embeddings/layer_norm": "bert/embeddings/LayerNorm",
    "embedding_projection": "bert/encoder/embedding_hidden_mapping_in",
    "transformer/self_attention/query": f"{LAYER}attention_1/self/query",
    "transformer/self_attention/key": f"{LAYER}attention_1/self/key",
    "transformer/self_attention/value": f"{LAYER}attention_1/self/value",
    "transformer/self_attention/attention_output": (f"{LAYER}attention_1/output/dense"),
    "transformer/self_attention_layer_norm": f"{LAYER}LayerNorm",
    "transformer/intermediate": f"{LAYER}ffn_1/intermediate/dense",
    "transformer/output": f"{LAYER}ffn_1/intermediate/output/dense",
    "transformer/output_layer_norm": f"{LAYER}LayerNorm_1",
    "pooler_transform": "bert/pooler/dense",
}
# Blocks of 6 with 2 keys around; two rounds of chunks; means alone; Reformer's scheme.
WINDOW = LSHConfig(num_hashes=0, block_length=6, window=2)
ROUNDS = LSHConfig(
    num_hashes=1, num_hashes_at_evaluation=2, chunk_length=5, chunks_after=0, seed=3
)
LANDMARKS = LSHConfig(num_hashes=0, landmarks=4)
REFORMER = LSHConfig.reformer(chunk_length=4)


@pytest.fixture(scope="module")
def encoder():
    """Large weights, so that attention is far from uniform."""
    encoder = AlbertLSHEncoder(
        vocab_size=41,
        embedding_width=5,
        hidden_size=WIDTH,
        num_layers=LAYERS,
        num_attention_heads=HEADS,
        max_sequence_length=31,
        intermediate_size=11,
    )
    random = np.random.default_rng(5)
    for variable in encoder.variables:
        shape = variable.shape
        base = 1.0 if variable.name.endswith("gamma:0") else 0.0
        variable.assign(base + 0.6 * random.normal(size=shape))
    return encoder


def batch(lengths, seed=0):
    random = np.random.default_rng(seed)
    mask = (np.arange(LENGTH) < np.array(lengths)[:, None]).astype(np.int32)
    return {
        "input_word_ids": random.integers(1, 41, mask.shape).astype(np.int32),
        "input_mask": mask,
        "input_type_ids": random.integers(0, 2, mask.shape).astype(np.int32),
    }


BATCHES = [batch([LENGTH, 17], seed=1), batch([23], seed=2)]


def google_variables(encoder):
    found = {}
    for variable in encoder.variables:
        name = variable.name.removesuffix(":0")
        folder, _, last = name.rpartition("/")
        if last == "embeddings":
            found[GOOGLE_NAMES[name]] = variable.numpy()
            continue
        value = variable.numpy()
        if "attention/" in name and "output" not in name:
            value = value.reshape(*value.shape[:-2], -1)
        elif name.endswith("attention_output/kernel"):
            value = value.reshape(-1, WIDTH)
        found[f"{GOOGLE_NAMES[folder]}/{last}"] = value
    return found


def reference_states(encoder, inputs):
    """Embeddings, then the output of each layer: plain NumPy."""
    variables = google_variables(encoder)
    arguments = (inputs[f"input_{name}"] for name in ("word_ids", "mask", "type_ids"))
    word_ids, mask, type_ids = arguments
    outputs = albert(variables, LAYERS, HEADS, word_ids, mask, type_ids)
    x = (
        variables["bert/embeddings/word_embeddings"][word_ids]
        + variables["bert/embeddings/position_embeddings"][:LENGTH]
        + variables["bert/embeddings/token_type_embeddings"][type_ids]
    ).astype(np.float64)
    x = x - x.mean(-1, keepdims=True)
    x = x / np.sqrt((x**2).mean(-1, keepdims=True) + 1e-12)
    norm = "bert/embeddings/LayerNorm"
    x = x * variables[f"{norm}/gamma"] + variables[f"{norm}/beta"]
    mapping = "bert/encoder/embedding_hidden_mapping_in"
    x = x @ variables[f"{mapping}/kernel"] + variables[f"{mapping}/bias"]
    return [x, *outputs["encoder_outputs"]]


def reference_heads(encoder, states):
    """Query (scaled), key and value of one layer: [B, H, T, D] each."""
    variables = google_variables(encoder)
    heads = []
    for name in ("query", "key", "value"):
        folder = f"{LAYER}attention_1/self/{name}"
        x = states @ variables[f"{folder}/kernel"] + variables[f"{folder}/bias"]
        heads.append(x.reshape(*x.shape[:2], HEADS, -1).transpose(0, 2, 1, 3))
    heads[0] = heads[0] / np.sqrt(WIDTH // HEADS)
    return heads


def keys_in_windows(query, key, is_token, depth):
    """Which keys each query of a row meets, by head."""
    del query, key, depth
    visible = []
    for position in range(LENGTH):
        first = position // WINDOW.block_length * WINDOW.block_length - WINDOW.window
        end = first + WINDOW.block_length + 2 * WINDOW.window
        keys = range(max(first, 0), min(end, LENGTH))
        visible.append({each for each in keys if is_token[each]})
    return [visible] * HEADS


def keys_in_rounds(query, key, is_token, depth):
    """The same, from the ranks that sorting by bucket gives."""
    short = -LENGTH % ROUNDS.chunk_length
    padded = [np.pad(each, [(0, 0), (0, short), (0, 0)]) for each in (query, key)]
    rounds = sort_rounds(
        *(tf.constant(each[np.newaxis], tf.float32) for each in padded),
        tf.constant(np.pad(is_token, (0, short))[np.newaxis]),
        config=ROUNDS,
        num_hashes=2,
        seed=tf.constant([ROUNDS.seed, depth]),
    )
    return [
        visible_keys(
            [each.query_rank[0, head].numpy().tolist() for each in rounds],
            [each.key_rank[0, head].numpy().tolist() for each in rounds],
            is_token.sum(),
            ROUNDS.chunk_length,
            ROUNDS.chunks_before,
            ROUNDS.chunks_after,
        )[:LENGTH]
        for head in range(HEADS)
    ]


@pytest.mark.parametrize(
    "config, keys_of",
    [(WINDOW, keys_in_windows), (ROUNDS, keys_in_rounds)],
    ids=["window", "rounds"],
)
def test_figures_are_those_of_plain_loops(encoder, config, keys_of):
    mass, recall, difference, size = np.zeros((4, LAYERS, HEADS))
    num_tokens = 0
    for inputs in BATCHES:
        states = reference_states(encoder, inputs)
        for row, is_token in enumerate(inputs["input_mask"].astype(bool)):
            tokens = np.flatnonzero(is_token)
            num_tokens += len(tokens)
            for depth in range(LAYERS):
                heads = [x[row] for x in reference_heads(encoder, states[depth])]
                visible = keys_of(heads[0], heads[1], is_token, depth)
                for head in range(HEADS):
                    query, key, value = (x[head] for x in heads)
                    weights = dense(query, key, np.eye(LENGTH), is_token)
                    for position in tokens:
                        met = visible[head][position]
                        mass[depth, head] += sum(weights[position, k] for k in met)
                        top = np.argsort(-weights[position])[:TOP_K]
                        recall[depth, head] += len(met & set(top.tolist())) / TOP_K
                    exact = dense(query, key, value, is_token)[tokens]
                    ours = attend(query, key, value, visible[head])[tokens]
                    difference[depth, head] += ((ours - exact) ** 2).sum()
                    size[depth, head] += (exact**2).sum()

    found = diagnose(encoder, BATCHES, (), {"it": config}, top_k=TOP_K)
    (setting,) = found.settings
    assert (setting.name, setting.config, setting.budget) == ("it", config, None)
    assert (found.length, found.num_sequences, found.num_tokens) == (LENGTH, 3, 69)
    assert num_tokens == 69
    np.testing.assert_allclose(setting.mass, mass / 69, atol=1e-5)
    np.testing.assert_allclose(setting.recall, recall / 69, atol=1e-5)
    np.testing.assert_allclose(setting.error, np.sqrt(difference / size), atol=1e-4)
    assert 0.1 < setting.mass.min() < setting.mass.max() < 0.95
    assert 0.1 < setting.error.min()


def test_cosines_are_those_of_the_encoders_outputs(encoder):
    found = diagnose(encoder, BATCHES, (), {"it": WINDOW})
    peers = [
        with_attention(encoder, "dense"),
        with_attention(encoder, "lsh", WINDOW),
    ]
    outputs = []
    for peer in peers:
        tokens = [[] for _ in range(LAYERS)]
        for inputs in BATCHES:
            layers = peer(dict(inputs), training=False)["encoder_outputs"]
            for kept, states in zip(tokens, layers, strict=True):
                kept.append(states.numpy()[inputs["input_mask"] == 1])
        outputs.append([np.concatenate(kept) for kept in tokens])
    for depth, (exact, ours) in enumerate(zip(*outputs, strict=True)):
        mean = exact.mean(axis=0)
        exact, ours = exact - mean, ours - mean
        norms = np.linalg.norm(exact, axis=1) * np.linalg.norm(ours, axis=1)
        cosine = ((exact * ours).sum(axis=1) / norms).mean()
        assert found.settings[0].cosine[depth] == pytest.approx(cosine, abs=1e-5)
        assert cosine < 0.99


@pytest.mark.parametrize(
    "budgets, configs",
    [
        ((1.0,), {}),
        # One chunk, one block: everybody meets everybody, without the short cut.
        ((), {"window": LSHConfig(num_hashes=0, block_length=LENGTH, window=0)}),
    ],
)
def test_a_full_budget_loses_nothing(encoder, budgets, configs):
    (setting,) = diagnose(encoder, BATCHES, budgets, configs).settings
    np.testing.assert_allclose(setting.error, 0, atol=1e-5)
    np.testing.assert_allclose(setting.mass, 1, atol=1e-5)
    np.testing.assert_allclose(setting.recall, 1)
    np.testing.assert_allclose(setting.cosine, 1, atol=1e-5)
    assert setting.logits_per_query == LENGTH
    assert setting.query_load is setting.key_load is None


def test_landmarks_hold_what_no_key_does(encoder):
    with_means = WINDOW.replace(landmarks=5)
    found = diagnose(
        encoder, BATCHES, (), {"means": LANDMARKS, "both": with_means, "bare": WINDOW}
    )
    means, both, bare = found.settings
    assert not means.mass.any() and not means.recall.any()
    assert 0 < means.error.min() and means.error.max() < 1.5
    # Landmarks change the output, but not which keys are met.
    np.testing.assert_array_equal(both.mass, bare.mass)
    assert (both.error != bare.error).all()


def test_what_stands_in_padding_does_not_count(encoder):
    others = [{name: array.copy() for name, array in each.items()} for each in BATCHES]
    for inputs in others:
        is_padding = inputs["input_mask"] == 0
        inputs["input_word_ids"][is_padding] = 7
        inputs["input_type_ids"][is_padding] = 1
    configs = {"w": WINDOW, "h": ROUNDS, "r": REFORMER, "l": LANDMARKS}
    found = [diagnose(encoder, each, (), configs) for each in (BATCHES, others)]
    for one, other in zip(*(each.settings for each in found), strict=True):
        for name in ("mass", "recall", "error", "cosine"):
            ours, theirs = getattr(one, name), getattr(other, name)
            np.testing.assert_allclose(ours, theirs, atol=1e-5, err_msg=one.name)
        if one.query_load is not None:
            np.testing.assert_array_equal(
                one.query_load.largest, other.query_load.largest
            )


def test_batches_may_be_cut_anywhere_and_come_from_a_generator(encoder):
    inputs = batch([29, 17, 23, 5], seed=3)
    rows = ({name: x[row : row + 1] for name, x in inputs.items()} for row in range(4))
    said = []
    one = diagnose(encoder, [inputs], (0.5,))
    other = diagnose(encoder, rows, (0.5,), say=said.append)
    for left, right in zip(one.settings, other.settings, strict=True):
        np.testing.assert_allclose(left.error, right.error, rtol=1e-5)
        np.testing.assert_allclose(left.cosine, right.cosine, atol=1e-5)
    assert said[0] == "1 of 4 sequences" and said[-1] == "4 of 4 sequences"


def test_the_encoders_own_attention_does_not_matter(encoder):
    dense_peer = with_attention(encoder, "dense")
    one, other = (
        diagnose(each, BATCHES[1:], (), {"it": ROUNDS})
        for each in (encoder, dense_peer)
    )
    np.testing.assert_allclose(one.settings[0].error, other.settings[0].error)


def test_bucket_loads_count_tokens_in_chunks(encoder):
    one_bucket = LSHConfig(chunk_length=5, num_buckets=2)
    found = diagnose(encoder, BATCHES, (), {"two": one_bucket, "reformer": REFORMER})
    two, reformer = found.settings
    for load in (two.query_load, two.key_load):
        assert load.largest.shape == load.median.shape == (LAYERS, HEADS)
        # Of 69 tokens in 3 sequences, at least half are in the larger of two buckets.
        assert (load.largest >= 69 / 3 / 2 / 5).all()
        assert (load.largest <= 69 / 3 / 5).all()
        assert (load.median <= load.largest).all()
    np.testing.assert_array_equal(
        reformer.query_load.largest, reformer.key_load.largest
    )


def test_budgets_come_first_and_the_dict_is_json(encoder):
    found = diagnose(encoder, BATCHES, (0.25, 0.5), {"mine": ROUNDS}, top_k=3)
    assert [each.name for each in found.settings] == [
        "budget 0.25",
        "budget 0.5",
        "mine",
    ]
    assert [each.budget for each in found.settings] == [0.25, 0.5, None]
    values = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert np.shape(values["settings"][0]["error"]) == (LAYERS, HEADS)
    assert LSHConfig.from_dict(values["settings"][2]["config"]) == ROUNDS
    assert values["settings"][0]["query_load"] is None
    assert np.shape(values["settings"][2]["key_load"]["median"]) == (LAYERS, HEADS)
    lines = found.table().splitlines()
    assert lines[0].startswith("| setting | logits / query, of 29 | mass met | recall")
    assert "recall of top 3" in lines[0]
    assert [line.split(" | ")[0] for line in lines[2:]] == [
        "| budget 0.25",
        "| budget 0.5",
        "| mine",
    ]
    assert len({line.count("|") for line in lines}) == 1


@pytest.mark.parametrize(
    "batches, budgets, configs, message",
    [
        ([], (0.5,), {}, "there are no batches"),
        (BATCHES, (), {}, "there is no setting to look at"),
        ([{"input_mask": BATCHES[0]["input_mask"]}], (0.5,), {}, "no input_word_ids"),
        ([batch([5, 0])], (0.5,), {}, "a sequence is all padding"),
        (BATCHES, (0.5,), {"budget 0.5": WINDOW}, "two settings are called"),
        (BATCHES, (), {"it": LSHConfig(whiten=True)}, "it: whiten=True needs"),
        (BATCHES, (2,), {}, "budget=2 must be above 0"),
    ],
)
def test_what_cannot_be_compared_is_refused(
    encoder, batches, budgets, configs, message
):
    with pytest.raises(InputError, match=message):
        diagnose(encoder, batches, budgets, configs)


def test_lengths_must_agree_and_fit(encoder):
    short = {name: array[:, :19] for name, array in BATCHES[0].items()}
    with pytest.raises(InputError, match="sequences have 19, 29 tokens; pad all to 29"):
        diagnose(encoder, [BATCHES[0], short])
    long = {name: np.tile(array, 2) for name, array in BATCHES[0].items()}
    with pytest.raises(
        InputError, match="58 tokens, but the encoder only 31 positions"
    ):
        diagnose(encoder, [long])
    odd = {**BATCHES[0], "input_type_ids": BATCHES[0]["input_type_ids"][:, :3]}
    with pytest.raises(InputError, match=r"one shape .*input_type_ids \[2, 3\]"):
        diagnose(encoder, [odd])
