"""Methods on Dask arrays: values and gradients are those of the whole batch, block by block."""

import numpy as np
import pytest

from refimpl import autograd as ag
from refimpl.blocks import map_blocks, vjp_blocks
from refimpl.logic.gates import gate_mixture
from refimpl.relaxation.programs.floyd_warshall import floyd_warshall
from refimpl.sorting import sorting_network
from refimpl.spec import find

da = pytest.importorskip("dask.array", reason="needs dask")
RNG = np.random.default_rng(3)
X = RNG.normal(size=(7, 4))


@pytest.fixture(autouse=True)
def _here():
    import dask

    with dask.config.set(scheduler="synchronous"):
        yield


def chunked(x, length=3):
    return da.from_array(x, chunks=(length, *x.shape[1:]))


def logs(x, order):
    return find("sorting.plackett_luce_log_likelihood").function(x, order)


METHODS = {
    "sorting_network": (lambda x: sorting_network(x, steepness=3.0), (X,)),
    "floyd_warshall": (lambda w: floyd_warshall(w, beta=4.0), (RNG.uniform(size=(7, 3, 3)),)),
    "gate_mixture": (gate_mixture, (*RNG.uniform(size=(2, 7, 5)), RNG.uniform(size=(7, 5, 16)))),
    "plackett_luce": (logs, (X, np.argsort(RNG.uniform(size=(7, 4)), axis=-1))),
}
methods = pytest.mark.parametrize("name", METHODS)


@methods
def test_values_are_those_of_the_whole_batch_in_the_chunks_of_the_inputs(name):
    f, args = METHODS[name]
    found = ag.tree_leaves(map_blocks(f, *map(chunked, args)))
    for y, expected in zip(found, ag.tree_leaves(f(*args)), strict=True):
        assert y.chunks[0] == (3, 3, 1)
        assert y.shape == expected.shape
        assert y.dtype == expected.dtype
        np.testing.assert_allclose(y.compute(), expected, rtol=1e-13)


@methods
def test_gradients_are_those_of_the_whole_batch_block_by_block(name):
    f, args = METHODS[name]
    moving = [i for i, x in enumerate(args) if x.dtype.kind == "f"]
    whole, pull = ag.vjp(
        lambda *arrays: f(*arrays, *args[len(moving) :]), *(args[i] for i in moving)
    )
    weights = ag.tree_map(lambda y: RNG.normal(size=y.shape), whole)
    _, pull_blocks = vjp_blocks(f, *map(chunked, args))
    found = pull_blocks(ag.tree_map(chunked, weights))
    assert [g is None for g in found] == [x.dtype.kind != "f" for x in args]
    for i, expected in zip(moving, pull(weights), strict=True):
        assert found[i].chunks[0] == (3, 3, 1)
        np.testing.assert_allclose(found[i].compute(), expected, rtol=1e-12, atol=1e-15)


def test_no_block_sees_more_than_itself_and_nothing_runs_before_it_is_asked_for():
    seen = []

    def f(x):
        seen.append(x.shape)
        return x * x

    y, pull = vjp_blocks(f, chunked(X))
    (gradient,) = pull(np.ones((7, 4)))
    assert seen == [(0, 4)]
    y[:3].compute()
    assert seen[1:] == [(3, 4)]
    gradient.compute()
    assert sorted(seen[2:]) == [(1, 4), (3, 4), (3, 4)]


def test_gradients_of_shared_parameters_are_added_up():
    params = {"w": RNG.normal(size=(4, 2)), "b": np.zeros(2), "scale": 2.0}

    def f(x, params):
        return {"y": params["scale"] * ag.sigmoid(x @ params["w"] + params["b"])}

    weight = RNG.normal(size=(7, 2))
    y, pull = vjp_blocks(f, chunked(X), params)
    x_gradient, found = pull({"y": weight})
    _, whole = ag.vjp(f, X, params)
    expected_x, expected = whole({"y": weight})
    np.testing.assert_allclose(y["y"].compute(), f(X, params)["y"], rtol=1e-14)
    np.testing.assert_allclose(x_gradient.compute(), expected_x, rtol=1e-13)
    for name in params:
        assert found[name].shape == np.shape(params[name])
        np.testing.assert_allclose(found[name].compute(), expected[name], rtol=1e-13)


def test_float32_is_kept():
    y, pull = vjp_blocks(lambda x: sorting_network(x)[0], chunked(X.astype(np.float32)))
    (gradient,) = pull(y)
    assert (y.dtype, y.compute().dtype) == (np.float32, np.float32)
    assert (gradient.dtype, gradient.compute().dtype) == (np.float32, np.float32)


@pytest.mark.parametrize(
    "args, words",
    [
        ((da.ones((4, 4), chunks=2),), "one along all axes but the first"),
        ((da.ones((4, 2), chunks=2), da.ones((4, 2), chunks=(3, 2))), "chunks of the batch differ"),
        ((da.ones(()),), "without axes"),
        ((da.ones((4, 2), chunks=2)[da.ones(4, chunks=2) > 0],), "unknown length"),
    ],
)
def test_other_chunks_are_refused_with_advice(args, words):
    with pytest.raises(ValueError, match=words):
        map_blocks(lambda *arrays: arrays[0], *args)


def test_what_mixes_the_batch_or_has_no_blocks_is_refused():
    with pytest.raises(ValueError, match="leave the mean over the batch to Dask"):
        map_blocks(lambda x: ag.array_namespace(x).sum(x), chunked(X))
    with pytest.raises(TypeError, match="expected a Dask array"):
        map_blocks(lambda x: x, X)
    with pytest.raises(ValueError, match=r"cotangent: expected shape \(7, 4\)"):
        vjp_blocks(lambda x: x, chunked(X))[1](np.ones(3))


@pytest.mark.parametrize("name", ["sorting.sinkhorn", "sorting.soft_sort", "logic.group_sum"])
def test_methods_of_the_registry_run_in_blocks_of_one(name):
    entry = find(name)
    case = next(case for case in entry.generate() if "batch3" in case.name)

    def f(inputs):
        return entry.evaluate(inputs=inputs, params=case.params)

    found = map_blocks(f, {k: chunked(np.asarray(x), 1) for k, x in case.inputs.items()})
    for key, expected in f(case.inputs).items():
        np.testing.assert_allclose(found[key].compute(), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.filterwarnings("ignore")  # of sockets and event loops, when a cluster ends
@pytest.mark.framework("distributed")
@pytest.mark.xdist_group("processes")
def test_blocks_are_computed_by_the_workers_of_a_cluster():
    import distributed

    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster),
    ):
        y, pull = vjp_blocks(lambda x: sorting_network(x, steepness=3.0)[0], chunked(X))
        (gradient,) = pull(2 * y)
        expected, whole = ag.vjp(lambda x: sorting_network(x, steepness=3.0)[0], X)
        np.testing.assert_allclose(
            gradient.compute(scheduler="distributed"), whole(2 * expected)[0]
        )
