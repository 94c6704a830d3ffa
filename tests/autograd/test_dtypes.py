"""float32 in, float32 out: values, gradients, products with Jacobians and Hessians."""

import numpy as np
import pytest
from operations import CASES, bound, cotangents, inputs, names, outputs

from refimpl import autograd as ag
from refimpl.autograd import array_namespace, grad, hessian, hvp, jacobian, jvp, vjp

every_case = pytest.mark.parametrize("op, case", CASES, ids=names(CASES))
SINGLE = np.float32
X = np.array([0.5, -1.0, 2.0], dtype=SINGLE)


def floats(arrays):
    return [np.asarray(y) for y in arrays if np.asarray(y).dtype.kind == "f"]


def close(single, double):
    """Gradients are compared relative to the largest entry: float32 rounds at that scale."""
    for a, b in zip(floats(single), floats(double), strict=True):
        scale = max(1.0, float(np.max(np.abs(b), initial=0.0)))
        np.testing.assert_allclose(a, b, rtol=0.0, atol=2e-4 * scale)


@every_case
def test_every_operation_keeps_float32(op, case):
    """In its value, first and second derivatives, which are those of float64, rounded."""
    results = {}
    for dtype in (np.float32, np.float64):
        arrays = [
            x.astype(np.float32).astype(x.dtype) if x.dtype.kind == "f" else x
            for x in inputs(op.domains, case, 7)
        ]
        f, xs = bound(op, case, [x.astype(dtype) if x.dtype.kind == "f" else x for x in arrays])
        g = lambda *a, f=f: tuple(outputs(f(*a)))  # noqa: E731
        ys, pull = vjp(g, *xs)
        cot = tuple(None if c is None else c.astype(np.float32) for c in cotangents(ys, 7))
        tangents = [np.full(x.shape, 0.5, dtype=x.dtype) for x in xs]
        pushed = jvp(g, xs, tangents)[1]
        second = jvp(lambda *a, g=g, cot=cot: vjp(g, *a)[1](cot), xs, tangents)[1]
        results[dtype] = floats([*g(*xs), *ys, *pull(cot), *pushed, *second])
        assert {y.dtype for y in results[dtype]} == {np.dtype(dtype)}
    close(results[np.float32], results[np.float64])


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble])
def test_transforms_keep_every_floating_dtype(dtype):
    x = X.astype(dtype)
    f = lambda x: array_namespace(x).sum(x * x * 0.5 + 1.0) / 3  # noqa: E731
    found = [f(x), grad(f)(x), hvp(f, x, x), hessian(f)(x), jacobian(lambda x: 2 * x)(x)]
    found += [*jvp(f, (x,), (x,)), *ag.value_and_grad(f)(x)]
    assert {y.dtype for y in found} == {np.dtype(dtype)}


@pytest.mark.parametrize("number", [2, 2.0, True])
def test_python_numbers_do_not_promote(number):
    def f(x):
        xp = array_namespace(x)
        y = (x + number) * number - number / (x * x + number) + number * x**number
        y = xp.maximum(y, number) + xp.where(x > 0, y, number) + ag.softplus(x - number)
        return xp.sum(y) / number

    assert f(X).dtype == SINGLE
    assert grad(f)(X).dtype == SINGLE
    assert hvp(f, X, X).dtype == SINGLE


def test_numpy_numbers_promote_as_they_do_without_a_trace():
    f = lambda x: x * np.float64(2.0)  # noqa: E731
    y, pull = vjp(f, X)
    assert y.dtype == f(X).dtype == np.float64
    assert pull(np.ones(3))[0].dtype == SINGLE


@pytest.mark.parametrize(
    "f",
    [
        lambda xp, a, b: xp.sum(a * b + a / b - b + xp.maximum(a, b) + b**a),
        lambda xp, a, b: xp.sum(a @ b),
        lambda xp, a, b: xp.sum(xp.concat([a, b]) ** 2),
        lambda xp, a, b: xp.sum(xp.stack([a, b, a]) ** 2),
        lambda xp, a, b: xp.sum(xp.where(a > 0, a, b)),
        lambda xp, a, b: xp.sum(ag.einsum("i,j->ij", a, b) ** 2),
        lambda xp, a, b: xp.sum(ag.at_add(b, slice(0, 2), a[:2]) ** 2),
        lambda xp, a, b: xp.sum(ag.at_set(b, 1, a[0]) ** 2),
        lambda xp, a, b: xp.sum(xp.linalg.solve(ag.diag(b), a)),
        lambda xp, a, b: xp.sum(ag.clip(a, b - 1.0, b) + ag.xlogy(a, b) + xp.hypot(a, b)),
        lambda xp, a, b: xp.sum(xp.astype(a, xp.float64) * b + a * xp.astype(b, xp.float32)),
        lambda xp, a, b: xp.sum(xp.sum(a, dtype=xp.float64) * b),
        lambda xp, a, b: xp.sum(ag.vecdot(a, b) * ag.outer(a, b)),
    ],
)
def test_mixed_precision_gives_each_argument_a_gradient_of_its_dtype(f):
    a, b = X + 3.0, X.astype(np.float64) + 4.0
    run = lambda a, b: f(array_namespace(a, b), a, b)  # noqa: E731
    value, (ga, gb) = ag.value_and_grad(run, (0, 1))(a, b)
    assert value.dtype == np.float64
    assert (ga.dtype, gb.dtype) == (np.float32, np.float64)
    exact = grad(run, (0, 1))(a.astype(np.float64), b)
    close([ga, gb], exact)
    second = grad(lambda a, b: array_namespace(a).sum(grad(run)(a, b) ** 2), (0, 1))(a, b)
    assert [g.dtype for g in second] == [np.float32, np.float64]


def test_a_cotangent_of_another_precision_is_cast():
    y, pull = vjp(lambda x: 2.0 * x, X)
    assert y.dtype == SINGLE
    assert pull(np.ones(3))[0].dtype == SINGLE
    assert pull(np.ones(3, dtype=int))[0].dtype == SINGLE


def test_casts_pull_back_and_whole_numbers_are_untraced():
    def f(x):
        xp = array_namespace(x)
        whole = xp.astype(x * 10.0, xp.int64)
        assert not ag.is_traced(whole)
        assert not ag.is_traced(xp.astype(x, xp.bool))
        assert xp.astype(x, x.dtype) is x
        return xp.sum(xp.astype(x, xp.float64) * whole)

    g = grad(f)(X)
    assert g.dtype == SINGLE
    np.testing.assert_array_equal(g, [5, -10, 20])


def test_numbers_and_lists_are_float64():
    assert grad(lambda x: x * x)(2.0).dtype == np.float64
    assert ag.backend  # creation follows the switch; see tests/backends
    g = grad(lambda x: x[0] * x[1])([2.0, 3.0])
    assert [part.dtype for part in g] == [np.float64, np.float64]


def test_scalars_of_numpy_stay_scalars():
    g = grad(lambda x: x * x)(SINGLE(3.0))
    assert (g, g.dtype) == (6.0, SINGLE)
