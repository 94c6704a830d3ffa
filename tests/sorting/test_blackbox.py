"""Ranks with black-box gradients and the metrics built on them."""

import numpy as np
import pytest

from refimpl.autograd import grad, value_and_grad
from refimpl.sorting.blackbox import average_precision_loss, blackbox_ranks, recall_loss
from refimpl.sorting.perturbed import exact_topk, perturbed_permutation, perturbed_topk

RNG = np.random.default_rng(0)


def test_the_largest_has_the_smallest_rank():
    np.testing.assert_allclose(blackbox_ranks([0.3, 2.0, -1.0, 0.5]), [0.75, 0.25, 1.0, 0.5])


def hand_recall(scores, relevance, margin):
    total = 0.0
    for s, rel in zip(scores - margin * (relevance - 0.5), relevance, strict=True):
        for j in np.flatnonzero(rel):
            total += np.log1p(np.log1p(np.sum((rel == 0) & (s > s[j]))))
    return total / relevance.sum()


def test_the_recall_loss_counts_the_irrelevant_items_before_each_relevant_one():
    scores = RNG.normal(size=(3, 7))
    relevance = (RNG.uniform(size=(3, 7)) < 0.4) * 1.0
    relevance[:, 0] = 1
    found = recall_loss(scores, relevance, margin=0.1)
    assert found == pytest.approx(hand_recall(scores, relevance, 0.1))


def test_average_precision_is_that_of_the_ranking():
    scores, relevance = (
        RNG.normal(size=(2, 6)),
        np.array([[1, 0, 1, 0, 0, 1], [0, 1, 0, 0, 1, 0.0]]),
    )
    wanted = []
    for s, rel in zip(scores, relevance, strict=True):
        order = np.argsort(-s)
        hits = np.cumsum(rel[order])
        wanted.append(np.sum((hits / np.arange(1, 7)) * rel[order]) / rel.sum())
    found = average_precision_loss(scores, relevance)
    assert found == pytest.approx(1 - np.mean(wanted), abs=1e-5)
    one = average_precision_loss(scores.reshape(1, -1), relevance.reshape(1, -1))
    mixed = average_precision_loss(scores, relevance, interclass=0.25)
    assert mixed == pytest.approx(0.75 * found + 0.25 * one)


def test_classes_without_a_relevant_item_do_not_count():
    scores = RNG.normal(size=(2, 4))
    relevance = np.array([[1, 0, 0, 1], [0, 0, 0, 0.0]])
    found = average_precision_loss(scores, relevance)
    assert found == pytest.approx(average_precision_loss(scores[:1], relevance[:1]))


@pytest.mark.parametrize("loss", [recall_loss, average_precision_loss])
def test_descent_ranks_the_relevant_items_first(loss):
    scores, relevance = RNG.normal(size=(2, 6)), np.tile([1.0, 0, 0, 1, 0, 0], (2, 1))
    first = loss(scores, relevance, lambda_=20.0)
    for _ in range(300):
        value, g = value_and_grad(lambda s: loss(s, relevance, lambda_=20.0, margin=0.05))(scores)
        scores = scores - 0.5 * g
    assert value < 0.3 * first
    np.testing.assert_array_equal(np.argsort(-scores)[:, :2].sum(1), 3)


def test_a_perturbed_permutation_is_doubly_stochastic_and_top_k_its_last_columns():
    x, noise = RNG.normal(size=(2, 5)), RNG.normal(size=(30, 2, 5))
    P = perturbed_permutation(x, noise, sigma=0.5)
    np.testing.assert_allclose(P.sum(-1), 1)
    np.testing.assert_allclose(P.sum(-2), 1)
    np.testing.assert_allclose(perturbed_topk(x, noise, k=2, sigma=0.5), P[..., -2:].sum(-1))
    np.testing.assert_array_equal(exact_topk(np.array([1.0, 3.0, 3.0, 0.0]), 1), [0, 1, 0, 0])


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match="scores, relevance"):
        recall_loss(np.ones((2, 3)), np.ones((2, 2)))
    with pytest.raises(ValueError, match="nothing is relevant"):
        recall_loss(np.ones((2, 3)), np.zeros((2, 3)))
    with pytest.raises(ValueError, match="k: expected at most 3"):
        perturbed_topk(np.ones(3), np.ones((2, 3)), k=4)
    with pytest.raises(ValueError, match="lambda_"):
        grad(lambda x: blackbox_ranks(x, lambda_=-1.0)[0])(np.ones(3))
