import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from refimpl.autograd.compare import compare, ulp

numbers = st.floats(-1e6, 1e6)


@given(arrays(np.float64, array_shapes(min_side=0), elements=st.floats()))
def test_an_array_agrees_with_itself_whatever_is_in_it(x):
    result = compare(x, x, rtol=0.0)
    assert result.ok
    assert result.exceeding == 0
    assert result.absolute == 0.0


@given(arrays(np.float64, array_shapes(), elements=numbers), st.data())
def test_the_one_wrong_element_is_found(x, data):
    place = tuple(data.draw(st.integers(0, n - 1)) for n in x.shape)
    wrong = x.copy()
    wrong[place] += 1.0
    result = compare(wrong, x, rtol=1e-8)
    assert not result
    assert (result.exceeding, result.size, result.index) == (1, x.size, place)
    assert result.expected == x[place]
    assert result.actual == wrong[place]


def test_gradients_are_judged_on_the_scale_of_the_tensor():
    expected = np.array([[1000.0, 1.0], [1e-3, 1.0]])
    actual = expected + np.array([[0.0, 1e-3], [0.0, 0.0]])
    assert compare(actual, expected, rtol=2e-6)
    assert compare(actual, expected, rtol=2e-6, by="row")
    assert not compare(actual[:, ::-1].T, expected[:, ::-1].T, rtol=2e-6, by="row")
    assert not compare(actual, expected, rtol=2e-6, by="element")


@pytest.mark.parametrize(
    "actual, expected, agree",
    [
        (np.inf, np.inf, True),
        (-np.inf, np.inf, False),
        (np.nan, np.nan, True),
        (np.nan, 0.0, False),
        (0.0, np.nan, False),
        (1e300, np.inf, False),
        (np.inf, 1e300, False),
    ],
)
def test_infinities_and_nan_agree_with_themselves_only(actual, expected, agree):
    result = compare([actual, 1.0], [expected, 1.0], rtol=1e3, atol=1e3, error=np.inf)
    assert result.ok is agree
    assert result.index == ((0,) if not agree else result.index)


def test_an_infinite_element_does_not_widen_the_tolerance_of_the_others():
    assert not compare([np.inf, 1.1], [np.inf, 1.0], rtol=1e-3)


def test_shapes_are_not_broadcast():
    result = compare(np.ones((2, 1)), np.ones((2, 3)), rtol=1.0)
    assert not result
    assert result.mismatch == "shape (2, 1) instead of (2, 3)"
    assert "shape (2, 1)" in str(result)


def test_a_wrong_dtype_is_a_mismatch_even_of_equal_numbers():
    result = compare(np.ones(2, np.float32), np.ones(2), rtol=0.0, dtype="float64")
    assert not result.ok
    assert result.exceeding == 0
    assert result.mismatch == "dtype float32 instead of float64"
    assert compare(np.ones(2, np.float32), np.ones(2), rtol=0.0, dtype=np.float32)


def test_empty_arrays_agree():
    assert compare(np.zeros((0, 3)), np.zeros((0, 3)), rtol=0.0)
    assert not compare(np.zeros((0, 3)), np.zeros((3, 0)), rtol=0.0)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@given(x=st.floats(-6e4, 6e4, width=16).filter(lambda x: abs(x) > 1e-4))
def test_ulp_errors_count_neighbours_in_the_coarser_format(dtype, x):
    neighbour = np.nextafter(dtype(abs(x)), dtype(np.inf))
    result = compare(neighbour, np.float64(abs(x)), rtol=0.0)
    assert result.ulp == 1.0
    assert ulp(x, np.dtype(dtype).name) == np.spacing(dtype(abs(x)))


def test_ulp_knows_bfloat16():
    assert ulp(1.0, "bfloat16") == 2.0**-7


def test_the_error_bar_of_the_reference_is_added_element_by_element():
    assert compare([1.1, 2.0], [1.0, 2.0], rtol=0.0, error=[0.2, 0.0])
    assert not compare([1.1, 2.0], [1.0, 2.0], rtol=0.0, error=[0.0, 0.2])


def test_the_text_names_element_values_errors_and_count():
    text = str(compare([1.0, 2.0, 7.0], [1.0, 4.0, 8.0], rtol=1e-6))
    assert text.startswith("2 of 3 exceed the tolerance; worst at [1]: 2 instead of 4")
    assert "absolute 2, scaled 0.25" in text
    assert "ULP" in text


def test_bad_arguments_are_refused():
    with pytest.raises(ValueError, match="rtol -1: expected a number that is not negative"):
        compare(1.0, 1.0, rtol=-1)
    with pytest.raises(ValueError, match="atol nan"):
        compare(1.0, 1.0, rtol=0.0, atol=float("nan"))
    with pytest.raises(ValueError, match="by 'axis': expected one of tensor, row, element"):
        compare(1.0, 1.0, rtol=0.0, by="axis")
    with pytest.raises(TypeError, match="actual: expected an array of real numbers"):
        compare(1j, 1.0, rtol=0.0)
