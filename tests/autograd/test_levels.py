"""Derivatives inside derivatives: every level sees its own variable and no other."""

import numpy as np
import pytest

from refimpl import autograd as ag
from refimpl.autograd import array_namespace, custom_vjp, grad, hvp, jacobian, jvp, vjp


def test_perturbations_are_not_confused():
    """d/dx [x d/dy (x + y)] is 1: the inner derivative is the constant 1."""
    assert grad(lambda x: x * grad(lambda y: x + y)(1.0))(3.0) == 1.0


def test_perturbations_are_not_confused_by_the_same_name():
    assert grad(lambda x: x * grad(lambda x: x * x)(2.0))(5.0) == 4.0


def test_an_inner_derivative_at_the_outer_variable():
    # d/dx [x d/dy (y^2 x) at y = x] = d/dx 2 x^3
    assert grad(lambda x: x * grad(lambda y: y * y * x)(x))(2.0) == 24.0


def test_the_fourth_power_thrice():
    assert grad(grad(grad(lambda x: x**4)))(2.0) == 48.0


def test_five_levels():
    f = np.exp
    g = lambda x: array_namespace(x).exp(2.0 * x)  # noqa: E731
    for _ in range(5):
        g = grad(g)
    assert g(0.25) == pytest.approx(32.0 * f(0.5), rel=1e-15)


def test_three_variables_of_three_levels():
    def outer(x):
        def middle(y):
            return grad(lambda z: x * y * z * z + y * z)(x + y)

        return grad(middle)(2.0 * x)

    # inner: 2 x y (x + y) + y; middle, d/dy: 2 x (x + y) + 2 x y + 1 with y = 2 x: 10 x^2 + 1
    assert outer(1.5) == pytest.approx(10 * 1.5**2 + 1)
    assert grad(outer)(1.5) == pytest.approx(30.0)  # d/dx at y = 2 x, through y as well


def test_closures_over_outer_tracers_in_every_operand_position():
    rng = np.random.default_rng(0)
    a, x = rng.normal(size=(3, 3)), rng.normal(size=3)

    def mixed(a, x):
        xp = array_namespace(a, x)
        return xp.sum(xp.tanh(a @ x) * x) + xp.sum(xp.where(x > 0, x * a[0, :], a))

    def of_a(a):
        xp = array_namespace(a)
        return xp.sum(grad(lambda x: mixed(a, x))(x) ** 2)

    slopes = grad(of_a)(a)
    h, v = 1e-5, rng.normal(size=(3, 3))
    difference = (of_a(a + h * v) - of_a(a - h * v)) / (2 * h)
    assert np.sum(slopes * v) == pytest.approx(difference, rel=1e-8)


def test_an_outer_tracer_joined_with_inner_ones():
    """concat and stack take arguments of several levels."""

    def joined(x, y):
        xp = array_namespace(x, y)
        return xp.sum(xp.concat([x * y, xp.stack([x, y])[0, ...], y * y]) ** 2)

    def f(x):
        return grad(lambda y: joined(x, y))(x)

    # sum of (x y)^2 + x^2 + y^4, d/dy = 2 x^2 y + 4 y^3 at y = x
    np.testing.assert_allclose(f(np.array([0.5, 2.0])), 6.0 * np.array([0.5, 2.0]) ** 3)
    total = grad(lambda x: array_namespace(x).sum(f(x)))
    np.testing.assert_allclose(total(np.array([0.5, 2.0])), 18.0 * np.array([0.5, 2.0]) ** 2)


def test_an_inner_trace_that_does_not_use_its_variable():
    assert grad(lambda x: x * x + grad(lambda y: x * 3.0)(x))(2.0) == 4.0


def test_the_value_of_an_inner_vjp_carries_the_outer_derivative():
    def f(x):
        y, pull = vjp(lambda z: z * z * x, x)
        return y + pull(x)[0]  # x^3 + x * 2 x x

    assert f(2.0) == 24.0
    assert grad(f)(2.0) == 9.0 * 4.0


def test_a_pull_back_is_differentiable_in_its_cotangent_and_its_point():
    def f(x, g):
        return vjp(lambda z: z**3, x)[1](g)[0]  # 3 x^2 g

    assert grad(f, argnums=(0, 1))(2.0, 5.0) == (60.0, 12.0)


def test_a_pull_back_used_inside_a_later_trace():
    """The tape of `pull` is finished and of a lower level than the cotangent's."""
    _, pull = vjp(lambda x: x**3, 2.0)
    assert grad(lambda g: pull(g * g)[0])(1.5) == 36.0


def test_stop_gradient_holds_at_every_level():
    f = lambda x: ag.stop_gradient(x) * x * x  # noqa: E731
    assert grad(f)(3.0) == 18.0
    assert grad(grad(f))(3.0) == 6.0
    assert grad(lambda x: x * grad(lambda y: ag.stop_gradient(x) * y * y)(x))(3.0) == 6.0 * 3 * 2


def test_stop_gradient_of_an_inner_derivative():
    """d/dx [x stop(f'(x))] = f'(x): the usual surrogate."""
    f = lambda x: x**3  # noqa: E731
    assert grad(lambda x: x * ag.stop_gradient(grad(f)(x)))(2.0) == 12.0


def test_the_surrogate_idiom():
    f = lambda x: x + ag.stop_gradient(x**3 - x)  # noqa: E731
    value, slope = ag.value_and_grad(f)(2.0)
    assert (value, slope) == (8.0, 1.0)
    assert grad(grad(f))(2.0) == 0.0


def test_grad_inside_custom_vjp_and_around_it():
    @custom_vjp
    def f(x):
        return grad(lambda y: y**3)(x)

    f.defvjp(lambda x: (f(x), x), lambda x, g: (g * grad(grad(lambda y: y**4))(x),))
    assert f(2.0) == 12.0
    assert grad(f)(2.0) == 48.0
    assert grad(grad(f))(2.0) == 48.0  # d/dx 12 x^2
    assert grad(lambda x: x * grad(f)(x))(2.0) == 3 * 12 * 4.0


def test_a_custom_derivative_reached_from_two_levels():
    @custom_vjp
    def double(x):
        return 2.0 * x

    double.defvjp(lambda x: (2.0 * x, None), lambda _, g: (10.0 * g,))
    # both the inner and the outer derivative are the replaced one
    assert grad(lambda x: grad(lambda y: double(x) * double(y))(1.0))(1.0) == 100.0


def test_forward_and_reverse_in_every_nesting():
    f = lambda x: x**4  # noqa: E731
    along = lambda g: lambda x: jvp(g, (x,), (1.0,))[1]  # noqa: E731
    for first in (grad, along):
        for second in (grad, along):
            assert first(second(f))(3.0) == pytest.approx(108.0)
            for third in (grad, along):
                assert first(second(third(f)))(3.0) == pytest.approx(72.0)


def test_jacobians_and_hessian_products_of_derivatives():
    x, v = np.array([0.3, -0.8, 1.2]), np.array([1.0, 2.0, -1.0])

    def f(x):
        xp = array_namespace(x)
        return xp.sum(xp.sin(x) * xp.roll(x, 1) ** 2)

    third = jacobian(lambda x: hvp(f, x, v))(x)  # the third derivative along v
    h = 1e-5
    difference = (ag.hessian(f)(x + h * v) - ag.hessian(f)(x - h * v)) / (2 * h)
    np.testing.assert_allclose(third, difference, atol=1e-9)


def test_a_level_opened_and_left_by_an_error_does_no_harm():
    def fails(y):
        raise KeyError(y.shape)

    def f(x):
        with pytest.raises(KeyError):
            grad(fails)(x)
        return x * x

    assert grad(f)(3.0) == 6.0


def test_levels_on_integer_powers_and_control_flow():
    def newton(a):
        x = a
        for _ in range(6):
            x = x - (x * x - a) / grad(lambda y: y * y - a)(x)
            if x < 0:
                x = -x
        return x

    assert newton(2.0) == pytest.approx(2**0.5, rel=1e-15)
    assert grad(newton)(2.0) == pytest.approx(0.5 / 2**0.5, rel=1e-12)
