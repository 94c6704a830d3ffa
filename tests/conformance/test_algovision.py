"""`refimpl check algovision`: what the package gets right, and what it is known not to."""

import importlib.util

import pytest
from printed import spaces

from refimpl.cli import main
from refimpl.conformance.adapters import algovision

needed = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("torch", "algovision")),
    reason="the library that the adapter is for is not installed",
)


@needed
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Using a non-tuple sequence")
def test_algovision_passes_with_its_deviations_named(capsys):
    assert main(["check", "algovision"]) == 0
    out = spaces(capsys.readouterr().out)
    for deviation in (
        "rows depend on each other",
        "gradient is NaN where cosh overflows",
        "which cancels near a = b",
        "algovision's path goes on from the start",
        "the logistic law only",
    ):
        assert deviation in out


@needed
@pytest.mark.filterwarnings("ignore:Using a non-tuple sequence")
def test_conditions_of_algovision_pass(capsys):
    assert main(["check", "algovision", "--case", "relaxation.less"]) == 0
    assert "passed" in capsys.readouterr().out


def test_without_the_library_the_reason_is_given(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert algovision.missing() == "torch and algovision not installed: pip install algovision"
