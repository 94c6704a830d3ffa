"""What holds for every operation of the engine, at random shapes: size 0 and 1, negative axes,
keepdims, broadcasting.
"""

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from operations import CASES, TABLE, bound, cotangents, inputs, names, outputs

from refimpl import autograd as ag
from refimpl.autograd.core import OPERATIONS

every_operation = pytest.mark.parametrize("op", TABLE, ids=[op.name for op in TABLE])
every_case = pytest.mark.parametrize("op, case", CASES, ids=names(CASES))
seeds = st.integers(0, 2**32 - 1)
STEP = 1e-4


def inner(a, b):
    """The inner product of two lists of arrays; None is zero."""
    return sum(float(np.sum(x * y)) for x, y in zip(a, b, strict=True) if x is not None)


def differences(f, xs, vs):
    """The derivative of the list of arrays `f(*xs)` in the direction `vs`, to fourth order."""
    points = [[x + k * STEP * v for x, v in zip(xs, vs, strict=True)] for k in (2, 1, -1, -2)]
    values = [[np.asarray(y, dtype=float) for y in f(*point)] for point in points]
    return [(8 * (b - c) - (a - d)) / (12 * STEP) for a, b, c, d in zip(*values, strict=True)]


def close(a, b, tolerance):
    scale = max([1.0, *(float(np.max(np.abs(y), initial=0.0)) for y in b)])
    for x, y in zip(a, b, strict=True):
        assert x.shape == y.shape
        np.testing.assert_allclose(x, y, rtol=0.0, atol=tolerance * scale)


def problem(op, case, seed):
    """The operation as a function from arrays to a tuple of arrays, a point and a direction."""
    arrays = inputs(op.domains, case, seed)
    f, xs = bound(op, case, arrays)
    rng = np.random.default_rng([seed, 2])
    vs = [rng.uniform(-1.0, 1.0, x.shape) for x in xs]
    return lambda *a: tuple(outputs(f(*a))), xs, vs


def test_the_table_holds_every_operation_of_the_engine():
    """And some that are computed on the values, without a rule."""
    constant = {"sign", "floor", "ceil", "round", "trunc", "argmax", "argmin", "isfinite"}
    assert {op.key for op in TABLE} == set(OPERATIONS) | constant


@every_operation
@settings(max_examples=12)
@given(data=st.data(), seed=seeds)
def test_first_derivatives_agree_with_differences(op, data, seed):
    f, xs, vs = problem(op, data.draw(op.drawn), seed)
    ys, pull = ag.vjp(f, *xs)
    cot = cotangents(ys, seed)
    gradients = pull(tuple(cot))
    slopes = differences(f, xs, vs)
    assert [(g.shape, g.dtype) for g in gradients] == [(x.shape, x.dtype) for x in xs]
    moved = [s for s, c in zip(slopes, cot, strict=True) if c is not None]
    assert inner(gradients, vs) == pytest.approx(
        inner([c for c in cot if c is not None], moved), rel=1e-8, abs=1e-8
    )
    close(ag.jvp(f, xs, vs)[1], slopes, 1e-8)


@every_operation
@settings(max_examples=6)
@given(data=st.data(), seed=seeds)
def test_second_derivatives_agree_with_differences(op, data, seed):
    f, xs, vs = problem(op, data.draw(op.drawn), seed)
    cot = cotangents(f(*xs), seed)

    def gradients(*point):
        return ag.vjp(f, *point)[1](tuple(cot))

    slopes = differences(gradients, xs, vs)
    close(ag.jvp(gradients, xs, vs)[1], slopes, 1e-7)
    _, pull = ag.vjp(gradients, *xs)  # the Hessian of <cot, f> is symmetric
    close(pull(tuple(vs)), slopes, 1e-7)


@every_operation
@settings(max_examples=6)
@given(data=st.data(), seed=seeds)
def test_the_pull_back_is_the_adjoint_of_the_push_forward(op, data, seed):
    f, xs, vs = problem(op, data.draw(op.drawn), seed)
    ys, pull = ag.vjp(f, *xs)
    cot = cotangents(ys, seed)
    tangents = ag.jvp(f, xs, vs)[1]
    pushed = [t for t, c in zip(tangents, cot, strict=True) if c is not None]
    assert inner(pull(tuple(cot)), vs) == pytest.approx(
        inner([c for c in cot if c is not None], pushed), rel=1e-12, abs=1e-12
    )


@every_case
def test_the_pull_back_is_linear_and_repeats_its_bits(op, case):
    f, xs, _ = problem(op, case, 0)
    ys, pull = ag.vjp(f, *xs)
    a, b = cotangents(ys, 1), cotangents(ys, 2)

    def combined(s, t):
        return tuple(None if x is None else s * x + t * y for x, y in zip(a, b, strict=True))

    first, second = pull(combined(1.0, 0.0)), pull(combined(1.0, 0.0))
    assert [g.tobytes() for g in first] == [g.tobytes() for g in second]
    assert all(not np.any(g) for g in pull(combined(0.0, 0.0)))
    assert all(not np.any(g) for g in pull(None))
    other = pull(combined(0.0, 1.0))
    both = [2.0 * x - 3.0 * y for x, y in zip(first, other, strict=True)]
    close(pull(combined(2.0, -3.0)), both, 1e-13)


@every_case
def test_values_under_a_trace_are_the_plain_values_bit_for_bit(op, case):
    f, xs, _ = problem(op, case, 3)
    plain, traced = f(*xs), ag.vjp(f, *xs)[0]
    assert [type(y) for y in plain] == [type(y) for y in traced]
    assert [(y.shape, y.dtype, y.tobytes()) for y in plain] == [
        (y.shape, y.dtype, y.tobytes()) for y in traced
    ]


@every_case
def test_the_traced_namespace_keeps_plain_arrays_plain(op, case):
    """Functions of the namespace of traced arrays work on constants, too."""
    arrays = inputs(op.domains, case, 4)
    traced = ag.libraries.library("numpy").traced
    ys = outputs(op.f(traced, ag, *arrays, **case.options))
    assert not any(map(ag.is_traced, ys))
    expected = outputs(op.f(np, ag, *arrays, **case.options))
    assert [y.tobytes() for y in ys] == [y.tobytes() for y in expected]


@every_case
def test_inputs_are_not_modified(op, case):
    f, xs, vs = problem(op, case, 5)

    def digests(arrays):
        return [hashlib.sha256(x.tobytes()).hexdigest() for x in arrays]

    before = digests([*xs, *vs])
    ys, pull = ag.vjp(f, *xs)
    cot = cotangents(ys, 0)
    seen = digests([c for c in cot if c is not None])
    pull(tuple(cot))
    ag.jvp(f, xs, vs)
    assert digests([*xs, *vs]) == before
    assert digests([c for c in cot if c is not None]) == seen


# --- whole functions ----------------------------------------------------------------------------


def energy(x):
    """A smooth function with a full Hessian."""
    xp = ag.array_namespace(x)
    return ag.logsumexp(x * x) + xp.sum(xp.sin(x) * xp.roll(x, 1)) + xp.prod(xp.tanh(x))


@given(n=st.integers(1, 6), seed=seeds)
@settings(max_examples=25)
def test_the_hessian_is_symmetric_and_hvp_is_its_product(n, seed):
    x, v = np.random.default_rng(seed).uniform(-1.0, 1.0, (2, n))
    hessian = ag.hessian(energy)(x)
    np.testing.assert_allclose(hessian, hessian.T, rtol=0, atol=1e-13)
    np.testing.assert_allclose(ag.hvp(energy, x, v), hessian @ v, rtol=0, atol=1e-13)


@given(n=st.integers(0, 4), m=st.integers(0, 4), seed=seeds)
@settings(max_examples=25)
def test_the_jacobian_by_rows_and_by_columns_is_the_same(n, m, seed):
    a = np.random.default_rng(seed).uniform(-1.0, 1.0, (m, n))

    def f(x):
        xp = ag.array_namespace(x)
        return xp.tanh(a @ x)

    x = np.linspace(0.5, 1.0, n)
    slope = 1.0 - np.tanh(a @ x) ** 2
    np.testing.assert_allclose(ag.jacobian(f)(x), slope[:, None] * a, rtol=1e-13, atol=1e-14)


@given(st.floats(-3.0, 3.0))
def test_third_derivatives_of_a_polynomial(x):
    third = ag.grad(ag.grad(ag.grad(lambda x: x**5 - 2.0 * x * x * x)))
    assert third(x) == pytest.approx(60.0 * x * x - 12.0, rel=1e-12, abs=1e-12)
