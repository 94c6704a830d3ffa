import numpy as np
import pytest
from checked_functions import (
    W,
    X,
    network,
    network_arguments,
    only,
    softmax,
    waves,
    waves_gradient,
)

from refimpl.autograd import array_namespace
from refimpl.autograd.numerics import GradientError, Report, check_grads


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
    x = np.random.default_rng(0).uniform(1, 2, size=5)
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
