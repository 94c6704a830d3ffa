"""Adapters of the engine's operations: HIPS autograd, JAX and PyTorch, by their own functions."""

import importlib.util

import pytest

from refimpl.conformance.adapters import hips_autograd, jax_numpy, torch_functions
from refimpl.conformance.check import Options, check_target
from refimpl.conformance.frameworks.on_jax import quick_compilation
from refimpl.conformance.loading import adapters, load
from refimpl.conformance.report import text_report
from refimpl.conformance.target import implementations_in
from refimpl.spec import all_entries

LIBRARIES = {
    "hips_autograd": hips_autograd,
    "jax_numpy": jax_numpy,
    "torch_functions": torch_functions,
}
autograd, jax, torch = (pytest.mark.framework(name) for name in ("autograd", "jax", "torch"))
NAMES = [
    pytest.param("hips_autograd", marks=autograd),
    pytest.param("torch_functions", marks=torch),
    pytest.param("jax_numpy", marks=jax),
]


@pytest.mark.parametrize("name", LIBRARIES)
def test_every_operation_is_in_the_table_of_every_library(name):
    assert name in adapters()
    claims = implementations_in(vars(LIBRARIES[name]))
    operations = [entry for entry in all_entries() if entry.startswith("operations.")]
    assert sorted(claim.entry for claim in claims) == operations
    assert all(claim.label == claim.entry.partition(".")[2] for claim in claims)


def checked(name, **options):
    report = check_target(load(name), Options(**options))
    assert report.failures == [], text_report(report)
    return report


@autograd
def test_hips_autograd_differs_only_where_a_reason_is_given():
    report = checked("hips_autograd", max_cases=3)
    assert sum(outcome.status == "pass" for outcome in report.outcomes) > 300


@torch
def test_torch_differs_only_where_a_reason_is_given():
    report = checked("torch_functions", max_cases=3)
    assert sum(outcome.status == "pass" for outcome in report.outcomes) > 500


@jax
def test_jax_differs_only_where_a_reason_is_given():
    report = checked("jax_numpy", methods=("operations.clip", "operations.maximum"), max_cases=2)
    assert sum(outcome.status == "pass" for outcome in report.outcomes) > 8


@jax
@pytest.mark.slow
def test_jax_differs_only_where_a_reason_is_given_in_every_operation():
    with quick_compilation():
        checked("jax_numpy", max_cases=3)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "case, words",
    [
        ("hypot/origin", {"hips_autograd": "NaN", "torch_functions": "NaN", "jax_numpy": ""}),
        ("std/constant", {"hips_autograd": "NaN", "torch_functions": "NaN", "jax_numpy": "NaN"}),
        ("repeat/3-last", {"hips_autograd": "copies of different entries"}),
        ("prod/one-zero", {"hips_autograd": "divides the product by the entries"}),
    ],
)
def test_what_libraries_do_at_a_point_is_told(name, case, words):
    report = checked(name, cases=f"operations.{case}")
    known = "; ".join(o.message for o in report.outcomes if o.status == "expected")
    assert words.get(name, "") in known
    assert bool(known) == (name in words)


@autograd
def test_what_hips_autograd_lacks_is_unsupported_and_not_wrong():
    report = checked("hips_autograd", methods=("operations.take", "operations.softplus"))
    unsupported = {o.message for o in report.outcomes if o.status == "unsupported"}
    assert unsupported == {
        "it has no such function",
        "HIPS autograd has no rule: VJP of take wrt argnums (0,) not defined",
    }


def test_without_the_library_the_reason_is_given(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert jax_numpy.missing() == "jax not installed: pip install jax"
    assert torch_functions.missing() == "torch not installed: pip install torch"
    assert hips_autograd.missing() == "HIPS autograd is not installed: pip install autograd"
