"""What the Levenshtein experiment measures with."""

import json

import numpy as np
import pytest

from refimpl.cli import main
from refimpl.experiments import edit_distance as experiment
from refimpl.relaxation.programs.levenshtein import levenshtein

RNG = np.random.default_rng(0)


def test_the_labels_are_the_limit_of_the_relaxed_algorithm():
    s, t = RNG.integers(0, 3, (20, 5)), RNG.integers(0, 3, (20, 4))
    relaxed = levenshtein(np.eye(3)[s], np.eye(3)[t], beta=np.inf)[:, -1, -1]
    np.testing.assert_array_equal(experiment.edit_distance(s, t), relaxed)


def test_letters_may_be_renamed_but_not_merged():
    labels = RNG.integers(0, 3, 300)
    assert experiment.renamed_accuracy((labels + 1) % 3, labels, 3) == 100
    assert experiment.renamed_accuracy(np.minimum(labels, 1), labels, 3) < 80


@pytest.mark.parametrize("alphabet", ["0", "0a", "00"])
def test_what_is_no_alphabet_is_refused(alphabet, tmp_path, capsys, few_digits):
    assert main(["run", "levenshtein", "--alphabets", alphabet, "--out", str(tmp_path)]) == 1
    assert "at least two different digits" in capsys.readouterr().err


def test_letters_are_learned_from_distances_alone(tmp_path, few_digits, without_plots):
    small = ["--alphabets", "27", "--repeats", "1", "--steps", "60", "--learning-rate", "0.01"]
    assert main(["run", "levenshtein", *small, "--out", str(tmp_path)]) == 0
    row = json.loads((tmp_path / "results.json").read_text())["results"]["runs"][0]
    assert row["letters"] > 90
