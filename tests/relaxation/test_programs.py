"""The programs against discrete ones from SciPy and Python, at beta = inf and in the limit."""

import itertools
import math

import numpy as np
import pytest
import scipy.ndimage
import scipy.spatial
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csgraph

from refimpl import autograd as ag
from refimpl.autograd.numerics import check_grads
from refimpl.relaxation.programs import grid
from refimpl.relaxation.programs.bellman_ford import bellman_ford
from refimpl.relaxation.programs.binary_search import binary_search
from refimpl.relaxation.programs.bubble_sort import bubble_sort
from refimpl.relaxation.programs.connected_components import connected_components
from refimpl.relaxation.programs.dijkstra import dijkstra
from refimpl.relaxation.programs.dynamic_time_warping import dynamic_time_warping
from refimpl.relaxation.programs.floyd_warshall import floyd_warshall
from refimpl.relaxation.programs.levenshtein import levenshtein
from refimpl.relaxation.programs.shortest_path import shortest_path
from refimpl.relaxation.programs.silhouette import silhouette

seeds = st.integers(0, 10_000)


def distances_on_grid(cost):
    """(distances from the first vertex, predecessors) by SciPy's Dijkstra, 8 neighbours."""
    height, width = cost.shape
    W = np.zeros((cost.size, cost.size))
    for i, j in itertools.product(range(height), range(width)):
        for a, b in grid.OFFSETS:
            if 0 <= i + a < height and 0 <= j + b < width:
                W[i * width + j, (i + a) * width + j + b] = cost[i + a, j + b]
    found, predecessor = csgraph.dijkstra(W, indices=0, return_predecessors=True)
    return found.reshape(cost.shape), predecessor


def path_on_grid(cost):
    _, predecessor = distances_on_grid(cost)
    path, at = np.zeros(cost.size), cost.size - 1
    while at >= 0:
        path[at] = 1
        at = predecessor[at]
    return path.reshape(cost.shape)


@given(seeds, st.integers(1, 5), st.integers(2, 5))
@settings(max_examples=10)
def test_shortest_paths_are_those_of_scipy(seed, height, width):
    cost = np.random.default_rng(seed).uniform(0.2, 1.2, size=(height, width))
    for options in ({"beta": math.inf}, {"beta": 1e7}, {"beta": 1e7, "loop": "while"}):
        path, distance, _ = shortest_path(cost, rounds=25, **options)
        np.testing.assert_allclose(distance, distances_on_grid(cost)[0], atol=1e-4)
        np.testing.assert_allclose(path, path_on_grid(cost), atol=1e-4)


def test_only_the_published_path_leaves_the_start():
    wrong = {False: 0, True: 0}
    cost = np.random.default_rng(0).uniform(0.2, 1.2, size=(60, 6, 6))
    wanted = np.stack([path_on_grid(one) for one in cost])
    for published in wrong:
        path = shortest_path(cost, beta=3000.0, rounds=25, published=published)[0]
        wrong[published] = int(np.sum(np.max(np.abs(path - wanted), axis=(1, 2)) > 0.1))
    assert wrong[False] == 0
    assert 5 < wrong[True] < 40


def test_fused_steps_are_the_plain_ones_with_their_derivatives():
    rng = np.random.default_rng(1)
    d, q, P = (
        rng.uniform(size=(2, 3, 4)),
        rng.uniform(size=(2, 3, 4)),
        rng.uniform(size=(8, 2, 3, 4)),
    )
    g = rng.normal(size=(2, 3, 4))
    pairs = (
        (grid.nearest, grid.nearest_plain, (d, 3.0)),
        (grid.transport, grid.transport_plain, (q, P)),
    )
    for fused, plain, arguments in pairs:
        moving = [x for x in arguments if isinstance(x, np.ndarray)]
        rest = [x for x in arguments if not isinstance(x, np.ndarray)]
        found = ag.vjp(lambda *x, f=fused, r=rest: f(*x, *r), *moving)
        wanted = ag.vjp(lambda *x, f=plain, r=rest: f(*x, *r), *moving)
        np.testing.assert_allclose(found[0], wanted[0], rtol=1e-12)
        for a, b in zip(found[1](g), wanted[1](g), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)
        check_grads(lambda *x, f=fused, r=rest: f(*x, *r), tuple(moving), order=2).raise_if_failed()


def edit_distance(s, t):
    d = [[i + j if i * j == 0 else 0 for j in range(len(t) + 1)] for i in range(len(s) + 1)]
    for i in range(1, len(s) + 1):
        for j in range(1, len(t) + 1):
            change = d[i - 1][j - 1] + (s[i - 1] != t[j - 1])
            d[i][j] = min(d[i - 1][j] + 1, d[i][j - 1] + 1, change)
    return np.array(d)


@given(st.text("abc", max_size=6), st.text("abc", max_size=6))
@settings(max_examples=30)
def test_levenshtein_is_the_edit_distance(s, t):
    letters = [np.eye(3)[["abc".index(c) for c in w]].reshape(-1, 3) for w in (s, t)]
    wanted = edit_distance(s, t)
    for beta, atol in ((math.inf, 1e-12), (60.0, 1e-4)):
        for equality in ("relaxed", "cosine", "coincidence"):
            found = levenshtein(*letters, beta=beta, equality=equality)
            np.testing.assert_allclose(found, wanted, atol=atol)


def warped(x, y):
    D = np.full((len(x) + 1, len(y) + 1), np.inf)
    D[0, 0] = 0
    for i, j in itertools.product(range(1, len(x) + 1), range(1, len(y) + 1)):
        D[i, j] = (x[i - 1] - y[j - 1]) ** 2 + min(D[i - 1, j], D[i, j - 1], D[i - 1, j - 1])
    return D


def test_time_warping_takes_no_short_cut_over_the_borders():
    x, y = np.array([0.0]), np.array([2000.0, 2000.0])
    assert dynamic_time_warping(x, y, beta=math.inf)[-1, -1] == 8e6
    flat = dynamic_time_warping(np.zeros(3), np.ones(3), beta=1e-8)[-1, -1]
    assert 3 <= flat <= 5  # a mean over paths of 3 to 5 steps


@given(seeds, st.integers(1, 6), st.integers(1, 6))
@settings(max_examples=20)
def test_time_warping_is_the_dynamic_program(seed, m, n):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=m), rng.normal(size=n)
    wanted = warped(x, y)[1:, 1:]
    np.testing.assert_allclose(dynamic_time_warping(x, y, beta=math.inf)[1:, 1:], wanted)
    for kind in ("mean", "logsumexp"):
        found = dynamic_time_warping(x, y, beta=1e5, kind=kind)[1:, 1:]
        np.testing.assert_allclose(found, wanted, atol=1e-3)


def random_graph(seed, n):
    W = np.random.default_rng(seed).uniform(0.2, 1.2, size=(n, n))
    np.fill_diagonal(W, 0)
    return W


@given(seeds, st.integers(2, 6))
@settings(max_examples=20)
def test_distances_in_graphs_are_those_of_scipy(seed, n):
    W = random_graph(seed, n)
    wanted = csgraph.floyd_warshall(W)
    one = csgraph.bellman_ford(W, indices=1)
    for beta, atol in ((math.inf, 1e-12), (1e5, 1e-3)):
        np.testing.assert_allclose(floyd_warshall(W, beta=beta), wanted, atol=atol)
        np.testing.assert_allclose(bellman_ford(W, source=1, beta=beta), one, atol=atol)
        np.testing.assert_allclose(dijkstra(W, source=1, beta=beta), one, atol=atol)


@given(st.lists(st.integers(0, 30), min_size=1, max_size=9), st.integers(-1, 31))
@settings(max_examples=40)
def test_binary_search_is_searchsorted(values, key):
    v = np.sort(np.array(values, float))
    found = binary_search(v, np.array(float(key)), beta=math.inf, beta_index=math.inf)
    assert found == np.searchsorted(v, key)
    soft = binary_search(v, np.array(key - 0.5), beta=200.0, beta_index=200.0)
    assert soft == pytest.approx(np.searchsorted(v, key - 0.5), abs=1e-6)


def test_binary_search_broadcasts_keys_and_lists():
    lists, keys = np.array([[1.0, 2.0, 4.0], [5.0, 6.0, 7.0]]), np.array([[0.0], [3.0], [9.0]])
    exact = {"beta": math.inf, "beta_index": math.inf}
    expected = [[0, 0], [2, 0], [3, 3]]
    assert binary_search(lists, keys, **exact).tolist() == expected
    assert binary_search(lists[0], keys[:, 0], **exact).tolist() == [0, 2, 3]
    assert binary_search(lists, np.array(3.0), **exact).tolist() == [2, 0]


@given(st.lists(st.integers(-9, 9), min_size=1, max_size=6))
@settings(max_examples=25)
def test_bubble_sort_sorts_and_counts_inversions_also_with_ties(values):
    x = np.array(values, float)
    found, unsorted, swaps = bubble_sort(x, beta=math.inf)
    np.testing.assert_array_equal(found, np.sort(x))
    inversions = sum(a > b for a, b in itertools.combinations(values, 2))
    assert (unsorted, swaps) == (inversions > 0, inversions)


def test_ties_count_half_a_swap_at_every_finite_beta():
    for n, wanted in ((2, 0.5), (3, 1.375), (4, 2.703125), (5, 4.5341796875)):
        for beta in (1.0, 50.0):
            assert bubble_sort(np.ones(n), beta=beta, epsilon=0.0)[2] == pytest.approx(wanted)


@given(seeds)
@settings(max_examples=15)
def test_components_are_those_of_scipy(seed):
    mask = (np.random.default_rng(seed).uniform(size=(5, 6)) < 0.5).astype(float)
    wanted, count = scipy.ndimage.label(mask)
    for beta in (math.inf, 200.0):
        label = np.round(connected_components(mask, beta=beta), 3)
        for k in range(count + 1):
            assert len(np.unique(label[wanted == k])) <= 1
        assert len(np.unique(label)) == len(np.unique(wanted))


def test_silhouettes_are_unions_of_triangles():
    triangle = np.array(
        [[[0.1, 0.1], [0.9, 0.2], [0.4, 0.8]], [[0.6, 0.5], [0.95, 0.6], [0.7, 0.9]]]
    )
    centres = (np.arange(16) + 0.5) / 16
    points = np.stack(np.meshgrid(centres, centres), axis=-1)
    inside = [scipy.spatial.Delaunay(one).find_simplex(points) >= 0 for one in triangle]
    wanted = inside[0] | inside[1]
    for beta in (math.inf, 1e5):
        found = silhouette(triangle, height=16, width=16, beta=beta)
        np.testing.assert_allclose(found, wanted, atol=1e-6)
        turned = triangle[:, ::-1]
        anyway = silhouette(turned, height=16, width=16, beta=beta, orientation="any")
        np.testing.assert_allclose(anyway, wanted, atol=1e-6)
        assert np.max(silhouette(turned, height=16, width=16, beta=beta)) < 1e-6


PROGRAMS = {
    "bubble_sort": (lambda x: bubble_sort(x, beta=2.0)[2], (5, 4)),
    "shortest_path": (lambda x: shortest_path(x * x + 0.2, rounds=6)[0], (5, 3, 3)),
    "levenshtein": (lambda x: levenshtein(x * x, x[..., ::-1, :] ** 2), (5, 3, 2)),
    "floyd_warshall": (lambda x: floyd_warshall(x * x), (5, 3, 3)),
    "bellman_ford": (lambda x: bellman_ford(x * x, big=9.0), (5, 3, 3)),
    "dijkstra": (lambda x: dijkstra(x * x, big=9.0), (5, 3, 3)),
    "components": (lambda x: connected_components(x * x), (5, 2, 3)),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_batches_are_their_rows_and_float32_stays(name):
    program, shape = PROGRAMS[name]
    x = np.random.default_rng(3).normal(size=shape)
    together = program(x)
    for k in range(shape[0]):
        np.testing.assert_allclose(together[k], program(x[k]), rtol=1e-11, atol=1e-12)
    single = program(x.astype(np.float32))
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, together, rtol=2e-3, atol=2e-3)


def test_swaps_supervise_an_order():
    x = np.array([[1.0, 0.0, 2.0, -1.0]])
    loss = ag.value_and_grad(lambda x: ag.array_namespace(x).sum(bubble_sort(x, beta=1.0)[2]))
    for _ in range(60):
        x = x - 0.3 * loss(x)[1]
    assert np.all(np.diff(x) > 0)
