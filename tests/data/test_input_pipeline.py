import dataclasses
import itertools

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from albert_lsh_tf.data.features import Features
from albert_lsh_tf.data.input_pipeline import (
    STEPS_GROUPED,
    evaluation_dataset,
    training_dataset,
)
from albert_lsh_tf.errors import InputError

LENGTH = 5


def make_features(num_examples, label_dtype=np.int32):
    """Rows that name their example: token t of example i is 100 * i + t + 1."""
    ids = np.arange(num_examples)
    words = 100 * ids[:, np.newaxis] + np.arange(LENGTH) + 1
    return Features(
        input_word_ids=words.astype(np.int32),
        input_mask=np.ones([num_examples, LENGTH], np.int32),
        input_type_ids=np.ones([num_examples, LENGTH], np.int32),
        label=(ids + 7).astype(label_dtype),
        example_id=ids.astype(np.int64),
    )


def context(pipeline, num_pipelines, num_replicas):
    return tf.distribute.InputContext(num_pipelines, pipeline, num_replicas)


def ids_of(dataset, num_batches):
    """[num_batches, per-replica batch]"""
    batches = itertools.islice(dataset.as_numpy_iterator(), num_batches)
    return np.stack([batch["example_id"] for batch in batches])


def test_every_epoch_is_another_shuffle_of_all_examples():
    order = ids_of(training_dataset(make_features(23), 23, seed=3), 3)
    for epoch in order:
        assert sorted(epoch) == list(range(23))
        assert list(epoch) != sorted(epoch)
    assert len({tuple(epoch) for epoch in order}) == 3


def test_seed_alone_decides_the_order():
    first, again, other = (
        ids_of(training_dataset(make_features(23), 4, seed), 10) for seed in (3, 3, 4)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_large_seed_is_a_seed():
    assert ids_of(training_dataset(make_features(3), 2, seed=2**40), 1).shape == (1, 2)


@settings(deadline=None, max_examples=15)
@given(
    num_examples=st.integers(1, 30),
    batch=st.integers(1, 40),
    start=st.integers(0, 60),
)
def test_starting_late_equals_starting_early_and_waiting(num_examples, batch, start):
    features = make_features(num_examples)
    all_steps = ids_of(training_dataset(features, batch, seed=1), start + 4)
    late = ids_of(training_dataset(features, batch, seed=1, start_step=start), 4)
    assert np.array_equal(late, all_steps[start:])


def test_batches_run_over_the_end_of_an_epoch():
    # 3 epochs of 7 examples are 5 batches of 4 and one more example.
    order = ids_of(training_dataset(make_features(7), 4, seed=1), 7).ravel()
    for epoch in range(4):
        assert sorted(order[7 * epoch : 7 * epoch + 7]) == list(range(7))


@settings(deadline=None, max_examples=15)
@given(
    num_pipelines=st.integers(1, 3),
    replicas_each=st.integers(1, 3),
    per_replica=st.integers(1, 3),
    start=st.integers(0, 5),
)
def test_replicas_together_see_what_one_device_sees(
    num_pipelines, replicas_each, per_replica, start
):
    features = make_features(13)
    num_replicas = num_pipelines * replicas_each
    batch = num_replicas * per_replica
    one_device = ids_of(training_dataset(features, batch, 5, start), 4)
    parts = []
    for pipeline in range(num_pipelines):
        where = context(pipeline, num_pipelines, num_replicas)
        dataset = training_dataset(features, batch, 5, start, where)
        order = ids_of(dataset, 4 * replicas_each)
        assert order.shape[1] == per_replica
        parts.append(order.reshape(4, -1))  # One row a step.
    assert np.array_equal(np.concatenate(parts, axis=1), one_device)


def make_features_of_lengths(num_examples):
    """Example i has 1 + i % LENGTH tokens."""
    features = make_features(num_examples)
    counts = 1 + np.arange(num_examples) % LENGTH
    is_token = np.arange(LENGTH) < counts[:, np.newaxis]
    return dataclasses.replace(features, input_mask=is_token.astype(np.int32))


def test_grouped_by_length_the_steps_of_a_group_share_out_the_same_examples():
    features, batch = make_features_of_lengths(1000), 16
    plain = ids_of(training_dataset(features, batch, 3), 2 * STEPS_GROUPED)
    grouped = ids_of(
        training_dataset(features, batch, 3, group_by_length=True), 2 * STEPS_GROUPED
    )
    counts = features.token_counts[grouped]
    for group in (slice(0, STEPS_GROUPED), slice(STEPS_GROUPED, None)):
        assert sorted(grouped[group].ravel()) == sorted(plain[group].ravel())
        # In order of their lengths, few steps hold more than one of them.
        assert (np.ptp(counts[group], axis=1) > 0).sum() <= LENGTH - 1
    # Which step gets the long ones is random, and differs between groups.
    longest = counts.max(axis=1).reshape(2, STEPS_GROUPED)
    for group in longest:
        assert list(group) != sorted(group)
    assert list(longest[0]) != list(longest[1])


@settings(deadline=None, max_examples=15)
@given(
    num_examples=st.integers(1, 30),
    batch=st.integers(1, 40),
    start=st.integers(0, 2 * STEPS_GROUPED + 3),
)
def test_groups_may_be_entered_anywhere(num_examples, batch, start):
    features = make_features_of_lengths(num_examples)

    def ids(start_step, num_steps):
        return ids_of(
            training_dataset(features, batch, 1, start_step, group_by_length=True),
            num_steps,
        )

    assert np.array_equal(ids(start, 4), ids(0, start + 4)[start:])


def test_replicas_share_out_grouped_steps():
    features = make_features_of_lengths(13)
    arguments = {"seed": 5, "start_step": 2, "group_by_length": True}
    one_device = ids_of(training_dataset(features, 4, **arguments), 3)
    parts = [
        ids_of(
            training_dataset(
                features, 4, input_context=context(pipeline, 2, 2), **arguments
            ),
            3,
        )
        for pipeline in range(2)
    ]
    assert np.array_equal(np.concatenate(parts, axis=1), one_device)


def test_rows_stay_whole():
    features = make_features(11)
    batch = next(training_dataset(features, 6, seed=1).as_numpy_iterator())
    ids = batch["example_id"]
    assert list(batch) == list(features.as_dict())
    assert np.array_equal(batch["input_word_ids"], features.input_word_ids[ids])
    assert np.array_equal(batch["label"], ids + 7)
    for name, values in features.as_dict().items():
        assert batch[name].dtype == values.dtype


def test_batch_must_divide_by_the_replicas():
    message = r"train_batch_size=32 must be a multiple of the 3 replicas; try 33"
    with pytest.raises(InputError, match=message):
        training_dataset(make_features(9), 32, 1, 0, context(0, 1, 3))


def test_replicas_must_divide_by_the_workers():
    with pytest.raises(InputError, match="3 replicas cannot be shared out over 2"):
        training_dataset(make_features(9), 6, 1, 0, context(0, 2, 3))


@settings(deadline=None, max_examples=20)
@given(
    num_examples=st.integers(1, 30),
    batch=st.integers(1, 12),
    num_pipelines=st.integers(1, 2),
    replicas_each=st.integers(1, 3),
)
def test_evaluation_gives_every_worker_every_example_once(
    num_examples, batch, num_pipelines, replicas_each
):
    for pipeline in range(num_pipelines):
        where = context(pipeline, num_pipelines, num_pipelines * replicas_each)
        dataset = evaluation_dataset(make_features(num_examples), batch, where)
        num_batches = int(dataset.cardinality())
        assert num_batches % replicas_each == 0
        ids = ids_of(dataset, None)
        assert len(ids) == num_batches
        assert ids.shape[1] * replicas_each >= batch
        assert ids.shape[1] * replicas_each < batch + replicas_each
        flat = ids.ravel()
        assert np.array_equal(flat[:num_examples], np.arange(num_examples))
        assert (flat[num_examples:] == -1).all()
        # No step is all filler.
        assert num_examples > ids.size - ids.shape[1] * replicas_each


@pytest.mark.parametrize("label_dtype", [np.int32, np.float32])
def test_filler_rows_attend_to_one_padding_token(label_dtype):
    features = make_features(3, label_dtype)
    batch = next(evaluation_dataset(features, 5).as_numpy_iterator())
    assert np.array_equal(batch["input_word_ids"][:3], features.input_word_ids)
    assert np.array_equal(batch["label"], [7, 8, 9, 0, 0])
    assert batch["label"].dtype == label_dtype
    for row in (3, 4):
        assert batch["input_mask"][row].tolist() == [1, 0, 0, 0, 0]
        assert not batch["input_word_ids"][row].any()
        assert not batch["input_type_ids"][row].any()


def test_a_strategy_deals_the_batches_in_order():
    """One replica here; the replicas' order is proven above on the pipelines."""
    strategy = tf.distribute.get_strategy()
    features = make_features(9)
    dataset = strategy.distribute_datasets_from_function(
        lambda where: training_dataset(features, 4, 2, 1, where)
    )
    ids = next(iter(dataset))["example_id"]
    assert np.array_equal(ids, ids_of(training_dataset(features, 4, 2, 1), 1)[0])


def test_nothing_waits_for_tensorflow_to_tune_a_pipeline():
    features = make_features(8)
    for dataset in (training_dataset(features, 4, 0), evaluation_dataset(features, 4)):
        assert dataset.options().autotune.enabled is False


def of_lengths(lengths, total=53):
    """Rows of so many tokens, all others padding."""
    is_token = np.arange(total) < np.array(lengths)[:, np.newaxis]
    ids = np.arange(len(lengths))
    return Features(
        input_word_ids=((ids[:, np.newaxis] + 1) * is_token).astype(np.int32),
        input_mask=is_token.astype(np.int32),
        input_type_ids=np.zeros(is_token.shape, np.int32),
        label=ids.astype(np.int32),
        example_id=ids.astype(np.int64),
    )


def test_an_evaluation_may_go_from_short_to_long():
    lengths = [5, 31, 2, 50, 17, 16, 40]
    batches = [
        *evaluation_dataset(
            of_lengths(lengths), 3, shortest_first=True
        ).as_numpy_iterator()
    ]
    ids = np.concatenate([batch["example_id"] for batch in batches])
    assert ids.tolist() == [2, 0, 5, 4, 1, 6, 3, -1, -1]
    # Every row is whole, and has its own label.
    for batch in batches:
        is_real = batch["example_id"] >= 0
        found = batch["input_mask"].sum(axis=1)[is_real]
        wanted = np.array(lengths)[batch["example_id"][is_real]]
        np.testing.assert_array_equal(found, wanted)
        np.testing.assert_array_equal(
            batch["label"], np.maximum(batch["example_id"], 0)
        )
