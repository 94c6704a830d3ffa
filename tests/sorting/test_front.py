"""The front door: one convention for every method."""

import tracemalloc

import numpy as np
import pytest

from refimpl.autograd import array_namespace, grad, value_and_grad
from refimpl.autograd.numerics import check_grads
from refimpl.sorting.front import METHODS, rank, sort, topk
from refimpl.sorting.network_values import network_values
from refimpl.sorting.networks import sorting_network

RNG = np.random.default_rng(0)
SHARP = {
    "sorting_network": {"steepness": 1e9, "distribution": "logistic"},
    "error_free": {},
    "neuralsort": {"temperature": 1e-9},
    "softsort": {"temperature": 1e-9},
    "transport": {"epsilon": 1e-4},
    "simplex": {"softness": 1e-6, "variant": "softsort"},
    "perturbed": {"sigma": 1e-9},
    "fast": {"strength": 1e-9},
    "hard": {},
}
SOFT = {
    "sorting_network": {"steepness": 3.0},
    "error_free": {},
    "neuralsort": {"temperature": 1.0},
    "softsort": {"temperature": 0.5},
    "transport": {"epsilon": 0.1},
    "simplex": {"softness": 0.5},
    "perturbed": {"sigma": 0.5},
    "fast": {"strength": 1.0},
    "hard": {},
}
DOUBLY = ("sorting_network", "error_free", "transport", "perturbed", "hard")
every = pytest.mark.parametrize("method", METHODS)


def options(method, x, chosen=SOFT):
    given = dict(chosen[method])
    if method == "perturbed":
        given["noise"] = np.random.default_rng(1).normal(size=(8, *np.shape(x)))
    return given


def test_every_method_is_tried():
    assert set(SHARP) == set(SOFT) == set(METHODS)


@every
def test_in_the_limit_every_method_is_exact(method):
    x = RNG.permuted(np.arange(7.0) + 0.1 * RNG.uniform(size=7))
    given = options(method, x, SHARP)
    values, P = sort(x, method, **given)
    np.testing.assert_allclose(values, np.sort(x), atol=1e-5)
    np.testing.assert_allclose(rank(x, method, **given), np.argsort(np.argsort(x)), atol=1e-5)
    np.testing.assert_allclose(topk(x, 3, method, **given).values, np.sort(x)[:3:-1], atol=1e-5)
    if P is not None:
        wanted = np.zeros((7, 7))
        wanted[np.argsort(x), np.arange(7)] = 1
        np.testing.assert_allclose(P, wanted, atol=1e-5)


@every
def test_columns_are_positions_and_rows_sum_where_promised(method):
    x = RNG.normal(size=(2, 3, 5))
    values, P = sort(x, method, **options(method, x))
    assert values.shape == (2, 3, 5)
    if P is None:
        return
    np.testing.assert_allclose(P.sum(-2), 1, atol=1e-9)
    np.testing.assert_allclose(values, np.einsum("...i,...ij->...j", x, P), atol=1e-9)
    rows = np.allclose(P.sum(-1), 1, atol=1e-6)
    assert rows == (method in DOUBLY)


@every
def test_permuting_the_input_permutes_rows_and_ranks(method):
    x, order = RNG.normal(size=6), RNG.permutation(6)
    given, moved = options(method, x), options(method, x)
    if method == "perturbed":
        moved["noise"] = given["noise"][:, order]
    if method == "sorting_network":  # its wires are not alike: only in the limit
        given = moved = SHARP[method]
    values, P = sort(x, method, **given)
    again, Q = sort(x[order], method, **moved)
    if method == "error_free":
        np.testing.assert_allclose(values, again)
    else:
        np.testing.assert_allclose(values, again, atol=1e-9)
    if P is not None:
        np.testing.assert_allclose(P[order], Q, atol=1e-9)
    np.testing.assert_allclose(
        rank(x, method, **given)[order], rank(x[order], method, **moved), atol=1e-9
    )


@every
def test_descending_reverses_positions_and_ranks(method):
    x = RNG.normal(size=(2, 5))
    given = options(method, x)
    up, down = sort(x, method, **given), sort(x, method, descending=True, **given)
    if method != "fast":  # its two directions are two projections
        np.testing.assert_allclose(up.values[..., ::-1], down.values, atol=1e-12)
    if up.permutation is not None:
        np.testing.assert_allclose(up.permutation[..., ::-1], down.permutation, atol=1e-12)
    ranks = rank(x, method, **given) + rank(x, method, descending=True, **given)
    np.testing.assert_allclose(ranks, 4, atol=1e-9)


@every
def test_one_value_no_samples_and_every_batch(method):
    one = np.array([2.5])
    np.testing.assert_allclose(sort(one, method, **options(method, one)).values, one)
    np.testing.assert_allclose(rank(one, method, **options(method, one)), 0, atol=1e-12)
    none = np.zeros((0, 4))
    assert sort(none, method, **options(method, none)).values.shape == (0, 4)
    many = RNG.normal(size=(2, 1, 3, 4))
    given = options(method, many)
    whole = sort(many, method, **given).values
    for place in np.ndindex(2, 1, 3):
        single = dict(given)
        if method == "perturbed":
            single["noise"] = given["noise"][(slice(None), *place)]
        np.testing.assert_allclose(sort(many[place], method, **single).values, whole[place])


@every
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtypes_are_kept(method, dtype):
    x = RNG.normal(size=5).astype(dtype)
    given = options(method, x)
    if method == "perturbed":
        given["noise"] = given["noise"].astype(dtype)
    values, P = sort(x, method, **given)
    assert values.dtype == dtype
    assert P is None or P.dtype == dtype


@every
def test_gradients_flow_and_are_derivatives_where_they_are_said_to_be(method):
    x = np.array([0.3, -1.2, 0.8, 0.1])
    w = np.array([0.5, -1.0, 2.0, 0.7])

    def f(x):
        return array_namespace(x).sum(sort(x, method, **options(method, x.shape and w)).values * w)

    assert np.abs(grad(f)(x)).max() > 0.01
    if method not in ("error_free", "perturbed"):
        report = check_grads(f, x)
        assert report.ok, report


def test_values_alone_equal_those_of_the_network_and_keep_no_matrix():
    x = RNG.normal(size=(3, 12))
    for network in ("odd_even", "bitonic"):
        wanted = sorting_network(x, network=network, steepness=4.0)[0]
        np.testing.assert_allclose(
            network_values(x, network=network, steepness=4.0), wanted, atol=1e-12
        )
        falling = network_values(x, network=network, steepness=4.0, descending=True)
        np.testing.assert_allclose(falling, wanted[:, ::-1], atol=1e-12)
    weights = RNG.normal(size=12)

    def f(x, g):
        values = g(x)
        return array_namespace(values).sum(values * weights)

    alone = grad(f)(x, lambda x: network_values(x, network="bitonic"))
    both = grad(f)(x, lambda x: sorting_network(x, network="bitonic")[0])
    np.testing.assert_allclose(alone, both, atol=1e-12)


def _peak(n):
    x = np.random.default_rng(0).normal(size=n)
    network_values(x)  # the layout is kept
    tracemalloc.start()
    _, g = value_and_grad(lambda x: array_namespace(x).sum(sort(x, permutation=False).values ** 2))(
        x
    )
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert np.isfinite(g).all()
    return peak / (8 * n)


def test_memory_of_values_alone_grows_like_n():
    small, large = _peak(512), _peak(4096)
    assert large < 250  # arrays of n, where P alone would be 4096
    assert large < 2.5 * small


@pytest.mark.slow
def test_a_hundred_thousand_values_are_sorted_differentiably():
    assert _peak(100_000) < 300


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: sort([1.0], "bubble"), "method: expected one of sorting_network"),
        (lambda: sort(np.zeros((2, 0))), "at least one value"),
        (lambda: topk([1.0, 2.0], 3), "k: expected at most 2"),
        (lambda: sort([1.0, 2.0], steepness=-1.0), "steepness"),
        (lambda: sort([1.0, 2.0], "neuralsort", temperature=0.0), "temperature"),
    ],
)
def test_bad_arguments_are_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()
