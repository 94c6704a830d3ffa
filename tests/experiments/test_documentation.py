"""The page of experiments: its commands are understood, and no experiment is missing."""

import re
from pathlib import Path

import pytest

from refimpl.experiments import EXPERIMENTS
from refimpl.experiments.command import parser

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "experiments.md").read_text(encoding="utf-8")
COMMANDS = [" ".join(c.split()) for c in re.findall(r"`refimpl run ([a-z][^`]*)`", PAGE)]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_understood(command):
    name, *options = command.split()
    assert parser(name).parse_args(options).seed == 0


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_experiment_is_on_the_page(name):
    assert re.search(rf"(?m)^#.*\b{name}\b", PAGE)
