"""`refimpl check --all-peers`: a table of libraries, methods, and the reasons of deviations."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from ported_methods import namespace

from refimpl.cli import main
from refimpl.conformance import peers
from refimpl.conformance.loading import LoadError, adapters
from refimpl.conformance.selection import Options
from refimpl.conformance.target import Target, implementations_in

DOCS = Path(__file__).resolve().parents[2] / "docs" / "peers.md"


@pytest.fixture
def field(monkeypatch):
    """Three libraries: one that agrees but for a known reason, one that is wrong, one missing."""
    group_sum, step = (
        next(c for c in implementations_in(namespace("refimpl")) if c.entry == name)
        for name in ("logic.group_sum", "sorting.soft_step")
    )
    (wrong,) = implementations_in({"f": namespace("refimpl", ("sums / tau", "sums"))["group_sum"]})
    known = replace(wrong, expected_failures={"*": "tau | forgotten"})
    targets = {
        "numpy": Target("numpy", (group_sum, step)),
        "scipy": Target("scipy", (known, step)),
    }

    def load(name):
        if name == "third":
            raise LoadError("the adapter of third cannot run: third not installed: pip install it")
        return targets[name]

    monkeypatch.setattr(peers, "adapters", lambda: [*targets, "third"])
    monkeypatch.setattr(peers, "load", load)
    return targets, wrong


def test_the_table_counts_methods_and_the_reasons_follow(field, capsys):
    assert main(["check", "--all-peers", "--level", "values"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"^numpy +\S+ +2 +0 +0$", out, re.MULTILINE)
    assert re.search(r"^scipy +\S+ +1 +1 +0$", out, re.MULTILINE)
    assert "logic.group_sum: deviates, " in out
    assert "- tau | forgotten" in out
    assert "third\n  not checked: third not installed: pip install it" in out


def test_what_a_library_does_not_offer_is_counted_apart(field, capsys):
    targets, _ = field
    step = targets["numpy"].implementations[1]
    partly = replace(step, checks=("values",))
    targets["numpy"] = Target("numpy", (partly,))
    report = peers.check_target(Target("numpy", (partly,)), Options(levels=("values", "vjp")))
    (verdict,) = peers.verdicts(report)
    assert verdict.state == "agrees"
    assert verdict.missing > 0
    assert verdict.passed == verdict.compared > 0
    assert main(["check", "--all-peers", "--level", "values,vjp"]) == 0
    assert re.search(
        r"soft_step: agrees, \d+ comparisons, \d+ not offered", capsys.readouterr().out
    )


def test_a_difference_without_a_reason_is_a_finding(field, capsys):
    targets, wrong = field
    targets["scipy"] = Target("scipy", (wrong,))
    assert main(["check", "--all-peers", "--level", "values"]) == 1
    out = capsys.readouterr().out
    assert "logic.group_sum: differs" in out
    assert "output scores: " in out


def test_pages_are_written(field, tmp_path, capsys):
    page, matrix = tmp_path / "peers.md", tmp_path / "peers.html"
    options = ["--markdown", str(page), "--html", str(matrix), "--level", "values"]
    assert main(["check", "--all-peers", *options]) == 0
    text = page.read_text("utf-8")
    assert "| logic.group_sum | deviates | " in text
    assert "tau \\| forgotten" in text
    assert "Not checked: third not installed" in text
    assert matrix.read_text("utf-8").count("<tr>") > 3


@pytest.mark.parametrize(
    "arguments",
    [
        ["--all-peers", "x.py"],
        ["--all-peers", "--json", "-"],
        ["--all-peers", "--function", "f"],
        ["x.py", "--markdown", "x.md"],
    ],
)
def test_options_that_do_not_go_together_are_a_usage_error(arguments, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["check", *arguments]) == 2


def test_the_published_page_has_a_section_for_every_adapter():
    text = DOCS.read_text("utf-8")
    assert re.search(r"Written on \d{4}-\d\d-\d\d by", text)
    sections = re.findall(r"^## (\w+)", text, re.MULTILINE)
    assert sections == adapters()


@pytest.mark.slow
@pytest.mark.framework("torch")
def test_every_library_that_is_installed_agrees_or_deviates_for_known_reasons(monkeypatch):
    names = [name for name in adapters() if name != "jax_numpy"]  # minutes: some cases of it are
    monkeypatch.setattr(peers, "adapters", lambda: names)  # in test_operation_libraries.py
    found = peers.check_peers(Options())
    wrong = [f"{p.name} {v}" for p in found if p.report for v in peers.verdicts(p.report)
             if v.state == "differs"]  # fmt: skip
    assert wrong == []
    assert peers.exit_status(found) == 0
