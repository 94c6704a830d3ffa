"""Programs relaxed by the decorator: the limit is the very same function, undecorated."""

import bisect
import math
import statistics

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refimpl.autograd.numerics import check_grads
from refimpl.relaxation.programs import classics

rng = np.random.default_rng(0)
SERIES = [rng.permutation(np.arange(n) * 0.7) + rng.uniform(-0.1, 0.1, n) for n in (1, 2, 5, 7)]
ARGUMENTS = {
    "bubble_sort": [(x,) for x in SERIES],
    "insertion_sort": [(x,) for x in SERIES],
    "running_maximum": [(x,) for x in SERIES],
    "count_above": [(x, 1.05) for x in SERIES],
    "linear_search": [(np.array([3.0, 1.0, 2.0, 1.0]), np.array(v)) for v in (1.0, 2.0, 3.0, 9.0)],
    "median_of_three": [tuple(map(np.array, v)) for v in ((1.0, 2.0, 3.0), (2.0, 3.0, 1.0))],
    "product": [tuple(map(np.array, v)) for v in ((3.0, 2.5), (0.0, 4.0), (6.0, -1.0))],
    "greatest_common_divisor": [tuple(map(np.array, v)) for v in ((12.0, 18.0), (7.0, 5.0))],
    "halvings": [(np.array(v),) for v in (1.0, 5.0, 100.0)],
    "square_root": [(np.array(v), 0.01) for v in (2.0, 9.0, 0.3)],
    "edit_cost": [(SERIES[2], SERIES[3]), (SERIES[1], SERIES[2])],
    "escape_time": [(np.array(c), np.array(0.3), 12) for c in (-2.0, -0.1, 0.4)],
    "inside_polygon": [
        (np.array(px), np.array(py), np.array([0.0, 2.0, 2.1, 0.2]), np.array([0.0, 0.1, 2.0, 1.9]))
        for px, py in ((1.0, 1.0), (3.0, 1.0), (0.5, 1.2), (-1.0, 0.4))
    ],
}
CASES = [(name, arguments) for name, found in ARGUMENTS.items() for arguments in found]


def fresh(arguments):
    """Copies: the discrete functions write into their arguments."""
    return [np.array(a) if isinstance(a, np.ndarray) else a for a in arguments]


def assert_same(found, wanted, **tolerance):
    found, wanted = (v if isinstance(v, tuple) else (v,) for v in (found, wanted))
    for a, b in zip(found, wanted, strict=True):
        np.testing.assert_allclose(np.asarray(a, float), np.asarray(b, float), **tolerance)


@pytest.mark.parametrize(("name", "arguments"), CASES)
def test_beta_inf_is_the_undecorated_function(name, arguments):
    program = getattr(classics, name)
    wanted = program.discrete(*fresh(arguments))
    assert_same(program.with_options(beta=math.inf, beta_min=None)(*arguments), wanted, rtol=1e-13)


@pytest.mark.parametrize(("name", "arguments"), CASES)
def test_large_beta_approaches_the_undecorated_function(name, arguments):
    program = getattr(classics, name)
    wanted = program.discrete(*fresh(arguments))
    assert_same(program.with_options(beta=1e5, beta_min=None)(*arguments), wanted, atol=1e-9)


@pytest.mark.parametrize("name", ARGUMENTS)
def test_gradients_agree_with_differences(name):
    program = getattr(classics, name).with_options(beta=2.0, beta_min=None, epsilon=1e-14)
    if name in ("product", "greatest_common_divisor", "square_root", "halvings"):
        program = program.with_options(max_rounds=4, on_limit="last", epsilon=0.0)
    arguments = ARGUMENTS[name][-1]
    moving = [i for i, a in enumerate(arguments) if isinstance(a, np.ndarray)]

    def f(*floats):
        given = list(arguments)
        for i, x in zip(moving, floats, strict=True):
            given[i] = x
        return program(*given)

    check_grads(f, tuple(arguments[i] for i in moving)).raise_if_failed()


@given(st.lists(st.integers(0, 50), min_size=1, max_size=6, unique=True))
@settings(max_examples=25)
def test_sorting_sorts_and_counts_inversions(values):
    x = np.array(values, float)
    found, swaps = classics.bubble_sort.with_options(beta=math.inf)(x)
    assert found.tolist() == sorted(values)
    pairs = [(a, b) for i, a in enumerate(values) for b in values[i:] if a > b]
    assert swaps == len(pairs)


@given(st.integers(1, 40), st.integers(1, 40))
@settings(max_examples=25)
def test_whole_numbers_at_finite_beta_are_exact_in_the_limit(a, b):
    gcd = classics.greatest_common_divisor.with_options(beta=60.0)
    assert gcd(np.array(float(a)), np.array(float(b))) == pytest.approx(math.gcd(a, b), abs=1e-6)


def test_median_agrees_with_statistics():
    values = [3.0, 1.0, 2.0]
    found = classics.median_of_three.with_options(beta=math.inf)(*map(np.array, values))
    assert found == statistics.median(values)


@pytest.mark.parametrize("name", ["bubble_sort", "insertion_sort", "running_maximum", "edit_cost"])
def test_a_batch_is_its_rows_one_by_one(name):
    program = getattr(classics, name).with_options(beta=3.0, beta_min=None)
    count = 2 if name == "edit_cost" else 1
    batch = [rng.normal(size=(4, 5)) for _ in range(count)]
    together = program.with_options(batch_axes=1)(*batch)
    for k in range(4):
        alone = program(*[x[k] for x in batch])
        picked = tuple(v[k] for v in together) if isinstance(together, tuple) else together[k]
        assert_same(picked, alone, rtol=1e-12, atol=1e-14)


def test_positions_of_linear_search_agree_with_list_index():
    x = [4.0, 7.0, 7.0, 1.0]
    search = classics.linear_search.with_options(beta=math.inf)
    for key in x:
        assert search(np.array(x), np.array(key)) == x.index(key)
    assert bisect.bisect_left(sorted(x), 9.0) == search(np.array(x), np.array(9.0))
