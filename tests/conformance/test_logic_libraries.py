"""`refimpl check difflogic` and `torchlogix`: published packages of logic gate networks."""

import pytest
from printed import spaces

from refimpl.cli import main
from refimpl.conformance.adapters import difflogic, torchlogix


def needs(adapter):
    return pytest.mark.skipif(adapter.missing() is not None, reason=adapter.missing() or "")


@pytest.mark.slow
@needs(difflogic)
def test_difflogic_passes_with_what_it_lacks_named(capsys):
    assert main(["check", "difflogic"]) == 0
    out = spaces(capsys.readouterr().out)
    assert "difflogic has the polynomials only" in out
    assert "difflogic's GroupSum has none" in out


@pytest.mark.slow
@needs(torchlogix)
def test_torchlogix_passes_with_what_it_lacks_named(capsys):
    assert main(["check", "torchlogix"]) == 0
    out = spaces(capsys.readouterr().out)
    assert "torchlogix adds it before" in out
    assert "casts to float32 before it pools" in out


@needs(difflogic)
def test_layers_of_difflogic_agree_in_value_and_gradient(capsys):
    assert main(["check", "difflogic", "--case", "logic.logic_layer/*-batch3"]) == 0


@needs(torchlogix)
def test_lookup_gates_of_torchlogix_agree_in_value_and_gradient(capsys):
    assert main(["check", "torchlogix", "--case", "logic.lookup_layer/*2-batch3"]) == 0


@pytest.mark.parametrize("adapter", [difflogic, torchlogix])
def test_without_the_library_the_reason_is_given(adapter, monkeypatch):
    monkeypatch.setattr(adapter.importlib.util, "find_spec", lambda name: None)
    assert "not installed" in adapter.missing()
