"""Permutation matrices: what they do, in which direction, and what is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from refimpl import autograd as ag
from refimpl.sorting.networks import sorting_network
from refimpl.sorting.permutations import (
    apply_permutation,
    as_rows,
    hard_permutation,
    hard_sort,
    ranks,
)

SMALL = arrays(
    np.float64, array_shapes(min_dims=1, max_dims=3, max_side=6), elements=st.integers(0, 4)
)


@given(SMALL, st.booleans())
def test_the_hard_matrix_sorts_and_keeps_the_order_of_equal_values(x, descending):
    Q = hard_permutation(x, descending=descending)
    expected = np.sort(x, axis=-1)
    expected = expected[..., ::-1] if descending else expected
    np.testing.assert_array_equal(apply_permutation(Q, x), expected)
    index = np.broadcast_to(np.arange(float(x.shape[-1])), x.shape)
    moved = apply_permutation(Q, index)  # which input came where
    key = -x if descending else x
    np.testing.assert_array_equal(moved, np.argsort(key, axis=-1, kind="stable"))


@given(SMALL)
def test_hard_sort_gives_the_values_and_their_matrix(x):
    values, Q = hard_sort(x)
    np.testing.assert_array_equal(values, np.sort(x, axis=-1))
    np.testing.assert_array_equal(Q, hard_permutation(x))


def test_the_gradient_of_a_hard_sort_follows_the_values():
    x, g = np.array([0.3, 0.1, 0.2]), np.array([1.0, 10.0, 100.0])
    _, pull = ag.vjp(lambda x: hard_sort(x)[0], x)
    np.testing.assert_array_equal(pull(g)[0], [100.0, 1.0, 10.0])


def test_payloads_of_any_features_are_sorted_along():
    rng = np.random.default_rng(0)
    x, payload = rng.normal(size=(2, 5)), rng.normal(size=(2, 5, 3, 2))
    moved = apply_permutation(hard_permutation(x), payload)
    order = np.argsort(x, axis=-1)
    np.testing.assert_array_equal(
        moved, np.take_along_axis(payload, order[..., None, None], axis=1)
    )
    _, P = sorting_network(x)
    soft = apply_permutation(P, payload)
    np.testing.assert_allclose(soft, np.einsum("bij,bi...->bj...", P, payload), atol=1e-14)
    np.testing.assert_allclose(apply_permutation(P, x), sorting_network(x)[0], atol=1e-13)


def test_ranks_are_positions_and_soft_ranks_lie_between():
    x = np.array([[0.3, 0.1, 0.2], [5.0, 7.0, 6.0]])
    np.testing.assert_array_equal(ranks(hard_permutation(x)), [[2, 0, 1], [0, 2, 1]])
    np.testing.assert_array_equal(
        ranks(hard_permutation(x, descending=True)), [[0, 2, 1], [2, 0, 1]]
    )
    soft = ranks(sorting_network(x)[1])
    np.testing.assert_allclose(np.sum(soft, axis=-1), 3.0)
    assert np.all((soft > 0) & (soft < 2))
    assert ranks(hard_permutation(x.astype(np.float32))).dtype == np.float32


def test_rows_are_the_convention_of_the_papers():
    x = np.random.default_rng(0).normal(size=(4, 5))
    values, P = sorting_network(x)
    np.testing.assert_allclose((as_rows(P) @ x[..., None])[..., 0], values, atol=1e-14)
    np.testing.assert_array_equal(as_rows(as_rows(P)), P)


def test_labels_give_a_matrix_in_the_dtype_of_another_array():
    Q = hard_permutation(np.array([30, 10, 20]), like=np.zeros(1, np.float32))
    assert Q.dtype == np.float32
    assert hard_permutation(np.array([30, 10, 20])).dtype == np.float64


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: ranks(np.zeros((2, 3))), r"P: expected square matrices .* got shape \(2, 3\)"),
        (lambda: as_rows(np.zeros(3)), "P: expected at least 2 axes"),
        (lambda: apply_permutation(np.eye(3), np.zeros(4)), r"payload: expected shape \(3,\)"),
        (
            lambda: apply_permutation(np.ones((2, 3, 3)), np.zeros(3)),
            r"payload: expected shape \(2, 3\)",
        ),
        (lambda: hard_permutation(3.0), "x: expected at least 1 axes"),
    ],
)
def test_shapes_that_do_not_fit_are_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()
