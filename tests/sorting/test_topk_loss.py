"""The top-k cross-entropy: its definition from whole matrices, limits, candidates, labels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refimpl import autograd as ag
from refimpl.autograd.numerics import check_grads
from refimpl.sorting.topk_loss import OPERATORS, SMOOTHING, TOP1, topk_cross_entropy
from refimpl.sorting.topk_network import topk_permutation

NETWORKS = [name for name in OPERATORS if not name.endswith("_sort")]


def scores_and_labels(batch, n, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(*batch, n)), rng.integers(0, n, batch)


def softmax(x):
    return np.exp(x) / np.sum(np.exp(x), axis=-1, keepdims=True)


def picked(q, labels):
    p = np.take_along_axis(q, np.asarray(labels)[..., None], axis=-1)
    return -np.mean(np.log(p * (1 - 2 * SMOOTHING) + SMOOTHING))


@pytest.mark.parametrize("method", NETWORKS)
@pytest.mark.parametrize("top1", TOP1)
@pytest.mark.parametrize("weights", [(1.0,), (0.5, 0.0, 0.5), (0.25, 0.25, 0.25, 0.25)])
def test_it_is_its_definition_from_the_columns_of_the_matrix(method, top1, weights):
    x, labels = scores_and_labels((5,), 7)
    P = topk_permutation(x, k=len(weights), network=method, steepness=2.0)
    T = [np.sum(P[..., -j:], axis=-1) for j in range(1, len(weights) + 1)]
    q = sum(p * t for p, t in zip(weights[1:], T[1:], strict=True)) + 0 * x
    if top1 == "smce":
        wanted = weights[0] * -np.mean(np.log(softmax(x)[np.arange(5), labels]))
        wanted += sum(weights[1:]) * picked(q, labels)
    else:
        wanted = picked(q + weights[0] * (softmax(x) if top1 == "sm" else T[0]), labels)
    got = topk_cross_entropy(x, labels, weights=weights, method=method, top1=top1, steepness=2.0)
    assert np.isclose(got, wanted, rtol=1e-12)


@pytest.mark.parametrize("method", OPERATORS)
def test_in_the_limit_only_membership_in_the_top_k_counts(method):
    x, labels = np.array([[4.0, 3.0, 2.0, 1.0, 0.0]]), {0: 1.0, 1: 0.7, 2: 0.7, 3: 0.2, 4: 0.0}
    options = {"weights": (0.3, 0.0, 0.5, 0.2), "top1": "sort", "method": method}
    for label, q in labels.items():
        loss = topk_cross_entropy(x, [label], steepness=1e14, **options)
        assert np.isclose(loss, -np.log(q * (1 - 2 * SMOOTHING) + SMOOTHING), rtol=1e-5)


def test_top_1_alone_is_the_cross_entropy():
    x, labels = scores_and_labels((6,), 5)
    for top1 in ("sm", "smce"):
        loss, slope = ag.value_and_grad(
            lambda x, t=top1: topk_cross_entropy(x, labels, weights=(1.0,), top1=t)
        )(x)
        assert np.isclose(loss, -np.mean(np.log(softmax(x)[np.arange(6), labels])), rtol=1e-6)
        np.testing.assert_allclose(slope, (softmax(x) - np.eye(5)[labels]) / 6, atol=1e-6)


@pytest.mark.parametrize("method", OPERATORS)
def test_candidates_are_the_true_class_and_the_best_others(method):
    x, label = np.array([5.0, -3.0, 1.0, 4.0, 2.0, -1.0]), 1
    options = {"weights": (0.4, 0.6), "method": method, "steepness": 1.5}
    short = topk_cross_entropy(x, label, candidates=4, **options)
    assert np.isclose(short, topk_cross_entropy(x[[1, 0, 3, 4]], 0, **options), rtol=1e-12)
    slope = ag.grad(lambda x: topk_cross_entropy(x, label, candidates=4, **options))(x)
    np.testing.assert_array_equal(slope[[2, 5]], 0.0)
    assert np.all(slope[[0, 1, 3, 4]] != 0)


def test_all_candidates_are_no_choice():
    x, labels = scores_and_labels((4,), 6)
    options = {"weights": (0.4, 0.6), "method": "soft_sort"}
    every = topk_cross_entropy(x, labels, candidates=6, **options)
    assert np.isclose(every, topk_cross_entropy(x, labels, **options), rtol=1e-12)


def test_several_true_classes_are_averaged():
    x, labels = scores_and_labels((4,), 6)
    both = np.stack([labels, (labels + 2) % 6], axis=-1)
    for top1 in TOP1:
        options = {"weights": (0.4, 0.6), "top1": top1}
        one, other = (topk_cross_entropy(x, both[:, i], **options) for i in (0, 1))
        assert np.isclose(topk_cross_entropy(x, both, **options), (one + other) / 2, rtol=1e-12)


@given(
    st.sampled_from(list(OPERATORS)),
    st.sampled_from(TOP1),
    st.lists(st.integers(0, 4), min_size=1, max_size=4).filter(any),
    st.sampled_from([(), (3,), (2, 1, 3)]),
)
@settings(max_examples=25)
def test_any_distribution_over_k_has_the_derivative(method, top1, parts, batch):
    x, labels = scores_and_labels(batch, 5, seed=len(parts))
    weights = np.array(parts) / np.sum(parts)

    def loss(x):
        options = {"method": method, "top1": top1, "steepness": 1.5}
        return topk_cross_entropy(x, labels, weights=weights, **options)

    check_grads(loss, x).raise_if_failed()


def test_second_derivatives():
    x, labels = scores_and_labels((2,), 5)
    for candidates in (None, 4):

        def loss(x, candidates=candidates):
            options = {"distribution": "logistic", "candidates": candidates}
            return topk_cross_entropy(x, labels, weights=(0.2, 0.8), **options)

        check_grads(loss, x, order=2).raise_if_failed()


@pytest.mark.parametrize("method", OPERATORS)
def test_float32_is_kept(method):
    x, labels = scores_and_labels((3,), 6)
    options = {"weights": (0.5, 0.5), "method": method}
    loss, slope = ag.value_and_grad(lambda x: topk_cross_entropy(x, labels, **options))(
        np.float32(x)
    )
    assert loss.dtype == slope.dtype == np.float32
    assert np.isclose(loss, topk_cross_entropy(x, labels, **options), rtol=1e-5)


@pytest.mark.parametrize("method", OPERATORS)
def test_ties_are_finite(method):
    x = np.zeros((1, 6))
    loss, slope = ag.value_and_grad(
        lambda x: topk_cross_entropy(x, [2], weights=(0.5, 0.5), method=method)
    )(x)
    assert np.isfinite(loss)
    assert np.all(np.isfinite(slope))


def test_the_loss_is_bounded_for_hopeless_scores():
    x = np.array([[1e4, -1e4, 0.0]])
    loss, slope = ag.value_and_grad(
        lambda x: topk_cross_entropy(x, [1], weights=(0.5, 0.5), distribution="logistic")
    )(x)
    assert np.isclose(loss, -np.log(SMOOTHING))
    assert np.all(np.isfinite(slope))


def test_one_class_and_none():
    assert abs(topk_cross_entropy([[3.0]], [0], weights=(1.0,), top1="sort")) < 1e-6
    with pytest.raises(ValueError, match=r"scores: expected at least one sample, got shape \(0, 3"):
        topk_cross_entropy(np.zeros((0, 3)), np.zeros(0, int), weights=(1.0,))


def test_bad_arguments_are_named():
    x, labels = scores_and_labels((2,), 4)
    for wrong, message in {
        (0.5, 0.4): r"weights: expected probabilities that sum to 1, got \[0.5, 0.4\]",
        (): r"weights: expected probabilities that sum to 1, got \[\]",
        (1.5, -0.5): r"weights: .*-0.5",
        (0.2,) * 5: r"weights: expected at most n = 4 of them, got 5",
    }.items():
        with pytest.raises(ValueError, match=message):
            topk_cross_entropy(x, labels, weights=wrong)
    for count in (1, 5):
        with pytest.raises(
            ValueError, match=rf"candidates: expected .* k = 2 to n = 4, got {count}"
        ):
            topk_cross_entropy(x, labels, weights=(0.5, 0.5), candidates=count)
    with pytest.raises(ValueError, match=r"method: expected one of .*; got 'quick'"):
        topk_cross_entropy(x, labels, weights=(1.0,), method="quick")
    with pytest.raises(ValueError, match=r"top1: expected one of sm, sort, smce; got 'ce'"):
        topk_cross_entropy(x, labels, weights=(1.0,), top1="ce")
    with pytest.raises(ValueError, match=r"steepness: .*got 0"):
        topk_cross_entropy(x, labels, weights=(1.0,), steepness=0)
    with pytest.raises(ValueError, match=r"labels: expected numbers from 0 to 3"):
        topk_cross_entropy(x, [0, 4], weights=(1.0,))
