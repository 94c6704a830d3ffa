"""The functions that users call: structures, dtypes, errors, edge cases."""

import dataclasses
import functools

import numpy as np
import pytest

from refimpl import autograd as ag
from refimpl.autograd import array_namespace, grad, hessian, hvp, jacobian, jvp, vjp

X = np.array([0.5, -1.0, 2.0])


def total(x):
    return array_namespace(x).sum(x * x)


# --- grad, value_and_grad -----------------------------------------------------------------------


def test_grad_of_a_number_is_a_float64_scalar():
    g = grad(lambda x: x * x)(3.0)
    assert (g, g.dtype, g.shape) == (6.0, np.float64, ())


def test_value_and_grad_agree_with_both():
    value, g = ag.value_and_grad(total)(X)
    assert value == total(X)
    np.testing.assert_array_equal(g, 2 * X)


def test_argnums_choose_arguments_and_their_order():
    f = lambda x, y, z: x * y**2 * z**3  # noqa: E731
    assert grad(f, argnums=1)(1.0, 2.0, 3.0) == 108.0
    assert grad(f, argnums=(2, 0))(1.0, 2.0, 3.0) == (108.0, 108.0)
    assert grad(f, argnums=-1)(1.0, 2.0, 3.0) == 108.0
    assert grad(f, argnums=(0,))(1.0, 2.0, 3.0) == (108.0,)


def test_argnums_out_of_range_name_the_function():
    with pytest.raises(TypeError, match="grad of total: argnums 1 is out of range for 1 pos"):
        grad(total, argnums=1)(X)


def test_other_arguments_are_passed_as_they_are():
    seen = []

    def f(x, option, *, scale, label="a"):
        seen.append((option, scale, label))
        return total(x) * scale

    g = grad(f)(X, {"whole": 3}, scale=2, label="b")
    np.testing.assert_array_equal(g, 4 * X)
    assert seen == [({"whole": 3}, 2, "b")]


def test_aux_is_returned_untraced_with_its_structure():
    def f(x):
        y = x * x
        return array_namespace(x).sum(y), {"squares": y, "n": 3, "words": ["a", None]}

    g, aux = grad(f, has_aux=True)(X)
    np.testing.assert_array_equal(g, 2 * X)
    np.testing.assert_array_equal(aux["squares"], X * X)
    assert not ag.is_traced(aux["squares"])
    assert (aux["n"], aux["words"]) == (3, ["a", None])
    (value, aux), g = ag.value_and_grad(f, has_aux=True)(X)
    assert value == total(X)
    assert aux["n"] == 3


def test_gradients_have_the_structure_of_the_argument():
    @dataclasses.dataclass(frozen=True)
    class Layer:
        w: np.ndarray
        b: list

    params = {"one": Layer(X, [np.array(1.0)]), "two": (X[:2], None), "none": {}}

    def loss(p):
        return total(p["one"].w) * p["one"].b[0] + total(p["two"][0])

    g = grad(loss)(params)
    assert list(g) == ["one", "two", "none"]
    np.testing.assert_array_equal(g["one"].w, 2 * X)
    assert g["one"].b == [total(X)]
    np.testing.assert_array_equal(g["two"][0], 2 * X[:2])
    assert g["two"][1] is None
    assert g["none"] == {}


def test_unused_arguments_have_zero_gradients_of_their_shape_and_dtype():
    used, unused = X, np.ones((2, 3), dtype=np.float32)
    g = grad(lambda a, b: total(a), argnums=(0, 1))(used, unused)
    assert (g[1].shape, g[1].dtype) == ((2, 3), np.float32)
    assert not np.any(g[1])


def test_a_constant_function_has_a_zero_gradient():
    np.testing.assert_array_equal(grad(lambda x: 2.0)(X), np.zeros(3))
    np.testing.assert_array_equal(grad(lambda x: np.float64(2.0))(X), np.zeros(3))


def test_the_same_array_twice_gets_both_parts():
    np.testing.assert_array_equal(
        grad(lambda a, b: total(a) + total(b) * 3, (0, 1))(X, X)[0], 2 * X
    )
    np.testing.assert_array_equal(grad(lambda a: array_namespace(a).sum(a * a + a))(X), 2 * X + 1)


def test_the_identity_and_the_seed_of_the_gradient():
    assert grad(lambda x: x)(5.0) == 1.0


def test_functions_without_a_name_can_be_differentiated():
    f = functools.partial(lambda scale, x: scale * total(x), 3.0)
    np.testing.assert_array_equal(grad(f)(X), 6 * X)
    with pytest.raises(TypeError, match="expected a scalar output"):
        grad(functools.partial(lambda s, x: s * x, 3.0))(X)


def test_grad_keeps_name_and_documentation():
    assert grad(total).__name__ == "total"


def test_gradients_of_empty_arrays_are_empty():
    assert grad(total)(np.ones((0, 3))).shape == (0, 3)


def test_methods_and_closures_see_ordinary_python():
    def f(x):
        result = 0.0
        for i, row in enumerate(x):  # iterating over a traced array
            if row > 0:
                result = result + i * row
        return result + len(x) * x[0]

    np.testing.assert_array_equal(grad(f)(X), [3.0, 0.0, 2.0])


def test_traced_arrays_answer_shape_questions():
    def f(x):
        assert (x.shape, x.ndim, x.size, len(x), x.dtype) == ((2, 3), 2, 6, 2, np.float64)
        assert x.mT.shape == (3, 2)
        assert x.device == "cpu"
        assert "Tracer" in repr(x)
        assert ag.is_traced(x)
        assert array_namespace(x) is x.__array_namespace__()
        return total(x)

    grad(f)(np.ones((2, 3)))
    assert not ag.is_traced(X)


# --- vjp ----------------------------------------------------------------------------------------


def test_vjp_pulls_back_any_structure():
    def f(x, y):
        return {"product": x * y, "rest": [x + 1.0, (y, None)], "label": "text"}

    out, pull = vjp(f, X, 2 * X)
    np.testing.assert_array_equal(out["product"], 2 * X * X)
    assert out["label"] == "text"
    g = {"product": np.ones(3), "rest": [X, (None, None)], "label": None}
    gx, gy = pull(g)
    np.testing.assert_array_equal(gx, 3 * X)
    np.testing.assert_array_equal(gy, X)


def test_none_is_a_zero_cotangent_anywhere():
    _, pull = vjp(lambda x: {"a": x, "b": [x, x]}, X)
    assert not np.any(pull(None)[0])
    np.testing.assert_array_equal(pull({"a": None, "b": [X, None]})[0], X)
    np.testing.assert_array_equal(pull({"a": X, "b": None})[0], X)


def test_cotangents_are_matched_by_key():
    _, pull = vjp(lambda x: {"a": x, "b": 2.0 * x}, X)
    np.testing.assert_array_equal(pull({"b": np.ones(3), "a": np.zeros(3)})[0], 2 * np.ones(3))


def test_python_numbers_and_other_dtypes_are_taken_as_cotangents():
    _, pull = vjp(total, X)
    np.testing.assert_array_equal(pull(2)[0], 4 * X)
    single, pull = vjp(total, X.astype(np.float32))
    g = pull(np.float64(1.0))[0]
    assert (single.dtype, g.dtype) == (np.float32, np.float32)


def test_pull_can_be_called_many_times():
    _, pull = vjp(lambda x: array_namespace(x).exp(x), X)
    first = pull(np.ones(3))[0]
    pull(2 * np.ones(3))
    np.testing.assert_array_equal(pull(np.ones(3))[0], first)


@pytest.mark.parametrize(
    "g, message",
    [
        (np.ones(2), r"cotangent\['a'\]: expected shape \(3,\), got \(2,\)"),
        (np.ones((1, 3)), r"cotangent\['a'\]: expected shape \(3,\), got \(1, 3\)"),
    ],
)
def test_a_cotangent_of_another_shape_is_refused(g, message):
    _, pull = vjp(lambda x: {"a": x}, X)
    with pytest.raises(ValueError, match=message):
        pull({"a": g})


@pytest.mark.parametrize(
    "g, message",
    [
        ([X], "cotangent: expected a tuple of 2, got a list of 1"),
        (X, "cotangent: expected a tuple of 2, got a leaf of type ndarray"),
        ((X, [X]), r"cotangent\[1\]: expected an array, got a list of 1"),
        ({"a": X, "b": X}, "expected a tuple of 2, got a dict with the keys"),
    ],
)
def test_cotangents_of_another_structure_are_refused(g, message):
    _, pull = vjp(lambda x: (x, x), X)
    with pytest.raises(ValueError, match=message):
        pull(g)


def test_vjp_without_arrays_is_refused():
    with pytest.raises(TypeError, match="no array to differentiate with respect to"):
        vjp(lambda x: 1.0, {})


# --- jvp ----------------------------------------------------------------------------------------


def test_jvp_moves_along_all_arguments():
    value, slope = jvp(lambda x, y: x * x * y, (2.0, 3.0), (1.0, 10.0))
    assert (value, slope) == (12.0, 12.0 + 40.0)


def test_jvp_keeps_structure_and_passes_constants():
    def f(p):
        return {"y": p["x"] * 2.0, "constant": X, "text": "a", "whole": np.arange(3)}

    value, slope = jvp(f, ({"x": X},), ({"x": np.ones(3)},))
    np.testing.assert_array_equal(value["y"], 2 * X)
    np.testing.assert_array_equal(slope["y"], [2, 2, 2])
    np.testing.assert_array_equal(slope["constant"], [0, 0, 0])
    assert slope["text"] == "a"
    assert not np.any(slope["whole"])


def test_jvp_takes_none_as_a_zero_tangent():
    assert jvp(lambda x, y: x * y, (2.0, 3.0), (None, 1.0))[1] == 2.0


def test_jvp_of_a_constant_function():
    value, slope = jvp(lambda x: X, (2.0,), (1.0,))
    assert value is X
    np.testing.assert_array_equal(slope, np.zeros(3))


def test_jvp_refuses_what_does_not_fit():
    with pytest.raises(ValueError, match="jvp: expected 2 tangents, one per primal, got 1"):
        jvp(lambda x, y: x, (1.0, 2.0), (1.0,))
    with pytest.raises(ValueError, match=r"tangent\[0\]: expected shape \(3,\), got \(2,\)"):
        jvp(total, (X,), (X[:2],))
    with pytest.raises(ValueError, match=r"tangent\[0\]: expected a dict with the keys \['x'\]"):
        jvp(lambda p: p["x"], ({"x": X},), (X,))


# --- jacobian, hessian, hvp ---------------------------------------------------------------------


@pytest.mark.parametrize("rows, columns", [(2, 4), (4, 2), (1, 3), (3, 1), (0, 3), (3, 0)])
def test_jacobians_of_linear_functions_are_their_matrices(rows, columns):
    a = np.random.default_rng(0).normal(size=(rows, columns))
    found = jacobian(lambda x: a @ x)(np.ones(columns))
    np.testing.assert_allclose(found, a, rtol=1e-15)
    assert found.shape == (rows, columns)


def test_jacobians_nest_outputs_and_inputs():
    def f(p):
        return {"y": p["a"] * p["b"], "z": (array_namespace(p["a"]).sum(p["a"]),)}

    a, b = np.array([1.0, 2.0]), np.array(3.0)
    found = jacobian(f)({"a": a, "b": b})
    np.testing.assert_array_equal(found["y"]["a"], 3 * np.eye(2))
    np.testing.assert_array_equal(found["y"]["b"], a)
    np.testing.assert_array_equal(found["z"][0]["a"], [1, 1])
    np.testing.assert_array_equal(found["z"][0]["b"], 0.0)


def test_jacobian_shapes_are_output_then_input():
    f = lambda x: array_namespace(x).matrix_transpose(x)[..., :1]  # noqa: E731
    for shape in [(2, 3), (1, 2, 2), (2, 0)]:
        x = np.ones(shape)
        assert jacobian(f)(x).shape == f(x).shape + shape
    wide = jacobian(lambda x: x[:1, ...])(np.ones((3, 2)))
    assert wide.shape == (1, 2, 3, 2)
    assert np.sum(wide) == 2


def test_the_jacobian_of_an_output_that_does_not_depend_on_the_input_is_zero():
    found = jacobian(lambda x: (x, X))(np.ones(2))
    np.testing.assert_array_equal(found[1], np.zeros((3, 2)))
    few = jacobian(lambda x: (x[:1], np.ones(1)))(np.ones(9))
    np.testing.assert_array_equal(few[1], np.zeros((1, 9)))


def test_jacobian_refuses_outputs_that_are_no_arrays():
    with pytest.raises(TypeError, match="jacobian: expected arrays as outputs, got str"):
        jacobian(lambda x: "text")(X)


def test_argnums_of_jacobian_and_hessian():
    f = lambda a, x: array_namespace(x).sum(a * x * x * x)  # noqa: E731
    np.testing.assert_array_equal(jacobian(f, argnums=1)(2.0, X), 6 * X**2)
    np.testing.assert_array_equal(hessian(f, argnums=1)(2.0, X), np.diag(12 * X))


def test_hessians_of_containers_nest_twice():
    def f(p):
        return array_namespace(p["a"]).sum(p["a"] * p["a"]) * p["b"]

    a, b = np.array([1.0, 2.0]), np.array(3.0)
    h = hessian(f)({"a": a, "b": b})
    np.testing.assert_array_equal(h["a"]["a"], 6 * np.eye(2))
    np.testing.assert_array_equal(h["a"]["b"], 2 * a)
    np.testing.assert_array_equal(h["b"]["a"], 2 * a)
    assert h["b"]["b"] == 0


def test_hvp_takes_containers():
    f = lambda p: p["a"] ** 2 * p["b"]  # noqa: E731
    found = hvp(f, {"a": 2.0, "b": 3.0}, {"a": 1.0, "b": 0.0})
    assert found == {"a": 6.0, "b": 4.0}
    assert hvp(f, {"a": 2.0, "b": 3.0}, {"b": 1.0, "a": None}) == {"a": 4.0, "b": 0.0}


def test_hvp_refuses_a_direction_that_does_not_fit():
    with pytest.raises(ValueError, match=r"hvp: direction: expected shape \(3,\), got \(1,\)"):
        hvp(total, X, X[:1])
    with pytest.raises(ValueError, match="hvp: direction: expected a dict"):
        hvp(lambda p: p["x"], {"x": 1.0}, [1.0])


def test_second_derivatives_of_a_linear_function_are_zero():
    np.testing.assert_array_equal(hessian(lambda x: array_namespace(x).sum(x))(X), np.zeros((3, 3)))
    np.testing.assert_array_equal(hvp(lambda x: array_namespace(x).sum(x), X, X), np.zeros(3))
