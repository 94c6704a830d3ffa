"""Smooth top-k losses and the elementary symmetric polynomials under them."""

import itertools

import numpy as np
import pytest

from refimpl.autograd import grad, hvp
from refimpl.sorting.smooth_topk import log_elementary_symmetric, smooth_topk_loss, split_label


@pytest.mark.parametrize("n", [1, 2, 3, 5, 8])
@pytest.mark.parametrize("degree", [0, 1, 3, 6])
def test_polynomials_are_sums_over_subsets(n, degree):
    z = np.random.default_rng(n).normal(size=n)
    found = np.exp(log_elementary_symmetric(z, degree))
    wanted = [
        sum(np.exp(sum(z[i] for i in s)) for s in itertools.combinations(range(n), j))
        for j in range(degree + 1)
    ]
    assert np.allclose(found, wanted, rtol=1e-13)


def test_a_wide_spread_of_scores_loses_nothing():
    z = np.array([800.0, -800.0, 0.0, 300.0])
    exact = [0.0, 800.0, 1100.0, 1100.0]
    assert np.allclose(log_elementary_symmetric(z, 3), exact, rtol=1e-15)
    slope = grad(lambda z: log_elementary_symmetric(z, 2)[2])(z)
    assert np.allclose(slope, [1.0, 0.0, 0.0, 1.0])


def test_k_1_is_a_softplus_margin_loss():
    scores, label = np.array([0.3, -0.2, 1.1]), 1
    rest = np.log(np.exp(0.3) + np.exp(1.1))
    wanted = np.log1p(np.exp(rest + 1.0 + 0.2))
    assert np.isclose(smooth_topk_loss(scores, label, k=1), wanted, rtol=1e-14)


def test_low_temperature_is_the_hinge():
    scores, labels = np.array([[3.0, 1.0, 0.0, 2.0]]), np.array([1])
    soft = smooth_topk_loss(scores, labels, k=2, tau=1e-3)
    hinge = (4.0 + 3.0) / 2 - (3.0 + 1.0) / 2
    assert np.isclose(soft, hinge, atol=1e-2)


def test_hard_option_takes_the_hinge_where_the_scores_are_far_apart():
    scores = np.array([[40.0, 1.0, 2.0, -30.0], [1.0, 2.0, 1.5, 0.0]])
    labels = np.array([1, 1])
    rows = [smooth_topk_loss(s, y, k=1, hard=True) for s, y in zip(scores, labels, strict=True)]
    assert rows[0] == 40.0
    assert rows[1] == smooth_topk_loss(scores[1], labels[1], k=1)


def test_second_derivatives_exist():
    scores = np.random.default_rng(0).normal(size=6)
    turned = hvp(lambda x: smooth_topk_loss(x, 2, k=3), scores, np.ones(6))
    assert np.allclose(turned, 0, atol=1e-12)  # a common shift of all scores changes nothing


def test_labels_are_checked():
    with pytest.raises(ValueError, match="labels: expected numbers from 0 to 2"):
        split_label(np.zeros((2, 3)), np.array([0, 3]))
    with pytest.raises(ValueError, match="labels: expected shape"):
        smooth_topk_loss(np.zeros((2, 3)), np.array([0]), k=1)
    with pytest.raises(TypeError, match="labels: expected whole numbers"):
        smooth_topk_loss(np.zeros((2, 3)), np.array([0.0, 1.0]), k=1)
    with pytest.raises(ValueError, match="k: expected less than the 3 classes, got 3"):
        smooth_topk_loss(np.zeros((2, 3)), np.array([0, 1]), k=3)
