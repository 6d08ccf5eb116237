"""The Model Garden task: batches, a step, scores, and Model Garden's own trainer."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from official.core import exp_factory, task_factory, train_lib, train_utils
from official.modeling import hyperparams

from albert_lsh_tf.config import AlbertConfig
from albert_lsh_tf.networks.pretrainer import AlbertPretrainer
from albert_lsh_tf.tasks.optimization import AlbertAdamW, AlbertLAMB
from albert_lsh_tf.tasks.pretraining import replaced_tokens
from albert_lsh_tf.tasks.pretraining.experiment import experiment_config
from albert_lsh_tf.tasks.pretraining.losses import example_weights, global_counts
from albert_lsh_tf.tasks.pretraining.task import PretrainingTask, example_config
from tests.data.pretraining.corpora import rows_of
from tests.tasks.pretraining.tiny_pretraining import (
    ALBERT,
    TinyPretraining,
    examples_of,
    model_inputs,
    scores_by_hand,
    write_examples,
)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return TinyPretraining(tmp_path_factory.mktemp("tiny"))


def params_of(config, start_step=0):
    """The stage that the next step belongs to, as Model Garden's trainer wants it."""
    albert_config = AlbertConfig.from_dict({**ALBERT, "num_hidden_layers": 1})
    stage = config.stage_after(start_step)
    return experiment_config(config, stage, albert_config, start_step)


def batches_of(task, params, num_batches=None):
    dataset = task.build_inputs(params)
    if num_batches:
        dataset = dataset.take(num_batches)
    return [*dataset.as_numpy_iterator()]


# Batches.


def test_training_begins_where_its_stage_does(tiny):
    config = tiny.config(curriculum=["13:3:5"], num_train_steps=9)
    for start_step, length, size, first in (
        (0, 13, 5, 0),
        (2, 13, 5, 10),
        (3, 23, 6, 0),
        (5, 23, 6, 12),
    ):
        params = params_of(config, start_step).task
        (batch,) = batches_of(PretrainingTask(params), params.train_data, 1)
        examples = examples_of(config.example_config(length), 1)
        expected = {k: v[first : first + size] for k, v in examples.items()}
        assert rows_of(batch) == rows_of(expected)


def test_stages_of_one_length_do_not_repeat_its_examples(tiny):
    """23 tokens, 13, and 23 again; of the first stage 15 examples, of 6 two batches."""
    config = tiny.config(curriculum=["23:3:5", "13:1:5"], num_train_steps=9)
    examples = examples_of(config.example_config(23), 1)
    for start_step, first in ((4, 18), (5, 24)):
        params = params_of(config, start_step).task
        (batch,) = batches_of(PretrainingTask(params), params.train_data, 1)
        # They are in the second epoch from 29 on.
        expected = {k: v[first : first + 6] for k, v in examples.items()}
        count = len(expected["input_ids"])
        assert rows_of(batch)[:count] == rows_of(expected)


def test_evaluation_examples_are_told_apart_by_what_they_are(tiny):
    def identity(**changes):
        params = params_of(tiny.config(**changes)).task
        task = PretrainingTask(params)
        assert task.evaluation_identity is None
        task.build_inputs(params.validation_data)
        return task.evaluation_identity

    assert identity(eval_batch_size=7).startswith("29 examples, sha256 ")
    assert identity(eval_batch_size=7) == identity(eval_batch_size=5)
    several = {
        identity(eval_batch_size=7),
        identity(eval_batch_size=7, max_eval_steps=2),
        identity(seed=7),
        identity(max_seq_length=19),
    }
    assert len(several) == 4


def test_every_setting_of_examples_reaches_them(tiny):
    config = tiny.config(
        masked_lm_prob=0.3, ngram=1, short_seq_prob=0.9, max_predictions_per_seq=5
    ).replace(seed=7)
    params = params_of(config).task
    (batch,) = batches_of(PretrainingTask(params), params.train_data, 1)
    examples = examples_of(config.example_config(23), 1)
    assert rows_of(batch) == rows_of({k: v[:6] for k, v in examples.items()})
    assert batch["masked_lm_ids"].shape == (6, 5)


def test_evaluation_has_every_example_once_or_the_first_few(tiny):
    config = tiny.config(eval_batch_size=7)
    examples = examples_of(config.example_config(23), 1)
    for max_eval_steps, count in ((100, 29), (3, 21)):
        params = params_of(config.replace(max_eval_steps=max_eval_steps)).task
        batches = batches_of(PretrainingTask(params), params.validation_data)
        assert {len(batch["input_ids"]) for batch in batches} == {7}
        rows = {
            name: np.concatenate([batch[name] for batch in batches])
            for name in batches[0]
        }
        is_example = rows.pop("example_id") >= 0
        real = {name: values[is_example] for name, values in rows.items()}
        expected = {name: values[:count] for name, values in examples.items()}
        assert rows_of(real) == rows_of(expected)
        # Rows that fill a batch count nowhere.
        assert rows["masked_lm_weights"][~is_example].sum() == 0


def test_files_may_be_a_list_or_its_text(tiny, tmp_path):
    config = tiny.config().example_config(23)
    names = [str(write_examples(tmp_path / name, config)) for name in "ab"]
    batches = []
    for input_path in (names, ",".join(names)):
        params = params_of(tiny.config()).task
        params.train_data.input_path = input_path
        batches += batches_of(PretrainingTask(params), params.train_data, 1)
    assert rows_of(batches[0]) == rows_of(batches[1])


def test_every_setting_of_the_model_and_the_step_reaches_the_task(tiny):
    config = tiny.config(
        attention=["lsh"],
        lsh={"chunk_length": 7},
        recompute="block",
        hidden_dropout_prob=0.3,
        attention_probs_dropout_prob=0.2,
        enable_xla=True,
        gradient_accumulation_steps=3,
        replaced_token_weight=7,
        replaced_token_share=0.3,
        mixed_precision="bfloat16",
    )
    params = params_of(config)
    assert params.task.replaced_token_weight == 7
    assert params.task.replaced_token_share == 0.3
    assert params.task.enable_xla is True
    assert params.task.gradient_accumulation_steps == 3
    assert params.runtime.mixed_precision_dtype == "bfloat16"
    found = PretrainingTask(params.task).build_model().encoder.get_config()
    assert found["attention"] == ["lsh"] and found["lsh_config"]["chunk_length"] == 7
    assert found["recompute"] == "block"
    assert (found["dropout_rate"], found["attention_dropout_rate"]) == (0.3, 0.2)


# A step.


def test_counts_are_those_of_all_replicas():
    strategy = tf.distribute.MirroredStrategy(
        ["CPU:0", "CPU:1"], tf.distribute.ReductionToOneDevice()
    )
    weights = [[[1.0, 1.0, 1.0], [1.0, 0.0, 0.0]], [[1.0, 0.0, 0.0], [0.0, 0.0, 0.0]]]

    def inputs(context):
        own = context.replica_id_in_sync_group
        return {
            "masked_lm_weights": tf.constant(weights[own]),
            "example_id": tf.constant([[0, 1], [2, -1]][own]),
        }

    shares = strategy.experimental_distribute_values_from_function(inputs)
    counts = strategy.run(tf.function(global_counts), [shares])
    for head, expected in (("masked_lm", 5), ("sentence_order", 3)):
        found = strategy.experimental_local_results(counts[head])
        assert [float(each) for each in found] == [expected] * 2


def test_rows_of_training_all_count():
    weights = example_weights({"input_ids": tf.zeros([3, 5], tf.int32)})
    np.testing.assert_array_equal(weights, [1.0, 1.0, 1.0])


def test_a_step_that_moves_nothing_gives_the_loss_by_hand(tiny):
    """And metrics that are means over what was predicted since they were reset."""
    config = tiny.config()
    params = params_of(config).task
    task = PretrainingTask(params)
    model, metrics = task.build_model(), task.build_metrics()
    examples = examples_of(config.example_config(23), 1)
    for batch in batches_of(task, params.train_data, 2):
        logs = task.train_step(
            {name: tf.constant(values) for name, values in batch.items()},
            model,
            tf_keras.optimizers.SGD(0.0),
            metrics,
        )
        expected = scores_by_hand(model, batch)
        assert float(logs["loss"]) == pytest.approx(expected["loss"], abs=1e-5)
    seen = {name: values[:12] for name, values in examples.items()}
    expected = scores_by_hand(model, seen)
    expected["tokens"] = seen["input_mask"].sum()
    del expected["loss"]
    found = {metric.name: float(metric.result()) for metric in metrics}
    assert found == pytest.approx(expected, abs=1e-5)


@pytest.fixture(scope="module")
def plain_step(tiny):
    """Loss and weights of one step on one device, in one part."""
    return step_of(tiny.config(), tf.distribute.OneDeviceStrategy("CPU:0"))


@pytest.fixture(scope="module")
def replacing_step(tiny):
    """The same with replaced-token detection."""
    config = tiny.config(replaced_token_weight=3)
    return step_of(config, tf.distribute.OneDeviceStrategy("CPU:0"))


def step_of(config, strategy, wrap=lambda optimizer: optimizer):
    """Loss of the first step, and the variables after it."""
    params = params_of(config).task
    task = PretrainingTask(params)
    random = np.random.default_rng(5)
    with strategy.scope():
        model = task.build_model()
        for variable in model.variables:
            variable.assign(random.normal(0, 0.2, variable.shape).astype(np.float32))
        # No Adam, which makes much of gradients that are nearly 0.
        optimizer = wrap(tf_keras.optimizers.SGD(0.5))
    batches = strategy.distribute_datasets_from_function(
        lambda context: task.build_inputs(params.train_data, context)
    )
    step = tf.function(lambda batch: task.train_step(batch, model, optimizer)["loss"])
    losses = strategy.run(step, [next(iter(batches))])
    loss = strategy.reduce("mean", losses, axis=None)
    return float(loss), {each.name: each.numpy() for each in model.variables}


def mirrored(num_devices):
    return tf.distribute.MirroredStrategy(
        [f"CPU:{number}" for number in range(num_devices)],
        tf.distribute.ReductionToOneDevice(),
    )


def check_same_step(step, expected_step):
    """Compares what `step_of` gave."""
    (loss, weights), (expected_loss, expected) = step, expected_step
    assert loss == pytest.approx(expected_loss, abs=1e-5)
    for name, value in expected.items():
        np.testing.assert_allclose(weights[name], value, rtol=0, atol=1e-6)


@pytest.mark.parametrize(("num_parts", "num_devices"), [(3, 1), (1, 2), (3, 2)])
def test_parts_and_devices_share_out_one_step(tiny, plain_step, num_parts, num_devices):
    config = tiny.config(gradient_accumulation_steps=num_parts)
    masked = examples_of(config.example_config(23), 1)["masked_lm_weights"][:6]
    for shares in (num_parts, num_devices, num_parts * num_devices):
        # Or the mean over shares would be that over what they share.
        each = masked.reshape(shares, -1).sum(axis=1)
        assert shares == 1 or len({*each}) > 1
    check_same_step(step_of(config, mirrored(num_devices)), plain_step)


@pytest.mark.parametrize(("num_parts", "num_devices"), [(3, 1), (1, 2)])
def test_parts_and_devices_share_out_replaced_tokens(
    tiny, replacing_step, num_parts, num_devices
):
    config = tiny.config(gradient_accumulation_steps=num_parts, replaced_token_weight=3)
    check_same_step(step_of(config, mirrored(num_devices)), replacing_step)


def test_replaced_tokens_are_trained_on_beside_the_other_heads(tiny):
    """The loss by hand, and a gradient for every variable."""
    config = tiny.config(replaced_token_weight=3, replaced_token_share=0.4)
    params = params_of(config).task
    task = PretrainingTask(params)
    model, metrics = task.build_model(), task.build_metrics()
    (batch,) = batches_of(task, params.train_data, 1)
    inputs = {name: tf.constant(values) for name, values in batch.items()}
    seed = tf.constant([params.train_data.seed, 0], tf.int64)
    filled = replaced_tokens.fill_in(
        model, replaced_tokens.draw_guesses(inputs, 0.4, seed)
    )
    seen = {name: values.numpy() for name, values in filled.items()}
    expected = scores_by_hand(model, seen)
    logits = model(model_inputs(seen))["rtd_logits"].numpy()
    signs = np.where(seen["is_replaced"], 1, -1)
    each = np.log1p(np.exp(-signs * logits.astype(np.float64)))
    weights = seen["replaced_weights"]
    expected["replaced_tokens_loss"] = (each * weights).sum() / weights.sum()
    is_right = (signs * logits > 0) * weights
    expected["replaced_tokens_accuracy"] = is_right.sum() / weights.sum()
    expected["loss"] += 3 * expected["replaced_tokens_loss"]
    before = model.get_weights()
    logs = task.train_step(inputs, model, tf_keras.optimizers.SGD(1.0), metrics)
    found = {metric.name: float(metric.result()) for metric in metrics}
    del found["tokens"]
    found["loss"] = float(logs["loss"])
    assert found == pytest.approx(expected, abs=1e-5)
    assert "replaced_tokens_loss" in found
    for variable, value in zip(model.variables, before, strict=True):
        assert not np.array_equal(variable, value), variable.name


def test_a_scaled_loss_gives_the_same_step(tiny, plain_step):
    """As float16 needs it, with a scale that rounds nothing."""
    scaled_step = step_of(
        tiny.config(),
        tf.distribute.OneDeviceStrategy("CPU:0"),
        tf_keras.mixed_precision.LossScaleOptimizer,
    )
    check_same_step(scaled_step, plain_step)


def test_nothing_to_predict_is_no_loss(tiny):
    params = params_of(tiny.config()).task
    task = PretrainingTask(params)
    model = task.build_model()
    (batch,) = batches_of(task, params.train_data, 1)
    batch["masked_lm_weights"] = np.zeros_like(batch["masked_lm_weights"])
    before = model.get_weights()
    inputs = {name: tf.constant(values) for name, values in batch.items()}
    logs = task.train_step(inputs, model, tf_keras.optimizers.SGD(1.0))
    assert np.isfinite(float(logs["loss"])) and float(logs["loss"]) > 0
    changed = {
        variable.name.split("/")[1]
        for variable, value in zip(model.variables, before, strict=True)
        if variable.name.startswith("cls/") and not np.array_equal(variable, value)
    }
    assert changed == {"seq_relationship"}


def test_sums_of_evaluation_add_up_over_steps_and_replicas():
    task = PretrainingTask(params_of_nothing())
    one, two = tf.constant([7.0, 1.0, 2.0]), tf.constant([5.0, 2.0, 3.0])
    big = tf.constant([2.0**24, 2.0**24, 2.0**24 + 2])
    state = None
    for parts in ((one, two), (big,), (one,)):
        logs = {"masked_lm": parts, "sentence_order": parts[:1]}
        state = task.aggregate_logs(state, logs)
    # More than float32 can count.
    count = 2 + 3 + 2**24 + 2 + 2
    scores = task.reduce_aggregated_logs(state)
    assert scores["masked_lm_loss"] == (7 + 5 + 2**24 + 7) / count
    assert scores["masked_lm_accuracy"] == (1 + 2 + 2**24 + 1) / count
    assert scores["sentence_order_loss"] == (7 + 2**24 + 7) / (count - 3)
    expected = scores["masked_lm_loss"] + scores["sentence_order_loss"]
    assert scores["loss"] == expected


def params_of_nothing():
    return exp_factory.get_exp_config("albert_lsh/pretraining").task


# Optimizers.


@pytest.mark.parametrize(
    ("name", "kind"), [("adamw", AlbertAdamW), ("lamb", AlbertLAMB)]
)
def test_optimizers_are_alberts_own(tiny, name, kind):
    config = tiny.config(
        optimizer=name,
        num_train_steps=20,
        num_warmup_steps=5,
        start_warmup_step=3,
        poly_power=2.0,
        learning_rate=0.5,
    )
    params = params_of(config)
    optimizer = PretrainingTask(params.task).create_optimizer(
        params.trainer.optimizer_config, params.runtime
    )
    assert type(optimizer) is kind
    found = optimizer.get_config()
    assert (found["epsilon"], found["weight_decay_rate"]) == (1e-6, 0.01)
    assert (found["beta_1"], found["beta_2"]) == (0.9, 0.999)
    assert found["global_clipnorm"] == 1.0
    # Without bias correction: m / sqrt(v) of the first step is 0.1 / sqrt(0.001).
    variable = tf.Variable([2.0, 2.0], name="LayerNorm/beta")
    optimizer.build([variable])
    optimizer.iterations.assign(10)
    optimizer.apply_gradients([(tf.constant([0.5, 0.0]), variable)])
    rate = 0.5 * (1 - 10 / 20) ** 2
    step = rate * 0.05 / (np.sqrt(0.001) * 0.5 + 1e-6)
    np.testing.assert_allclose(variable, [2 - step, 2], rtol=1e-5)
    for step, expected in ((2, 0.0), (4, 0.1), (8, 0.5 * 0.6**2), (20, 0.0)):
        assert float(optimizer._learning_rate(step)) == pytest.approx(expected)


# Model Garden's own trainer.


@pytest.fixture(scope="module")
def experiment(tiny):
    """`albert_lsh/pretraining` on files, set up as Model Garden's train.py would."""
    config = tiny.config().example_config(23)
    file = write_examples(tiny.folder / "examples", config)
    data = {"input_path": str(file), "max_seq_length": 23, "global_batch_size": 7}
    encoder = {
        "vocab_size": 101,
        "embedding_width": 5,
        "hidden_size": 14,
        "num_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 19,
        "max_position_embeddings": 29,
        "attention": ["lsh", "dense"],
        "lsh": {"chunk_length": 5},
    }
    params = hyperparams.override_params_dict(
        exp_factory.get_exp_config("albert_lsh/pretraining"),
        {
            "task": {
                "model": {"encoder": {"any": encoder}},
                "train_data": data,
                "validation_data": data,
            },
            "trainer": {
                "train_steps": 2,
                "steps_per_loop": 1,
                "summary_interval": 1,
                "checkpoint_interval": 2,
                "validation_interval": 2,
                "optimizer_config": {"warmup": {"type": None}},
            },
        },
        is_strict=True,
    )
    params.validate()
    return params


def test_experiment_runs_under_model_gardens_own_trainer(experiment, tmp_path):
    model, metrics = train_lib.run_experiment(
        distribution_strategy=tf.distribute.OneDeviceStrategy("CPU:0"),
        task=task_factory.get_task(experiment.task, logging_dir=str(tmp_path)),
        mode="train_and_eval",
        params=experiment,
        model_dir=str(tmp_path),
        run_post_eval=True,
    )
    assert isinstance(model, AlbertPretrainer)
    assert model.encoder.get_config()["attention"] == ["lsh", "dense"]
    examples = examples_of(example_config(experiment.task.validation_data), 1)
    # Every example of the file, though the last batch is not full.
    assert len(examples["input_ids"]) % 7
    expected = scores_by_hand(model, examples)
    found = {name: metrics[name] for name in expected}
    assert found == pytest.approx(expected, abs=1e-5)
    train_utils.serialize_config(experiment, str(tmp_path))
    again = hyperparams.override_params_dict(
        exp_factory.get_exp_config("albert_lsh/pretraining"),
        str(tmp_path / "params.yaml"),
        is_strict=True,
    )
    assert again.as_dict() == experiment.as_dict()
    # What Model Garden's train.py leaves is a source of weights, here of another run.
    again.task.init_checkpoint = str(tmp_path / "ckpt-2")
    task = task_factory.get_task(again.task)
    started = task.build_model()
    task.initialize(started)
    for one, two in zip(started.variables, model.variables, strict=True):
        np.testing.assert_array_equal(one, two)


def test_experiment_is_alberts_recipe():
    params = exp_factory.get_exp_config("albert_lsh/pretraining")
    assert params.trainer.optimizer_config.optimizer.type == "albert_lamb"
    schedule = params.trainer.optimizer_config.learning_rate.get()
    assert schedule.initial_learning_rate == 0.00176
    assert schedule.warmup_steps == 3125
    assert params.trainer.train_steps == schedule.train_steps == 125000
    assert params.task.train_data.global_batch_size == 4096
