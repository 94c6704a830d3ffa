"""Derivatives of t-conorms: differences, closed forms, saturation, ties and other libraries."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from norms import MEMBERS, SMOOTH, title

from refimpl import autograd as ag
from refimpl.autograd.numerics import check_grads
from refimpl.tnorms import (
    from_generator,
    generator,
    t_conorm,
    t_conorm_reduce,
    t_norm,
    t_norm_reduce,
)

every_member = pytest.mark.parametrize("name, p", MEMBERS, ids=map(title, MEMBERS))
smooth_member = pytest.mark.parametrize("name, p", SMOOTH, ids=map(title, SMOOTH))
A = np.array([0.12, 0.31, 0.05, 0.55, 0.21])
B = np.array([0.23, 0.17, 0.4, 0.07, 0.33])
MANY = np.array([[0.13, 0.07, 0.21, 0.02, 0.1], [0.3, 0.11, 0.05, 0.04, 0.08]])


def slopes(f, *arrays):
    y, pull = ag.vjp(f, *arrays)
    return pull(np.ones(y.shape))


@every_member
def test_differences_agree_to_first_and_second_order(name, p):
    scale = 0.3 if name == "yager" and p <= 1 else 1.0  # below the limit at 1
    two = check_grads(lambda a, b: t_conorm(a, b, name, p=p), (scale * A, scale * B), order=2)
    assert two, str(two)
    x = 1 - scale**2 * MANY
    many = check_grads(lambda v: t_norm_reduce(v, name, p=p), (x,), order=1)
    assert many, str(many)


def l(x):  # noqa: E743  # as in the formulas
    return -np.log1p(-x)


def u(x):
    return x / (1 - x)


CLOSED = {  # dS/db from the final value S = y alone, as renderers compute it
    "probabilistic": lambda y, b, p: (1 - y) / (1 - b),
    "einstein": lambda y, b, p: (1 - y * y) / (1 - b * b),
    "hamacher": lambda y, b, p: (1 - y) * (1 - y + p * y) / ((1 - b) * (1 - b + p * b)),
    "frank": lambda y, b, p: p ** (y - b) * (p ** (1 - y) - 1) / (p ** (1 - b) - 1),
    "yager": lambda y, b, p: np.where(y >= 1, 0.0, b ** (p - 1) * y ** (1 - p)),
    "aczel_alsina": lambda y, b, p: (1 - y) / (1 - b) * (l(b) / l(y)) ** (p - 1),
    "dombi": lambda y, b, p: ((1 - y) / (1 - b)) ** 2 * (u(b) / u(y)) ** (p - 1),
    "schweizer_sklar": lambda y, b, p: (1 - b) ** (p - 1) * (1 - y) ** (1 - p),
}


@smooth_member
@settings(max_examples=20)
@given(values=st.lists(st.floats(0.01, 0.8), min_size=2, max_size=6))
def test_derivatives_are_the_closed_forms(name, p, values):
    b = np.array(values)
    f = lambda v: t_conorm_reduce(v, name, p=p)  # noqa: E731
    y = f(b)
    if y == 1 or (name == "yager" and abs(y - 1) < 1e-9):
        return  # the closed forms divide 0 by 0, and yager has its kink there
    found, right = ag.grad(f)(b), CLOSED[name](y, b, p)
    atol = 1e-13 / (1 - min(y, 0.9999999)) if y < 1 else 1e-12  # 1 - y in the closed form cancels
    np.testing.assert_allclose(found, right, rtol=1e-7, atol=max(atol, 1e-12))


# --- saturation: a value that is exactly 1 ------------------------------------------------------

# name, p: dS/da and dS/db at b = 1, for a = 0.3, as the limits of difference quotients
SATURATED = [
    ("max", None, 0.0, 1.0), ("probabilistic", None, 0.0, 0.7),
    ("einstein", None, 0.0, (1 - 0.3) / (1 + 0.3)),
    ("hamacher", 0.0, 0.0, 1.0), ("hamacher", 0.5, 0.0, 0.7 / 0.85),
    ("hamacher", 4.0, 0.0, 0.7 / 1.9),
    ("yager", 2.0, 0.0, 0.0), ("yager", 0.5, 0.0, 0.0),
    ("aczel_alsina", 2.0, 0.0, 1.0), ("aczel_alsina", 0.5, 0.0, 0.0),
    ("dombi", 1.0, 0.0, 1.0), ("dombi", 2.0, 0.0, 1.0),
    ("schweizer_sklar", -0.5, 0.0, 1.0), ("schweizer_sklar", -2.0, 0.0, 1.0),
]  # fmt: skip


@pytest.mark.parametrize("name, p, d_a, d_b", SATURATED)
def test_the_derivative_at_a_value_of_one_is_the_one_sided_limit(name, p, d_a, d_b):
    a, b = np.array(0.3), np.array(1.0)
    f = lambda a, b: t_conorm(a, b, name, p=p)  # noqa: E731
    assert f(a, b) == 1.0
    np.testing.assert_allclose(slopes(f, a, b), (d_a, d_b), rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(slopes(f, b, a), (d_b, d_a), rtol=1e-12, atol=1e-15)
    h = 1e-7  # the quotient, where the limit of the slope is approached fast enough
    quotient = (f(a, b) - f(a, b - h)) / h
    if name not in ("aczel_alsina", "yager"):
        np.testing.assert_allclose(quotient, d_b, atol=2e-3)


def test_frank_at_a_value_of_one():
    """dS/db = (p^(1-a) - 1)/(p - 1), the limit of the closed form."""
    for p in (0.01, 0.5, 8.0):
        f = lambda a, b, p=p: t_conorm(a, b, "frank", p=p)  # noqa: E731
        found = slopes(f, np.array(0.3), np.array(1.0))
        np.testing.assert_allclose(found, (0.0, (p**0.7 - 1) / (p - 1)), atol=1e-14)
        quotient = (f(np.array(0.3), 1.0) - f(np.array(0.3), 1 - 1e-7)) / 1e-7
        np.testing.assert_allclose(found[1], quotient, atol=1e-6)


@every_member
@pytest.mark.parametrize("values", [
    [1.0, 0.5, 0.2], [1.0, 1.0, 0.3], [1.0, 1.0, 1.0], [0.0, 0.0, 0.0], [0.0, 1.0, 0.0],
    [0.0, 0.4, 0.0], [1e-300, 1.0, 1e-300], [1 - 2**-53, 1.0, 0.5],
])  # fmt: skip
def test_derivatives_at_zeros_and_ones_are_numbers(name, p, values):
    b = np.array(values)
    for f in (t_conorm_reduce, t_norm_reduce):
        gradient = ag.grad(lambda v, f=f: f(v, name, p=p))(b)
        assert np.isfinite(gradient).all(), f.__name__
        assert np.all(gradient >= -1e-12)


@pytest.mark.parametrize("p", [0.5, 1.0, 2.0, 20.0])
@pytest.mark.parametrize("dtype, gap", [(np.float32, 2.0**-20), (np.float64, 2.0**-50)])
def test_dombi_slopes_keep_their_digits_beside_zero_and_one(p, dtype, gap):
    """S(e, e) = 2^(1/p) e up to e^2, and 1 - T(1 - e, 1 - e) alike."""
    for f, at in ((t_conorm, gap), (t_norm, 1 - gap)):
        x = np.array([at], dtype)
        for slope in slopes(lambda a, b, f=f: f(a, b, "dombi", p=p), x, x):
            np.testing.assert_allclose(slope, 2 ** (1 / p - 1), rtol=1e-4)


def test_the_others_of_a_saturated_probability_get_the_product_of_the_rest():
    np.testing.assert_allclose(ag.grad(t_conorm_reduce)(np.array([0.2, 1.0, 0.5, 0.1])),
                               [0.0, 0.8 * 0.5 * 0.9, 0.0, 0.0], atol=1e-16)  # fmt: skip


# --- kinks --------------------------------------------------------------------------------------


def test_ties_of_the_maximum_are_shared():
    half = np.array(0.5)
    assert slopes(lambda a, b: t_conorm(a, b, "max"), half, half) == (0.5, 0.5)
    gradient = ag.grad(lambda v: t_conorm_reduce(v, "max"))(np.array([0.7, 0.7, 0.1, 0.7]))
    np.testing.assert_allclose(gradient, [1 / 3, 1 / 3, 0, 1 / 3])
    gradient = ag.grad(lambda v: t_norm_reduce(v, "max"))(np.array([0.1, 0.1, 0.7]))
    np.testing.assert_allclose(gradient, [0.5, 0.5, 0])


def test_yager_is_flat_where_it_reaches_one():
    f = lambda a, b: t_conorm(a, b, "yager", p=1.0)  # noqa: E731
    assert slopes(f, np.array(0.75), np.array(0.25)) == (0.0, 0.0)
    assert slopes(f, np.array(0.75), np.array(0.5)) == (0.0, 0.0)
    assert slopes(f, np.array(0.5), np.array(0.25)) == (1.0, 1.0)


@every_member
def test_zero_and_zero_have_both_slopes_one(name, p):
    f = lambda a, b: t_conorm(a, b, name, p=p)  # noqa: E731
    found = slopes(f, np.zeros(1), np.zeros(1))
    np.testing.assert_allclose(found, 0.5 if name == "max" else 1.0)


@pytest.mark.parametrize("name", ["yager", "aczel_alsina", "dombi"])
def test_an_infinite_slope_at_zero_counts_as_zero(name):
    f = lambda a, b: t_conorm(a, b, name, p=0.5)  # noqa: E731
    d_a, d_b = slopes(f, np.array(0.3), np.array(0.0))
    np.testing.assert_allclose((d_a, d_b), (1.0, 0.0), atol=1e-14)


def test_hard_has_derivative_zero():
    values = np.array([0.3, 0.5, 0.9])
    np.testing.assert_array_equal(
        ag.grad(lambda v: t_conorm_reduce(v, "hard"))(values), np.zeros(3)
    )


@smooth_member
def test_generators_are_differentiable_and_lead_to_the_same_gradient(name, p):
    b = MANY if name == "yager" and p >= 1 else 0.3 * MANY

    def by_generators(v):
        total = ag.array_namespace(v).sum(generator(v, name, p=p), axis=-1)
        return from_generator(total, name, p=p)[0]

    found = slopes(by_generators, b)[0]
    right = slopes(lambda v: t_conorm_reduce(v, name, p=p), b)[0]
    np.testing.assert_allclose(found, right, rtol=1e-9)
    at_one = slopes(lambda v: generator(v, name, p=p), np.array([1.0]))[0]
    assert np.isfinite(at_one).all()


@every_member
def test_float32_gradients_are_those_of_float64_rounded(name, p):
    single = MANY.astype(np.float32)
    found = slopes(lambda v: t_conorm_reduce(v, name, p=p), single)[0]
    right = slopes(lambda v: t_conorm_reduce(v, name, p=p), single.astype(np.float64))[0]
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, right, atol=2e-4 * np.max(np.abs(right)))


# --- other libraries ----------------------------------------------------------------------------

EDGES = np.array([[0.3, 0.12, 0.7, 0.05, 0.2], [1.0, 0.3, 0.0, 0.2, 0.1]])


def loss(values, name, p):
    two = t_conorm(values[..., 0], values[..., 1], name, p=p)
    return t_conorm_reduce(values, name, p=p) + t_norm_reduce(1 - values, name, p=p) + two


@pytest.mark.framework("torch", "array_api_compat")
@every_member
def test_torch_computes_the_same_values_and_derivatives(name, p):
    torch = pytest.importorskip("torch", reason="needs torch")
    x = torch.tensor(EDGES, requires_grad=True)
    y = loss(x, name, p)
    y.sum().backward()
    np.testing.assert_allclose(y.detach().numpy(), loss(EDGES, name, p), rtol=1e-12)
    right = slopes(lambda v: loss(v, name, p), EDGES)[0]
    np.testing.assert_allclose(x.grad.numpy(), right, rtol=1e-9, atol=1e-12)


@pytest.mark.framework("jax")
@pytest.mark.parametrize("name, p", [("hamacher", 0.5), ("dombi", 2.0)])
def test_jax_computes_the_same_values_and_derivatives(name, p):
    jax = pytest.importorskip("jax", reason="needs jax")
    with jax.enable_x64(True):
        y, pull = jax.vjp(lambda v: t_conorm_reduce(v, name, p=p), jax.numpy.asarray(EDGES))
        np.testing.assert_allclose(y, t_conorm_reduce(EDGES, name, p=p), rtol=1e-12)
        right = slopes(lambda v: t_conorm_reduce(v, name, p=p), EDGES)[0]
        found = pull(jax.numpy.ones_like(y))[0]
        np.testing.assert_allclose(found, right, rtol=1e-9, atol=1e-12)


@pytest.mark.framework("array_api_strict")
@every_member
def test_the_source_keeps_to_the_array_api_standard(name, p):
    strict = pytest.importorskip("array_api_strict", reason="needs array_api_strict")
    y, pull = ag.vjp(lambda v: loss(v, name, p), strict.asarray(EDGES))
    np.testing.assert_allclose(np.asarray(y), loss(EDGES, name, p), rtol=1e-13)
    right = slopes(lambda v: loss(v, name, p), EDGES)[0]
    found = np.asarray(pull(strict.ones(y.shape, dtype=y.dtype))[0])
    np.testing.assert_allclose(found, right, rtol=1e-12, atol=1e-15)
