"""The text of every method, run on torch tensors and JAX arrays and differentiated by these
frameworks: a third opinion on the engine's values and gradients.

The default run tries few cases, `pytest -m slow` every case on torch and one of each method on JAX,
which compiles anew for every shape; REFIMPL_EVERY_CASE=1 tries them all there too.
"""

import os
from fnmatch import fnmatch

import numpy as np
import pytest

from refimpl.conformance.at_case import quiet
from refimpl.conformance.cases import check_case
from refimpl.conformance.target import Implementation
from refimpl.spec import CHECKS, all_entries, find

torch = pytest.mark.framework("torch", "array_api_compat")
jax = pytest.mark.framework("jax")
every_method = pytest.mark.parametrize("name", all_entries())
# At kinks, frameworks choose other derivatives: their operations are compared through adapters.
every_method_but_operations = pytest.mark.parametrize(
    "name", [name for name in all_entries() if not name.startswith("operations.")]
)

AT_ZERO = "the second derivative of torch's vector norm is NaN at zero"
# framework: pattern of METHOD/CASE:CHECK: why it differs there from the engine
EXCEPTIONS = {
    "torch": {
        "sorting.plackett_luce_log_likelihood/wide:second_order": (
            "the second derivative of torch's logsumexp is NaN where values are 1600 apart"
        ),
        **{
            f"sorting.transport_{name}/n1:second_order": AT_ZERO
            for name in ("quantile", "ranks", "sort", "topk")
        },
    },
    "jax": {},
}

LONG_LOOPS = (
    "sorting.*sinkhorn",
    "sorting.transport_*",
    "relaxation.*",
)  # long to compile as a whole


def opinions(framework, entry, cases, checks, jit=False):
    """What is compared at the cases, and what of that differs."""
    claim = Implementation(entry.name, entry.call or entry.function, framework, jit=jit)
    compared, differing = 0, {}
    with quiet():
        for case in cases:
            for outcome in check_case(claim, entry, case, checks):
                compared += outcome.status == "pass"
                if outcome.status != "pass":
                    label = f"{entry.name}/{case.name}:{outcome.check}"
                    differing[label] = f"{outcome.status}: {outcome.subject}: {outcome.message}"
    return compared, differing


def agrees(framework, name, cases, checks=("values", "vjp")):
    """Every case passes that is no exception; True where the exceptions are all needed."""
    entry, known = find(name), EXCEPTIONS[framework]
    whole = framework == "jax" and not any(fnmatch(name, loop) for loop in LONG_LOOPS)
    compared, differing = opinions(framework, entry, cases, checks, jit=whole)
    if differing and whole:  # what looks at values cannot be compiled as a whole
        compared, differing = opinions(framework, entry, cases, checks)
    unexpected = {k: v for k, v in differing.items() if not any(fnmatch(k, p) for p in known)}
    assert unexpected == {}
    assert compared > 0
    mine = [pattern for pattern in known if pattern.startswith(f"{name}/")]
    return all(any(fnmatch(k, pattern) for k in differing) for pattern in mine)


def few(entry, count):
    """Cases from the beginning to the end of those that there are."""
    cases = entry.generate()
    at = np.linspace(0, len(cases) - 1, min(count, len(cases)))
    return [cases[round(float(i))] for i in at]


def smallest(entry):
    """The smooth case with the fewest numbers."""
    cases = entry.generate()
    smooth = [case for case in cases if case.kind == "smooth"] or cases
    return min(smooth, key=lambda case: sum(np.size(x) for x in case.inputs.values()))


@torch
@every_method
def test_torch_agrees_at_some_cases(name):
    agrees("torch", name, few(find(name), 2))


@torch
@pytest.mark.slow
@every_method_but_operations
def test_torch_agrees_at_every_case_to_the_second_derivative(name):
    assert agrees("torch", name, find(name).generate(), CHECKS), "an exception is not needed"


QUICK = ("sorting.soft_comparison", "tnorms.t_norm", "relaxation.less", "logic.group_sum")


@jax
@pytest.mark.parametrize("name", QUICK)
def test_jax_agrees_at_a_case_of_some_methods(name):
    agrees("jax", name, [smallest(find(name))])


@jax
@pytest.mark.slow
@every_method_but_operations
def test_jax_agrees_at_a_case_of_every_method(name):
    entry = find(name)
    cases = entry.generate() if "REFIMPL_EVERY_CASE" in os.environ else [smallest(entry)]
    assert agrees("jax", name, cases), "an exception is not needed"


@pytest.mark.parametrize("framework", EXCEPTIONS)
def test_every_exception_names_a_case_and_a_check(framework):
    for pattern in EXCEPTIONS[framework]:
        name, _, check = pattern.rpartition(":")
        method, _, case = name.partition("/")
        assert check in CHECKS
        assert case in [c.name for c in find(method).generate()]


@torch
@pytest.mark.parametrize("change", [lambda y: 2 * y, lambda y: y.detach() + 0 * y])
def test_a_text_that_means_something_else_is_found(change):
    entry = find("sorting.soft_step")

    def other(x, **options):
        return change(entry.function(x, **options))

    claim = Implementation(entry.name, other, "torch")
    cases = few(entry, 3)
    outcomes = [o for case in cases for o in check_case(claim, entry, case, ("values", "vjp"))]
    assert any(outcome.failed for outcome in outcomes)
