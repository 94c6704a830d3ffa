"""The text of every method, run on torch tensors and JAX arrays and differentiated by these
frameworks: a third opinion on the engine's values and gradients.

The default run tries few cases, `pytest -m slow` every case on torch, and on JAX, which compiles
for every shape, the kinks and five others of each method, of long programs two;
REFIMPL_EVERY_CASE=1 tries them all there too. Texts run on JAX as `jax.jit` traces them, or, where
they read values, operation by operation.
"""

import os
from contextlib import nullcontext
from fnmatch import fnmatch

import numpy as np
import pytest

from refimpl.conformance.at_case import quiet
from refimpl.conformance.cases import check_case
from refimpl.conformance.frameworks.on_jax import quick_compilation
from refimpl.conformance.target import Implementation
from refimpl.spec import CHECKS, all_entries, find

torch = pytest.mark.framework("torch", "array_api_compat")
jax = pytest.mark.framework("jax")
every_method = pytest.mark.parametrize("name", all_entries())
# At kinks, frameworks choose other derivatives: their operations are compared through adapters.
every_method_but_operations = pytest.mark.parametrize(
    "name", [name for name in all_entries() if not name.startswith("operations.")]
)

JAX_NORM = "JAX divides by the norm, which is 0: NaN"
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
    "jax": {
        **{
            f"sorting.transport_{name}/n1:vjp": JAX_NORM
            for name in ("quantile", "ranks", "sort", "topk")
        },
        **{
            f"operations.{case}:vjp": reason
            for case, reason in {
                "abs/zero": "JAX counts 0 as positive: derivative 1",
                "atan2/origin": "JAX divides by x^2 + y^2, which is 0: NaN",
                "clip/at-m*": "JAX's clip is a maximum and a minimum: derivative 1/2 at the bounds",
                "hypot/origin": "JAX's hypot is made of maximum and minimum: derivatives 1/2 at 0",
                "hypot/large": "JAX squares the larger side backward: 4e200 overflows",
                "ndtri/ends": "JAX's ndtri is constant at 0 and 1: derivative 0, not infinity",
                "pow/zero-both": "JAX multiplies 0 by 0^-1 at 0^0: NaN",
                "sinc/near-zero": "JAX subtracts nearly equal numbers: no digit is right at 1e-8",
                "std/constant": "JAX divides by the deviation, which is 0: NaN",
                "vector_norm/zero": JAX_NORM,
            }.items()
        },
    },
}

# what JAX says where a text asks for the numbers in an array that is traced
READS_VALUES = (
    "ConcretizationTypeError",
    "TracerArrayConversionError",
    "TracerBoolConversionError",
)
EVERY_CASE = "REFIMPL_EVERY_CASE" in os.environ
LONG_PROGRAMS = ("sorting.transport_*", "sorting.simplex_[aqrt]*")
ENDLESS = ("relaxation.bubble_sort",)  # whose loops, when compiled, take all steps that they may


def opinion(framework, entry, case, checks, jit=True):
    """How much is compared at a case, and what of that differs."""
    claim = Implementation(entry.name, entry.call or entry.function, framework, jit=jit)
    compared, differing = 0, {}
    for outcome in check_case(claim, entry, case, checks):
        compared += outcome.status == "pass"
        if outcome.status != "pass":
            label = f"{entry.name}/{case.name}:{outcome.check}"
            differing[label] = f"{outcome.status}: {outcome.subject}: {outcome.message}"
    return compared, differing


def opinions(framework, entry, cases, checks):
    """The same for all cases together; on JAX compiled, where that is possible."""
    whole = entry.name not in ENDLESS
    found = [(case, *opinion(framework, entry, case, checks, whole)) for case in cases]
    if framework == "jax" and whole:
        refused = [case for case, _, differing in found if any(map(reads, differing.values()))]
        found = [row for row in found if row[0] not in refused]
        some = refused if EVERY_CASE else spread(refused, 2)
        found += [(case, *opinion(framework, entry, case, checks, jit=False)) for case in some]
    differing = {label: message for *_, messages in found for label, message in messages.items()}
    return sum(compared for _, compared, _ in found), differing


def reads(message):
    return any(f"raised {name}" in message for name in READS_VALUES)


def agrees(framework, name, cases, checks=("values", "vjp")):
    """Every case passes that is no exception; True where the exceptions are all needed."""
    entry, known = find(name), EXCEPTIONS[framework]
    with quiet(), quick_compilation() if framework == "jax" else nullcontext():
        compared, differing = opinions(framework, entry, cases, checks)
    unexpected = {k: v for k, v in differing.items() if not any(fnmatch(k, p) for p in known)}
    assert unexpected == {}
    assert compared > 0
    mine = [pattern for pattern in known if pattern.startswith(f"{name}/")]
    return all(any(fnmatch(k, pattern) for k in differing) for pattern in mine)


def spread(cases, count):
    """So many of the cases, from the beginning to the end."""
    at = np.linspace(0, len(cases) - 1, min(count, len(cases)))
    return [cases[round(float(i))] for i in at]


def affordable(entry):
    """Every case, or the kinks and some of the others."""
    cases = entry.generate()
    if EVERY_CASE:
        return cases
    kinks = [case for case in cases if case.kind == "kink"]
    others = [case for case in cases if case.kind != "kink"]
    long = entry.name in ENDLESS or any(fnmatch(entry.name, name) for name in LONG_PROGRAMS)
    return kinks + spread(others, 2 if long else 5)


def smallest(entry):
    """The smooth case with the fewest numbers."""
    cases = entry.generate()
    smooth = [case for case in cases if case.kind == "smooth"] or cases
    return min(smooth, key=lambda case: sum(np.size(x) for x in case.inputs.values()))


@torch
@every_method
def test_torch_agrees_at_some_cases(name):
    agrees("torch", name, spread(find(name).generate(), 2))


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
@every_method
def test_jax_agrees_at_many_cases(name):
    needed = agrees("jax", name, affordable(find(name)))
    assert needed or not EVERY_CASE, "an exception is not needed"


@pytest.mark.parametrize("framework", EXCEPTIONS)
def test_every_exception_names_a_case_and_a_check(framework):
    for pattern in EXCEPTIONS[framework]:
        name, _, check = pattern.rpartition(":")
        method, _, case = name.partition("/")
        assert check in CHECKS
        assert any(fnmatch(c.name, case) for c in find(method).generate())


@torch
@pytest.mark.parametrize("change", [lambda y: 2 * y, lambda y: y.detach() + 0 * y])
def test_a_text_that_means_something_else_is_found(change):
    entry = find("sorting.soft_step")

    def other(x, **options):
        return change(entry.function(x, **options))

    claim = Implementation(entry.name, other, "torch")
    cases = spread(entry.generate(), 3)
    outcomes = [o for case in cases for o in check_case(claim, entry, case, ("values", "vjp"))]
    assert any(outcome.failed for outcome in outcomes)
