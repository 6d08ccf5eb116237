"""Which masks are filled in, with what, and what is then to be told, token by token."""

import numpy as np
import pytest
import tensorflow as tf

from albert_lsh_tf.tasks.pretraining.losses import global_counts
from albert_lsh_tf.tasks.pretraining.replaced_tokens import (
    draw_guesses,
    fill_in,
    sample,
)

PAD, CLS, SEP, MASK = 0, 2, 3, 4
VOCAB_SIZE = 23
INPUTS = {
    "input_ids": [
        [CLS, 11, MASK, 12, SEP, MASK, 13, SEP, PAD],
        [CLS, MASK, SEP, MASK, 14, MASK, 15, MASK, SEP],
        [CLS, 16, SEP, 21, SEP, PAD, PAD, PAD, PAD],  # 21 is a random piece.
    ],
    "input_mask": [[1] * 8 + [0], [1] * 9, [1] * 5 + [0] * 4],
    "segment_ids": [[0] * 5 + [1] * 3 + [0], [0] * 3 + [1] * 6, [0] * 9],
    "masked_lm_positions": [[2, 5, 0, 0], [1, 3, 5, 7], [3, 0, 0, 0]],
    "masked_lm_ids": [[17, 18, 0, 0], [19, 20, 17, 18], [22, 0, 0, 0]],
    "masked_lm_weights": [[1.0, 1, 0, 0], [1, 1, 1, 1], [1, 0, 0, 0]],
    "next_sentence_labels": [[0], [1], [0]],
}
# The first is right in two places.
GUESSES = [[17, 9, 9, 9], [9, 20, 10, 11], [8, 9, 9, 9]]


def inputs(**changes):
    return {name: tf.constant(rows) for name, rows in {**INPUTS, **changes}.items()}


def sure_of(guesses):
    """A model that predicts some pieces, whatever it sees, and no others."""

    def model(model_inputs, training):
        assert not training
        np.testing.assert_array_equal(
            model_inputs["input_word_ids"], INPUTS["input_ids"]
        )
        return {"mlm_logits": 1e3 * tf.one_hot(guesses, VOCAB_SIZE)}

    return model


def test_what_is_filled_in_and_what_is_asked():
    is_filled = np.array([[1, 0, 0, 0], [0, 1, 1, 0], [1, 0, 0, 0]], bool)
    weights = np.where(is_filled, 0.0, INPUTS["masked_lm_weights"]).astype(np.float32)
    given = inputs(
        is_filled=is_filled,
        guess_draws=np.full([3, 4], 0.5, np.float32),
        masked_lm_weights=weights,
    )
    found = fill_in(sure_of(GUESSES), given)
    ids = np.array(INPUTS["input_ids"])
    is_replaced = np.zeros_like(ids)
    is_asked = np.array(INPUTS["input_mask"], np.float32)
    for row, column in np.argwhere(INPUTS["masked_lm_weights"]):
        position = INPUTS["masked_lm_positions"][row][column]
        if is_filled[row, column]:
            ids[row, position] = guess = GUESSES[row][column]
            is_replaced[row, position] = guess != INPUTS["masked_lm_ids"][row][column]
        else:
            is_asked[row, position] = 0
    np.testing.assert_array_equal(found["input_ids"], ids)
    np.testing.assert_array_equal(found["is_replaced"], is_replaced)
    np.testing.assert_array_equal(found["replaced_weights"], is_asked)
    # One guess of four is right, so that both kinds are there.
    assert is_replaced.sum() == is_filled.sum() - 2 == 2
    for name in ("masked_lm_weights", "masked_lm_positions", "input_mask"):
        np.testing.assert_array_equal(found[name], given[name])
    assert float(global_counts(given)["replaced_tokens"]) == is_asked.sum()
    assert float(global_counts(given)["masked_lm"]) == weights.sum()


def many(num_rows):
    """Masked tokens in half of the places."""
    weights = np.tile(np.float32([1, 1, 1, 0, 0, 0]), [num_rows, 1])
    return {"masked_lm_weights": tf.constant(weights)}


@pytest.mark.parametrize("share", [0.2, 0.7])
def test_a_share_of_the_masked_tokens_is_chosen(share):
    drawn = draw_guesses(many(2000), share, tf.constant([2**40, 1], tf.int64))
    is_filled, weights = (
        drawn[name].numpy() for name in ("is_filled", "masked_lm_weights")
    )
    assert not is_filled[:, 3:].any()
    assert is_filled[:, :3].mean() == pytest.approx(share, abs=0.02)
    np.testing.assert_array_equal(weights[:, :3], ~is_filled[:, :3])
    assert not weights[:, 3:].any()
    # What is guessed does not depend on what is chosen.
    draws = drawn["guess_draws"].numpy()
    assert draws[is_filled].mean() == pytest.approx(0.5, abs=0.03)
    assert draws.min() >= 0 and draws.max() < 1


def test_every_step_draws_anew_and_always_the_same():
    first, again, other = (
        draw_guesses(many(50), 0.5, tf.constant([2**40, step], tf.int64))
        for step in (1, 1, 2)
    )
    for name in ("is_filled", "guess_draws"):
        np.testing.assert_array_equal(first[name], again[name])
        assert not np.array_equal(first[name], other[name])


def test_replicas_share_out_the_draws_of_the_batch():
    strategy = tf.distribute.MirroredStrategy(
        ["CPU:0", "CPU:1"], tf.distribute.ReductionToOneDevice()
    )
    seed = tf.constant([2**40, 1], tf.int64)
    shares = strategy.experimental_distribute_values_from_function(lambda _: many(3))
    found = strategy.run(tf.function(lambda x: draw_guesses(x, 0.5, seed)), [shares])
    whole = draw_guesses(many(6), 0.5, seed)
    for name in ("is_filled", "guess_draws"):
        parts = strategy.experimental_local_results(found[name])
        np.testing.assert_array_equal(np.concatenate(parts), whole[name])


@pytest.mark.parametrize("vocab_size", [1, 2, 9, 11, 16, 101])
def test_samples_are_those_of_the_running_sum(vocab_size):
    random = np.random.default_rng(vocab_size)
    logits = random.normal(0, 2, [13, 17, vocab_size]).astype(np.float32)
    draws = random.random([13, 17], np.float32)
    found = sample(tf.constant(logits), tf.constant(draws)).numpy()
    masses = np.exp(logits.astype(np.float64))
    sums = np.cumsum(masses, -1) / masses.sum(-1, keepdims=True)
    expected = (sums <= draws[..., np.newaxis]).sum(-1)
    # A draw may lie too near a border for float32.
    is_near = np.abs(sums - draws[..., np.newaxis]).min(-1) < 1e-6
    assert is_near.mean() < 0.01
    np.testing.assert_array_equal(found[~is_near], expected[~is_near])


def test_samples_have_the_probabilities():
    masses = np.array([0.1, 0.0, 0.2, 0.65, 0.05])
    logits = np.log(np.maximum(masses, 1e-30)).astype(np.float32)
    draws = (np.arange(10000, dtype=np.float32) + 0.5) / 10000
    found = sample(tf.constant(np.tile(logits, [10000, 1])), tf.constant(draws))
    counts = np.bincount(found, minlength=5) / 10000
    np.testing.assert_allclose(counts, masses, atol=2e-4)


def test_the_largest_draw_is_a_piece():
    draws = tf.constant([np.nextafter(np.float32(1), np.float32(0))] * 4)
    logits = tf.random.stateless_normal([4, 1009], [1, 2])
    assert sample(logits, draws).numpy().max() < 1009
