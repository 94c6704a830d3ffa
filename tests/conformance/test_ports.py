"""No false alarms: right implementations in other frameworks pass, in float64 and in float32."""

from dataclasses import replace

import pytest
from ported_methods import namespace

from refimpl.conformance.check import check_target
from refimpl.conformance.frameworks.on_jax import quick_compilation
from refimpl.conformance.report import text_report
from refimpl.conformance.selection import Options
from refimpl.conformance.target import Target, implementations_in

METHODS = [claim.entry for claim in implementations_in(namespace("refimpl"))]
OFFERED = {"distributions.probability": "logistic", "tnorms.t_norm": "[!hfyadm]*"}  # of many laws
torch = pytest.mark.framework("torch", "array_api_compat")
jax = pytest.mark.framework("jax")


def passes(framework, method, claimed=(), invariants=True, **options):
    """Check some cases of the method, and some of its float32 cases."""
    (claim,) = (c for c in implementations_in(namespace(framework)) if c.entry == method)
    claim = replace(claim, **dict(claimed))
    if not invariants:
        options["levels"] = ("values", "vjp", "jvp", "second_order", "edge", "dtypes")
    target = Target("ported.py", (claim,), "ported.py")
    known = OFFERED.get(method, "")
    for cases in (f"{method}/{known}*[!2]", f"{method}/{known}*float32*"):
        report = check_target(target, Options(cases=cases, **options))
        assert report.failures == [], text_report(report)
        assert sum(outcome.status == "pass" for outcome in report.outcomes) > 0


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "framework, seed",
    [("refimpl", 1), pytest.param("torch", 0, marks=torch), pytest.param("torch", 7, marks=torch)],
)
def test_a_right_port_passes_every_comparison(framework, seed, method):
    passes(framework, method, seed=seed, max_cases=16)


@jax
@pytest.mark.parametrize("method", [name for name in METHODS if name != "sorting.sinkhorn"])
def test_a_right_port_to_jax_has_the_right_values_and_gradients(method):
    claimed = {"checks": ("values", "vjp"), "jit": True}
    passes("jax", method, claimed, invariants=False, max_cases=1)


@jax
@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_a_right_port_to_jax_passes_every_comparison(method):
    """Compiled as plain code, for XLA's optimizations take more time than all comparisons."""
    with quick_compilation():  # the many iterations of Sinkhorn are one long program
        passes("jax", method, {"jit": method != "sorting.sinkhorn"}, max_cases=4)
