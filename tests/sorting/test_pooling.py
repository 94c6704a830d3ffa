"""Finding the blocks: compiled, in passes, and by definition the same."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refimpl.sorting.isotonic import by_min_max
from refimpl.sorting.pooling import kl_starts, l2_starts, merge_in_passes


def by_definition(s, w, regularization):
    """Flat positions at which the values of the rows fall, by more than they are rounded."""
    v = by_min_max(s, w, regularization)
    first = np.ones(v.shape, dtype=bool)
    first[:, 1:] = -np.diff(v, axis=1) > 1e-14 * np.max(np.abs(s) + np.abs(w), axis=1)[:, None]
    return np.flatnonzero(first)


def in_passes(s, w):
    rows, n = s.shape
    return merge_in_passes(s.reshape(-1), w.reshape(-1), np.full(rows, n))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 30), st.sampled_from([1e-3, 1.0, 30.0, 1e3]))
def test_all_ways_find_the_same_blocks(seed, n, scale):
    s, w = np.random.default_rng(seed).normal(size=(2, 5, n)) * scale
    np.testing.assert_array_equal(l2_starts(s), by_definition(s, np.zeros_like(s), "l2"))
    expected = by_definition(s, w, "kl")
    np.testing.assert_array_equal(kl_starts(s, w), expected)
    np.testing.assert_array_equal(in_passes(s, w), expected)


@pytest.mark.parametrize("rows", [1, 399, 400, 401, 1000])
def test_rows_never_merge_with_each_other(rows):
    x = np.random.default_rng(rows).normal(size=(rows, 6)) + np.arange(rows)[:, None]
    w = np.zeros_like(x)
    np.testing.assert_array_equal(l2_starts(x), by_definition(x, w, "l2"))
    np.testing.assert_array_equal(kl_starts(x, w), by_definition(x, w, "kl"))


def test_rows_of_very_different_size_are_told_apart():
    sizes = np.array([1e-300, 1e-150, 1e-10, 1.0, 1e10, 1e150, 1e300])
    row = np.array([3.0, 1.0, 2.0, 0.0, 1.0, -1.0])
    starts = l2_starts(row * sizes[:, None])
    expected = (np.array([0, 1, 3, 5]) + 6 * np.arange(7)[:, None]).reshape(-1)
    np.testing.assert_array_equal(starts, expected)


def test_a_row_that_is_not_finite_is_one_block():
    y = np.array([[3.0, 2.0, 1.0], [3.0, np.nan, 1.0], [1.0, -np.inf, np.inf], [3.0, 2.0, 1.0]])
    expected = [0, 1, 2, 3, 6, 9, 10, 11]
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(l2_starts(y), expected)
        np.testing.assert_array_equal(kl_starts(y, np.zeros_like(y)), expected)


def staircase(n):
    """Falls by less and less, then a last value that swallows all others one by one."""
    return np.append(1e-3 * np.arange(n - 1.0, 0.0, -1.0), 50.0)[None]


def test_merging_one_by_one_is_the_worst_case_and_still_right():
    s = staircase(2000)
    np.testing.assert_array_equal(in_passes(s, np.zeros_like(s)), [0])
    np.testing.assert_array_equal(kl_starts(s, np.zeros_like(s)), [0])
    s[0, -1] = np.log(1000.0)  # enough for a half: log mean exp of them is about 1
    starts = kl_starts(s, np.zeros_like(s))
    assert 950 < len(starts) < 1050
    np.testing.assert_array_equal(in_passes(s, np.zeros_like(s)), starts)


@pytest.mark.parametrize("scale", [200.0, 1e3, 1e6])
def test_spreads_that_exp_cannot_represent_are_merged_in_the_log_domain(scale):
    rng = np.random.default_rng(0)
    s = rng.normal(size=(3, 40))
    s[1] *= scale  # beside rows that can be represented
    w = np.where(np.arange(3)[:, None] == 2, scale, 1.0) * -np.sort(rng.normal(size=(3, 40)))
    np.testing.assert_array_equal(kl_starts(s, w), by_definition(s, w, "kl"))


def test_many_small_spreads_fill_several_sequences():
    rng = np.random.default_rng(0)
    s = rng.normal(size=(300, 8)) * 20.0
    w = rng.normal(size=(300, 8))
    np.testing.assert_array_equal(kl_starts(s, w), by_definition(s, w, "kl"))
