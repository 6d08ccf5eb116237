"""Tables that are made longer, alone and through every source of weights."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from albert_lsh_tf.checkpoints.loading import load_encoder, restore_encoder
from albert_lsh_tf.checkpoints.positions import WAYS, extend_table
from albert_lsh_tf.checkpoints.sources import find_weights
from albert_lsh_tf.errors import InputError
from tests.fixtures import checkpoints

TABLE = np.random.default_rng(4).normal(size=(11, 6)).astype("f4")
POSITIONS = "bert/embeddings/position_embeddings"
RANDOM = np.random.default_rng(5)


def positions_of(encoder):
    return encoder.get_layer("position_embedding").embeddings.numpy()


def outputs_of(encoder, word_ids):
    ones = tf.ones_like(word_ids)
    return encoder([word_ids, ones, 0 * ones])


def test_tiles_start_again_after_the_last_learned_row():
    extended = extend_table(TABLE, 29, "tile")
    np.testing.assert_array_equal(extended, np.tile(TABLE, (3, 1))[:29])
    assert extended.dtype == TABLE.dtype


@pytest.mark.parametrize("num_new", [2, 3, 7, 11, 40])
def test_interpolated_rows_are_the_table_stretched(num_new):
    new_rows = extend_table(TABLE, 11 + num_new, "interpolate")[11:]
    points = [j * 10 / (num_new - 1) for j in range(num_new)]
    expected = [
        [np.interp(point, range(11), TABLE[:, column]) for column in range(6)]
        for point in points
    ]
    np.testing.assert_allclose(new_rows, expected, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(new_rows[0], TABLE[0])
    np.testing.assert_array_equal(new_rows[-1], TABLE[-1])
    assert new_rows.dtype == TABLE.dtype


def test_a_single_interpolated_row_is_the_first():
    np.testing.assert_array_equal(extend_table(TABLE, 12, "interpolate")[11], TABLE[0])


@given(st.sampled_from(WAYS), st.integers(1, 11), st.integers(0, 50))
def test_learned_rows_stay_and_new_ones_lie_between_them(how, num_learned, num_new):
    table = TABLE[:num_learned]
    extended = extend_table(table, num_learned + num_new, how)
    assert len(extended) == len(table) + num_new
    np.testing.assert_array_equal(extended[: len(table)], table)
    assert (extended <= table.max(axis=0) + 1e-6).all()
    assert (extended >= table.min(axis=0) - 1e-6).all()


@pytest.fixture(params=["google", "saved_model", "object"])
def source(request, tmp_path, variables):
    """One source of each kind, all with the same weights."""
    if request.param == "google":
        return checkpoints.write_google_folder(tmp_path / "google", variables)
    if request.param == "saved_model":
        return request.getfixturevalue("saved_model")
    checkpoints.write_config(tmp_path)
    encoder = checkpoints.garden_encoder(variables)
    return tf.train.Checkpoint(encoder=encoder).write(str(tmp_path / "ckpt"))


def test_every_source_can_be_extended(source, variables):
    encoder = load_encoder(source, "lsh", max_position_embeddings=200)
    assert encoder.get_config()["max_sequence_length"] == 200
    expected = np.resize(variables[POSITIONS], (200, 6))
    np.testing.assert_array_equal(positions_of(encoder), expected)
    word_ids = tf.constant(RANDOM.integers(0, 31, (2, 200)), tf.int32)
    sequence = outputs_of(encoder, word_ids)["sequence_output"].numpy()
    assert sequence.shape == (2, 200, 20)
    assert np.isfinite(sequence).all()
    # Tile by tile the same positions, but of other tokens.
    assert not np.allclose(sequence[:, :11], sequence[:, 11:22])


def test_the_model_in_the_package_takes_longer_input():
    word_ids = tf.constant(RANDOM.integers(0, 1000, (1, 600)), tf.int32)
    with pytest.raises(ValueError, match="load an encoder with more positions"):
        outputs_of(load_encoder(None), word_ids)
    encoder = load_encoder(None, max_position_embeddings=1024)
    assert outputs_of(encoder, word_ids)["sequence_output"].shape[1] == 600


@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize("attention", ["dense", "lsh"])
def test_what_was_short_enough_before_gives_what_it_gave(how, attention):
    plain = load_encoder(None, attention)
    longer = load_encoder(
        None, attention, max_position_embeddings=1337, extend_positions=how
    )
    np.testing.assert_array_equal(positions_of(longer)[:512], positions_of(plain))
    word_ids = tf.constant(RANDOM.integers(0, 1000, (1, 512)), tf.int32)
    expected, actual = outputs_of(plain, word_ids), outputs_of(longer, word_ids)
    for name in ("sequence_output", "pooled_output"):
        np.testing.assert_array_equal(actual[name], expected[name])


def test_the_way_reaches_the_table(google_folder, variables):
    encoder = load_encoder(
        google_folder, max_position_embeddings=17, extend_positions="interpolate"
    )
    np.testing.assert_array_equal(
        positions_of(encoder), extend_table(variables[POSITIONS], 17, "interpolate")
    )


@pytest.mark.parametrize("how", WAYS)
def test_as_many_positions_as_learned_change_nothing(google_folder, variables, how):
    encoder = load_encoder(
        google_folder, max_position_embeddings=11, extend_positions=how
    )
    np.testing.assert_array_equal(positions_of(encoder), variables[POSITIONS])


@pytest.mark.parametrize("too_few", [0, 10])
def test_fewer_positions_than_learned_are_refused(google_folder, too_few):
    with pytest.raises(
        InputError,
        match=f"max_position_embeddings={too_few} is less than the 11 positions of the "
        "weights. Give 11 or more",
    ):
        load_encoder(google_folder, max_position_embeddings=too_few)


def test_an_unknown_way_is_refused_even_where_nothing_is_extended(google_folder):
    with pytest.raises(
        InputError, match="'tiles' is unknown; expected 'tile' or 'interpolate'"
    ):
        load_encoder(google_folder, extend_positions="tiles")


def test_restoring_a_longer_encoder_has_to_be_asked_for(google_folder):
    encoder = load_encoder(google_folder, max_position_embeddings=12)
    source = find_weights(google_folder)
    with pytest.raises(InputError, match=r"expected \[12, 6\] found \[11, 6\]"):
        restore_encoder(encoder, source)
