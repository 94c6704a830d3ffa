"""The loss of sorting supervision and the metrics of the experiments."""

import math

import numpy as np
import pytest

from refimpl import autograd as ag
from refimpl.sorting.losses import permutation_cross_entropy, ranking_accuracy
from refimpl.sorting.networks import sorting_network
from refimpl.sorting.permutations import hard_permutation


def test_the_loss_is_the_mean_binary_cross_entropy():
    rng = np.random.default_rng(0)
    P, Q = rng.uniform(0.01, 0.99, size=(3, 4, 4)), rng.integers(0, 2, size=(3, 4, 4))
    terms = [-math.log(p) if q else -math.log(1 - p) for p, q in zip(P.flat, Q.flat, strict=True)]
    loss, gradient = ag.value_and_grad(lambda P: permutation_cross_entropy(P, Q))(P)
    np.testing.assert_allclose(loss, np.mean(terms))
    np.testing.assert_allclose(gradient, (P - Q) / (P * (1 - P)) / P.size)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_logarithms_are_bounded_and_then_have_no_gradient(dtype):
    P = np.array([[0.0, 1.0], [1.0, 0.0]], dtype)
    right, wrong = P, 1 - P
    for Q, expected in ((right, 0.0), (wrong, 100.0)):
        loss, gradient = ag.value_and_grad(lambda P, Q=Q: permutation_cross_entropy(P, Q))(P)
        assert loss == expected
        assert loss.dtype == gradient.dtype == dtype
        assert np.isfinite(gradient).all()
    assert np.all(gradient[P == 0] == 0)


def test_rounding_beyond_zero_and_one_does_no_harm():
    P = np.array([[1 + 1e-15, -1e-17], [-1e-17, 1 + 1e-15]])
    loss, gradient = ag.value_and_grad(lambda P: permutation_cross_entropy(P, np.eye(2)))(P)
    assert abs(loss) < 1e-14
    np.testing.assert_allclose(gradient, [[-0.25, 0.25], [0.25, -0.25]])


def test_a_matrix_of_nan_has_a_loss_of_nan():
    assert np.isnan(permutation_cross_entropy(np.full((2, 2), np.nan), np.eye(2)))


def test_the_loss_falls_when_scores_are_trained_on_their_order():
    rng = np.random.default_rng(0)
    scores, targets = rng.normal(size=(8, 5)), rng.permuted(np.tile(np.arange(5), (8, 1)), axis=1)
    Q = hard_permutation(targets)

    def loss(scores):
        return permutation_cross_entropy(sorting_network(scores)[1], Q)

    before = loss(scores)
    for _ in range(400):
        scores = scores - 3.0 * ag.grad(loss)(scores)
    assert loss(scores) < before / 5
    assert ranking_accuracy(scores, targets).em == 1.0


def test_the_loss_keeps_float32_for_whole_number_targets():
    P = sorting_network(np.array([0.2, 0.1], np.float32))[1]
    assert permutation_cross_entropy(P, np.eye(2, dtype=np.int64)).dtype == np.float32


def test_accuracies_compare_which_input_is_where():
    scores = np.array([[1, 2, 3, 4, 5, 7, 6], [1, 2, 3, 4, 5, 6, 7], [3, 1, 2, 4, 5, 6, 7]])
    em, ew, em5 = ranking_accuracy(scores, np.tile(np.arange(7), (3, 1)))
    np.testing.assert_allclose((em, ew, em5), (1 / 3, (5 + 7 + 4) / 21, 2 / 3))
    cycle = ranking_accuracy([2, 3, 1], [1, 2, 3])  # ranks differ everywhere, and so do the orders
    assert cycle.ew == 0


@pytest.mark.parametrize("function", [permutation_cross_entropy, ranking_accuracy])
@pytest.mark.parametrize("shapes", [((2, 3, 3), (3, 3)), ((0, 3), (0, 3))])
def test_shapes_that_do_not_fit_are_refused(function, shapes):
    with pytest.raises(ValueError, match="expected equal shapes with at least one entry, got"):
        function(*map(np.zeros, shapes))
