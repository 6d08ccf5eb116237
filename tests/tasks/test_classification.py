"""The Model Garden task: losses, evaluation, and Model Garden's own way to run it."""

import dataclasses
import functools

import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from official.core import exp_factory, task_factory, train_lib, train_utils
from official.modeling import hyperparams

from albert_lsh_tf.checkpoints.loading import load_encoder
from albert_lsh_tf.data.features import Features
from albert_lsh_tf.errors import InputError
from albert_lsh_tf.networks.albert_encoder import AlbertLSHEncoder
from albert_lsh_tf.tasks import classification, trimming
from tests.tasks.tiny_run import ENCODER, VOCAB_SIZE, TinyRun


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return TinyRun(tmp_path_factory.mktemp("tiny"))


def make_features(labels, length=6):
    labels = np.array(labels)
    shape = [len(labels), length]
    return Features(
        input_word_ids=np.full(shape, 7, np.int32),
        input_mask=np.ones(shape, np.int32),
        input_type_ids=np.zeros(shape, np.int32),
        label=labels.astype(np.float32 if labels.dtype.kind == "f" else np.int32),
        example_id=np.arange(len(labels)),
    )


def test_loss_is_the_mean_over_the_batch():
    task = classification.ClassificationTask(
        classification.ClassificationConfig(task_name="mnli")
    )
    logits = np.array([[2.0, 0.0, -1.0], [0.5, 0.5, 0.0]], np.float32)
    loss = task.build_losses(tf.constant([0, 2]), tf.constant(logits))
    exponents = np.exp(logits)
    shares = exponents / exponents.sum(axis=1, keepdims=True)
    assert float(loss) == pytest.approx(-np.mean(np.log([shares[0, 0], shares[1, 2]])))
    regression = classification.ClassificationTask(
        classification.ClassificationConfig(task_name="sts-b")
    )
    loss = regression.build_losses(tf.constant([1.0, 4.0]), tf.constant([[2.0], [2.0]]))
    assert float(loss) == pytest.approx((1 + 4) / 2)


def test_both_dev_sets_of_mnli_are_scored_apart():
    config = classification.ClassificationConfig(task_name="MNLI")
    config.validation_data.splits = ("dev", "dev_mismatched")
    task = classification.ClassificationTask(config)
    task.features = {
        "dev": make_features([0, 1, 2]),
        "dev_mismatched": make_features([0, 1]),
    }
    logits = np.eye(3)[[0, 1, 1, 2, 2]] * 5
    logs = [
        {
            "example_id": np.arange(5),
            "label": np.array([0, 1, 2, 0, 1]),
            "logits": logits,
        }
    ]
    metrics = task.reduce_aggregated_logs(logs)
    assert metrics["eval_accuracy"] == pytest.approx(2 / 3)
    assert metrics["eval_accuracy_mismatched"] == 0.0
    assert metrics["loss"] < metrics["loss_mismatched"]


def test_splits_are_numbered_in_one_row():
    joined = classification.concatenate(
        [make_features([0, 1]), make_features([1, 0, 1])]
    )
    np.testing.assert_array_equal(joined.example_id, range(5))
    np.testing.assert_array_equal(joined.label, [0, 1, 1, 0, 1])
    assert {field.name for field in dataclasses.fields(joined)} >= {"input_mask"}


def experiment(tiny):
    """The registered experiment, set up as Model Garden's train.py would."""
    data = {
        "input_path": str(tiny.data),
        "vocabulary_file": str(tiny.weights / "spiece.model"),
        "max_seq_length": 24,
        "global_batch_size": 8,
    }
    encoder = {
        **ENCODER,
        "attention": ["lsh", "dense"],
        "lsh": {"chunk_length": 8},
    }
    params = hyperparams.override_params_dict(
        exp_factory.get_exp_config("albert_lsh/classification"),
        {
            "task": {
                "init_checkpoint": str(tiny.weights),
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
                "optimizer_config": {"optimizer": {"type": "albert_lamb"}},
            },
        },
        is_strict=True,
    )
    params.validate()
    return params


LISTS = {"num_hashes": 0, "window": 1, "block_length": 2, "landmarks": 2}


@pytest.mark.parametrize(
    ("attention", "lsh", "enable_xla", "lengths"),
    [
        ("dense", {}, False, {6, 12, 18, 24}),
        (["dense", "dense"], {}, False, {6, 12, 18, 24}),
        # Eight tokens in a chunk, which sees those beside it; buckets vary with T.
        (["lsh", "dense"], {}, False, {24}),
        (["lsh", "dense"], {"num_buckets": 6}, False, {18, 24}),
        ("lsh", LISTS, False, {6, 12, 18, 24}),
        ("lsh", {**LISTS, "dense_below": 12}, False, {18, 24}),
        ("lsh", LISTS, True, {24}),
        ("dense", {}, True, {24}),
    ],
)
def test_padding_is_left_out_where_that_changes_nothing(
    tiny, attention, lsh, enable_xla, lengths, monkeypatch
):
    params = experiment(tiny).task
    params.model.encoder.any.override({"attention": attention, "lsh": lsh})
    params.enable_xla = enable_xla
    task = classification.ClassificationTask(params)
    model = task.build_model()
    seen = []

    def inference_step(inputs, _):
        seen.append(inputs["input_word_ids"].shape[1])
        return tf.zeros([3, 2])

    monkeypatch.setattr(task, "inference_step", inference_step)
    features = make_features([0, 1, 1], length=24).as_dict()
    batch = {name: tf.constant(values) for name, values in features.items()}
    tf.function(task.validation_step)(batch, model)
    assert {*seen} == lengths


REFORMER = {"share_query_key": True, "chunk_length": 8, "num_buckets": 6}


@pytest.mark.parametrize(
    ("attention", "lsh"), [("dense", {}), ("lsh", LISTS), ("lsh", REFORMER)]
)
def test_a_step_of_a_trimmed_batch_is_that_of_the_whole_one(
    tiny, attention, lsh, monkeypatch
):
    params = experiment(tiny).task
    params.model.classifier_dropout = 0.0
    params.model.encoder.any.override(
        {
            "attention": attention,
            "lsh": lsh,
            "dropout_rate": 0.0,
            "attention_dropout_rate": 0.0,
        }
    )
    task = classification.ClassificationTask(params)
    batch = make_features([0, 1, 1], length=24).as_dict()
    ids = np.random.default_rng(1).integers(5, VOCAB_SIZE, [3, 24])
    batch["input_word_ids"] = ids.astype(np.int32)
    batch["input_mask"] = (np.arange(24) < [[13], [4], [9]]).astype(np.int32)
    inputs = {name: tf.constant(values) for name, values in batch.items()}
    model = task.build_model()
    task.initialize(model)
    before, losses, after = model.get_weights(), [], []
    for num_lengths in (1, 4):
        monkeypatch.setattr(trimming, "NUM_LENGTHS", num_lengths)
        model.set_weights(before)
        optimizer = tf_keras.optimizers.SGD(0.5)
        optimizer.build(model.trainable_variables)
        step = tf.function(
            functools.partial(task.train_step, model=model, optimizer=optimizer)
        )
        losses.append(float(step(inputs)["loss"]))
        after.append(model.get_weights())
    assert losses[1] == pytest.approx(losses[0], abs=1e-6)
    num_changed = 0
    for value, expected, start in zip(after[1], after[0], before, strict=True):
        np.testing.assert_allclose(value, expected, rtol=0, atol=1e-6)
        num_changed += not np.array_equal(expected, start)
    assert num_changed > len(before) // 2


def test_experiment_runs_under_model_gardens_own_trainer(tiny, tmp_path):
    params = experiment(tiny)
    task = task_factory.get_task(params.task, logging_dir=str(tmp_path))
    model, metrics = train_lib.run_experiment(
        distribution_strategy=tf.distribute.OneDeviceStrategy("CPU:0"),
        task=task,
        mode="train_and_eval",
        params=params,
        model_dir=str(tmp_path),
        run_post_eval=True,
    )
    assert isinstance(model.encoder, AlbertLSHEncoder)
    assert model.encoder.get_config()["attention"] == ["lsh", "dense"]
    assert 0 <= metrics["eval_accuracy"] <= 1
    assert (tmp_path / "ckpt-2.index").exists()
    train_utils.serialize_config(params, str(tmp_path))
    again = hyperparams.override_params_dict(
        exp_factory.get_exp_config("albert_lsh/classification"),
        str(tmp_path / "params.yaml"),
        is_strict=True,
    )
    assert again.as_dict() == params.as_dict()


def test_positions_beyond_the_learned_ones_repeat_them(tiny):
    params = experiment(tiny)
    params.override(
        {"task": {"model": {"encoder": {"any": {"max_position_embeddings": 131}}}}}
    )
    task = task_factory.get_task(params.task)
    model = task.build_model()
    task.initialize(model)
    learned = load_encoder(tiny.weights).get_layer("position_embedding").weights[0]
    table = model.encoder.get_layer("position_embedding").weights[0]
    np.testing.assert_array_equal(table, tf.concat([learned] * 3, axis=0)[:131])


def test_own_data_take_their_labels_from_the_training_data_or_the_config(
    tiny, tmp_path
):
    (tmp_path / "news").mkdir()
    lines = '{"text": "a cat", "label": "y"}\n{"text": "b", "label": "x"}\n'
    (tmp_path / "news" / "train.jsonl").write_text(lines)
    params = experiment(tiny)
    data = {"input_path": str(tmp_path)}
    params.override(
        {"task": {"task_name": "news", "train_data": data, "validation_data": data}}
    )
    task = task_factory.get_task(params.task)
    assert task.definition.labels == ("x", "y")
    batch = next(iter(task.build_inputs(params.task.train_data)))
    assert set(batch["label"].numpy()) == {0, 1}
    params.override({"task": {"labels": ["z", "y", "x"]}})
    task = task_factory.get_task(params.task)
    assert task.build_model().num_classes == 3
    task.build_inputs(params.task.train_data)
    np.testing.assert_array_equal(task.features["train"].label, [1, 2])


def test_experiment_never_starts_from_nothing(tiny):
    params = experiment(tiny)
    params.override({"task": {"init_checkpoint": ""}})
    task = task_factory.get_task(params.task)
    with pytest.raises(InputError, match="would start from random weights"):
        task.initialize(task.build_model())
