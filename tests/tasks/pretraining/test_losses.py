"""Sums of both heads against plain loops in float64."""

import math

import numpy as np
import pytest
import tensorflow as tf

from albert_lsh_tf.tasks.pretraining.losses import (
    HeadSums,
    masked_lm_sums,
    mean_loss,
    replaced_tokens_sums,
    report,
    sentence_order_sums,
)

B, P, V = 7, 5, 11
RANDOM = np.random.default_rng(3)
MLM_LOGITS = RANDOM.normal(0, 3, [B, P, V]).astype(np.float32)
# About half of the predictions right, so that both kinds are counted.
MLM_IDS = np.where(
    RANDOM.random([B, P]) < 0.5, MLM_LOGITS.argmax(-1), RANDOM.integers(0, V, [B, P])
).astype(np.int32)
MLM_WEIGHTS = (np.arange(P) < RANDOM.integers(0, P + 1, [B, 1])).astype(np.float32)
SOP_LOGITS = RANDOM.normal(0, 3, [B, 2]).astype(np.float32)
SOP_LABELS = np.array([0, 1, 1, 0, 1, 0, 0], np.int32)
SOP_WEIGHTS = np.array([1, 1, 0, 1, 1, 0, 1], np.float32)


def expected_sums(logits, labels, weights):
    """Loss, right ones and number, one prediction after the other."""
    loss, correct, count = 0.0, 0, 0
    for row, label, weight in zip(
        logits.reshape(-1, logits.shape[-1]).astype(np.float64),
        labels.ravel(),
        weights.ravel(),
        strict=True,
    ):
        if weight:
            loss += math.log(sum(math.exp(logit) for logit in row)) - row[label]
            correct += int(max(range(len(row)), key=row.__getitem__) == label)
            count += 1
    return loss, correct, count


@pytest.mark.parametrize(
    "sums_of, logits, labels, weights",
    [
        (masked_lm_sums, MLM_LOGITS, MLM_IDS, MLM_WEIGHTS),
        (sentence_order_sums, SOP_LOGITS, SOP_LABELS, SOP_WEIGHTS),
    ],
)
def test_sums_are_those_of_a_loop(sums_of, logits, labels, weights):
    sums = sums_of(*map(tf.constant, (logits, labels, weights)))
    loss, correct, count = expected_sums(logits, labels, weights)
    assert 0 < correct < count < weights.size
    assert float(sums.loss) == pytest.approx(loss, rel=1e-6)
    assert (float(sums.correct), float(sums.count)) == (correct, count)
    assert {each.dtype for each in sums} == {tf.float32}
    assert {tuple(each.shape) for each in sums} == {()}


def test_replaced_tokens_are_a_choice_of_two():
    logits = MLM_LOGITS[..., 0]
    labels = (MLM_IDS % 2).astype(np.int32)
    sums = replaced_tokens_sums(*map(tf.constant, (logits, labels, MLM_WEIGHTS)))
    two = np.stack([np.zeros_like(logits), logits], -1)
    loss, correct, count = expected_sums(two, labels, MLM_WEIGHTS)
    assert 0 < correct < count
    assert float(sums.loss) == pytest.approx(loss, rel=1e-6)
    assert (float(sums.correct), float(sums.count)) == (correct, count)


def test_only_replaced_tokens_are_weighted():
    sums = {
        "masked_lm": HeadSums(tf.constant(6.0), tf.constant(1.0), tf.constant(2.0)),
        "replaced_tokens": HeadSums(
            tf.constant(5.0), tf.constant(8.0), tf.constant(9.0)
        ),
    }
    counts = {"masked_lm": tf.constant(3.0), "replaced_tokens": tf.constant(10.0)}
    assert float(mean_loss(sums, counts, 20.0)) == 6 / 3 + 20 * 5 / 10


def test_parts_add_up():
    whole = masked_lm_sums(MLM_LOGITS, MLM_IDS, MLM_WEIGHTS)
    parts = [
        masked_lm_sums(MLM_LOGITS[part], MLM_IDS[part], MLM_WEIGHTS[part])
        for part in (slice(0, 3), slice(3, B))
    ]
    for total, *added in zip(whole, *parts, strict=True):
        assert float(total) == pytest.approx(float(sum(added)), rel=1e-6)


def test_what_has_no_weight_gets_no_gradient():
    logits = tf.constant(MLM_LOGITS)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        loss = masked_lm_sums(logits, MLM_IDS, tf.constant(MLM_WEIGHTS)).loss
    has_gradient = tape.gradient(loss, logits).numpy().any(-1)
    np.testing.assert_array_equal(has_gradient, MLM_WEIGHTS > 0)


def test_even_large_logits_have_a_loss():
    logits = tf.constant([[1e4, -1e4], [-1e4, 1e4]])
    sums = sentence_order_sums(logits, tf.constant([0, 0]), tf.ones([2]))
    assert [float(each) for each in sums] == [2e4, 1, 2]


def test_report_divides_by_what_was_predicted():
    scores = report(
        {
            "masked_lm": np.array([26.0, 3.0, 13.0]),
            "sentence_order": HeadSums(loss=3.5, correct=5, count=7),
        }
    )
    assert scores == {
        "masked_lm_accuracy": 3 / 13,
        "masked_lm_loss": 2.0,
        "sentence_order_accuracy": 5 / 7,
        "sentence_order_loss": 0.5,
        "loss": 2.5,
    }
    assert {type(score) for score in scores.values()} == {float}


def test_nothing_to_predict_scores_nothing():
    nothing = {"masked_lm": np.zeros(3), "sentence_order": np.array([3.0, 1.0, 2.0])}
    scores = report(nothing)
    assert (scores["masked_lm_accuracy"], scores["masked_lm_loss"]) == (0, 0)
    assert scores["loss"] == scores["sentence_order_loss"] == 1.5
