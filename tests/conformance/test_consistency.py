"""An implementation agrees with itself: from call to call, in its cotangents, within a batch."""

import re

import pytest
from ported_methods import namespace
from printed import spaces

from refimpl.conformance.check import check_target
from refimpl.conformance.outcome import LEVEL_KEYS
from refimpl.conformance.selection import Options
from refimpl.conformance.target import Target, implementations_in

HEADER = "def pool(x, *, steepness, distance):"
RETURN = "return (weights @ x[..., None])[..., 0], weights"
BACKWARD = """def pool(x, *, steepness, distance):
    f = ag.custom_vjp(lambda x: right(x, steepness, distance))
    forward = lambda x: (right(x, steepness, distance), x)
    f.defvjp(forward, lambda x, g: pulled(x, g, steepness, distance))
    return f(x)


def pulled(x, g, steepness, distance):
    (gradient,) = ag.vjp(lambda y: right(y, steepness, distance), x)[1](g)
    CHANGE


def right(x, steepness, distance):"""


def test_a_right_implementation_is_consistent(check):
    status, out, _ = check("--level", "consistency")
    assert status == 0
    assert re.search(r"consistency +6 +-", out)


@pytest.mark.parametrize(
    "change, words",
    [
        (
            "return (gradient / ag.array_namespace(gradient).max(abs(gradient)),)",
            "not linear in the cotangent: the backward pass changes, clips or normalises",
        ),
        ("return (gradient + 1e-10,)", "is not zero for a cotangent of zeros"),
        (
            "calls.append(1)\n    return (gradient * (1 + 1e-12 * len(calls)),)\n\n\ncalls = []",
            "differs between two backward passes",
        ),
        (
            "return (gradient - ag.array_namespace(gradient).mean(gradient, axis=0),)",
            "the gradient with respect to x mixes the samples of a batch",
        ),
    ],
)
def test_a_backward_pass_with_a_will_of_its_own_is_found(check, change, words):
    changes = [(HEADER, BACKWARD.replace("CHANGE", change))]
    status, out, _ = check("--level", "consistency", replace=changes)
    assert status == 1
    assert words in spaces(out)


def test_results_that_change_from_call_to_call_are_found(check):
    scaled = RETURN.replace("weights @", "(1 + 1e-13 * len(calls)) * weights @")
    changes = [(RETURN, f"calls.append(1)\n    {scaled}\n\n\ncalls = []")]
    status, out, _ = check("--level", "consistency", replace=changes)
    assert status == 1
    assert "output values differs between two calls with the same inputs" in spaces(out)


def test_a_result_that_depends_on_the_rest_of_the_batch_is_found(check):
    start = "xp = ag.array_namespace(x)\n"
    mean = [(start, f"{start}    x = x / xp.max(xp.abs(x))\n")]
    status, out, _ = check("--level", "consistency", replace=mean)
    assert status == 1
    assert "of the first sample depends on the others in its batch" in spaces(out)


def test_what_fails_for_a_batch_of_one_alone_is_found(check):
    one = [("xp = ", "assert x.ndim != 2 or len(x) != 1, 'not one'\n    xp = ")]
    status, out, _ = check("--case", "*/l2-*", replace=one)
    assert status == 1
    assert "what batch: raised AssertionError: not one (target.py:" in spaces(out)


def test_values_are_compared_with_themselves_where_there_is_no_gradient(check):
    numpy = [('framework="refimpl"', 'framework="numpy"')]
    _, out, _ = check("--level", "consistency", replace=numpy)
    assert re.search(r"consistency +4 +-\n", out), "deterministic and batch, at two cases"
    counted = [("xp = ", "calls.append(1); x = x + 1e-9 * len(calls)\n    xp = ")]
    counted += [("@implements", "calls = []\n@implements"), *numpy]
    _, out, _ = check("--level", "consistency", replace=counted)
    assert "output values differs between two calls" in spaces(out)


def test_a_gradient_that_is_a_constant_to_further_derivatives_is_found(check):
    pulled = "_, pull = ag.vjp(lambda y: right(y, steepness, distance), ag.stop_gradient(x))"
    change = f"{pulled}\n    return pull(g)"
    changes = [(HEADER, BACKWARD.replace("CHANGE", change))]
    assert check("--level", "values,vjp,jvp", replace=changes)[0] == 0
    status, out, _ = check("--level", "second_order", replace=changes)
    assert status == 1
    assert "the gradient is computed by code that is not differentiated itself" in spaces(out)


TORCH = """
import torch
from refimpl.conformance import implements

class Pool(torch.autograd.Function):
    @staticmethod
    def forward(ctx, weights, x):
        ctx.save_for_backward(weights, x)
        return (weights @ x[..., None])[..., 0]

    @staticmethod
    def backward(ctx, g):
        weights, x = ctx.saved_tensors
        return g[..., None] * x[..., None, :], (g[..., None, :] @ weights)[..., 0, :]

@implements("toy.soft_pool", framework="torch")
def pool(x, *, steepness, distance):
    gap = x[..., :, None] - x[..., None, :]
    weights = torch.softmax(-steepness * (abs(gap) if distance == "l1" else gap * gap), -1)
    return Pool.apply(weights, x), weights
"""


@pytest.mark.framework("torch")
def test_a_hand_written_backward_pass_that_is_differentiated_passes(check):
    status, out, _ = check("--max-cases", "6", text=TORCH)
    assert status == 0, out


@pytest.mark.framework("torch")
def test_tangents_through_a_backward_pass_that_is_not_differentiated_are_wrong(check):
    changes = [
        ("    def backward(ctx, g):\n", "    def backward(ctx, g):\n        g = g.detach()\n")
    ]
    assert check("--level", "values,vjp", text=TORCH, replace=changes)[0] == 0
    status, out, _ = check("--level", "jvp", text=TORCH, replace=changes)
    assert status == 1
    assert "derivative of values along a tangent" in spaces(out)


@pytest.mark.parametrize("method", ["sorting.permutation_cross_entropy", "sorting.cox_loss"])
def test_a_mean_over_the_batch_is_not_held_against_an_implementation(method):
    claims = tuple(c for c in implementations_in(namespace("refimpl")) if c.entry == method)
    report = check_target(Target("ported.py", claims, ""), Options(levels=("consistency",)))
    assert report.failures == []
    assert {o.check for o in report.outcomes} == {"deterministic", "linear"}
    assert {o.level for o in report.outcomes} == {LEVEL_KEYS["consistency"]}
