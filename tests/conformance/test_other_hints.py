"""What a wrong result agrees with: another output, exchanged inputs, a root, a mean for a sum."""

import numpy as np
import pytest

from refimpl.conformance.check import check_target
from refimpl.conformance.report import text_report
from refimpl.conformance.selection import Options
from refimpl.conformance.target import Implementation, Target
from refimpl.spec import find


def hints_of(method, spoil):
    """The hints about the values of a function that spoils the call of the definition."""
    right = find(method).function
    claim = Implementation(method, lambda **given: spoil(right, given), "numpy")
    report = check_target(Target("own.py", (claim,), None), Options(max_cases=20))
    roots = [g for g in report.groups if g.cause is None and g.example.check == "values"]
    assert roots, text_report(report)
    return "; ".join(found.example.hint for found in roots)


def root_of_variance(f, given):
    mean, variance = f(**given)
    return mean, np.sqrt(variance)


@pytest.mark.parametrize(
    "method, spoil, words",
    [
        (
            "training.relu_moments",
            lambda f, given: f(**given)[::-1],
            "agrees with the output variance: the outputs are in another order",
        ),
        ("training.relu_moments", root_of_variance, "it is the square root of the reference"),
        (
            "relaxation.soft_median",
            lambda f, given: f(**given | {"beta": given["beta"] / given["x"].shape[-1]}),
            "divided by 3, the length of an axis",
        ),
        (
            "relaxation.greater",
            lambda f, given: f(**given | {"a": given["b"], "b": given["a"]}),
            "agrees with the reference, with a and b exchanged",
        ),
    ],
)
def test_a_mistake_is_named(method, spoil, words):
    assert words in hints_of(method, spoil)


def test_large_numbers_beside_a_mistake_do_not_make_it_one_of_precision():
    other = {"mean": "logsumexp", "logsumexp": "mean"}
    found = hints_of(
        "relaxation.dynamic_time_warping",  # whose borders are 1e12
        lambda f, given: f(**given | {"kind": other[given["kind"]]}),
    )
    assert "agrees with the reference at kind='logsumexp' (here 'mean')" in found
    assert "single precision" not in found
