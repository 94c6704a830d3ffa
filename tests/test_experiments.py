"""`refimpl run`: every experiment runs small, writes what it says, and resumes or refuses."""

import json
import sys

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
PICTURES = {
    "render": {"gallery.png"},
    "shape": {"fit.gif", "before.png", "after.png"},
    "camera": {"poses.gif"},
}


@pytest.mark.parametrize("name", SMALL)
def test_pictures_are_written_where_pillow_is_installed_and_results_anyhow(
    name, tmp_path, capsys, monkeypatch
):
    monkeypatch.setitem(sys.modules, "PIL", None)
    monkeypatch.setattr("refimpl.experiments.plots._axes", lambda: (None, None))
    assert main(["run", name, *SMALL[name], "--out", str(tmp_path)]) == 0
    assert "image files need Pillow" in capsys.readouterr().out
    record = json.loads((tmp_path / "results.json").read_text())
    assert record["options"]["seed"] == 0
    assert record["results"]["runs"]
    monkeypatch.undo()
    pytest.importorskip("PIL", reason="Pillow is not installed")
    assert main(["run", name, *SMALL[name], "--out", str(tmp_path)]) == 0
    assert PICTURES[name] <= {path.name for path in tmp_path.iterdir()}


@pytest.mark.parametrize("options", [["--steps", "0"], ["--repeats", "-1"], ["--seed", "-1"]])
def test_counts_begin_at_one_and_seeds_at_zero(options, capsys):
    assert main(["run", "silhouette", *options]) == 2
    assert f"{options[0]}: expected" in capsys.readouterr().err


def test_an_interrupted_run_goes_on_only_with_the_same_options(tmp_path, capsys):
    first = Results(tmp_path, {"seed": 0, "steps": 5, "names": ("a", "b")})
    assert first.state() is None
    first.keep(weights=np.arange(3.0), step=np.asarray(2))
    again = Results(tmp_path, {"seed": 0, "steps": 5, "names": ("a", "b")}).state()
    np.testing.assert_array_equal(again["weights"], np.arange(3.0))
    assert "going on" in capsys.readouterr().out
    with pytest.raises(ValueError, match=r"other options \(steps\)"):
        Results(tmp_path, {"seed": 0, "steps": 6, "names": ("a", "b")}).state()
    assert Results(tmp_path, {"seed": 0, "steps": 6}, restart=True).state() is None


@pytest.mark.parametrize("damage", [lambda kept: kept[:300], lambda kept: b"", lambda kept: b"PK"])
def test_a_damaged_state_is_named_with_what_to_do(damage, tmp_path, capsys):
    state = tmp_path / "state.npz"
    Results(tmp_path, {}).keep(weights=np.arange(300.0))
    state.write_bytes(damage(state.read_bytes()))
    small = ["run", "render", *SMALL["render"], "--out", str(tmp_path)]
    assert main(small) == 1
    assert "state.npz: not a whole state" in capsys.readouterr().err
    assert main([*small, "--restart"]) == 0
