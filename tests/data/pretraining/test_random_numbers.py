import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from albert_lsh_tf.data.pretraining.random_numbers import Draw, below, fold_in, uniform

# The first numbers of SplitMix64 for this seed, as its authors' C program gives them.
SEED = 1234567
SEQUENCE = [
    6457827717110365317,
    3203168211198807973,
    9817491932198370423,
    4593380528125082431,
    16408922859458223821,
]


def test_numbers_folded_into_a_key_are_splitmix64s():
    assert fold_in(SEED, np.arange(5)).tolist() == SEQUENCE
    assert fold_in(np.uint64(SEED), 3) == SEQUENCE[3]


@given(st.integers(-(2**70), 2**70), st.integers(0, 2**62))
def test_any_seed_and_number_make_a_key(seed, number):
    key = fold_in(seed, number)
    assert key.dtype == np.uint64
    assert fold_in(seed % 2**64, number) == key


def test_a_key_does_not_depend_on_its_neighbours():
    keys = fold_in(7, np.arange(10))
    grid = fold_in(keys[:, np.newaxis], np.arange(11))
    assert grid.shape == (10, 11)
    assert len(np.unique(grid)) == 110
    assert grid[3, 5] == fold_in(keys[3], 5)


@pytest.mark.parametrize("limit", [2, 3, 10])
def test_draws_below_a_limit_are_equally_likely(limit):
    # A nested key and a plain one: both ways in which draws are made.
    for keys in (
        fold_in(fold_in(1, np.arange(20_000)), Draw.CUT),
        fold_in(fold_in(1, Draw.CUT), np.arange(20_000)),
    ):
        counts = np.bincount(below(keys, limit), minlength=limit)
        assert len(counts) == limit
        assert scipy.stats.chisquare(counts).pvalue > 0.001


def test_draws_for_different_things_are_independent():
    keys = fold_in(1, np.arange(20_000))
    table = np.zeros([2, 2])
    first = below(fold_in(keys, Draw.CUT), 2)
    second = below(fold_in(keys, Draw.IS_SWAPPED), 2)
    np.add.at(table, (first, second), 1)
    assert scipy.stats.chi2_contingency(table).pvalue > 0.001


def test_uniform_reaches_neither_one_nor_below_zero():
    extremes = np.array([0, 2**64 - 1], np.uint64)
    assert uniform(extremes).tolist() == [0.0, 1 - 2.0**-53]
    assert below(extremes, 7).tolist() == [0, 6]
    assert below(extremes, np.array([1, 1])).tolist() == [0, 0]


def test_what_is_drawn_for_a_pair_has_numbers_of_its_own():
    assert len({draw.value for draw in Draw}) == len(Draw.__members__)
