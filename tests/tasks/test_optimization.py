"""ALBERT's optimizers against float64 NumPy, on one device and on two."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from official.modeling.optimization import optimizer_factory

from albert_lsh_tf.config import ClassifierConfig
from albert_lsh_tf.tasks import devices, optimization

NAMES = ("dense/kernel", "dense/bias", "block/layer_norm/gamma", "head/kernel")
SHAPES = ((3, 5), (5,), (7,), (2, 3))


def numpy_reference(values, gradients, kind, rates, clip=1.0, decay=0.01):
    """Steps of AdamW or LAMB as the papers write them, without bias correction."""
    values = [value.astype(np.float64) for value in values]
    momentums = [np.zeros_like(value) for value in values]
    velocities = [np.zeros_like(value) for value in values]
    for step_gradients, rate in zip(gradients, rates, strict=True):
        norm = np.sqrt(sum(np.sum(np.square(g)) for g in step_gradients))
        scale = min(1.0, clip / norm)
        for i, name in enumerate(NAMES):
            gradient = step_gradients[i] * scale
            momentums[i] = 0.9 * momentums[i] + 0.1 * gradient
            velocities[i] = 0.999 * velocities[i] + 0.001 * gradient**2
            update = momentums[i] / (np.sqrt(velocities[i]) + 1e-6)
            ratio = 1.0
            if "bias" not in name and "layer_norm" not in name:
                update = update + decay * values[i]
                if kind == "lamb":
                    ratio = np.linalg.norm(values[i]) / np.linalg.norm(update)
            values[i] = values[i] - rate * ratio * update
    return values


def make_case(scale):
    random = np.random.default_rng(7)
    values = [random.normal(size=shape) for shape in SHAPES]
    gradients = [[scale * random.normal(size=s) for s in SHAPES] for _ in range(5)]
    return values, gradients


def make_variables(values):
    return [
        tf.Variable(value.astype(np.float32), name=name)
        for name, value in zip(NAMES, values, strict=True)
    ]


def build(kind, learning_rate):
    return {"adamw": optimization.AlbertAdamW, "lamb": optimization.AlbertLAMB}[kind](
        learning_rate
    )


# Small gradients pass unclipped, large ones are cut to a global norm of 1.
@pytest.mark.parametrize("scale", [0.01, 30.0])
@pytest.mark.parametrize("kind", ["adamw", "lamb"])
def test_several_steps_equal_numpy(kind, scale):
    values, gradients = make_case(scale)
    schedule = optimization.LinearWarmupAndDecay(0.1, train_steps=10, warmup_steps=2)
    variables = make_variables(values)
    optimizer = build(kind, schedule)
    for step_gradients in gradients:
        tensors = [tf.constant(g, tf.float32) for g in step_gradients]
        optimizer.apply_gradients(zip(tensors, variables, strict=True))
    rates = [0.0, 0.05, 0.08, 0.07, 0.06]
    expected = numpy_reference(values, gradients, kind, rates)
    for variable, value in zip(variables, expected, strict=True):
        np.testing.assert_allclose(variable.numpy(), value, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", ["adamw", "lamb"])
def test_two_replicas_sum_gradients_before_clipping(kind):
    values, gradients = make_case(30.0)
    _, other_gradients = make_case(-12.0)
    strategy = devices.make_strategy(ClassifierConfig(num_logical_cpus=2))
    assert strategy.num_replicas_in_sync == 2
    with strategy.scope():
        variables = make_variables(values)
        optimizer = build(kind, 0.1)

    @tf.function
    def step(first, second):
        def replica_step():
            replica = tf.distribute.get_replica_context().replica_id_in_sync_group
            mine = [
                tf.where(replica == 0, a, b) for a, b in zip(first, second, strict=True)
            ]
            optimizer.apply_gradients(zip(mine, variables, strict=True))

        strategy.run(replica_step)

    summed = []
    for first, second in zip(gradients, other_gradients, strict=True):
        step(
            [tf.constant(g, tf.float32) for g in first],
            [tf.constant(g, tf.float32) for g in second],
        )
        summed.append([a + b for a, b in zip(first, second, strict=True)])
    expected = numpy_reference(values, summed, kind, [0.1] * 5)
    for variable, value in zip(variables, expected, strict=True):
        for copy in strategy.experimental_local_results(variable):
            np.testing.assert_allclose(copy.numpy(), value, rtol=1e-5, atol=1e-6)


def test_lamb_takes_a_ratio_of_one_where_a_norm_is_zero():
    variable = tf.Variable([0.0, 0.0], name="kernel")
    optimization.AlbertLAMB(0.1).apply_gradients([(tf.constant([0.3, 0.4]), variable)])
    expected = -0.1 * 0.1 * 0.3 / (np.sqrt(0.001 * 0.09) + 1e-6)
    np.testing.assert_allclose(variable.numpy()[0], expected, rtol=1e-5)


def test_sparse_gradients_decay_the_rows_that_were_not_used():
    table = tf.Variable([[1.0], [2.0]], name="embeddings")
    gradient = tf.IndexedSlices(tf.constant([[0.5]]), tf.constant([0]), (2, 1))
    optimization.AlbertAdamW(0.1).apply_gradients([(gradient, table)])
    np.testing.assert_allclose(table.numpy()[1], 2.0 - 0.1 * 0.01 * 2.0, rtol=1e-6)


def test_schedule_warms_up_and_decays_to_zero():
    schedule = optimization.LinearWarmupAndDecay(1.0, train_steps=100, warmup_steps=20)
    steps = [0, 10, 19, 20, 60, 100, 150]
    rates = [float(schedule(tf.constant(step))) for step in steps]
    np.testing.assert_allclose(rates, [0, 0.5, 0.95, 0.8, 0.4, 0, 0], atol=1e-6)
    late = optimization.LinearWarmupAndDecay(
        1.0, train_steps=100, warmup_steps=20, power=2.0, start_step=30
    )
    rates = [float(late(tf.constant(step))) for step in (0, 30, 40, 50, 100)]
    np.testing.assert_allclose(rates, [0, 0, 0.5, 0.25, 0], rtol=1e-6)
    no_warmup = optimization.LinearWarmupAndDecay(1.0, train_steps=4)
    assert float(no_warmup(tf.constant(0))) == 1.0


@pytest.mark.parametrize("kind", ["adamw", "lamb"])
def test_config_round_trip(kind):
    schedule = optimization.LinearWarmupAndDecay(0.1, 10, 2)
    optimizer = build(kind, schedule)
    config = tf_keras.optimizers.serialize(optimizer)
    again = tf_keras.optimizers.deserialize(config)
    assert type(again) is type(optimizer)
    assert again.get_config() == optimizer.get_config()


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("adamw", optimization.AlbertAdamW), ("lamb", optimization.AlbertLAMB)],
)
@pytest.mark.parametrize("legacy", [True, False])
def test_factory_builds_what_the_config_names(kind, expected, legacy):
    config = optimization.optimization_config(
        kind, initial_learning_rate=3e-4, train_steps=50, warmup_steps=5, power=0.5
    )
    factory = optimizer_factory.OptimizerFactory(config)
    optimizer = factory.build_optimizer(
        factory.build_learning_rate(), use_legacy_optimizer=legacy
    )
    assert type(optimizer) is expected
    assert optimizer.global_clipnorm == 1.0
    settings = optimizer.get_config()
    assert settings["epsilon"] == 1e-6
    assert settings["weight_decay_rate"] == 0.01
    assert settings["learning_rate"]["config"] == {
        "initial_learning_rate": 3e-4,
        "train_steps": 50,
        "warmup_steps": 5,
        "power": 0.5,
        "start_step": 0,
    }
