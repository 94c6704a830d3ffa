"""No recursion, no reference cycles, residuals freed on the way, checkpoints that save memory."""

import gc
import sys
import tracemalloc
import weakref

import numpy as np
import pytest

from refimpl import autograd as ag
from refimpl.autograd import array_namespace, checkpoint, custom_vjp, grad, hvp, jvp, vjp

X = np.linspace(0.1, 1.0, 10)


def total(x):
    return array_namespace(x).sum(x)


@pytest.fixture
def no_collector():
    """Only reference counts free memory."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()
    gc.collect()


def traces():
    """Tapes and traced arrays that are alive, also in exceptions of other tests, if kept."""
    return {id(o) for o in gc.get_objects() if type(o).__name__ in ("Tape", "Tracer")}


def chain(x, depth=100_000):
    for _ in range(depth):
        x = x * 0.999999
    return x


def test_a_chain_of_100_000_operations():
    assert sys.getrecursionlimit() < 100_000
    y, pull = vjp(chain, np.float64(1.0))
    assert pull(1.0)[0] == pytest.approx(y, rel=1e-9)
    assert grad(chain)(1.0) == pytest.approx(y, rel=1e-9)


def test_second_derivatives_of_a_long_chain():
    f = lambda x: chain(x, 20_000) ** 2  # noqa: E731
    assert hvp(f, 1.0, 1.0) == pytest.approx(2 * 0.999999**40_000, rel=1e-9)


@custom_vjp
def scaled(p, n):
    return p["x"] * n


scaled.defvjp(
    lambda p, n: (p["x"] * n, (p, n)), lambda residuals, g: ({"x": g * residuals[1]}, None)
)


def everything(x):
    """Operations of every kind: several outputs, custom, checkpoint, nested derivatives."""
    xp = array_namespace(x)
    a, b = ag.split(x, [4, x.shape[0] - 4])
    y = xp.sum(ag.sort(xp.tanh(a))) + ag.logsumexp(b) + xp.sum(scaled({"x": x}, 3))
    y = y + xp.sum(checkpoint(lambda x: {"y": x * x})(x)["y"])
    return y + xp.sum(xp.stack([a, a])[0, ...] * ag.stop_gradient(a)) + xp.sum(xp.concat([a, b]))


def run_all(x=X):
    grad(everything)(x)
    _, pull = vjp(everything, x)
    pull(1.0)
    hvp(everything, x, x)
    jvp(everything, (x,), (x,))
    if x.size == 10:
        ag.hessian(everything)(x)
    grad(lambda x: total(grad(everything)(x) ** 2))(x)


def test_nothing_is_left_to_the_collector(no_collector):
    for _ in range(30):
        run_all()
    assert gc.collect() == 0


def test_memory_does_not_grow(no_collector):
    x = np.linspace(0.1, 1.0, 40_000)
    run_all(x)
    tracemalloc.start()
    run_all(x)
    before, _ = tracemalloc.get_traced_memory()
    for _ in range(30):
        run_all(x)
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert after - before < x.nbytes  # not one array in 30 rounds; Python keeps some tuples


def test_errors_leave_nothing_behind(no_collector):
    def fails(x):
        everything(x)
        raise KeyError

    def attempt():
        with pytest.raises(KeyError):
            grad(fails)(X)

    attempt()
    gc.collect()
    earlier = traces()
    for _ in range(3):
        attempt()
    assert traces() == earlier


def test_a_tape_lives_as_long_as_its_pull_back(no_collector):
    class Array(np.ndarray):
        """An array that can be watched."""

    big = np.ones(1000).view(Array)
    seen = []

    def f(x):
        y = x * big
        seen.append(weakref.ref(y.value))
        return y

    _, pull = vjp(f, np.ones(1000))
    alive = [seen[0]() is not None]  # outside an assert, which would keep the array alive
    del pull, _
    alive.append(seen[0]() is not None)
    assert alive == [True, False]


def peak(run):
    tracemalloc.start()
    run()
    _, found = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return found


def deep(x, layer, depth=16):
    for _ in range(depth):
        x = layer(x)
    return total(x)


def block(x):
    xp = array_namespace(x)
    for _ in range(8):
        x = xp.sin(xp.tanh(x) + 0.1)
    return x


def test_grad_frees_residuals_on_the_way():
    """At the end of the backward pass nothing but the gradient is left, and at its peak little more
    than at its start.
    """
    x = np.linspace(0.0, 1.0, 20_000)
    size = x.nbytes
    residuals = 16 * 8 * 3 * size
    assert peak(lambda: grad(lambda x: deep(x, block))(x)) < residuals + 8 * size


def test_checkpoint_lowers_the_peak():
    x = np.linspace(0.0, 1.0, 20_000)
    plain = peak(lambda: grad(lambda x: deep(x, block))(x))
    saved = peak(lambda: grad(lambda x: deep(x, checkpoint(block)))(x))
    assert saved < 0.2 * plain


def test_gradients_do_not_keep_their_trace_alive(no_collector):
    earlier = traces()
    g = grad(everything)(X)
    h = hvp(everything, X, X)
    assert g.shape == h.shape
    assert traces() == earlier
