"""Metrics and losses of orders, against their definitions, one pair and one entry at a time."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refimpl.autograd import grad, value_and_grad
from refimpl.autograd.numerics import check_grads
from refimpl.sorting import rank
from refimpl.sorting.metrics import concordance_index, topk_accuracy
from refimpl.sorting.neuralsort import neural_sort
from refimpl.sorting.order_losses import position_cross_entropy, rank_error
from refimpl.sorting.permutations import as_rows, hard_permutation

RNG = np.random.default_rng(0)


@settings(max_examples=30)
@given(st.integers(1, 6), st.data())
def test_a_class_is_a_hit_if_fewer_than_k_are_before_it(n, data):
    scores = np.array(data.draw(st.lists(st.lists(st.integers(0, 3), min_size=n, max_size=n),
                                         min_size=1, max_size=4))) / 2.0  # fmt: skip
    labels = np.array(data.draw(st.lists(st.integers(0, n - 1), min_size=len(scores),
                                         max_size=len(scores))))  # fmt: skip
    k = data.draw(st.integers(1, n))
    hits = [y in np.argsort(-s, kind="stable")[:k] for s, y in zip(scores, labels, strict=True)]
    assert topk_accuracy(scores, labels, k=k) == pytest.approx(np.mean(hits))


def test_accuracy_rises_with_k_to_one_and_takes_any_batch_axes():
    scores, labels = RNG.normal(size=(2, 3, 4, 7)), RNG.integers(0, 7, (2, 3, 4))
    found = [topk_accuracy(scores, labels, k=k) for k in range(1, 8)]
    assert found == sorted(found)
    assert found[-1] == 1
    flat = topk_accuracy(scores.reshape(-1, 7), labels.ravel(), k=3)
    assert flat == found[2]
    assert topk_accuracy(scores.astype(np.float32), labels).dtype == np.float32


@pytest.mark.filterwarnings("error")
def test_a_score_that_is_no_number_is_no_hit():
    assert topk_accuracy([[np.nan, 1.0]], [0], k=1) == 0
    assert topk_accuracy([[np.nan, 1.0]], [1], k=1) == 1


def by_pairs(p, t, e):
    score, count = 0.0, 0
    for i, j in itertools.permutations(range(len(p)), 2):
        if e[i] and (t[i] < t[j] or (t[i] == t[j] and not e[j])):
            count += 1
            score += 1.0 if p[i] < p[j] else 0.5 if p[i] == p[j] else 0.0
    return score / count if count else np.nan


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4), st.booleans()), max_size=8))
def test_the_concordance_index_counts_pairs(subjects):
    p, t, e = np.array(subjects, dtype=float).reshape(-1, 3).T
    np.testing.assert_allclose(concordance_index(p, t, e), by_pairs(p, t, e))


def test_perfect_reversed_and_constant_predictions():
    t = RNG.uniform(size=(2, 3, 6))
    e = RNG.uniform(size=t.shape) < 0.5
    e[..., 0] = t[..., 0] = 1  # the last of all, so others decide
    e[np.arange(2)[:, None], np.arange(3), np.argmin(t, axis=-1)] = True
    np.testing.assert_array_equal(concordance_index(t, t, e), 1)
    np.testing.assert_array_equal(concordance_index(-t, t, e), 0)
    np.testing.assert_array_equal(concordance_index(0 * t, t, e), 0.5)


def test_without_an_event_nothing_can_be_compared():
    assert np.isnan(concordance_index([1.0, 2.0], [1.0, 2.0], [0, 0]))
    assert np.isnan(concordance_index([1.0], [1.0], [1]))
    assert concordance_index(np.zeros((0, 3)), np.zeros((0, 3)), np.zeros((0, 3))).shape == (0,)


def test_each_position_chooses_among_the_inputs():
    P, order = RNG.uniform(0.1, 1, (3, 4, 4)), RNG.permuted(np.tile(np.arange(4), (3, 1)), axis=1)
    Q = np.swapaxes(np.eye(4)[order], 1, 2)
    logs = [np.log(P[b, order[b, j], j] / P[b, :, j].sum()) for b in range(3) for j in range(4)]
    assert position_cross_entropy(P, Q) == pytest.approx(-np.mean(logs))
    assert check_grads(lambda P: position_cross_entropy(P, Q), P).ok


def test_it_is_the_published_loss_of_rows_in_descending_order():
    """ermongroup/neuralsort: softmax cross-entropy of log(P + 1e-20), positions in rows."""
    scores, truth = RNG.normal(size=(2, 5, 6))
    ours = position_cross_entropy(neural_sort(scores), hard_permutation(truth))
    P = as_rows(neural_sort(scores, descending=True))
    Q = as_rows(hard_permutation(truth, descending=True))
    logits = np.log(P + 1e-20)
    log_softmax = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    assert ours == pytest.approx(-(Q * log_softmax).sum(-1).mean())


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_weight_of_zero_costs_the_logarithm_of_the_floor(dtype):
    P = np.eye(2, dtype=dtype)
    loss, g = value_and_grad(position_cross_entropy)(P, P[::-1].copy())
    assert loss == pytest.approx(20 * np.log(10))
    assert loss.dtype == dtype
    assert np.isfinite(g).all()
    assert position_cross_entropy(P, P) == 0


def test_the_rank_error_is_the_mean_square_of_the_distance_to_the_exact_ranks():
    targets = RNG.permuted(np.tile(np.arange(5.0), (2, 3, 1)), axis=-1)
    r = RNG.uniform(0, 4, targets.shape)
    assert rank_error(r, targets) == pytest.approx(np.mean((r - targets) ** 2))
    np.testing.assert_allclose(grad(rank_error)(r, targets), 2 * (r - targets) / r.size)
    assert rank_error([0.0, 1.0, 2.0], [5.0, 5.0, 5.0]) == 0  # equal values keep their order
    assert rank_error(r.astype(np.float32), targets).dtype == np.float32


def test_descent_on_the_rank_error_puts_scores_in_order():
    scores, truth = RNG.normal(size=(2, 6))
    for _ in range(200):
        scores = scores - 0.2 * grad(lambda s: rank_error(rank(s, steepness=5.0), truth))(scores)
    np.testing.assert_array_equal(np.argsort(scores), np.argsort(truth))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: topk_accuracy([[1.0, 2.0]], [0], k=3), "k: expected at most the 2 classes, got 3"),
        (lambda: topk_accuracy([[1.0, 2.0]], [0], k=0), "k: expected a whole number >= 1, got 0"),
        (lambda: topk_accuracy([[1.0, 2.0]], [2]), "labels: expected numbers from 0 to 1"),
        (lambda: topk_accuracy(np.zeros((0, 2)), np.zeros(0, int)), "scores: .*one sample"),
        (lambda: topk_accuracy([[1.0, 2.0]], [[0, 1]]), r"labels: expected shape \(1,\)"),
        (lambda: concordance_index([1.0], [1.0, 2.0], [1]), "predictions, times, events"),
        (lambda: position_cross_entropy(np.eye(2), np.eye(3)), "P, Q: expected equal shapes"),
        (lambda: rank_error([1.0], [1.0, 2.0]), r"ranks, targets: .*\(1,\) and \(2,\)"),
        (lambda: rank_error([], []), "ranks, targets: .*at least one entry"),
    ],
)
def test_bad_arguments_are_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()
