"""`check_functions`: a check from Python, as in a notebook."""

import re

import numpy as np
import pytest

from refimpl.conformance import check, check_functions, implements

STEP = "sorting.soft_step"


@implements(STEP, framework="numpy")
def steep(x, *, mode="smooth", softness=0.1):
    return (0.5 * (1 + np.tanh(x / softness))).astype(x.dtype)


@implements(STEP, framework="numpy")
def fails(x, **others):
    raise KeyError("steepness")


def test_several_functions_are_checked_and_the_report_prints_itself():
    report = check_functions(steep, fails, cases=f"{STEP}/smooth-1.0", levels=("values",))
    assert report.exit_status == 1
    text = str(report)
    assert text.startswith("steep, fails: 1 method, 1 case, 2 comparisons")
    assert re.search(r"'steepness'\s+\(test_in_python.py:\d+, in\s+fails\)", text)


def test_a_finding_names_the_call_that_repeats_it():
    report = check_functions(steep, cases=f"{STEP}/smooth-*", seed=3, levels=("values",))
    (call,) = set(re.findall(r"replay +(.*)", str(report)))
    assert call == f"check_functions(steep, cases='{STEP}/smooth-0.1', seed=3)"
    again = eval(call)
    assert {o.case for o in again.outcomes} == {"smooth-0.1"}
    assert again.failures[0].message == report.failures[0].message


@pytest.mark.parametrize(
    "functions, options, words",
    [
        ((), {}, "marked @implements"),
        ((print,), {}, "marked @implements"),
        ((steep,), {"jobs": 2}, "refimpl check FILE --jobs N"),
        ((steep,), {"levels": ("value",)}, "did you mean 'values'?"),
    ],
)
def test_what_cannot_be_checked_is_refused_with_a_reason(functions, options, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        check_functions(*functions, **options)


def test_an_interrupt_while_a_finding_is_explained_keeps_the_report(monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(check, "explain", interrupted)
    with pytest.raises(KeyboardInterrupt) as stop:
        check_functions(steep, levels=("values",))
    assert "FAIL 1/1  steep: sorting.soft_step/smooth-0.1" in str(stop.value.report)
    assert "interrupted: the report is incomplete" in str(stop.value.report)
