"""Invariants that several methods promise find what breaks them."""

import numpy as np
import pytest

from refimpl.promises import close, inside, within


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


@pytest.mark.parametrize(
    "dtype, noticed, passed", [("float64", 1e-7, 1e-10), ("float32", 1e-3, 1e-6)]
)
def test_the_shorter_dtype_says_how_close_numbers_must_be(dtype, noticed, passed):
    one = np.ones(2)
    assert close(one, (one + passed).astype(dtype))
    assert close((one + passed).astype(dtype), one)
    assert not close(one, (one + noticed).astype(dtype))


@pytest.mark.parametrize("wrong", [np.ones(3), np.array(1.0), np.array([1.0, np.nan])])
def test_other_shapes_and_nan_are_never_close(wrong):
    assert not close(np.ones(2), wrong)


def test_a_large_scale_allows_the_rounding_of_large_numbers():
    assert not close(np.zeros(1), np.full(1, 1e-10))
    assert close(np.zeros(1), np.full(1, 1e-10), scale=1e3)
