"""float16 and bfloat16: right implementations pass, wrong ones are found, formats are kept."""

import json
from dataclasses import replace
from fnmatch import fnmatch
from pathlib import Path

import numpy as np
import pytest
from ported_methods import namespace, source

import refimpl
from refimpl import autograd as ag
from refimpl.cli import main
from refimpl.conformance import low_precision
from refimpl.conformance.check import check_target
from refimpl.conformance.low_precision import round_to, rounded
from refimpl.conformance.patterns import pattern_hint
from refimpl.conformance.report import text_report
from refimpl.conformance.selection import Options
from refimpl.conformance.target import Implementation, Target, implementations_in
from refimpl.spec import Case, all_entries, find

torch = pytest.mark.framework("torch", "array_api_compat")
FORMATS = [
    ("refimpl", "float16"),
    pytest.param("torch", "float16", marks=torch),
    pytest.param("torch", "bfloat16", marks=torch),
]


def report_on(framework, dtype, *changes, method="*", **options):
    claims = implementations_in(namespace(framework, *changes))
    target = Target("ported.py", claims, "ported.py")
    return check_target(target, Options(dtype=dtype, methods=(method,), **options))


def passes_in_format(report, least):
    assert report.failures == [], text_report(report)
    assert sum(outcome.status == "pass" for outcome in report.outcomes) >= least
    assert set(report.counts()) == {"dtypes"}


@pytest.mark.parametrize("framework, dtype", FORMATS)
def test_right_ports_of_all_methods_pass_at_some_cases(framework, dtype):
    passes_in_format(report_on(framework, dtype, max_cases=12), least=80)


@pytest.mark.slow
@pytest.mark.parametrize("framework, dtype", FORMATS)
@pytest.mark.parametrize("seed", [0, 5])
def test_right_ports_of_all_methods_pass(framework, dtype, seed):
    passes_in_format(report_on(framework, dtype, seed=seed), least=120)


@pytest.mark.framework("jax")
def test_a_right_port_to_jax_passes_at_a_case():
    passes_in_format(report_on("jax", "bfloat16", method="logic.group_sum", max_cases=2), least=2)


@pytest.mark.framework("jax")
@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("method", ["sorting.soft_sort", "logic.gate_mixture"])
def test_right_ports_to_jax_pass(method, dtype):
    passes_in_format(report_on("jax", dtype, method=method, max_cases=6), least=2)


MISTAKES = [
    ("sorting.soft_sort", "gap = order[", "gap = stop_gradient(order)[", "gradient"),
    ("logic.group_sum", "sums / tau + beta if", "sums * tau + beta if", "output scores"),
    ("sorting.sorting_network", "steepness * (b - a)", "steepness * (a - b)", "output sorted"),
]


@pytest.mark.parametrize("framework, dtype", FORMATS)
@pytest.mark.parametrize("method, old, new, words", MISTAKES)
def test_mistakes_are_found(framework, dtype, method, old, new, words):
    report = report_on(framework, dtype, (old, new), method=method, max_cases=12)
    text = text_report(report)
    assert report.failures
    assert words in text
    assert f"refimpl check ported.py --dtype {dtype} --case {method}/" in text


@pytest.mark.parametrize("framework, dtype", FORMATS)
def test_results_in_another_format_are_found(framework, dtype):
    wide = ("return xp.stack(wires, axis=-1), xp", "return xp.astype(wires[0], xp.float32), xp")
    report = report_on(framework, dtype, wide, method="sorting.sorting_network", max_cases=12)
    assert f"returned float32 for inputs in {dtype}" in text_report(report)


def test_gradients_in_bfloat16_are_not_asked_of_the_engine():
    report = report_on("refimpl", "bfloat16", method="sorting.soft_sort")
    reasons = {outcome.message for outcome in report.outcomes}
    assert reasons == {
        "refimpl.autograd has no bfloat16",
        "left out by the implementation (checks=)",
    }


def group_sum(x, *, k, tau=1.0, beta=0.0, offset="after"):
    sums = np.sum(np.reshape(x, (*x.shape[:-1], k, x.shape[-1] // k)), axis=-1)
    return (sums + x.dtype.type(beta * (1 if offset == "before" else tau))) / x.dtype.type(tau)


def pull(cotangents, x, *, k, tau=1.0, **others):
    assert cotangents["scores"].dtype == x.dtype
    return {"x": np.repeat(cotangents["scores"] / x.dtype.type(tau), x.shape[-1] // k, axis=-1)}


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("factor", [1, -1])
def test_numpy_gets_and_returns_the_format_in_its_own_gradient_too(dtype, factor):
    if dtype == "bfloat16":
        pytest.importorskip("ml_dtypes", reason="needs ml_dtypes")
    claim = Implementation(
        "logic.group_sum",
        group_sum,
        "numpy",
        vjp=lambda *args, **others: {"x": factor * pull(*args, **others)["x"]},
    )
    report = check_target(Target("own.py", (claim,), None), Options(dtype=dtype))
    assert bool(report.failures) == (factor == -1)
    assert sum(o.check == "vjp" and o.status in ("pass", "fail") for o in report.outcomes) >= 4


def test_numbers_are_rounded_to_the_nearest_of_the_format():
    x = np.array([1.0, 1 + 2.0**-8, 1 + 3 * 2.0**-8, -3.14159, 1e-3, np.inf])
    expected = [1.0, 1.0, 1 + 2.0**-6, -3.140625, 0.00099945068359375, np.inf]
    assert round_to(x, "bfloat16").tolist() == expected
    assert round_to(x, "float16").tolist() == x.astype(np.float16).astype(float).tolist()
    assert round_to(np.array([1, 2]), "float16").dtype.kind == "i"
    assert np.isnan(round_to(np.array([np.nan]), "bfloat16")).all()


def test_only_smooth_cases_that_say_something_are_run():
    entry = find("sorting.sorting_network")
    wanted = ("ties-cauchy", "odd_even-cauchy-n3", "odd_even-cauchy-n3-float32")
    known = {c.name: c for c in entry.generate()}
    cases = {name: rounded(entry, known[name], "bfloat16") for name in wanted if name in known}
    assert len(cases) >= 2
    assert [name for name, case in cases.items() if case is not None] == ["odd_even-cauchy-n3"]


def test_what_the_format_cannot_hold_is_left_out_and_new_ties_are_kinks():
    entry = find("sorting.soft_sort")

    def at(*x):
        return rounded(entry, Case("made", {"x": np.array(x)}, {"temperature": 1.0}), "float16")

    assert at(1.0, 70000.0) is None
    assert at(1.0, 2.0).kind == "smooth"
    assert at(1.0, 1.0001).kind == "kink"


def moments_by_cancellation(mean, std):
    """Those of max(0, N(mean, std^2)), the variance as a difference of large numbers."""
    z = mean / std
    phi, density = ag.ndtr(z), ag.array_namespace(z).exp(-z * z / 2) / np.sqrt(2 * np.pi)
    first = z * phi + density
    return std * first, std * std * ((z * z + 1) * phi + z * density - first * first)


def test_what_the_definition_itself_loses_in_the_format_is_allowed():
    entry = replace(find("training.relu_moments"), function=moments_by_cancellation)
    (case,) = (c for c in entry.generate() if c.name == "far")
    near = {dtype: rounded(entry, case, dtype) for dtype in low_precision.DTYPES}
    assert near["float16"].checks == ("values", "vjp")
    assert near["bfloat16"].checks == ("values",), "too little is left of the gradient"
    for dtype, allowed in near.items():
        assert allowed.tolerance.atol > 2 * low_precision.FORMATS[dtype].atol


def test_an_error_of_a_format_is_no_opposite_sign():
    right = np.array([0.1, 0.2, 0.7])
    case = Case("a", {"x": right})
    got = right * [1.1, 0.9, 0.5]
    assert pattern_hint(got, right, low_precision.FORMATS["bfloat16"], case, "vjp") == ("", "")
    assert (
        "opposite sign"
        in pattern_hint(-right, right, low_precision.FORMATS["bfloat16"], case, "vjp")[1]
    )


def test_a_gradient_that_rounding_the_inputs_changes_is_not_compared():
    entry = find("sorting.soft_step")
    steep = Case("made", {"x": np.array([1.0])}, {"softness": 0.05})
    assert rounded(entry, steep, "bfloat16").checks == ("values",)
    assert "vjp" in rounded(entry, Case("made", {"x": np.array([0.01])}, {}), "bfloat16").checks


@pytest.mark.xdist_group("processes")
def test_processes_and_replayed_cases_keep_the_format(tmp_path, capsys, monkeypatch):
    monkeypatch.syspath_prepend(Path(refimpl.__file__).parents[1])  # new processes look for it
    path, written = tmp_path / "ported.py", tmp_path / "report.json"
    path.write_text(source("refimpl", MISTAKES[1][1:3]))
    command = ["check", str(path), "--dtype", "float16", "--json", str(written)]
    assert main([*command, "--method", "logic.group_sum", "--jobs", "2"]) == 1
    failed = [o for o in json.loads(written.read_text())["outcomes"] if o["status"] == "fail"]
    assert f"--dtype float16 --case {failed[0]['entry']}" in capsys.readouterr().out
    assert main([*command, "--replay", failed[0]["id"]]) == 1
    again = [o for o in json.loads(written.read_text())["outcomes"] if o["status"] == "fail"]
    assert again[0]["numbers"] == failed[0]["numbers"]


def test_a_format_needs_a_target_and_a_known_name(capsys):
    assert main(["check", "--dtype", "float16"]) == 2
    assert "--dtype: expected a target" in capsys.readouterr().err
    assert main(["check", "diffsort", "--dtype", "float8"]) == 2
    assert "invalid choice: 'float8'" in capsys.readouterr().err


BEYOND = {  # methods whose definition, as it is written, does not hold in float16, and why
    "logic.logic_convolution": "scipy.sparse has no float16",
    "rendering.laplacian_loss": "float64 where there is no mesh",
    **dict.fromkeys(
        (
            *(f"operations.{name}" for name in ("cholesky", "det", "eigvalsh", "inv")),
            *(f"operations.{name}" for name in ("slogdet", "solve", "solve_triangular")),
            "sorting.transport_*",
            "training.gaussian_negative_log_likelihood",
            "training.inject_*",
            "training.isaac_*",
            "training.newton_*",
            "training.smooth",
            "training.smoothed_covariance",
            "training.smoothing_estimate",
            "training.tract_linear",
        ),
        "numpy.linalg has no float16",
    ),
}


def test_the_definitions_themselves_hold_in_float16():
    found = {}
    for name, entry in all_entries().items():
        if not any(fnmatch(name, pattern) for pattern in BEYOND):
            claim = Implementation(name, entry.call or entry.function, "refimpl")
            options = Options(dtype="float16", max_cases=4)
            report = check_target(Target("own.py", (claim,), None), options)
            found[name] = [(o.case, o.subject, o.message) for o in report.failures]
    assert len(found) > 95
    assert {name: failures for name, failures in found.items() if failures} == {}
