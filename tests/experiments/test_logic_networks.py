"""The front to `refimpl logic train`: rows of circuits, kept for the other commands."""

import json

from printed import spaces

from refimpl.cli import main

SMALL = ["--data", "monk1", "monk3", "--repeats", "1", "--steps", "20"]


def rows(folder):
    return json.loads((folder / "results.json").read_text())["results"]["runs"]


def test_circuits_are_trained_tested_and_kept(tmp_path, capsys):
    assert main(["run", "logic", *SMALL, "--out", str(tmp_path)]) == 0
    found = rows(tmp_path)
    assert [row["data"] for row in found] == ["monk1", "monk3"]
    for row in found:
        assert 0 <= row["simplified"] <= row["gates"]
        assert 0 <= row["test"] <= 100
    capsys.readouterr()
    assert main(["logic", "eval", str(tmp_path / "monk1-0.npz")]) == 0
    assert f"{found[0]['test']:.2f}" in capsys.readouterr().out


def test_an_interrupted_series_goes_on(tmp_path, interrupt, capsys):
    whole, halves = tmp_path / "whole", tmp_path / "halves"
    assert main(["run", "logic", *SMALL, "--out", str(whole)]) == 0
    interrupt(1)
    assert main(["run", "logic", *SMALL, "--out", str(halves)]) == 130
    interrupt(-1)
    assert main(["run", "logic", *SMALL, "--out", str(halves)]) == 0
    assert "going on" in capsys.readouterr().out
    assert rows(halves) == rows(whole)


def test_the_same_networks_are_trained_where_cupy_is(tmp_path, guarded, interrupt, monkeypatch):
    monkeypatch.setattr("refimpl.experiments.logic_networks.EVERY", 10)
    small = ["--data", "monk1", "--repeats", "1", "--steps", "30", "--backend", "cupy"]
    whole, halves = tmp_path / "whole", tmp_path / "halves"
    assert main(["run", "logic", *small, "--out", str(whole)]) == 0
    interrupt(2)
    assert main(["run", "logic", *small, "--out", str(halves)]) == 130
    interrupt(-1)
    assert main(["run", "logic", *small, "--out", str(halves)]) == 0
    assert rows(halves) == rows(whole)
    assert rows(whole)[0]["gates"] == 6 * 24
    assert main(["logic", "eval", str(whole / "monk1-0.npz")]) == 0


def test_the_help_names_the_data_sets_and_both_sizes(capsys):
    assert main(["run", "logic", "--help"]) == 0
    text = spaces(capsys.readouterr().out)
    assert "breast_cancer" in text
    assert "with --full mnist monk1" in text
