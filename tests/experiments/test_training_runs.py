"""Experiments that train: same seed, same numbers; interrupted or not, on NumPy or like CuPy."""

import json
import re

import numpy as np
import pytest

from refimpl.cli import main
from refimpl.experiments import sorters

SMALL = {
    "sorting": [
        "--methods", "odd_even-cauchy", "plackett_luce", "--steps", "4", "--every", "2",
        "--batch", "5", "--test-sets", "20",
    ],
    "smoothing": ["--densities", "gumbel", "--points", "1", "--repeats", "2", "--samples", "27"],
    "knapsack": [
        "--methods", "mle", "sfge-contextual", "--items", "4", "--instances", "20", "--batch", "8",
        "--epochs", "2", "--repeats", "1",
    ],
    "topk": [
        "--losses", "cross_entropy", "splitter_selection", "--steps", "4", "--every", "2",
        "--batch", "3", "--test-pairs", "20", "--width", "5", "--repeats", "1",
    ],
    "levenshtein": [
        "--alphabets", "01", "357", "--length", "2", "--steps", "4", "--every", "2",
        "--batch", "3", "--repeats", "1",
    ],
    "shortest-path": [
        "--methods", "while-l2", "blackbox", "perturbed", "--size", "3", "--steps", "4",
        "--every", "2", "--batch", "3", "--test-terrains", "5", "--repeats", "1",
    ],
    "silhouette": [
        "--methods", "logistic-10", "vertices", "--size", "8", "--steps", "4", "--every", "2",
        "--batch", "3", "--test-images", "5", "--repeats", "1",
    ],
    "newton": [
        "--sorts", "NeuralSort", "--losses", "plain", "fisher", "--steps", "4", "--every", "2",
        "--batch", "6", "--test-sets", "20", "--repeats", "1",
    ],
    "isaac": [
        "--methods", "sgd-isaac", "--width", "6", "--steps", "4", "--every", "2", "--batch", "7",
        "--repeats", "1",
    ],
    "render": ["--size", "6", "--mesh", "tetrahedron"],
    "shape": [
        "--distributions", "logistic", "gamma:0.5", "--views", "2", "--size", "8", "--level", "1",
        "--steps", "4", "--scales", "1e-2", "1e-3",
    ],
    "camera": [
        "--mesh", "tetrahedron", "--t-conorms", "yager:2", "max", "--poses", "2", "--size", "8",
        "--steps", "4",
    ],
}  # fmt: skip
pytestmark = pytest.mark.usefixtures("few_digits")


def run(name, folder, *more, status=0):
    assert main(["run", name, *SMALL[name], *more, "--out", str(folder)]) == status
    if status:
        return None
    record = json.loads((folder / "results.json").read_text())
    assert set(record) == {"options", "results", "seconds", "date", "versions"}
    assert not (folder / "state.npz").exists()
    return without_times(record["results"])


def without_times(found):
    if isinstance(found, dict):
        return {k: without_times(v) for k, v in found.items() if k != "seconds"}
    return [without_times(v) for v in found] if isinstance(found, list) else found


@pytest.mark.parametrize("name", SMALL)
def test_the_results_are_rows_of_numbers_and_a_plot(name, tmp_path):
    rows = run(name, tmp_path)["runs"]
    assert rows
    for row in rows:
        assert all(isinstance(v, (str, int, float, list)) for v in row.values())
        assert all(np.isfinite(v) for v in row.values() if isinstance(v, float))
        assert [at["step"] for at in row.get("curve", [])][-1:] in ([], [4])
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    assert list(tmp_path.glob("*.png"))


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("after", [1, 3])
def test_an_interrupted_run_ends_with_the_same_numbers(
    name, after, tmp_path, interrupt, without_plots, capsys
):
    whole = run(name, tmp_path / "whole", "--seed", "3")
    interrupt(after)
    run(name, tmp_path / "halves", "--seed", "3", status=130)
    interrupt(-1)
    capsys.readouterr()
    assert run(name, tmp_path / "halves", "--seed", "3") == whole
    assert "going on from" in capsys.readouterr().out


@pytest.mark.parametrize("name", SMALL)
def test_the_same_source_runs_on_cupy_and_the_seed_counts(name, tmp_path, guarded, without_plots):
    host = run(name, tmp_path / "host", "--backend", "numpy")
    if name != "render":  # nothing is random in it
        assert run(name, tmp_path / "other", "--seed", "4") != host
    device = run(name, tmp_path / "device", "--backend", "cupy")
    for ours, theirs in zip(host["runs"], device["runs"], strict=True):
        assert ours.keys() == theirs.keys()
        if "curve" in ours:
            losses = [[at["loss"] for at in row["curve"]] for row in (ours, theirs)]
            np.testing.assert_allclose(*losses, rtol=1e-4)


@pytest.mark.parametrize("name", SMALL)
def test_the_help_says_what_it_is_and_both_sizes(name, capsys):
    assert main(["run", name, "--help"]) == 0
    text = re.sub(r"\s+", " ", capsys.readouterr().out)
    assert "with --full" in text
    assert "--backend {numpy,cupy}" in text
    assert len(text) > 1000


@pytest.mark.parametrize("name", sorters.SORTERS)
def test_every_sorter_learns_from_an_order(name):
    """Its loss falls as scores go from the wrong order to the right one, and it has a gradient."""
    from refimpl.autograd import Generator, grad

    numbers = np.array([[3.0, 1.0, 4.0, 2.0, 5.0], [5.0, 2.0, 1.0, 3.0, 4.0]])
    loss = sorters.order_loss(name, 5)
    right = loss(numbers / 2, numbers, Generator(0))
    assert right < loss(-numbers / 2, numbers, Generator(0))
    slope = grad(lambda x: loss(x, numbers, Generator(0)))(-numbers / 2)
    assert np.isfinite(slope).all()
    assert np.abs(slope).max() > 0


def test_the_convolutional_network_trains_like_cupy_too(tmp_path, guarded, without_plots):
    tiny = ("--network", "cnn", "--steps", "2", "--batch", "1", "--test-sets", "2")
    losses = [
        [
            row["curve"][0]["loss"]
            for row in run("sorting", tmp_path / name, *tiny, "--backend", name)["runs"]
        ]
        for name in ("numpy", "cupy")
    ]
    np.testing.assert_allclose(*losses, rtol=1e-4)


def test_unknown_sorters_are_named(tmp_path, capsys):
    assert main(["run", "sorting", "--methods", "quick", "--out", str(tmp_path)]) == 1
    assert "methods" in capsys.readouterr().err
