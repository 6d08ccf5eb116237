"""Whitening: the covariances it leaves, and that it is kept with the weights."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from albert_lsh_tf import InputError, LSHConfig, load_encoder
from albert_lsh_tf.embedded import EMBEDDED_MODEL_DIR
from albert_lsh_tf.networks.calibration import whitening_of
from albert_lsh_tf.ops.dense_attention import dense_attention
from albert_lsh_tf.ops.hashing import Whitening
from albert_lsh_tf.ops.lsh_attention import lsh_attention

WHITENED = LSHConfig(whiten=True, chunk_length=8, chunks_before=0, chunks_after=0)


def batch_of(rows=2, length=61, seed=0):
    rng = np.random.default_rng(seed)
    ids = tf.constant(rng.integers(5, 400, size=(rows, length)), tf.int32)
    lengths = tf.constant([length, length - 20][:rows])
    mask = tf.sequence_mask(lengths, length, dtype=tf.int32)
    return {
        "input_word_ids": ids,
        "input_mask": mask,
        "input_type_ids": tf.zeros_like(ids),
    }


def random_covariance(rng):
    mixed = rng.normal(size=(3, 7, 7))
    return mixed @ mixed.transpose(0, 2, 1) + 0.1 * np.eye(7)


def test_whitened_queries_and_keys_have_one_covariance_and_the_same_products():
    rng = np.random.default_rng(3)
    of_query, of_key = random_covariance(rng), random_covariance(rng)
    query, key = whitening_of(of_query, of_key)
    np.testing.assert_allclose(
        query @ key.transpose(0, 2, 1), np.broadcast_to(np.eye(7), (3, 7, 7)), atol=1e-9
    )
    # A ridge of 1e-3 keeps unused directions short, so not equal to the last digit.
    np.testing.assert_allclose(
        query.transpose(0, 2, 1) @ of_query @ query,
        key.transpose(0, 2, 1) @ of_key @ key,
        atol=0.05 * np.abs(of_key).max(),
    )


def test_calibrating_measures_tokens_alone_and_changes_the_hashes():
    encoder = load_encoder(EMBEDDED_MODEL_DIR, lsh_config=WHITENED)
    batch = batch_of()
    before = encoder(batch)["sequence_output"].numpy()
    encoder.calibrate([batch])
    stored = [layer.whitening.query_HDD.numpy() for layer in encoder.attention_layers]
    assert np.abs(encoder(batch)["sequence_output"].numpy() - before).max() > 1e-3
    # Each depth has covariances of its own.
    assert np.abs(stored[0] - stored[1]).max() > 1e-3

    noisy_ids = tf.where(batch["input_mask"] == 1, batch["input_word_ids"], 7)
    encoder = load_encoder(EMBEDDED_MODEL_DIR, lsh_config=WHITENED)
    encoder.calibrate([{**batch, "input_word_ids": noisy_ids}])
    for layer, expected in zip(encoder.attention_layers, stored, strict=True):
        np.testing.assert_allclose(layer.whitening.query_HDD, expected, atol=1e-4)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_calibrating_in_half_precision_measures_about_the_same(policy):
    exact = load_encoder(EMBEDDED_MODEL_DIR, lsh_config=WHITENED)
    exact.calibrate([batch_of()])
    tf_keras.mixed_precision.set_global_policy(policy)
    half = load_encoder(EMBEDDED_MODEL_DIR, lsh_config=WHITENED)
    half.calibrate([batch_of()])
    # Of the first depth, whose input no other attention has rounded.
    one, other = (each.attention_layers[0].whitening[0] for each in (exact, half))
    assert one.dtype == other.dtype == tf.float32
    difference = np.linalg.norm(one.numpy() - other.numpy())
    assert difference < 0.05 * np.linalg.norm(one)
    assert np.isfinite(half(batch_of())["sequence_output"]).all()


def test_several_batches_weigh_by_their_tokens():
    encoder = load_encoder(EMBEDDED_MODEL_DIR, lsh_config=WHITENED)
    # Dense states of a row do not depend on its batch, those of the first block at all.
    whole = batch_of()
    rows = [{name: x[row : row + 1] for name, x in whole.items()} for row in (0, 1)]
    encoder.calibrate([whole])
    expected = encoder.attention_layers[0].whitening.key_HDD.numpy()
    encoder.calibrate(rows)
    actual = encoder.attention_layers[0].whitening.key_HDD
    np.testing.assert_allclose(actual, expected, atol=1e-4)


def test_calibration_travels_with_checkpoints(tmp_path):
    encoder = load_encoder(EMBEDDED_MODEL_DIR, lsh_config=WHITENED)
    encoder.calibrate([batch_of()])
    prefix = tf.train.Checkpoint(encoder=encoder).write(str(tmp_path / "ckpt-1"))
    config_file = EMBEDDED_MODEL_DIR / "albert_config.json"
    again = load_encoder(prefix, lsh_config=WHITENED, albert_config_file=config_file)
    for one, other in zip(
        encoder.attention_layers, again.attention_layers, strict=True
    ):
        np.testing.assert_array_equal(
            one.whitening.key_HDD, other.whitening.key_HDD.numpy()
        )
    # An encoder that does not whiten loads the same checkpoint.
    load_encoder(prefix, attention="dense", albert_config_file=config_file)


def test_whitening_finds_the_keys_that_matter_where_directions_differ():
    """Keys long where queries are short: hashing alone sees the wrong directions."""
    rng = np.random.default_rng(5)
    shape = (1, 2, 256, 16)
    scales = np.geomspace(0.05, 20, 16)
    hidden = rng.normal(size=shape)
    key = (hidden * scales).astype(np.float32)
    wanted = np.roll(hidden, 71, axis=2) + 0.3 * rng.normal(size=shape)
    query = (2 * wanted / scales).astype(np.float32)
    value = rng.normal(size=shape).astype(np.float32)
    is_token = np.ones((1, 256), bool)
    covariances = (np.stack([np.cov(x[0, h].T) for h in (0, 1)]) for x in (query, key))
    whitening = Whitening(*(x.astype(np.float32) for x in whitening_of(*covariances)))
    dense = dense_attention(query, key, value, is_token)

    def error(whitening):
        output = lsh_attention(
            *(query, key, value, is_token),
            config=LSHConfig(chunk_length=16, chunks_before=0, chunks_after=0),
            num_hashes=2,
            seed=tf.constant([1, 2]),
            whitening=whitening,
        )
        return np.linalg.norm(output - dense)

    assert error(whitening) < 0.9 * error(None)


@pytest.mark.parametrize(
    ("lsh_config", "batches", "message"),
    [
        (LSHConfig(), [batch_of()], "set whiten=True"),
        (LSHConfig.for_length(64, whiten=True), [batch_of()], "and num_hashes"),
        (WHITENED, [], "no token"),
    ],
)
def test_what_cannot_be_calibrated_is_refused(lsh_config, batches, message):
    encoder = load_encoder(EMBEDDED_MODEL_DIR, lsh_config=lsh_config)
    with pytest.raises(InputError, match=message):
        encoder.calibrate(batches)
