"""The page of experiments: none is missing, and each has a table beside published numbers."""

import re
from pathlib import Path

import pytest

from refimpl.experiments import EXPERIMENTS

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = (DOCS / "experiments.md").read_text(encoding="utf-8")
TABLES = {  # where the numbers of an experiment are, if not on the page itself
    "shape": "rendering.md", "camera": "rendering.md", "logic": "experiments-logic.md",
    "isaac": "benchmarks-training.md", "newton": "benchmarks-training.md",
}  # fmt: skip


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_experiment_is_on_the_page(name):
    assert re.search(rf"(?m)^#.*\b{name}\b", PAGE)


@pytest.mark.parametrize("name", [name for name in EXPERIMENTS if name != "render"])
def test_every_experiment_has_a_command_a_seed_and_a_column_of_published_numbers(name):
    text = (DOCS / TABLES[name]).read_text(encoding="utf-8") if name in TABLES else PAGE
    assert re.search(rf"refimpl (run {name}|logic train)\b", text)
    assert re.search(r"(?m)^\|.*published.*\|$", text)
    assert re.search(r"\bseeds? ", text)
