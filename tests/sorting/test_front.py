"""The front door: one convention for every method, and values without a matrix."""

import numpy as np
import pytest

from refimpl.autograd import array_namespace, grad, value_and_grad
from refimpl.autograd.numerics import check_grads
from refimpl.sorting import METHODS, rank, sort, topk
from refimpl.sorting.network_values import network_values
from refimpl.sorting.networks import sorting_network

RNG = np.random.default_rng(0)
STEEP, GENTLE = {"steepness": 1e9, "distribution": "logistic"}, {"steepness": 3.0}
SHARP = {
    "odd_even": STEEP,
    "bitonic": STEEP,
    "sorting_network": STEEP,
    "splitter_selection": STEEP,
    "error_free": {},
    "neuralsort": {"temperature": 1e-9},
    "softsort": {"temperature": 1e-9},
    "transport": {"epsilon": 1e-4},
    "simplex": {"softness": 1e-6, "variant": "softsort"},
    "perturbed": {"sigma": 1e-9},
    "blackbox": {},
    "fast": {"strength": 1e-9},
    "hard": {},
}
SOFT = {
    "odd_even": GENTLE,
    "bitonic": GENTLE,
    "sorting_network": {"network": "bitonic", **GENTLE},
    "splitter_selection": GENTLE,
    "error_free": {},
    "neuralsort": {"temperature": 1.0},
    "softsort": {"temperature": 0.5},
    "transport": {"epsilon": 0.1},
    "simplex": {"softness": 0.5},
    "perturbed": {"sigma": 0.5},
    "blackbox": {"lambda_": 5.0},
    "fast": {"strength": 1.0},
    "hard": {},
}
NETWORKS = ("odd_even", "bitonic", "sorting_network", "splitter_selection")
TOPK_OF_ITS_OWN = ("splitter_selection", "transport")  # not the first columns of `sort`
REPLACED = ("error_free", "perturbed", "blackbox")  # gradients that are not derivatives
sorters = [name for name, m in METHODS.items() if m.both or m.matrix or m.values]
every = pytest.mark.parametrize("method", METHODS)
every_sorter = pytest.mark.parametrize("method", sorters)
every_rank = pytest.mark.parametrize("method", [*sorters, "blackbox"])
every_topk = pytest.mark.parametrize("method", [*sorters, "splitter_selection"])


def options(method, x, chosen=SOFT):
    given = dict(chosen[method])
    if method == "perturbed":
        shape = np.shape(x)
        given["noise"] = np.random.default_rng(1).normal(size=(8, *shape)).astype(x.dtype)
    return given


def of_sample(given, place):
    """The options for one sample of a batch."""
    one = dict(given)
    if "noise" in one:
        one["noise"] = one["noise"][(slice(None), *place)]
    return one


def all_of(method, x, given):
    """Everything that the method has to say about x, by name."""
    found = {}
    if method in sorters:
        found["values"], found["P"] = sort(x, method, **given)
        found["values alone"] = sort(x, method, permutation=False, **given).values
    if method != "splitter_selection":
        found["ranks"] = rank(x, method, **given)
    if method != "blackbox":
        found["largest"], found["P of the largest"] = topk(x, 1, method, **given)
    return {name: y for name, y in found.items() if y is not None}


def test_every_method_is_tried():
    assert set(SHARP) == set(SOFT) == set(METHODS)


@every
def test_in_the_limit_every_method_is_exact(method):
    x = RNG.permuted(np.arange(7.0) + 0.1 * RNG.uniform(size=7))
    given = options(method, x, SHARP)
    Q = np.zeros((7, 7))
    Q[np.argsort(x), np.arange(7)] = 1
    wanted = {
        "values": np.sort(x), "values alone": np.sort(x), "P": Q,
        "ranks": np.argsort(np.argsort(x)), "largest": [x.max()], "P of the largest": Q[:, -1:],
    }  # fmt: skip
    for name, found in all_of(method, x, given).items():
        np.testing.assert_allclose(found, wanted[name], atol=1e-5, err_msg=name)


@every_sorter
def test_columns_are_positions_and_rows_sum_where_promised(method):
    x = RNG.normal(size=(2, 3, 5))
    values, P = sort(x, method, **options(method, x))
    assert values.shape == (2, 3, 5)
    if P is None:
        assert METHODS[method].sums is None
        return
    assert P.shape == (2, 3, 5, 5)
    np.testing.assert_allclose(P.sum(-2), 1, atol=1e-9)
    np.testing.assert_allclose(values, np.einsum("...i,...ij->...j", x, P), atol=1e-9)
    assert np.allclose(P.sum(-1), 1, atol=1e-6) == (METHODS[method].sums == "both")


@every_sorter
def test_values_alone_are_the_values_and_have_their_gradient(method):
    x, w = RNG.normal(size=(2, 6)), RNG.normal(size=(2, 6))
    for down in (False, True):
        both, alone = (
            value_and_grad(
                lambda x: array_namespace(x).sum(
                    w * sort(x, method, permutation=P, descending=down, **options(method, w)).values  # noqa: B023
                )
            )(x)
            for P in (True, False)
        )
        np.testing.assert_allclose(alone[0], both[0], rtol=1e-12)
        np.testing.assert_allclose(alone[1], both[1], rtol=1e-9, atol=1e-12)


@every_rank
def test_ranks_are_mean_positions_and_have_their_gradient(method):
    x, w = RNG.normal(size=(2, 6)), RNG.normal(size=(2, 6))
    given = options(method, x)
    r = rank(x, method, **given)
    assert r.shape == x.shape
    if method not in ("fast", "blackbox", "simplex"):  # these have ranks of their own
        P = sort(x, method, **given).permutation
        np.testing.assert_allclose(r, P @ np.arange(6.0), atol=1e-9)

        def by_matrix(x):
            P = sort(x, method, **given).permutation
            return array_namespace(P).sum(array_namespace(P).matmul(P, np.arange(6.0)) * w)

        g = grad(lambda x: array_namespace(x).sum(rank(x, method, **given) * w))(x)
        np.testing.assert_allclose(g, grad(by_matrix)(x), rtol=1e-8, atol=1e-12)
    if method not in ("neuralsort", "softsort"):
        np.testing.assert_allclose(r.mean(-1), 2.5, atol=0.2 if method == "simplex" else 1e-6)


def test_ranks_by_the_black_box_are_exact_and_move_against_the_gradient():
    x, w = np.array([0.1, 0.2, 3.0]), np.array([1.0, -1.0, 0.0])
    value, g = value_and_grad(
        lambda x: array_namespace(x).sum(rank(x, "blackbox", lambda_=0.5) * w)
    )(x)
    assert value == -1
    np.testing.assert_array_equal(rank(x, "blackbox"), [0, 1, 2])
    moved = np.argsort(np.argsort(x - 0.5 * w))
    np.testing.assert_allclose(g, ([0, 1, 2] - moved) / 0.5)
    np.testing.assert_array_equal(rank(x, "blackbox", descending=True), [2, 1, 0])


@every_topk
@pytest.mark.parametrize("k", [1, 3, 6])
def test_the_k_largest_come_first_with_their_columns(method, k):
    x = RNG.normal(size=(2, 6))
    given = options(method, x)
    values, P = topk(x, k, method, **given)
    assert values.shape == (2, k)
    if P is not None:
        assert P.shape == (2, 6, k)
        np.testing.assert_allclose(values, np.einsum("...i,...ij->...j", x, P), atol=1e-9)
        np.testing.assert_allclose(P.sum(-2), 1, atol=1e-9)
    if method not in TOPK_OF_ITS_OWN:
        whole = sort(x, method, descending=True, **given)
        np.testing.assert_allclose(values, whole.values[..., :k], atol=1e-9)
        if P is not None:
            np.testing.assert_allclose(P, whole.permutation[..., :k], atol=1e-9)


@every
def test_permuting_the_input_permutes_rows_and_ranks(method):
    x, order = RNG.normal(size=6), RNG.permutation(6)
    # the wires of a network are not alike: only in the limit
    given = options(method, x, SHARP if method in NETWORKS else SOFT)
    moved = dict(given)
    if method == "perturbed":
        moved["noise"] = given["noise"][:, order]
    before, after = all_of(method, x, given), all_of(method, x[order], moved)
    for name, found in after.items():
        wanted = before[name][order] if name[0] in "Pr" else before[name]
        np.testing.assert_allclose(found, wanted, atol=1e-9, err_msg=name)


@every_rank
def test_descending_reverses_positions_and_ranks(method):
    x = RNG.normal(size=(2, 5))
    given = options(method, x)
    if method in sorters:
        up, down = sort(x, method, **given), sort(x, method, descending=True, **given)
        np.testing.assert_allclose(up.values[..., ::-1], down.values, atol=1e-12)
        if up.permutation is not None:
            np.testing.assert_allclose(up.permutation[..., ::-1], down.permutation, atol=1e-12)
    ranks = rank(x, method, **given) + rank(x, method, descending=True, **given)
    np.testing.assert_allclose(ranks, 4, atol=1e-9)


@every
def test_one_value_no_samples_and_every_batch(method):
    one = np.array([2.5])
    for name, found in all_of(method, one, options(method, one)).items():
        wanted = 0.0 if name == "ranks" else 1.0 if name[0] == "P" else 2.5
        np.testing.assert_allclose(found, np.full(found.shape, wanted), atol=1e-12, err_msg=name)
    none = np.zeros((0, 4))
    for name, found in all_of(method, none, options(method, none)).items():
        shape = {"P": (4, 4), "P of the largest": (4, 1), "largest": (1,)}.get(name, (4,))
        assert found.shape == (0, *shape), name
    many = RNG.normal(size=(2, 1, 3, 4))
    given = options(method, many)
    whole = all_of(method, many, given)
    for place in np.ndindex(2, 1, 3):
        for name, found in all_of(method, many[place], of_sample(given, place)).items():
            np.testing.assert_allclose(found, whole[name][place], atol=1e-12, err_msg=name)


@every
def test_ties_give_finite_values_and_gradients(method):
    x = np.array([1.0, 0.5, 1.0, 0.5])
    given = options(method, x)
    for found in all_of(method, x, given).values():
        assert np.isfinite(found).all()

    def total(x):
        xp = array_namespace(x)
        return sum(xp.sum(y * y) for y in all_of(method, x, given).values())

    assert np.isfinite(grad(total)(x)).all()


@every
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtypes_are_kept_and_float32_is_close(method, dtype):
    x = np.array([0.3, -1.2, 0.8, 0.1, 2.0], dtype)
    exact = all_of(method, x.astype(np.float64), options(method, x.astype(np.float64)))
    for name, found in all_of(method, x, options(method, x)).items():
        assert found.dtype == dtype, name
        np.testing.assert_allclose(found, exact[name], atol=2e-5, err_msg=name)


@every
def test_gradients_are_derivatives_where_they_are_said_to_be(method):
    x, w = np.array([0.3, -1.2, 0.8, 0.1]), np.array([0.5, -1.0, 2.0, 0.7])
    given = options(method, w)
    ways = {
        "values": lambda x: sort(x, method, **given).values,
        "ranks": lambda x: rank(x, method, **given),
        "largest": lambda x: topk(x, 4, method, **given).values,
    }
    for name in all_of(method, x, given).keys() & ways:
        f = ways[name]
        loss = lambda x, f=f: array_namespace(x).sum(f(x) * w)  # noqa: E731
        flat = method == "hard" and name == "ranks"
        assert (np.abs(grad(loss)(x)).max() > 0.01) != flat
        if method not in REPLACED:
            report = check_grads(loss, x)
            assert report.ok, (name, report)


@every
@pytest.mark.framework("torch", "array_api_compat")
def test_torch_computes_and_differentiates_the_same(method):
    torch = pytest.importorskip("torch", reason="needs torch")
    x = np.array([[0.3, -1.2, 0.8, 0.1], [1.0, 0.2, -0.4, 0.7]])
    given = options(method, x)
    ours = all_of(method, x, given)
    tensors = {k: torch.tensor(v) if k == "noise" else v for k, v in given.items()}
    theirs = all_of(method, torch.tensor(x), tensors)
    assert set(ours) == set(theirs)
    for name, found in theirs.items():
        np.testing.assert_allclose(found.numpy(), ours[name], rtol=1e-9, atol=1e-9, err_msg=name)
    if method in ("blackbox", "hard"):
        return
    leaf = torch.tensor(x, requires_grad=True)
    topk(leaf, 2, method, **tensors).values.pow(2).sum().backward()
    g = grad(lambda x: array_namespace(x).sum(topk(x, 2, method, **given).values ** 2))(x)
    np.testing.assert_allclose(leaf.grad.numpy(), g, rtol=1e-7, atol=1e-9)


@every
@pytest.mark.framework("array_api_strict")
def test_the_source_keeps_to_the_array_api_standard(method):
    strict = pytest.importorskip("array_api_strict", reason="needs array_api_strict")
    x = np.array([[0.3, -1.2, 0.8, 0.1], [1.0, 0.2, -0.4, 0.7]])
    given = options(method, x)
    theirs = {k: strict.asarray(v) if k == "noise" else v for k, v in given.items()}
    ours = all_of(method, x, given)
    for name, found in all_of(method, strict.asarray(x), theirs).items():
        np.testing.assert_allclose(np.asarray(found), ours[name], atol=1e-9, err_msg=name)


def test_layouts_have_names_and_options():
    x = RNG.normal(size=(3, 12))
    for name in ("odd_even", "bitonic"):
        values, P = sort(x, name, steepness=4.0)
        wanted = sorting_network(x, network=name, steepness=4.0)
        for found, right in zip((values, P), wanted, strict=True):
            np.testing.assert_array_equal(found, right)
        again = sort(x, "sorting_network", network=name, steepness=4.0)
        np.testing.assert_array_equal(values, again.values)


@pytest.mark.parametrize("method", ["neuralsort", "softsort"])
@pytest.mark.parametrize("hard", [False, True])
def test_blocks_of_columns_give_the_same_values_and_gradients(method, hard, monkeypatch):
    x, w = RNG.normal(size=(2, 9)), RNG.normal(size=(2, 9))

    def loss(x):
        values = sort(x, method, permutation=False, hard=hard, temperature=0.7).values
        return array_namespace(values).sum(values * w)

    whole = value_and_grad(loss)(x)
    monkeypatch.setitem(METHODS[method].values.__globals__, "ENTRIES", 4 * x.size)
    for one, other in zip(value_and_grad(loss)(x), whole, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: sort([1.0], "bubble"), "method: expected one of odd_even, bitonic.*'bubble'"),
        (lambda: sort([1.0], "odd-even"), "did you mean 'odd_even'"),
        (lambda: sort([1.0], "blackbox"), "method: 'blackbox' cannot sort; use one of odd_even"),
        (lambda: rank([1.0], "splitter_selection"), "method: 'splitter_selection' cannot rank"),
        (lambda: topk([1.0], 1, "blackbox"), "method: 'blackbox' cannot topk"),
        (lambda: sort(np.zeros((2, 0))), r"x: .*at least one value to sort, got shape \(2, 0\)"),
        (lambda: topk([1.0, 2.0], 3), "k: expected at most the 2 values, got 3"),
        (lambda: topk([1.0, 2.0], 0), "k: expected a whole number >= 1, got 0"),
        (lambda: sort([1.0, 2.0], steepness=-1.0), "steepness"),
        (lambda: sort([1.0, 2.0], "neuralsort", temperature=0.0), "temperature"),
        (lambda: sort(np.zeros(30_000), permutation=False), "x: 30000 values .*method='bitonic'"),
        (lambda: rank(np.zeros(30_000)), "x: 30000 values need 4.5e.08 comparators"),
    ],
)
def test_bad_arguments_are_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_an_option_that_a_method_does_not_have_is_named():
    with pytest.raises(TypeError, match="steepness"):
        sort([1.0, 2.0], "neuralsort", steepness=1.0)
    with pytest.raises(TypeError, match="noise"):
        sort([1.0, 2.0], "perturbed")


def test_the_values_of_a_network_by_themselves_may_have_any_layout():
    x = RNG.normal(size=(2, 6))
    listed = [[(0, 5)], [(1, 2), (3, 4)]]
    wanted = sorting_network(x, network=listed)[0]
    np.testing.assert_allclose(network_values(x, network=listed), wanted, atol=1e-12)
