"""`refimpl check torchsort`: what the published package gets right, and what it is known not to."""

import importlib.util

import pytest
from printed import spaces

from refimpl.cli import main
from refimpl.conformance.adapters import torchsort

needed = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("torch", "torchsort")),
    reason="the library that the adapter is for is not installed",
)


@needed
def test_torchsort_passes_with_its_deviations_named(capsys):
    assert main(["check", "torchsort"]) == 0
    out = spaces(capsys.readouterr().out)
    assert "exp without subtracting the largest: NaN" in out
    assert "ascending order" in out


def test_without_the_library_the_reason_is_given(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    reason = torchsort.missing()
    assert reason.startswith("torch and torchsort not installed")
    assert "--no-build-isolation torchsort" in reason
