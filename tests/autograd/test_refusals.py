"""What traced arrays refuse, and what the messages say to do instead."""

import copy
import json
import math
import operator

import numpy as np
import pytest

from refimpl import autograd as ag
from refimpl.autograd import array_namespace, grad, jacobian, vjp

X = np.array([0.5, -1.0, 2.0])


def under_trace(action, x=X):
    """Run `action` on a traced array."""
    return vjp(lambda t: (action(t), t)[1], x)


def refused(action, message, x=X, error=TypeError):
    with pytest.raises(error, match=message):
        under_trace(action, x)


# --- conversions --------------------------------------------------------------------------------


@pytest.mark.parametrize("ufunc", [np.sin, np.exp, lambda t: np.add(X, t), lambda t: np.add(t, X)])
def test_numpy_ufuncs(ufunc):
    refused(ufunc, "operand 'Tracer' does not support ufuncs")


@pytest.mark.parametrize(
    "function",
    [np.asarray, np.array, lambda t: np.concatenate([t, t]), lambda t: np.stack([X, t]),
     lambda t: np.array([t, t]), lambda t: np.where(X > 0, t, t), lambda t: np.dot(X, t)],
)  # fmt: skip
def test_numpy_functions_and_conversions(function):
    refused(
        function,
        r"cannot convert to a NumPy array a traced array of shape \(3,\) and dtype float64: "
        r"use xp = array_namespace\(x\) and the functions of xp, and xp.stack in place of lists",
    )


def test_numpy_reductions():
    refused(
        np.sum,
        "no attribute or method 'sum'|cannot convert|ufunc",
        error=(TypeError, AttributeError),
    )


def test_lists_of_traced_arrays_in_asarray():
    refused(lambda t: array_namespace(t).asarray([t[0], t[1]]), "asarray has no derivative rule")


@pytest.mark.parametrize(
    "convert",
    [float, int, complex, operator.index, lambda t: t.item(), lambda t: t.tolist(), math.sqrt,
     lambda t: range(t), lambda t: [1, 2, 3][t], lambda t: X[t]],
)  # fmt: skip
def test_python_numbers(convert):
    refused(
        convert,
        r"cannot (make a Python number of|convert to a NumPy array) a traced array of shape \(\)"
        r"|only integers, slices",
        x=np.array(1.0),
        error=(TypeError, IndexError),
    )


def test_the_message_about_python_numbers_names_stop_gradient():
    refused(float, r"its derivative would be lost; keep it an array, or take stop_gradient\(x\)")


def test_json_and_string_formats():
    refused(lambda t: json.dumps(t), "not JSON serializable")
    refused(lambda t: f"{t:.3f}", "unsupported format string")
    under_trace(lambda t: f"{t}")  # as it is: for debugging


# --- conditions ---------------------------------------------------------------------------------


def test_comparisons_are_plain_arrays_and_steer_python():
    def f(x):
        assert type(x > 0.0) is np.ndarray
        assert type(x.__gt__(0.0)) is np.ndarray
        assert not ag.is_traced(x == x)
        assert (x != x).tolist() == [False] * 3
        return x[0] if x[0] > 0 else x[1]

    np.testing.assert_array_equal(grad(f)(X), [1, 0, 0])
    np.testing.assert_array_equal(grad(f)(-X), [0, 1, 0])


def test_a_bare_traced_array_is_no_condition():
    refused(bool, r"cannot take as a condition .*: compare it first, as in `if x > 0`")


# --- in-place updates ---------------------------------------------------------------------------


def test_item_assignment():
    def assign(t):
        t[0] = 1.0

    refused(
        assign, r"cannot assign into a traced array .*: build a new array with at_set\(x, index"
    )


@pytest.mark.parametrize(
    "update",
    [operator.iadd, operator.isub, operator.imul, operator.itruediv, operator.ipow,
     operator.imatmul, operator.imod, operator.ifloordiv],
)  # fmt: skip
def test_in_place_operators(update):
    refused(lambda t: update(t, 2.0), r"cannot update in place .* write x = x \+ v, or build a new")


def test_a_plain_buffer_does_not_take_traced_values():
    def fill(t):
        buffer = np.zeros(3)
        buffer[0] = t[0]

    with pytest.raises(ValueError, match="setting an array element") as caught:  # NumPy's words
        under_trace(fill)
    assert "cannot make a Python number of a traced array" in str(caught.value.__cause__)

    def fill_part(t):
        buffer = np.zeros(3)
        buffer[:2] = t[:2]

    refused(fill_part, "cannot convert to a NumPy array")

    def add(t):
        buffer = np.zeros(3)
        buffer += t

    refused(add, "does not support ufuncs|cannot")


# --- operands -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "op", [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow, operator.mod],
)  # fmt: skip
@pytest.mark.parametrize(
    "left", [np.array([2.0, 3.0, 4.0]), np.float64(2.0), np.float32(2.0), 2, 2.0]
)
def test_plain_operands_on_the_left_reach_the_traced_one(op, left):
    x = np.array([0.5, 1.5, 2.5])
    y, pull = vjp(lambda t: op(left, t), x)
    np.testing.assert_array_equal(y, op(left, x))
    assert pull(np.ones(3))[0].shape == (3,)


@pytest.mark.parametrize("op", [operator.lt, operator.le, operator.gt, operator.ge, operator.eq])
def test_plain_operands_on_the_left_of_comparisons(op):
    under_trace(lambda t: np.testing.assert_array_equal(op(X, t), op(X, X)))
    under_trace(lambda t: np.testing.assert_array_equal(op(1, t), op(1, X)))


def test_a_matrix_on_the_left():
    a = np.arange(6.0).reshape(2, 3)
    np.testing.assert_array_equal(jacobian(lambda t: a @ t)(X), a)


@pytest.mark.framework("torch")
def test_torch_tensors_on_the_left():
    torch = pytest.importorskip("torch")
    x = torch.tensor([1.0, 2.0], dtype=torch.float64)
    _, pull = vjp(lambda t: x * t - x @ t, x)
    assert pull(torch.ones_like(x))[0].tolist() == [-1.0, -2.0]


@pytest.mark.framework("jax")
def test_jax_arrays_on_the_left():
    jnp = pytest.importorskip("jax").numpy
    x = jnp.asarray([1.0, 2.0])
    _, pull = vjp(lambda t: x * t - x @ t, x)
    assert pull(jnp.ones_like(x))[0].tolist() == [-1.0, -2.0]


def test_strict_arrays_on_the_left_are_an_error_and_on_the_right_not():
    strict = pytest.importorskip("array_api_strict")
    x = strict.asarray([1.0, 2.0])
    with pytest.raises(TypeError):
        vjp(lambda t: x * t, x)
    assert np.asarray(vjp(lambda t: t * x, x)[1](strict.ones_like(x))[0]).tolist() == [1.0, 2.0]


# --- life time ----------------------------------------------------------------------------------


def test_a_traced_array_that_outlives_its_function_is_refused():
    kept = []
    grad(lambda x: kept.append(x) or array_namespace(x).sum(x))(X)
    for use in (lambda t: t + 1.0, lambda t: array_namespace(t).exp(t), lambda t: t[0]):
        with pytest.raises(ValueError, match="used after the function that it belongs to had ret"):
            use(kept[0])
    with pytest.raises(ValueError, match="return it from that function instead of storing it"):
        grad(lambda x: array_namespace(x).sum(x * kept[0]))(X)


def test_a_leaked_array_of_an_inner_function_is_refused():
    def outer(x):
        kept = []
        grad(lambda y: kept.append(y) or y * y)(x)
        return x * kept[0]

    with pytest.raises(ValueError, match="multiply: a traced array was used after"):
        grad(outer)(2.0)


def test_no_hash_and_no_sets():
    refused(hash, "unhashable")
    refused(lambda t: {t}, "unhashable")


def test_copies_are_the_array_itself():
    f = lambda x: array_namespace(x).sum(copy.deepcopy({"x": x})["x"] * copy.copy(x))  # noqa: E731
    np.testing.assert_array_equal(grad(f)(X), 2 * X)


# --- attributes and methods ---------------------------------------------------------------------


@pytest.mark.parametrize("name", ["sum", "mean", "reshape", "astype", "copy", "T"])
def test_methods_of_numpy_arrays(name):
    refused(
        lambda t: getattr(t, name),
        rf"no attribute or method '{name}'; use the function: xp = array_namespace\(x\), then "
        rf"xp.{name}\(x",
        error=AttributeError,
    )


def test_len_of_a_scalar():
    refused(len, "len\\(\\) of a traced array with no axes", x=np.array(1.0))


# --- inputs of transforms -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "x, message",
    [
        (3, "grad of f: argument 0: .* with respect to 3 of type int; write it as a float"),
        (True, "argument 0: .* of type bool; write it as a float"),
        ("text", "argument 0: .* of type str; pass an array, or leave it out of argnums"),
        (1j, "argument 0: .* of type complex"),
        (
            np.arange(3),
            r"argument 0: .* of dtype int64; convert it with xp.astype\(x, xp.float64\)",
        ),
        (np.array([True]), "argument 0: .* of dtype bool"),
        (np.array([1j]), "argument 0: .* of dtype complex128"),
        (np.array([None]), "argument 0: .* of dtype object"),
        ({"a": [1.0, 2]}, r"argument 0 \['a'\]\[1\]: .* with respect to 2 of type int"),
    ],
)
def test_inputs_that_are_not_floating_point(x, message):
    def f(x):
        return 1.0

    with pytest.raises(TypeError, match=message):
        grad(f)(x)


@pytest.mark.parametrize(
    "f, found",
    [
        (lambda x: x, r"shape \(3,\)"),
        (lambda x: x[:1], r"shape \(1,\)"),
        (lambda x: (x[0], x[1]), "tuple"),
        (lambda x: None, "NoneType"),
        (lambda x: "text", "str"),
    ],
)
def test_outputs_that_are_no_scalars(f, found):
    f.__name__ = "f"
    message = f"grad of f: expected a scalar output, got {found}; sum it first, or use vjp or jac"
    with pytest.raises(TypeError, match=message):
        grad(f)(X)


# --- operations ---------------------------------------------------------------------------------


def test_shapes_that_do_not_match_name_operation_shapes_and_dtypes():
    refused(lambda t: t + np.ones(2), r"in add\(float64\[3\], float64\[2\]\)", error=ValueError)
    refused(lambda t: t @ np.ones((2, 2)), r"in matmul\(float64\[3\], float64\[2, 2\]\)",
            error=ValueError)  # fmt: skip
    refused(lambda t: array_namespace(t).reshape(t, (2, 2)), r"in reshape\(float64\[3\], \(2, 2",
            error=ValueError)  # fmt: skip
    refused(lambda t: array_namespace(t).concat([t, np.ones((1, 1))]), r"in concat\(",
            error=ValueError)  # fmt: skip
    refused(lambda t: t[5], r"in getitem\(float64\[3\], 5\)", error=IndexError)
    refused(
        lambda t: array_namespace(t).sum(t, axis=1),
        r"in sum\(float64\[3\], axis=1",
        error=ValueError,
    )


def test_errors_keep_their_kind():
    indefinite = -np.eye(2)
    for a, run in ((indefinite, "cholesky"), (np.zeros((2, 2)), "inv")):
        with pytest.raises(np.linalg.LinAlgError, match=rf"in {run}\(float64\[2, 2\]\)"):
            vjp(lambda a, run=run: getattr(array_namespace(a).linalg, run)(a), a)
    refused(lambda t: t + "text", r"in add\(float64\[3\], 'text'\)")


@pytest.mark.parametrize(
    "name, call",
    [
        ("copysign", lambda xp, t: xp.copysign(t, X)),
        ("cross", lambda xp, t: xp.linalg.cross(t, X)),
        ("qr", lambda xp, t: xp.linalg.qr(t[:, None])),
        ("asarray", lambda xp, t: xp.asarray([t, t])),
        ("median", lambda xp, t: xp.median(t)),
    ],
)
def test_operations_without_a_rule(name, call):
    refused(
        lambda t: call(array_namespace(t), t),
        rf"{name} has no derivative rule \(called with .*float64\[3(, 1)?\].*\); compose it of "
        r"differentiable functions .*, define its derivative with custom_vjp, or pass stop_grad",
    )


def test_operations_without_a_rule_take_plain_arrays():
    under_trace(lambda t: array_namespace(t).median(X))


def test_an_argument_without_a_rule():
    with pytest.raises(
        TypeError, match=r"gammainc has no derivative rule for its argument 0 .* wrap"
    ):
        grad(lambda a: ag.gammainc(a, 1.5))(2.0)
    assert grad(lambda a: ag.gammainc(ag.stop_gradient(a), a))(2.0) > 0


def test_names_that_the_library_lacks():
    refused(lambda t: array_namespace(t).softmax(t), "has no 'softmax'", error=AttributeError)


def test_a_traced_index():
    refused(
        lambda t: t[t], "an index must be whole numbers or booleans, got a traced array of dtype"
    )
    refused(lambda t: array_namespace(t).take(t, t), "an index has no derivative: compute it from")
    refused(lambda t: ag.at_add(X, t, 1.0), "a soft selection")
    refused(lambda t: X[t], "cannot|only integers", error=(TypeError, IndexError))
    refused(lambda t: t[: t[0]], "cannot make a Python number of")


@pytest.mark.parametrize(
    "call, message",
    [
        (
            lambda xp, t: ag.split(t, [1, 1]),
            r"split: sizes \[1, 1\] do not add up to the 3 entries",
        ),
        (lambda xp, t: ag.split(t, [4, -1]), r"split: sizes \[4, -1\] do not add up"),
        (lambda xp, t: ag.pad(t, [(1, 1), (0, 1)]), "pad: expected one .* each of 1 axes"),
        (lambda xp, t: ag.topk(t, 4), "topk: expected 0 <= k <= 3, got 4"),
        (lambda xp, t: xp.take(t[:, None], np.arange(1)), r"take: name the axis .* \(3, 1\)"),
        (lambda xp, t: xp.cumulative_sum(t[:, None]), r"cumulative_sum: name the axis"),
        (lambda xp, t: xp.cumulative_prod(t[:, None]), r"cumulative_prod: name the axis"),
        (lambda xp, t: ag.vector_norm(t, ord=1), "vector_norm: expected ord=2, got 1"),
    ],
)
def test_wrong_options_name_what_was_expected(call, message):
    refused(lambda t: call(array_namespace(t), t), message, error=ValueError)
    with pytest.raises(ValueError, match=message):  # and without a trace
        call(array_namespace(X) if "cumul" not in message and "take" not in message
             else ag.libraries.library("numpy").traced, X)  # fmt: skip
