"""Quick commands of the pages, carried out: a logic network, and the method that is added."""

import doctest
import re
import shlex
from pathlib import Path

import pytest

from refimpl import spec
from refimpl.cli import main

DOCS = Path(__file__).resolve().parents[2] / "docs"


def commands(page, words):
    """The lines of the block of commands in a page that has these words."""
    text = (DOCS / page).read_text(encoding="utf-8")
    found = [block for block in re.findall(r"(?ms)^```sh\n(.*?)^```", text) if words in block]
    assert len(found) == 1
    return found[0].splitlines()


def test_a_logic_network_is_trained_evaluated_exported_and_timed(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for line in commands("experiments-logic.md", "logic train"):
        words = shlex.split(line)[1:]
        few = ["--steps", "200"] if "train" in words else []
        assert main([*words, *few]) == 0, line
        assert capsys.readouterr().out, line
    assert "module" in (tmp_path / "monk1.v").read_text(encoding="utf-8")


@pytest.fixture
def soft_threshold():
    """The method of `docs/add-a-method.md`, put together from the blocks of the page."""
    text = (DOCS / "add-a-method.md").read_text(encoding="utf-8").partition("## 5.")[0]
    code = "".join(e.source for e in doctest.DocTestParser().get_examples(text))
    name = "sorting.soft_threshold"
    exec(code.replace("example.soft_threshold", name), {"__name__": "added"})
    yield name
    del spec._entries[name]


def test_the_method_that_is_added_is_shown_and_passes_its_check(soft_threshold, capsys):
    lines = [line for line in commands("add-a-method.md", "soft_threshold") if "refimpl" in line]
    assert len(lines) == 2
    for line in lines:
        assert main(shlex.split(line)[1:]) == 0, line
        assert re.search("Donoho 1995|passed: [1-9]", capsys.readouterr().out), line
