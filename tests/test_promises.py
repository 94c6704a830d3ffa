"""Invariants that several methods promise find what breaks them."""

import numpy as np
import pytest

from refimpl.promises import inside, within


def found(check, *values, dtype=np.float64):
    return check(lambda inputs, params: {"y": np.array(values, dtype=dtype)}, {}, {})


@pytest.mark.parametrize("values", [(), (0.0, 1.0), (0.3,)])
def test_numbers_between_the_bounds_and_on_them_are_inside(values):
    assert found(inside("y", 0, 1), *values) is None


@pytest.mark.parametrize("wrong", [-0.1, 1.1, np.nan, np.inf])
@pytest.mark.parametrize("check", [inside("y", 0, 1), within("y", 0, 1).check])
def test_one_number_outside_is_named(check, wrong):
    assert found(check, 0.5, wrong) == f"y is {wrong:g}, not between 0 and 1"


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rounding_is_allowed_where_it_is_said(dtype):
    rounded = 1 + 2 * np.finfo(dtype).eps
    assert found(within("y", 0, 1).check, rounded, dtype=dtype) is None
    assert found(inside("y", 0, 1), rounded, dtype=dtype) is not None


def test_without_an_upper_bound_only_the_lower_one_is_named():
    assert found(within("y").check, 5.0, -2.0) == "y is -2, not at least 0"
