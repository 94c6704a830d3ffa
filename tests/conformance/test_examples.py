"""The examples in docs/examples, and the packaged adapter: what their reports say."""

import re
from pathlib import Path

import pytest
from printed import spaces

from refimpl.cli import main

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples"
pytestmark = pytest.mark.framework("torch")


@pytest.fixture(scope="module")
def broken():
    """The findings about broken_sort.py, by the name of the function, as one line each."""
    import contextlib
    import io

    stream = io.StringIO()
    with contextlib.redirect_stdout(stream):
        assert main(["check", str(EXAMPLES / "broken_sort.py")]) == 1
    findings = {}
    for block in re.split(r"\nFAIL \d+/\d+  ", stream.getvalue())[1:]:
        function, _, rest = " ".join(block.split()).partition(": ")
        findings.setdefault(function, []).append(rest)
    return findings


def test_the_example_of_an_implementation_passes(capsys):
    assert main(["check", str(EXAMPLES / "my_sort_torch.py"), "--max-cases", "40"]) == 0
    assert "passed: " in capsys.readouterr().out


def test_the_broken_example_has_findings_for_its_three_functions_only(broken):
    assert list(broken) == ["sign_error", "wrong_axis", "detached"]


def test_the_sign_error_is_described(broken):
    values, permutation = broken["sign_error"]
    assert "output sorted" in values
    assert "agrees with the reference, -f(-x): the sign or the direction of x is wrong" in values
    assert "output P" in permutation
    assert "f(-x): its sign is wrong somewhere, as in a - b for b - a" in permutation
    assert "follows gradient with respect to x" in values
    assert "follows hard limit: at steepness 1e12, P is not the permutation matrix" in values


def test_the_wrong_axis_is_described(broken):
    values, permutation = broken["wrong_axis"]
    assert "output sorted" in values
    assert "output P" in permutation
    assert "the last two axes are swapped: it is transposed" in permutation


def test_the_detached_gradient_is_described(broken):
    (gradient,) = broken["detached"]
    assert "gradient with respect to x" in gradient
    assert "the reference is right, yours is not" in gradient
    assert "your values are right, and the derivative is not theirs" in gradient
    assert "follows second derivative" in gradient


def test_diffsort_passes_with_its_deviations_named(capsys):
    pytest.importorskip("diffsort", reason="the library that the adapter is for")
    assert main(["check", "diffsort"]) == 0
    out = spaces(capsys.readouterr().out)
    assert "diffsort divides by the steepness and raises ZeroDivisionError at 0" in out
    assert "rounds 1 / steepness to float32" in out
    assert "diffsort's layout is 'bitonic_published'" in out


def test_a_library_that_is_not_installed_is_a_finding(capsys, monkeypatch):
    from refimpl.conformance.adapters import diffsort

    monkeypatch.setattr(diffsort, "missing", lambda: "diffsort not installed: pip install diffsort")
    assert main(["check", "diffsort"]) == 1
    assert "the adapter of diffsort cannot run: diffsort not installed" in capsys.readouterr().out
