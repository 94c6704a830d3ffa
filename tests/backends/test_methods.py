"""Every registered method on arrays that are not NumPy's: values and gradients, dtype and device,
and how often the host waits for the device.
"""

import math
from fnmatch import filter as fnmatch_all
from fnmatch import fnmatch

import numpy as np
import pytest
from guarded import synchronisations
from places import deferring, find, places

from refimpl import autograd as ag
from refimpl.sorting.layouts import find_layout
from refimpl.sorting.networks import relaxed
from refimpl.sorting.sigmoids import make_sigmoid
from refimpl.spec import TOLERANCES, all_entries

CASES = 12  # of an entry, evenly spread over those it has
UNTIL_CONVERGED = (math.inf, "iterations end when they have converged")
ON_HOST = (
    2,
    "pooling adjacent violators is done on the host: the keys, there and for the gradient",
)
WIRING = (1, "the wiring is checked on the host")
CHECKED_LABELS = (2, "labels are checked to be class numbers")
CHECKED_RELEVANCE = (1, "whether anything is relevant is checked")
# method: how often the host waits in one evaluation with its gradient, at most, and for what
WAITS = {
    "sorting.fast_soft_rank": ON_HOST,
    "sorting.fast_soft_sort": ON_HOST,
    "sorting.isotonic_regression": ON_HOST,
    "sorting.project_permutahedron": ON_HOST,
    "sorting.groco_loss": (4, "per view, whether the matrix takes part in the gradient"),
    "sorting.matching": (1, "the assignment is found on the host"),
    "sorting.plackett_luce_log_likelihood": (1, "orders are checked to be permutations"),
    "sorting.smooth_topk_loss": CHECKED_LABELS,
    "sorting.topk_cross_entropy": CHECKED_LABELS,
    "sorting.topk_accuracy": CHECKED_LABELS,
    "sorting.recall_loss": CHECKED_RELEVANCE,
    "sorting.average_precision_loss": CHECKED_RELEVANCE,
    "training.blackbox": (2, "paths are found on the host, forwards and backwards"),
    "training.discograd": (2, "programs branch on the host: inputs and noise"),
    "training.smooth_interpretation": (math.inf, "paths are restricted on the host"),
    "sorting.sorting_network": (1, "whether the matrix takes part in the gradient"),
    "sorting.transport_*": UNTIL_CONVERGED,
    "sorting.simplex_*": UNTIL_CONVERGED,
    "logic.logic_layer": WIRING,
    "logic.logic_convolution": WIRING,
    "logic.lookup_layer": WIRING,
    "operations.cholesky": (1, "whether the matrix is positive definite is checked"),
    "relaxation.*": (math.inf, "programs branch and loop on the host"),
    "rendering.*": (math.inf, "how many faces reach a tile decides the shapes"),
}
# what is wrong in a method, found here
KNOWN: dict[tuple[str, str], str] = {}
every_method = pytest.mark.parametrize("name", all_entries())


def some_cases(entry):
    cases = entry.generate()
    return cases[:: math.ceil(len(cases) / CASES)]


def evaluate(entry, case, put, cotangents):
    """Outputs and gradients by name, where `put` moves the inputs, and cotangents of outputs."""
    inputs = {name: put(np.asarray(value)) for name, value in case.inputs.items()}
    moving = {name: inputs.pop(name) for name in entry.differentiable}

    def function(moving):
        return entry.evaluate(inputs={**moving, **inputs}, params=case.params)

    if not moving:
        return function(moving), {}
    outputs, pull = ag.vjp(function, moving)
    weights = {k: None if v is None else put(v) for k, v in cotangents(outputs).items()}
    return outputs, pull(weights)[0]


def random_cotangents(outputs):
    rng = np.random.default_rng(7)
    return {
        name: rng.uniform(-1.0, 1.0, y.shape).astype(y.dtype) if "float" in str(y.dtype) else None
        for name, y in outputs.items()
    }


def compare(place, entry, case):
    """Hold values and gradients at the place against NumPy's."""
    weights = {}

    def drawn(outputs):
        weights.update(random_cotangents(outputs))
        return weights

    with np.errstate(all="ignore"):
        host = evaluate(entry, case, lambda x: x, drawn)
        there = evaluate(entry, case, place.put, lambda outputs: weights)
    tolerance = TOLERANCES[case.dtype]
    for part, expected in zip(there, host, strict=True):
        arrays = place.get_all(part[name] for name in expected)
        for (name, y), x in zip(expected.items(), arrays, strict=True):
            label = f"{case.name}: {name}"
            assert (x.shape, x.dtype) == (y.shape, y.dtype), label
            scale = float(np.max(np.abs(y[np.isfinite(y)]), initial=0.0))
            atol = tolerance.atol + tolerance.gradient_rtol * scale
            np.testing.assert_allclose(x, y, rtol=tolerance.rtol, atol=atol, err_msg=label)


@places()
@every_method
def test_values_and_gradients_are_those_of_numpy(place, name, request):
    if reason := KNOWN.get((place, name)):
        request.applymarker(pytest.mark.xfail(reason=reason, strict=True))
    entry = all_entries()[name]
    with deferring(place) as where:
        for case in some_cases(entry):
            compare(where, entry, case)


@every_method
def test_the_host_waits_for_the_device_as_often_as_is_said(name):
    entry, place = all_entries()[name], find("guarded")
    most, _ = next((WAITS[key] for key in WAITS if fnmatch(name, key)), (0, ""))
    waits = []
    for case in some_cases(entry):
        with synchronisations() as found:
            evaluate(entry, case, place.put, random_cotangents)
        waits.append(found)
    longest = max(waits, key=len)
    assert len(longest) <= most, longest
    assert longest or most in (0, math.inf), "it never waits"


def test_every_number_of_waits_belongs_to_a_method():
    assert all(fnmatch_all(all_entries(), key) for key in WAITS)


@pytest.mark.parametrize("network", ["odd_even", "bitonic"])
@pytest.mark.parametrize("order", [1, 2])
def test_the_definition_of_the_sorting_network_never_waits(network, order):
    x = find("guarded").put(np.random.default_rng(0).normal(size=(3, 7)))
    layout, sigmoid = find_layout(network, 7), make_sigmoid("cauchy", 4.0, 0.25, "published")

    def loss(x):
        values, P = relaxed(x, layout, sigmoid)
        xp = ag.array_namespace(x)
        return xp.sum(values * values) + xp.sum(P * P * P)

    with synchronisations() as found:
        ag.grad(loss)(x) if order == 1 else ag.hvp(loss, x, x)
    assert found == []
