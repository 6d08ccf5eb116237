"""Arithmetic of a step, counted in the graph of a model, and what is made of it."""

import math
import types

import pytest
import tensorflow as tf

from albert_lsh_tf.config import AlbertConfig, LSHConfig
from albert_lsh_tf.networks.albert_encoder import AlbertLSHEncoder
from albert_lsh_tf.networks.pretrainer import HEADS, AlbertPretrainer
from albert_lsh_tf.tasks.pretraining import throughput
from albert_lsh_tf.tasks.pretraining.throughput import (
    Throughput,
    matmul_peak,
    training_flops,
)

ALBERT = AlbertConfig(
    vocab_size=101,
    embedding_size=7,
    hidden_size=26,
    num_hidden_layers=3,
    num_attention_heads=2,
    intermediate_size=37,
    max_position_embeddings=128,
)
NUM_PREDICTIONS = 5
# Of sequences of 96 tokens; nothing in it is hashed or chosen, which is not counted.
WINDOW = LSHConfig(num_hashes=0, window=3, block_length=8, landmarks=5)


def products_in(graph: tf.Graph) -> int:
    """Operations of all matrix products in a graph and the functions it calls."""
    total = 0
    for op in graph.get_operations():
        shapes = [tuple(tensor.shape) for tensor in op.inputs]
        if op.type == "MatMul":
            summed = shapes[0][0 if op.get_attr("transpose_a") else 1]
        elif op.type.startswith("BatchMatMul"):
            summed = shapes[0][-2 if op.get_attr("adj_x") else -1]
        elif op.type == "Einsum":
            inputs, output = op.get_attr("equation").decode().split("->")
            sizes = {}
            for letters, shape in zip(inputs.split(","), shapes, strict=True):
                sizes.update(zip(letters, shape, strict=True))
            summed = math.prod(size for x, size in sizes.items() if x not in output)
        else:
            called = op.node_def.attr["f"].func.name if op.type.endswith("Call") else ""
            if called:
                total += products_in(graph._get_function(called).graph)
            continue
        total += 2 * summed * math.prod(op.outputs[0].shape)
    return total


def count(albert, attention, lsh, length, training, heads=HEADS) -> int:
    """Operations of one example, forward, or forward and backward."""
    encoder = AlbertLSHEncoder.from_albert_config(
        albert, attention, lsh, dropout_rate=0.0, attention_dropout_rate=0.0
    )
    model = AlbertPretrainer(encoder, heads)

    def step(*inputs):
        with tf.GradientTape() as tape:
            outputs = model([*inputs], training=training)
            logits = [outputs[f"{head}_logits"] for head in heads]
            loss = tf.add_n([tf.reduce_sum(each**2) for each in logits])
        return tape.gradient(loss, model.trainable_variables) if training else logits

    tokens = tf.TensorSpec([1, length], tf.int32)
    positions = tf.TensorSpec([1, NUM_PREDICTIONS], tf.int32)
    step = tf.function(step).get_concrete_function(tokens, tokens, tokens, positions)
    return products_in(step.graph)


CASES = [
    pytest.param(ALBERT, "dense", WINDOW, 11, id="dense"),
    pytest.param(ALBERT, "lsh", WINDOW, 96, id="lsh"),
    pytest.param(ALBERT, ("dense", "lsh", "dense"), WINDOW, 96, id="mixed"),
    pytest.param(
        ALBERT.replace(embedding_size=26), "dense", WINDOW, 13, id="no projection"
    ),
]


@pytest.mark.parametrize("albert, attention, lsh, length", CASES)
def test_a_third_is_what_the_forward_pass_computes(albert, attention, lsh, length):
    flops = training_flops(albert, attention, lsh, length, NUM_PREDICTIONS)
    sentence_order = 2 * albert.hidden_size * 2
    counted = count(albert, attention, lsh, length, training=False)
    assert counted - sentence_order == flops / 3


@pytest.mark.parametrize("albert, attention, lsh, length", CASES[:2])
def test_training_computes_that_and_little_more(albert, attention, lsh, length):
    """Sums over biases, and logits anew in the backward pass."""
    flops = training_flops(albert, attention, lsh, length, NUM_PREDICTIONS)
    counted = count(albert, attention, lsh, length, training=True)
    assert flops < counted < 1.06 * flops


def test_replaced_tokens_cost_a_head_and_a_forward_pass():
    arguments = (ALBERT, "dense", WINDOW, 11)
    forward = count(*arguments, training=False)
    with_head = count(*arguments, training=False, heads=(*HEADS, "rtd"))
    flops = training_flops(*arguments, NUM_PREDICTIONS, detects_replaced_tokens=True)
    sentence_order = 2 * ALBERT.hidden_size * 2
    assert flops == forward + 3 * with_head - 4 * sentence_order


def test_a_product_of_primes_by_hand():
    tiny = AlbertConfig(
        vocab_size=31,
        embedding_size=3,
        hidden_size=5,
        num_hidden_layers=1,
        num_attention_heads=1,
        intermediate_size=7,
    )
    multiplications = (
        11 * 3 * 5  # Embeddings to blocks.
        + 11 * (4 * 5 * 5 + 2 * 5 * 7)  # Projections, feed-forward.
        + 2 * 11 * 11 * 5  # Logits, and values.
        + 5 * 5  # Pooler.
        + 13 * (5 * 3 + 3 * 31)  # Masked tokens.
    )
    flops = training_flops(tiny, "dense", LSHConfig(), 11, num_predictions=13)
    assert flops == 3 * 2 * multiplications


def flops_of(lsh, length, device="cpu", attention="lsh"):
    return training_flops(ALBERT, attention, lsh, length, NUM_PREDICTIONS, device)


@pytest.mark.parametrize(
    "changes, more_keys",
    [
        ({"heavy_keys": 13}, 13),
        ({"num_hashes": 1, "chunk_length": 4, "chunks_after": 0}, 2 * 4),
        # An evaluation's rounds are none of training's.
        ({"num_hashes_at_evaluation": 3}, 0),
    ],
)
def test_keys_count_once_for_logits_and_once_for_values(changes, more_keys):
    added = flops_of(WINDOW.replace(**changes), 96) - flops_of(WINDOW, 96)
    assert added == 3 * 2 * 96 * 2 * more_keys * 26 * 3


def test_long_sequences_are_cheaper_with_lsh():
    shares = []
    for length in (512, 1024, 4096):
        lsh = LSHConfig.for_length(length)
        dense = flops_of(lsh, length, attention="dense")
        shares.append(flops_of(lsh, length) / dense)
    assert 1 > shares[0] > shares[1] > shares[2]


@pytest.mark.parametrize("device", ["cpu", "gpu"])
def test_what_the_device_computes_dense_is_counted_so(device, monkeypatch):
    monkeypatch.setattr(
        "albert_lsh_tf.lsh_config.DENSE_IS_FASTER_UP_TO", {"cpu": 96, "gpu": 192}
    )
    lsh = WINDOW.replace(dense_below=None)
    border = {"cpu": 96, "gpu": 192}[device]
    dense = flops_of(lsh, border, device, attention="dense")
    assert flops_of(lsh, border, device) == dense
    assert flops_of(lsh, border + 8, device) < dense


def test_no_query_attends_to_more_keys_than_there_are():
    assert flops_of(WINDOW, 17) == flops_of(WINDOW, 17, attention="dense")
    assert flops_of(WINDOW, 23) < flops_of(WINDOW, 23, attention="dense")


@pytest.mark.parametrize("dtype", [tf.float32, tf.bfloat16])
def test_the_peak_is_a_number_of_operations(dtype, monkeypatch):
    monkeypatch.setattr(throughput, "_WIDTH", {"CPU": 128, "GPU": 128})
    peak = matmul_peak(dtype, tf.distribute.get_strategy())
    # From a device that is emulated to one that there is not.
    assert 1e6 < peak < 1e17


def strategy_of(kind, num_own, num_replicas):
    """No machine of tests has several GPUs, or a TPU."""
    devices = [
        f"/job:worker/replica:0/task:1/device:{kind}:{i}" for i in range(num_own)
    ]
    return types.SimpleNamespace(
        extended=types.SimpleNamespace(worker_devices=devices),
        num_replicas_in_sync=num_replicas,
    )


@pytest.mark.parametrize(
    "kind, num_own, num_replicas, peaks",
    [("CPU", 2, 2, 1), ("CPU", 2, 6, 3), ("GPU", 1, 1, 1), ("GPU", 3, 6, 6)],
)
def test_the_peak_is_that_of_the_devices_of_the_run(
    kind, num_own, num_replicas, peaks, monkeypatch
):
    """Logical CPU devices share a machine; GPUs that are not used do not count."""
    monkeypatch.setattr(throughput, "_WIDTH", {kind: 101})
    measured = []
    monkeypatch.setattr(
        throughput, "_peak_of", lambda *given: measured.append(given) or 7.0
    )
    others = [types.SimpleNamespace(name="/device:GPU:0")] * 5
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda _: others)
    strategy = strategy_of(kind, num_own, num_replicas)
    assert matmul_peak(tf.float32, strategy) == 7.0 * peaks
    own = strategy.extended.worker_devices[0]
    assert measured == [(own, tf.float32, 101)]


def test_of_tpus_there_is_no_peak():
    assert matmul_peak(tf.bfloat16, strategy_of("TPU", 8, 8)) is None


def test_the_peak_is_that_of_the_best_try(monkeypatch):
    monkeypatch.setattr(throughput, "_WIDTH", {"CPU": 101})
    # Seconds at the beginning and the end of each try: 3, 2, 5, 7, 11.
    times = iter([0, 3, 10, 12, 20, 25, 30, 37, 40, 51])
    clock = types.SimpleNamespace(perf_counter=lambda: next(times))
    monkeypatch.setattr(throughput, "time", clock)
    strategy = tf.distribute.OneDeviceStrategy("CPU:0")
    assert matmul_peak(tf.float32, strategy) == 2 * 101**3 / 2


def test_throughput_of_some_steps():
    # 3 steps of 5 examples of 7e9 operations, in 2 seconds, of 3e12 a second.
    measures = Throughput(7e9, 5, 3e12).measures(tokens=1100.0, steps=3, seconds=2.0)
    assert measures == {
        "tokens_per_second": 550.0,
        "share_of_peak": pytest.approx(3 * 5 * 7e9 / 2 / 3e12),
    }


def test_without_a_peak_there_is_no_share_of_it():
    measures = Throughput(7e9, 5, None).measures(tokens=1100.0, steps=3, seconds=2.0)
    assert measures == {"tokens_per_second": 550.0}
