"""`refimpl check difftopk`: what the published package gets right, and what it is known not to."""

import importlib.util

import pytest
from printed import spaces

from refimpl.cli import main
from refimpl.conformance.adapters import difftopk

needed = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("torch", "difftopk")),
    reason="the library that the adapter is for is not installed",
)


@needed
def test_difftopk_passes_with_its_deviations_named(capsys):
    assert main(["check", "difftopk"]) == 0
    out = spaces(capsys.readouterr().out)
    for deviation in (
        "raises ZeroDivisionError for none",
        "wrong for every n if k = 1",
        "raises in second derivatives",
        "lets every input pick a position: not a permutation",
        "an input at its own position: infinity or NaN",
        "NeuralSort in float64: difftopk's constants are float32",
    ):
        assert deviation in out


@needed
def test_torch_is_left_as_it_was():
    import torch

    before = torch.get_default_dtype()
    difftopk.topk_permutation(torch.zeros(2, 4, dtype=torch.float64), k=2)
    assert torch.get_default_dtype() == before


def test_without_the_library_the_reason_is_given(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert difftopk.missing() == "torch and difftopk not installed: pip install difftopk"
