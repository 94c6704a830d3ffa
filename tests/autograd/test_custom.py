"""custom_vjp, checkpoint and stop_gradient."""

import numpy as np
import pytest

from refimpl import autograd as ag
from refimpl.autograd import array_namespace, checkpoint, custom_vjp, grad, hvp, jvp, vjp

X = np.array([0.5, -1.0, 2.0])


def total(x):
    return array_namespace(x).sum(x)


def with_backward(f, backward, forward=None):
    """`f` with the backward function given; the arguments are the residuals."""
    custom = custom_vjp(f)
    custom.defvjp(forward or (lambda *args: (f(*args), args)), backward)
    return custom


# --- custom_vjp ---------------------------------------------------------------------------------


def test_plain_arguments_call_the_function_itself():
    calls = []

    @custom_vjp
    def f(x):
        calls.append(type(x))
        return x + 1.0

    f.defvjp(lambda x: pytest.fail("forward ran without a trace"), lambda r, g: (g,))
    assert f(X).tolist() == (X + 1.0).tolist()
    assert calls == [np.ndarray]


def test_the_backward_function_replaces_the_derivative():
    f = with_backward(lambda x: x * x, lambda residuals, g: (7.0 * g,))
    np.testing.assert_array_equal(grad(lambda x: total(f(x)))(X), [7.0, 7.0, 7.0])
    np.testing.assert_array_equal(jvp(f, (X,), (X,))[1], 7.0 * X)


def test_several_outputs_arguments_and_options():
    @custom_vjp
    def f(x, n, options, y):
        assert options == {"mode": "a"}
        return {"sum": x + y, "index": np.arange(n)}, [x * y]

    def forward(x, n, options, y):
        return f(x, n, options, y), (x, y)

    def backward(residuals, g):
        x, y = residuals
        assert g[0]["index"] is None
        return g[0]["sum"] + g[1][0] * y, None, None, g[0]["sum"] + 10.0 * g[1][0] * x

    f.defvjp(forward, backward)

    def loss(x, y):
        out, (product,) = f(x, 3, {"mode": "a"}, y)
        assert out["index"].tolist() == [0, 1, 2]
        return total(out["sum"] * 2.0 + product)

    gx, gy = grad(loss, (0, 1))(X, 3.0 * X)
    np.testing.assert_array_equal(gx, 2.0 + 3.0 * X)
    np.testing.assert_array_equal(gy, 2.0 + 10.0 * X)


def test_an_output_that_is_not_used_has_a_zero_cotangent():
    def backward(residuals, g):
        np.testing.assert_array_equal(g[1], np.zeros(3))
        return (g[0],)

    f = with_backward(lambda x: (x, 2.0 * x), backward)
    np.testing.assert_array_equal(grad(lambda x: total(f(x)[0]))(X), [1, 1, 1])


def test_containers_as_arguments_take_containers_of_cotangents_by_key():
    def backward(residuals, g):
        return ({"b": 2.0 * g, "a": None},)

    f = with_backward(lambda p: p["a"] + p["b"], backward)
    found = grad(lambda p: total(f(p)))({"a": X, "b": X})
    np.testing.assert_array_equal(found["a"], [0, 0, 0])
    np.testing.assert_array_equal(found["b"], [2, 2, 2])


def test_none_for_a_container_is_zero():
    f = with_backward(lambda p, x: p["a"] + x, lambda r, g: (None, g))
    found = grad(lambda p: total(f(p, p["a"])))({"a": X})
    np.testing.assert_array_equal(found["a"], [1, 1, 1])


def test_keyword_arguments_are_options():
    @custom_vjp
    def scaled(x, *, scale=1.0):
        return x * scale

    scaled.defvjp(
        lambda x, *, scale=1.0: (scaled(x, scale=scale), scale), lambda scale, g: (g * scale,)
    )
    assert grad(lambda x: scaled(x, scale=3.0))(2.0) == 3.0
    assert grad(lambda x: scaled(x))(2.0) == 1.0
    assert grad(grad(lambda x: scaled(x, scale=3.0) * x))(2.0) == 6.0
    with pytest.raises(TypeError, match="scaled: a keyword argument is an option without"):
        grad(lambda x: scaled(x, scale=x))(2.0)


def test_second_derivatives_go_through_the_backward_function():
    f = with_backward(lambda x: x**2, lambda r, g: (g * 5.0 * r[0] ** 3,))
    assert grad(f)(2.0) == 40.0
    assert grad(grad(f))(2.0) == 60.0
    assert hvp(lambda x: total(f(x)), X, X).tolist() == (15.0 * X**2 * X).tolist()


def test_residuals_computed_in_forward_carry_their_derivatives():
    """The slope of the residual is part of the second derivative."""
    f = with_backward(
        lambda x: array_namespace(x).exp(x),
        lambda y, g: (g * y,),
        forward=lambda x: (array_namespace(x).exp(x),) * 2,
    )
    for n, derivative in enumerate([f, grad(f), grad(grad(f)), grad(grad(grad(f)))]):
        assert derivative(0.5) == pytest.approx(np.exp(0.5), rel=1e-15), n


def test_cotangents_take_the_dtype_of_their_primal():
    f = with_backward(lambda x: x * 2.0, lambda r, g: (np.float64(3.0) * g.astype(np.float64),))
    g = grad(lambda x: total(f(x)))(X.astype(np.float32))
    assert g.dtype == np.float32


def test_a_number_is_a_cotangent_of_a_scalar():
    f = with_backward(lambda x: x * 2.0, lambda r, g: (0.5,))
    g = grad(f)(3.0)
    assert (g, type(g).__module__) == (0.5, "numpy")


@pytest.mark.parametrize(
    "returned, message",
    [
        (lambda g: g, "named: backward must return a tuple of 2 cotangents, .* got ndarray"),
        (lambda g: (g,), "named: backward must return a tuple of 2 cotangents, .* got 1"),
        (lambda g: (g, g, g), "named: backward must return a tuple of 2 cotangents, .* got 3"),
        (
            lambda g: (g[:2], None),
            r"named: backward returned a cotangent of shape \(2,\) for argument 0, which has "
            r"shape \(3,\)",
        ),
        (
            lambda g: (g, {"a": 1.0}),
            r"named: .* of shape \(\) for argument 1\['a'\], which has shape \(3,\)",
        ),
        (lambda g: (g, {"b": g}), r"argument 1: expected a dict with the keys \['a'\]"),
        (lambda g: (g, g), "argument 1: expected a dict .* got a leaf of type ndarray"),
        (lambda g: ([g], None), "argument 0: expected an array, got a list of 1"),
    ],
)
def test_wrong_cotangents_name_function_argument_and_shapes(returned, message):
    @custom_vjp
    def named(x, p):
        return x + p["a"]

    named.defvjp(lambda x, p: (x + p["a"], None), lambda _, g: returned(g))
    with pytest.raises(ValueError, match=message):
        grad(lambda x: total(named(x, {"a": x})))(X)


def test_a_function_without_its_derivative_says_what_to_call():
    @custom_vjp
    def unfinished(x):
        return x

    with pytest.raises(TypeError, match=r"unfinished: no derivative; call unfinished.defvjp\("):
        grad(unfinished)(1.0)


def test_reading_a_traced_array_from_outside_is_refused():
    def loss(w):
        f = custom_vjp(lambda x: x * w)
        f.defvjp(lambda x: (x * w, None), lambda _, g: (g,))
        return f(w)

    with pytest.raises(ValueError, match=r"reads a traced array .* not among its arguments"):
        grad(loss)(2.0)


def test_custom_functions_keep_name_and_documentation():
    @custom_vjp
    def f(x):
        """What it is."""
        return x

    assert (f.__name__, f.__doc__) == ("f", "What it is.")


# --- checkpoint ---------------------------------------------------------------------------------


def layers(x, w, *, depth=4):
    xp = array_namespace(x, w)
    for _ in range(depth):
        x = xp.tanh(x @ w)
    return x


def test_checkpoint_has_the_same_value_and_derivatives_bit_for_bit():
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(2, 3)), rng.normal(size=(3, 3))
    plain = lambda x, w: total(layers(x, w) ** 2)  # noqa: E731
    saved = lambda x, w: total(checkpoint(layers)(x, w) ** 2)  # noqa: E731
    assert plain(x, w) == saved(x, w)
    for a, b in zip(grad(plain, (0, 1))(x, w), grad(saved, (0, 1))(x, w), strict=True):
        np.testing.assert_array_equal(a, b)
    v = rng.normal(size=(3, 3))
    np.testing.assert_allclose(
        hvp(lambda w: saved(x, w), w, v), hvp(lambda w: plain(x, w), w, v), rtol=1e-14
    )


def test_checkpoint_runs_the_function_again_in_the_backward_pass():
    calls = []
    f = checkpoint(lambda x: calls.append(1) or x * x)
    y, pull = vjp(f, 3.0)
    assert (y, len(calls)) == (9.0, 1)
    assert pull(1.0) == (6.0,)
    assert len(calls) == 2


def test_checkpoint_takes_whole_numbers_options_and_containers():
    def f(p, n, *, scale):
        return {"y": p["x"][:n] * scale, "n": n, "mask": p["x"] > 0, "nothing": None}

    def loss(x):
        out = checkpoint(f)({"x": x}, 2, scale=3.0)
        assert out["n"] == 2
        return total(out["y"] * out["y"])

    np.testing.assert_array_equal(grad(loss)(X), 18.0 * X * [1, 1, 0])


def test_checkpoints_nest():
    inner = checkpoint(lambda x: x**3)
    outer = checkpoint(lambda x: inner(x) * x)
    assert grad(outer)(2.0) == 32.0
    assert grad(grad(outer))(2.0) == 48.0
    assert grad(lambda x: grad(outer)(x) * x)(2.0) == 128.0


def test_checkpoint_refuses_traced_closures():
    with pytest.raises(ValueError, match="not among its arguments"):
        grad(lambda w: checkpoint(lambda x: x * w)(2.0 * w))(3.0)


# --- stop_gradient ------------------------------------------------------------------------------


def test_stop_gradient_leaves_plain_values_alone():
    assert ag.stop_gradient(X) is X
    assert ag.stop_gradient(2.0) == 2.0
    assert ag.stop_gradient("text") == "text"


def test_stop_gradient_goes_through_containers():
    def f(x):
        held = ag.stop_gradient({"x": x, "more": [x, None, 3]})
        assert held["more"][1:] == [None, 3]
        return total(held["x"] * x + held["more"][0])

    np.testing.assert_array_equal(grad(f)(X), X)


@pytest.mark.framework("torch")
def test_stop_gradient_stops_torchs_own_derivative():
    torch = pytest.importorskip("torch")
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    (g,) = torch.autograd.grad((x * ag.stop_gradient(x)).sum(), x)
    assert g.tolist() == [1.0, 2.0]


@pytest.mark.framework("jax")
def test_stop_gradient_stops_jaxs_own_derivative():
    jax = pytest.importorskip("jax")
    g = jax.grad(lambda x: (x * ag.stop_gradient(x)).sum())(jax.numpy.asarray([1.0, 2.0]))
    assert g.tolist() == [1.0, 2.0]
