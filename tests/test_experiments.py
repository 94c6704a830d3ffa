"""`refimpl run`: every experiment runs small, writes what it says, and resumes or refuses."""

import json

import numpy as np
import pytest

from refimpl.cli import main
from refimpl.experiments import EXPERIMENTS
from refimpl.experiments.results import Results


def test_the_list_names_every_experiment(capsys):
    assert main(["run"]) == 0
    text = capsys.readouterr().out
    assert all(name in text for name in EXPERIMENTS)


def test_unknown_names_and_options_are_usage_errors(capsys):
    assert main(["run", "shap"]) == 2
    assert "did you mean shape" in capsys.readouterr().err
    assert main(["run", "shape", "--no-such-option"]) == 2


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_experiment_explains_its_options(name, capsys):
    assert main(["run", name, "--help"]) == 0
    text = capsys.readouterr().out
    assert "--seed" in text
    assert "default" in text


SMALL = {
    "render": ["--size", "8", "--mesh", "cube"],
    "shape": ["--steps", "3", "--size", "8", "--views", "2", "--level", "1"],
    "camera": ["--steps", "3", "--size", "8", "--poses", "2", "--mesh", "cube"],
}


@pytest.mark.parametrize("name", SMALL)
def test_pictures_and_results_are_written(name, tmp_path, capsys):
    pytest.importorskip("PIL", reason="Pillow is not installed")
    assert main(["run", name, *SMALL[name], "--out", str(tmp_path)]) == 0
    record = json.loads((tmp_path / "results.json").read_text())
    assert record["options"]["seed"] == 0
    assert record["results"]
    assert [p for p in tmp_path.iterdir() if p.suffix in (".png", ".gif")]
    capsys.readouterr()
    again = tmp_path / "again"
    assert main(["run", name, *SMALL[name], "--out", str(again)]) == 0
    assert json.loads((again / "results.json").read_text())["results"] == record["results"]


def test_an_interrupted_run_goes_on_only_with_the_same_options(tmp_path, capsys):
    first = Results(tmp_path, {"seed": 0, "steps": 5})
    assert first.state() is None
    first.keep(weights=np.arange(3.0), step=np.asarray(2))
    again = Results(tmp_path, {"seed": 0, "steps": 5}).state()
    np.testing.assert_array_equal(again["weights"], np.arange(3.0))
    assert "going on" in capsys.readouterr().out
    with pytest.raises(ValueError, match=r"other options.*steps"):
        Results(tmp_path, {"seed": 0, "steps": 6}).state()
    assert Results(tmp_path, {"seed": 0, "steps": 6}, restart=True).state() is None
