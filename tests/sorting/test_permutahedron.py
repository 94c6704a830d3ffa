"""Projection onto the permutahedron."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refimpl.autograd import jacobian
from refimpl.autograd.numerics import check_grads
from refimpl.sorting.permutahedron import project_permutahedron

RNG = np.random.default_rng(0)
KINDS = ("l2", "kl")


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 5), st.sampled_from(KINDS))
def test_no_vertex_lies_further_in_the_direction_of_the_residual(seed, n, regularization):
    """<gradient of the divergence at y, z - y> >= 0 for all z in the permutahedron."""
    theta, w = np.random.default_rng(seed).normal(size=(2, n)) * 2
    y = project_permutahedron(theta, w, regularization=regularization)
    slope = y - theta  # also for kl: the gradient of KL(z, exp theta) is log z - theta
    if regularization == "kl":
        y, w = np.exp(y), np.exp(w)
    vertices = np.array(list(itertools.permutations(w)))
    assert np.min((vertices - y) @ slope) >= -1e-12 * np.abs(w).max() * np.abs(slope).max()
    np.testing.assert_allclose(y.sum(), w.sum(), rtol=1e-13)


@pytest.mark.parametrize("regularization", KINDS)
def test_the_order_of_w_does_not_matter(regularization):
    theta, w = RNG.normal(size=(2, 3, 6))
    options = {"regularization": regularization}
    y = project_permutahedron(theta, w, **options)
    np.testing.assert_array_equal(y, project_permutahedron(theta, w[:, ::-1], **options))


@pytest.mark.parametrize("regularization", KINDS)
def test_far_away_points_project_to_vertices_exactly(regularization):
    theta, w = 1e6 * RNG.permutation(np.arange(8.0)), RNG.normal(size=8)
    y = project_permutahedron(theta, w, regularization=regularization)
    np.testing.assert_array_equal(y, np.sort(w)[np.argsort(np.argsort(theta))])


def test_the_jacobian_of_l2_is_the_identity_less_block_means():
    theta, w = np.array([0.0, 0.1, 5.0]), np.array([3.0, 2.0, 1.0])  # blocks {0, 1} and {2}
    expected = [[0.5, -0.5, 0.0], [-0.5, 0.5, 0.0], [0.0, 0.0, 0.0]]
    found = jacobian(lambda t: project_permutahedron(t, w))(theta)
    np.testing.assert_allclose(found, expected, atol=1e-15)


@pytest.mark.parametrize("regularization", KINDS)
def test_derivatives_in_both_arguments_are_those_of_differences(regularization):
    theta, w = RNG.normal(size=(2, 2, 7))
    report = check_grads(
        lambda t, w: project_permutahedron(t, w, regularization=regularization),
        (theta, w),
        order=2,
    )
    assert report.ok, report


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match="theta: expected at least one value"):
        project_permutahedron(np.zeros((2, 0)), np.zeros(0))
    with pytest.raises(ValueError, match=r"w: expected shape \(3,\) or \(2, 3\), got \(2,\)"):
        project_permutahedron(np.zeros((2, 3)), np.zeros(2))
    with pytest.raises(ValueError, match="did you mean 'kl'"):
        project_permutahedron([1.0], [1.0], regularization="kll")
