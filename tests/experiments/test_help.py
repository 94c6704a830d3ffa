"""The help of every experiment: its examples are understood, and its options explained."""

import importlib
import shlex

import pytest
from printed import spaces

from refimpl.cli import main
from refimpl.experiments import EXPERIMENTS
from refimpl.experiments.command import _table, parser


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_the_examples_in_the_help_are_understood(name, capsys):
    module = importlib.import_module(f"refimpl.experiments.{EXPERIMENTS[name][0]}")
    assert module.EXAMPLES[0][0] == ""
    for options, what in module.EXAMPLES:
        parser(name).parse_args(shlex.split(options))
        assert len(what) > 5
    assert main(["run", name, "--help"]) == 0
    shown = capsys.readouterr().out
    assert all(f"refimpl run {name} {options}".strip() in shown for options, _ in module.EXAMPLES)
    assert module.FULL in spaces(shown)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_option_says_what_it_is_with_more_than_a_preposition(name):
    for action in parser(name)._actions:
        assert action.help, action.option_strings
        assert not action.help.startswith(("of ", "in ", "to ")), action.help


def test_results_are_shown_as_a_table_without_curves():
    rows = [{"method": "a", "score": 0.123456, "curve": [1]}, {"method": "long", "step": 7}]
    assert _table(rows) == "method  score   step\na       0.1235\nlong            7"


def test_after_an_interrupt_it_is_said_whether_anything_was_kept(tmp_path, capsys, monkeypatch):
    from refimpl.experiments import render_gallery

    def stop(options, results):
        if options.seed:
            results.keep(begun=1)
        raise KeyboardInterrupt

    monkeypatch.setattr(render_gallery, "run", stop)
    for seed, says in (("0", "begins anew"), ("1", "goes on from the last saved state")):
        assert main(["run", "render", "--seed", seed, "--out", str(tmp_path)]) == 130
        assert says in capsys.readouterr().err


def test_a_line_tells_of_every_run_that_is_finished(tmp_path, capsys):
    options = ["--methods", "logistic-10", "vertices", "--steps", "2", "--batch", "2"]
    options += ["--size", "8", "--test-images", "3", "--repeats", "1", "--out", str(tmp_path)]
    assert main(["run", "silhouette", *options]) == 0
    assert "logistic-10, seed 0: " in capsys.readouterr().out.splitlines()[0]
