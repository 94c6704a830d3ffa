"""Every differentiable input of every method alone: the others are then plain arrays, and functions
taken from the library of one of those would refuse what is traced.
"""

import numpy as np
import pytest

from refimpl import autograd as ag
from refimpl.spec import all_entries

LARGEST = 100  # entries of an input; the kind of an argument decides, not its size
DIFFERENTIABLE = [name for name, entry in all_entries().items() if entry.differentiable]


def one_case_per_branch(entry):
    """Cases that differ in an option which is a word or a flag."""
    chosen = {}
    for case in entry.generate():
        arrays = [np.asarray(value) for value in case.inputs.values()]
        if case.dtype == "float64" and all(0 < x.size <= LARGEST for x in arrays):
            branch = tuple((k, v) for k, v in case.params.items() if isinstance(v, (str, bool)))
            chosen.setdefault(branch, case)
    return chosen.values()


def gradient(entry, case, moving):
    """Of the sum of all floating-point outputs, as a function of the inputs in `moving`."""

    def total(moving):
        outputs = entry.evaluate(inputs={**case.inputs, **moving}, params=case.params)
        real = [y for y in outputs.values() if str(y.dtype).endswith("float64")]
        return sum(ag.array_namespace(y).sum(y) for y in real)

    return ag.grad(total)(moving)


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_the_gradient_is_that_beside_the_others(name):
    entry = all_entries()[name]
    for case in one_case_per_branch(entry):
        together = gradient(
            entry, case, {k: np.asarray(case.inputs[k]) for k in entry.differentiable}
        )
        for key, expected in together.items():
            alone = gradient(entry, case, {key: np.asarray(case.inputs[key])})[key]
            np.testing.assert_allclose(alone, expected, rtol=1e-6, atol=1e-9, err_msg=case.name)


@pytest.mark.parametrize("name", [n for n in DIFFERENTIABLE if all_entries()[n].second_order])
def test_the_second_derivative_is_the_same_in_both_modes(name):
    entry = all_entries()[name]
    for case in one_case_per_branch(entry):
        for key in entry.differentiable:
            x = np.asarray(case.inputs[key])

            def slope(x, case=case, key=key):
                return gradient(entry, case, {key: x})[key]

            forward = ag.jvp(slope, (x,), (np.ones_like(x),))[1]
            backward = ag.vjp(slope, x)[1](np.ones_like(x))[0]
            scale = max(1.0, np.max(np.abs(backward), initial=0.0))
            np.testing.assert_allclose(
                forward, backward, rtol=1e-6, atol=1e-8 * scale, err_msg=case.name
            )
