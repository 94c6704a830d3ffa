import functools
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refimpl.autograd import array_namespace, relu, sort, vector_norm
from refimpl.autograd.numerics import GradientError, Report, check_grads

RNG = np.random.default_rng(5)
W = RNG.normal(size=(4, 4))
X = RNG.normal(size=(4, 4))


def waves(x):
    return array_namespace(x).sum(array_namespace(x).sin(x) * W)


def waves_gradient(x):
    return np.cos(x) * W


def softmax(x):
    xp = array_namespace(x)
    e = xp.exp(x)
    return e / xp.sum(e, axis=-1, keepdims=True)


def network(params, x):
    xp = array_namespace(x)
    hidden = xp.tanh(x @ params["in"]["w"] + params["in"]["b"])
    return {"y": hidden @ params["out"], "norms": vector_norm(hidden, axis=-1), "batch": x.shape[0]}


def network_arguments(dtype=np.float64, width=3):
    inner = {"w": RNG.normal(size=(2, width)).astype(dtype), "b": np.ones(width, dtype)}
    out = RNG.normal(size=(width, 2)).astype(dtype)
    return {"in": inner, "out": out}, RNG.normal(size=(5, 2)).astype(dtype)


def only(report):
    (finding,) = report.findings
    return finding


# --- right derivatives --------------------------------------------------------------------------


@pytest.mark.parametrize("f", [waves, softmax, lambda x: [x * x, softmax(x)[0, ...]]])
def test_right_derivatives_pass_every_check(f):
    report = check_grads(f, X, order=2)
    assert report.ok, report
    assert report
    assert report.raise_if_failed() is report
    done = {name for name, count in report.compared.items() if count}
    first = {"inputs", "value", "form", "vjp", "jvp", "adjoint", "linearity", "zero", "repeatable"}
    assert done == first | {"second", "symmetry"}
    assert report.notes == []


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("width", [3, 100])
def test_containers_of_small_and_large_arrays_in_both_precisions_pass(dtype, width):
    report = check_grads(network, network_arguments(dtype, width), order=2)
    assert report.ok, report
    assert report.compared["vjp"] >= 8
    rtol = "1e-08" if dtype == np.float64 else "0.0001"
    assert f"rtol {rtol}" in report.tolerance


def test_a_gradient_written_by_hand_is_checked_without_a_framework():
    def f(x):
        return float(np.sum(np.sin(x) * W))  # not written for the engine

    assert check_grads(f, X, grad=waves_gradient)
    assert not check_grads(f, X, grad=lambda x: np.sin(x) * W)


def test_hand_written_vjp_jvp_and_hvp_are_checked():
    x, w = X[0], W[1]

    def f(x, w):
        return {"product": x * w, "count": 3}

    def vjp(args, g):
        x, w = args
        assert g["count"] is None
        return g["product"] * w, g["product"] * x

    def jvp(args, tangents):
        return {"product": tangents[0] * args[1] + args[0] * tangents[1]}

    def hvp(args, g, tangents):
        return g["product"] * tangents[1], g["product"] * tangents[0]

    report = check_grads(f, (x, w), vjp=vjp, jvp=jvp, hvp=hvp, order=2)
    assert report.ok, report
    assert report.source == "the vjp given and the jvp given and the hvp given"
    assert report.compared["second"] > 0


def test_arguments_that_are_not_differentiated_are_passed_on():
    def f(x, index, scale, w):
        return scale * array_namespace(x).take(x, index, axis=0) * w

    index = np.array([2, 0, 0])
    assert check_grads(f, (X, index, 2.5, W[:3].tolist()[0]), argnums=0)
    assert check_grads(f, (X, index, 2, W[0]))
    assert check_grads(f, (X, index, 2.5, W[0]), argnums=(0, -1))


@pytest.mark.parametrize("shape", [(), (1,), (0,), (2, 0, 3)])
def test_scalars_and_empty_arrays_are_fine(shape):
    assert check_grads(lambda x: x * x, np.full(shape, 0.5), order=2)


# --- planted mistakes ---------------------------------------------------------------------------

MISTAKES = {
    "sign": ("sign", lambda g: -g),
    "factor 2": ("factor", lambda g: 2 * g),
    "mean instead of sum": ("factor", lambda g: g / 16),
    "transposed": ("transposed", lambda g: g.T),
    "detached": ("zero", lambda g: 0 * g),
    "detached in one row": ("zero_slices", lambda g: g * np.array([[1.0], [1.0], [0.0], [1.0]])),
    "permuted": ("permuted", lambda g: g[[2, 0, 1, 3]]),
    "flipped": ("flipped", lambda g: g[:, ::-1]),
    "shifted": ("rolled", lambda g: np.roll(g, 1, axis=0)),
    "missing constant": ("offset", lambda g: g + 0.25),
    "missing mean": ("offset", lambda g: g - g.mean(axis=0)),
    "NaN": ("not_a_number", lambda g: np.where(g > 0, np.nan, g)),
    "shape": ("reshaped", lambda g: g.ravel()),
}


@pytest.mark.parametrize("full", [64, 0])
@pytest.mark.parametrize("name", MISTAKES)
def test_each_planted_mistake_is_found_and_named(name, full):
    kind, mistake = MISTAKES[name]
    report = check_grads(waves, X, grad=lambda x: mistake(waves_gradient(x)), full=full)
    assert not report.ok
    finding = report.findings[0]
    if name == "shape":
        assert finding.check == "form"
        expected_hints = [kind] if full else []
        assert [hint.kind for hint in finding.hints] == expected_hints
        return
    assert (finding.check, finding.input, finding.output) == ("vjp", "x", "output")
    assert [hint.kind for hint in finding.hints] == [kind]
    right, wrong = waves_gradient(X), mistake(waves_gradient(X))
    where = finding.comparison.index
    assert finding.comparison.expected == pytest.approx(right[where], rel=1e-6)
    np.testing.assert_equal(finding.comparison.actual, wrong[where])
    assert "differences: smooth, derivative" in finding.verdict
    assert "the engine agrees" in finding.verdict
    assert "the grad given disagrees" in finding.verdict


def test_a_sum_over_the_wrong_axis_of_a_broadcast_is_named():
    def f(x, b):
        return array_namespace(x).sum(x * b)

    def vjp(args, g):
        x, b = args
        return g * b * np.ones_like(x), g * x

    finding = check_grads(f, (X, W[0]), vjp=vjp).findings[0]
    assert finding.check == "form"
    assert "shape (4, 4) instead of shape (4,)" in finding.message
    assert [hint.kind for hint in finding.hints] == ["not_reduced"]


def test_one_wrong_element_among_thousands_is_located():
    x = RNG.normal(size=(50, 60))

    def gradient(x):
        g = 2 * x
        g[17, 23] += 0.5
        return g

    finding = only(check_grads(lambda x: array_namespace(x).sum(x * x), x, grad=gradient))
    assert finding.comparison.index == (17, 23)
    assert finding.comparison.exceeding == 1
    assert finding.comparison.absolute == pytest.approx(0.5)


def test_large_arrays_get_the_hints_that_need_no_shape():
    x = RNG.normal(size=(40, 40))

    def f(x):
        return array_namespace(x).sum(x * x)

    for kind, factor in {"sign": -2, "zero": 0, "factor": 1}.items():
        finding = only(check_grads(f, x, grad=lambda x, c=factor: c * x))
        assert [hint.kind for hint in finding.hints] == [kind]
    assert only(check_grads(f, x, grad=lambda x: 2 * x[::-1])).hints == ()


def test_a_factor_is_named_after_the_parameter_that_it_equals():
    def f(x, steepness):
        return array_namespace(x).sum(array_namespace(x).tanh(steepness * x))

    def gradient(x, steepness):
        return 1 - np.tanh(steepness * x) ** 2

    for call in (
        lambda: check_grads(f, (X, 3), grad=gradient),
        lambda: check_grads(
            functools.partial(f, steepness=3),
            X,
            grad=functools.partial(gradient, steepness=3),
        ),
        lambda: check_grads(
            lambda x: f(x, 3), X, grad=lambda x: gradient(x, 3), parameters={"steepness": 3}
        ),
    ):
        (hint,) = only(call()).hints
        assert hint.text.endswith("one over steepness")


def test_the_mistake_is_placed_in_the_right_output_and_input():
    def f(a, b):
        return {"first": a * b, "second": [a + b]}

    def vjp(args, g):
        a, b = args
        return g["first"] * b + g["second"][0], g["first"] * a + 2 * g["second"][0]

    finding = only(check_grads(f, ({"p": X[0]}["p"], W[0]), vjp=vjp))
    assert (finding.output, finding.input) == ("output['second'][0]", "b")


def test_wrong_forward_mode_is_found_beside_a_right_backward_mode():
    report = check_grads(
        softmax,
        X,
        vjp=lambda args, g: softmax(args[0]) * (g - (g * softmax(args[0])).sum(-1, keepdims=True)),
        jvp=lambda args, v: softmax(args[0]) * v[0],
    )
    finding = only(report)
    assert finding.check == "jvp"
    assert "the engine agrees" in finding.verdict


def test_derivatives_of_inexact_functions_still_have_to_be_adjoint():
    def f(x):  # rounds to float32, so that differences cannot see one part in a thousand
        return np.sum(x**3).astype(np.float32)

    def jvp(args, tangents):
        return np.sum(3 * args[0] ** 2 * tangents[0]).astype(np.float32)

    exact = check_grads(f, X, grad=lambda x: 3 * x**2, jvp=jvp)
    assert exact.ok, exact
    assert "inexact" in exact.tolerance
    finding = only(check_grads(f, X, grad=lambda x: 3.003 * x**2, jvp=jvp))
    assert finding.check == "adjoint"


def test_a_function_that_hides_float32_is_noticed():
    def f(x):
        return np.sum(np.asarray(x, np.float32) ** 3).astype(np.float64)

    report = check_grads(f, X, grad=lambda x: 3 * x**2)
    assert report.ok, report
    assert any("relative precision" in note for note in report.notes)
    assert not check_grads(f, X, grad=lambda x: 3.3 * x**2)


def test_a_wrong_second_derivative_is_found():
    def hvp(args, g, tangents):
        return np.cos(args[0]) * W * tangents[0]  # of the gradient it should be -sin

    report = check_grads(waves, X, grad=waves_gradient, hvp=hvp, order=2)
    assert [finding.check for finding in report.findings] == ["second"]

    def skew(args, g, tangents):
        return -np.sin(args[0]) * W * tangents[0] + np.roll(tangents[0], 1)

    report = check_grads(waves, X, grad=waves_gradient, hvp=skew, order=2)
    assert {finding.check for finding in report.findings} == {"second", "symmetry"}


# --- properties of the pull-back and of the function --------------------------------------------


def vjp_of_square(args, g):
    return 2 * args[0] * g


@pytest.mark.parametrize(
    "check, vjp",
    [
        ("linearity", lambda args, g: 2 * args[0] * np.clip(g, -1.5, 1.5)),
        ("zero", lambda args, g: 2 * args[0] * g + 1e-13),
        ("form", lambda args, g: (2 * args[0] * g).astype(np.float32)),
        ("form", lambda args, g: None),
        ("form", lambda args, g: (2 * args[0] * g, args[0])),
    ],
)
def test_properties_of_the_pull_back_are_checked(check, vjp):
    x = RNG.uniform(1, 2, size=5)
    report = check_grads(lambda x: x * x, x, vjp=vjp, seed=1)
    assert check in [finding.check for finding in report.findings]


def test_a_backward_pass_that_varies_is_found():
    calls = []

    def vjp(args, g):
        calls.append(1)
        return 2 * args[0] * g * (1 + 1e-15 * len(calls))

    report = check_grads(lambda x: x * x, X[0], vjp=vjp)
    assert [finding.check for finding in report.findings] == ["repeatable"]


def test_a_function_that_varies_is_found_before_anything_else():
    rng = np.random.default_rng(0)
    finding = only(check_grads(lambda x: x * rng.normal(), X))
    assert finding.check == "value"
    assert "two calls give two values" in finding.message


def test_a_function_that_writes_to_its_input_is_found():
    def f(x):
        x *= 2.0
        return x

    x = X.copy()
    report = check_grads(f, x, vjp=lambda args, g: 2 * g)
    assert [finding.check for finding in report.findings] == ["inputs"]
    assert np.array_equal(x, X)


# --- kinks, singular points, ties ---------------------------------------------------------------


@pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 1.0])
def test_at_a_kink_any_admissible_gradient_is_accepted_and_noted(share):
    def top(x):
        return np.max(x)

    def gradient(x):
        return np.array([0.0, share, 1 - share])

    report = check_grads(top, np.array([1.0, 3.0, 3.0]), grad=gradient)
    assert report.ok, report
    (note,) = report.notes
    assert note.startswith("kink: derivatives of output with respect to x that lie between")
    assert note.endswith("accepted; x[1] and x[2] are both 3")


def test_at_a_kink_other_gradients_are_refused_with_the_interval():
    x = np.array([1.0, 3.0, 3.0])
    report = check_grads(np.max, x, grad=lambda x: np.array([0.0, 0.5, 1.5]))
    finding = only(report)
    assert finding.comparison.index == (2,)
    assert "kink, admissible [0, 1]" in re.sub(r"\S*e-\d+", "0", finding.verdict)
    assert finding.ties


def test_elements_that_are_admissible_alone_but_not_together_are_refused():
    x = np.array([1.0, 3.0, 3.0])
    finding = only(check_grads(np.max, x, grad=lambda x: np.array([0.0, 1.0, 1.0])))
    assert "no single element" in finding.message
    assert finding.comparison.actual == pytest.approx(2.0)
    assert finding.comparison.expected == pytest.approx(1.0)
    assert finding.draw == "kinks (1, 2)"


TIED = {
    "sort": sort,
    "maximum": lambda x: array_namespace(x).max(x),
    "weighted sort": lambda x: array_namespace(x).sum(sort(x) * np.arange(1.0, x.size + 1) ** 2),
    "differences": lambda x: array_namespace(x).abs(x[1:] - x[:-1]),
    "clip": lambda x: array_namespace(x).clip(x, 0.0, 1.0),
}


@pytest.mark.parametrize("name", TIED)
@given(x=st.lists(st.integers(0, 2), min_size=2, max_size=6), full=st.sampled_from([0, 64]))
@settings(max_examples=20)
def test_ties_of_any_number_of_elements_are_no_reason_for_a_finding(name, x, full):
    report = check_grads(TIED[name], np.array(x, dtype=float), full=full)
    assert report.ok, report


def test_the_gradient_of_a_piece_that_no_step_along_an_axis_shows_is_admissible():
    weights = np.array([0.0, 10.0, 1.0])
    orders = {"first": [0, 1, 2], "last": [2, 1, 0], "other": [1, 2, 0]}
    for order in orders.values():
        gradient = weights[order]
        report = check_grads(
            lambda x: np.sort(x) @ weights, np.ones(3), grad=lambda x, g=gradient: g
        )
        assert report.ok, report
    outside = np.array([11.0, 0.0, 0.0])
    assert not check_grads(lambda x: np.sort(x) @ weights, np.ones(3), grad=lambda x: outside)


@pytest.mark.parametrize("value, right", [(0.0, True), (0.7, True), (1.5, False)])
def test_kinks_in_large_arrays_are_judged_by_element(value, right):
    x = RNG.normal(size=(30, 30))
    x[4, 5] = x[20, 7] = 0.0

    def gradient(x):
        g = (x > 0).astype(float)
        g[20, 7] = value
        return g

    report = check_grads(lambda x: array_namespace(x).sum(relu(x)), x, grad=gradient)
    assert report.ok is right
    if right:
        assert any(note.startswith("kink") for note in report.notes)
    else:
        assert only(report).comparison.index == (20, 7)
        assert "kink" in only(report).verdict


@pytest.mark.parametrize(
    "f, x",
    [
        (lambda x: sort(x), [1.0, 2.0, 1.0, 0.5]),
        (lambda x: relu(x), [0.0, -1.0, 2.0]),
        (lambda x: array_namespace(x).abs(x), [0.0, -1.0, 2.0]),
        (lambda x: vector_norm(x), [0.0, 0.0]),
        (lambda x: array_namespace(x).max(x, axis=-1), [[1.0, 1.0], [2.0, 3.0]]),
    ],
)
def test_the_conventions_of_the_engine_at_kinks_are_admissible(f, x):
    report = check_grads(f, np.array(x))
    assert report.ok, report
    assert any(note.startswith("kink") for note in report.notes)


@pytest.mark.parametrize("f", [np.sqrt, np.cbrt, np.floor])
def test_at_a_singular_point_nothing_is_decided_and_that_is_noted(f):
    def vjp(args, g):
        return g * 123.0 * np.array([1.0, 0.0])

    report = check_grads(lambda x: f(x) * np.array([1.0, 0.0]), np.array([0.0, 1.0]), vjp=vjp)
    assert report.ok, report
    assert any(note.startswith("singular") for note in report.notes)


def test_an_infinite_slope_times_zero_is_not_a_finding():
    assert check_grads(lambda x: array_namespace(x).sqrt(x), np.array([0.0, 2.0]))


def test_the_trap_of_where_is_a_finding():
    def f(x):
        xp = array_namespace(x)
        return xp.where(x > 0, xp.sqrt(x), 0 * x)

    finding = check_grads(f, np.array([-1.0, 2.0])).findings[0]
    assert np.isnan(finding.comparison.actual)
    assert finding.comparison.expected == pytest.approx(0.0, abs=1e-9)
    assert [hint.kind for hint in finding.hints] == ["not_a_number"]


def test_an_infinite_output_does_not_hide_the_others():
    def f(x):
        return np.stack([np.log(x[0]), x[0] * x[1]])

    def vjp(args, g):
        x = args[0]
        assert g[0] == 0.0
        return np.array([g[1] * x[1], 2 * g[1] * x[0]])

    x = np.array([0.0, 2.0])
    assert check_grads(f, x, vjp=vjp)
    finding = only(check_grads(f, x, vjp=lambda args, g: 2 * vjp(args, g)))
    assert finding.comparison.index == (0,)


def test_outputs_that_are_not_finite_are_left_out_and_noted():
    report = check_grads(lambda x: array_namespace(x).log(x), np.array([0.0, 2.0]))
    assert report.ok, report
    assert "1 elements of the output are not finite and are left out" in report.notes


# --- the report ---------------------------------------------------------------------------------


def test_the_report_says_what_where_who_and_how_to_see_it_again():
    report = check_grads(waves, X, grad=lambda x: -waves_gradient(x), seed=7, argnums=0)
    text = str(report)
    assert text.startswith("waves, differentiated by the grad given: 1 finding\n")
    assert "vjp of output by x: wrong gradient\n" in text
    assert "16 of 16 exceed the tolerance; worst at [" in text
    assert "ULP" in text
    assert "hint: every element has the opposite sign" in text
    assert "draw: cotangent of output, basis vector 0" in text
    assert text.endswith("replay: check_grads(waves, args, argnums=0, grad=..., seed=7)")
    assert isinstance(report, Report)
    assert not report.ok
    with pytest.raises(GradientError, match="opposite sign"):
        report.raise_if_failed()


def test_the_same_seed_gives_the_same_report():
    def check(seed):
        return str(check_grads(softmax, X, vjp=lambda args, g: softmax(args[0]) * g, seed=seed))

    assert check(3) == check(3)
    assert check(3).replace("seed=3", "seed=4") != check(4)


def test_a_mode_that_is_asked_for_must_run():
    def jvp(args, tangents):
        raise NotImplementedError("no forward mode")

    report = check_grads(waves, X, grad=waves_gradient, jvp=jvp)
    assert report.ok
    assert "jvp not checked: NotImplementedError: no forward mode" in report.notes
    with pytest.raises(NotImplementedError, match="no forward mode"):
        check_grads(waves, X, grad=waves_gradient, jvp=jvp, modes=("vjp", "jvp"))


@pytest.mark.parametrize(
    "options, error, message",
    [
        ({"f": 3}, TypeError, "expected a function, got int: 3"),
        ({"f": lambda x: None}, TypeError, "returned None: expected floating-point arrays"),
        ({"f": lambda x: [1, "a"]}, TypeError, r"returned \['int', 'str'\]"),
        ({"args": np.arange(3)}, TypeError, "no argument holds floating-point arrays only: int64"),
        ({"args": ()}, TypeError, "no argument holds floating-point arrays only: none"),
        ({"args": np.arange(3), "argnums": 0}, TypeError, "x: cannot differentiate .* dtype int64"),
        ({"args": {"a": 1j}, "argnums": 0}, TypeError, r"x\['a'\]: cannot differentiate"),
        ({"argnums": 1}, ValueError, r"argnums \[1\]: there are 1 arguments"),
        ({"rtol": -1e-3}, ValueError, "rtol -0.001: expected a number that is not negative"),
        ({"atol": -1}, ValueError, "atol -1"),
        ({"draws": 0}, ValueError, "draws 0: expected a whole number of at least 1"),
        ({"order": 3}, ValueError, "order 3: expected 1 or 2"),
        ({"modes": "jvps"}, ValueError, "modes 'jvps': expected 'vjp', 'jvp' or both"),
        ({"framework": "tf"}, ValueError, "framework 'tf': expected one of engine, torch, jax"),
        (
            {"f": lambda x: x, "grad": np.cos},
            ValueError,
            "grad= is for functions that return a num",
        ),
    ],
)
def test_bad_arguments_are_refused_by_name(options, error, message):
    def waves_of(x):
        return waves(x)

    call = {"f": waves_of, "args": X, **options}
    with pytest.raises(error, match=message):
        check_grads(**call)
