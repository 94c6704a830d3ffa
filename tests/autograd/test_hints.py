import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refimpl.autograd.hints import hints

B = np.random.default_rng(3).normal(size=(3, 4))


def kinds(actual, expected, **options):
    return [hint.kind for hint in hints(actual, expected, **options)]


@pytest.mark.parametrize(
    "kind, actual",
    [
        ("zero", 0 * B),
        ("sign", -B),
        ("factor", 2 * B),
        ("transposed", B.T),
        ("transposed", B.T.reshape(3, 4)),
        ("flipped", B[:, ::-1]),
        ("flipped", -B[::-1]),
        ("rolled", np.roll(B, 1, axis=1)),
        ("permuted", B[:, [2, 0, 1, 3]]),
        ("reordered", np.sort(B, axis=1)),
        ("zero_slices", B * [[1.0], [0.0], [1.0]]),
        ("factor_per_slice", B * [[1.0], [2.0], [3.0]]),
        ("offset", B + 1.0),
        ("offset", B - B.mean(axis=1, keepdims=True)),
        ("not_reduced", np.stack([B, B]) / 2),
        ("reshaped", B.reshape(4, 3)),
        ("not_a_number", np.where(B > 0, np.nan, B)),
    ],
)
def test_each_mistake_is_recognised(kind, actual):
    assert kinds(actual, B) == [kind]


@pytest.mark.parametrize("actual", [B, B * (1 + 1e-9), B + np.sin(10 * B)])
def test_equal_and_unrelated_arrays_give_no_hint(actual):
    assert hints(actual, B) == []


@pytest.mark.parametrize(
    "factor, name",
    [
        (2.5, "steepness"),
        (1 / 2.5, "one over steepness"),
        (6.25, "the square of steepness"),
        (4.0, "the length of axis 1"),
        (1 / 3, "one over the length of axis 0"),
        (1 / 12, "one over the number of elements"),
    ],
)
def test_a_factor_is_named_after_what_it_equals(factor, name):
    (hint,) = hints(factor * B, B, parameters={"steepness": 2.5, "network": "odd_even"})
    assert name in hint.text
    assert hint.factor == pytest.approx(factor)


def test_a_negative_factor_is_one_hint():
    (hint,) = hints(-2.5 * B, B, parameters={"steepness": 2.5})
    assert hint.text == "every element is 2.5 times as large and of opposite sign: steepness"


def test_one_number_is_a_multiple_of_another_only_if_the_factor_means_something():
    assert hints([3.7], [1.0]) == []
    assert kinds([-1.0], [1.0]) == ["sign"]
    assert kinds([0.5], [1.0]) == ["factor"]
    assert kinds([3.7], [1.0], parameters={"beta": 3.7}) == ["factor"]


@given(st.permutations(range(6)), st.integers(0, 1))
def test_every_permutation_is_found_and_undone(order, axis):
    b = np.random.default_rng(0).normal(size=(6, 6))
    a = np.take(b, order, axis=axis)
    found = hints(a, b)
    if order == sorted(order):
        assert found == []
    else:
        assert found[0].kind in ("permuted", "rolled", "flipped")


def test_the_number_of_axes_transposed_is_free():
    b = np.random.default_rng(0).normal(size=(2, 3, 4))
    (hint,) = hints(b.transpose(0, 2, 1).reshape(b.shape), b)
    assert hint.text == "the axes are in the order (0, 2, 1), then reshaped back"


@pytest.mark.parametrize("shape", [(0,), (2, 0)])
def test_empty_arrays_have_nothing_in_common(shape):
    assert hints(np.zeros(shape), np.zeros(shape)) == []


def test_an_expected_zero_gives_no_hint():
    assert hints(B, 0 * B) == []
    assert kinds(0 * B + 1.0, 0 * B) == ["offset"]


def test_float32_noise_does_not_hide_a_relation():
    noisy = (-B * (1 + 1e-5 * np.sin(B))).astype(np.float32)
    assert kinds(noisy, B, tolerance=1e-3) == ["sign"]
