"""What the silhouette experiment measures with."""

import json

import numpy as np
import pytest

from refimpl.cli import main
from refimpl.experiments import triangles as experiment

RNG = np.random.default_rng(0)


def test_the_error_of_vertices_does_not_depend_on_which_comes_first():
    truth = RNG.random((4, 3, 2))
    assert experiment.vertex_error(np.roll(truth, 1, axis=1), truth) == 0
    moved = truth + np.array([0.1, 0.0])
    np.testing.assert_allclose(experiment.vertex_error(moved, truth), 0.03)


def test_intersection_over_union_counts_pixels():
    a, b = np.zeros((2, 4, 4)), np.zeros((2, 4, 4))
    a[0, :2], b[0, 1:3] = 1, 1  # one row of three in common; two empty pictures agree
    assert experiment.iou(a, b) == pytest.approx(100 * (1 / 3 + 1) / 2)


def test_pictures_are_enough_to_learn_the_shape(tmp_path, without_plots):
    small = ["--methods", "logistic-30", "--steps", "60", "--every", "30", "--repeats", "1"]
    assert main(["run", "silhouette", *small, "--out", str(tmp_path)]) == 0
    row = json.loads((tmp_path / "results.json").read_text())["results"]["runs"][0]
    first, last = row["curve"]
    assert last["loss"] < 0.9 * first["loss"]
    assert row["iou"] > 50


@pytest.mark.parametrize("method", ["logistic", "square-3", "logistic-0", "logistic-x"])
def test_unknown_relaxations_are_named(method, tmp_path, capsys):
    assert main(["run", "silhouette", "--methods", method, "--out", str(tmp_path)]) == 1
    assert "refimpl run silhouette: " in capsys.readouterr().err
