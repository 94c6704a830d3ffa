"""The recorded upstream numbers, computed on arrays that are not NumPy's."""

import numpy as np
import pytest
from places import find, places
from recorded_numbers import DEFAULT

from refimpl import autograd as ag
from refimpl.autograd.compare import compare
from refimpl.autograd.tree import tree_map
from refimpl.conformance.recorded import RESOLVED_TOPICS, adapter_for
from refimpl.conformance.vectors import records, topics, vectors_folder

TOPICS = {"sorting", "training", *RESOLVED_TOPICS}
# What converts its arguments to NumPy arrays, so far.
ON_HOST = {
    "logic-torchlogix": "truth tables of trained gates are NumPy arrays",
    "training-sfge": "solve_knapsack takes NumPy arrays",
    "training-smoothing": "its adapter takes NumPy arrays",
}
# CuPy sums in another order, and its special functions are others.
SLACK = {"guarded": 1.0, "cupy": 100.0}


def evaluate(record, adapter, place):
    """Outputs, gradients and products with Hessians by prefix and name, of what is recorded."""
    arrays = {p: place.put_all(part) for p, part in record.arrays().items()}
    inputs = arrays.get("in", {})
    wholes = [adapter.parts.get(name, (name,))[0] for name in arrays.get("grad", {})]
    moving = {name: inputs[name] for name in wholes}
    fixed = {name: value for name, value in inputs.items() if name not in moving}
    found = {}

    def function(moving):
        outputs = adapter.function({k: {**moving, **fixed}[k] for k in inputs}, record.fields)
        found.update(out=outputs)
        if "cot" in arrays:
            return {k: v for k, v in outputs.items() if k in arrays["cot"]}
        return {k: v for k, v in outputs.items() if v.ndim == 0}

    def gradients(moving):
        outputs, pull = ag.vjp(function, moving)
        ones = {k: ag.constant(1.0, like=v) for k, v in outputs.items()}
        return pull(arrays.get("cot", ones))[0]

    if not moving:
        function(moving)
        return found
    whole = gradients(moving)
    found["grad"] = {**whole, **{name: cut(whole[of]) for name, (of, cut) in adapter.parts.items()}}
    checks = record.fields.get("checks", ("hvp",))
    if "hvp" in arrays and "hvp" in checks:
        found["hvp"] = ag.vjp(gradients, moving)[1](arrays["vec"])[0]
    found["out"] = tree_map(ag.plain, found["out"])
    return found


def hold(record, adapter, place):
    fields, expected = record.fields, record.arrays()
    for prefix, values in evaluate(record, adapter, place).items():
        atol = fields.get("atol_out", fields["atol"]) if prefix == "out" else fields["atol"]
        for name, array in expected.get(prefix, {}).items():
            if name in adapter.ignored or prefix in adapter.ignored:
                continue
            (got,) = place.get_all([values[name]])
            same = adapter.canonical.get(name, np.asarray) if prefix == "out" else np.asarray
            slack = SLACK[place.name]
            result = compare(
                same(got), same(array), rtol=slack * fields["rtol"], atol=slack * atol, by="element"
            )
            assert result, f"{record.case}: {prefix} {name}: {result}"


def systems():
    folder = vectors_folder() or DEFAULT
    found = {}
    for topic in sorted(TOPICS.intersection(topics(folder))):
        for record in records(folder, topic):
            adapter = None if "trajectory" in record.case else adapter_for(record)  # long runs
            if adapter and any(x.dtype.kind == "f" for x in record.arrays().get("in", {}).values()):
                found.setdefault(f"{topic}-{record.fields['system']}", []).append((record, adapter))
    return found


SYSTEMS = systems()


@places("guarded", "cupy")
@pytest.mark.parametrize("system", SYSTEMS)
def test_upstream_numbers(place, system, request):
    if system in ON_HOST:
        request.applymarker(pytest.mark.xfail(raises=TypeError, reason=ON_HOST[system]))
    for record, adapter in SYSTEMS[system]:
        with np.errstate(all="ignore"):
            hold(record, adapter, find(place))
