"""The truth of the variance study, beside closed forms; what its rows must show."""

import json

import numpy as np
import pytest
from scipy import stats
from scipy.special import softmax

from refimpl.cli import main
from refimpl.experiments import smoothing_study as study

X = np.array([0.3, -0.4, 1.1])


def test_with_gumbel_noise_the_largest_is_drawn_by_softmax():
    P = study.expected_permutation(X, "gumbel")
    np.testing.assert_allclose(P[:, -1], softmax(X), atol=1e-5)
    p = softmax(X)
    jacobian = study.true_jacobian(X, "gumbel").reshape(3, 3, 3)[:, -1]
    np.testing.assert_allclose(jacobian, np.diag(p) - np.outer(p, p), atol=1e-4)


def test_two_numbers_with_normal_noise_are_swapped_by_the_normal_law():
    P = study.expected_permutation(X[:2], "gaussian")
    first_below = stats.norm.cdf((X[1] - X[0]) / np.sqrt(2))
    wanted = [[first_below, 1 - first_below], [1 - first_below, first_below]]
    np.testing.assert_allclose(P, wanted, atol=1e-5)


@pytest.mark.parametrize("law", study.DENSITIES)
def test_the_expected_permutation_is_doubly_stochastic_and_its_jacobian_shift_invariant(law):
    P = study.expected_permutation(X, law)
    np.testing.assert_allclose(P.sum(0), 1, atol=1e-4)
    np.testing.assert_allclose(P.sum(1), 1, atol=1e-12)
    np.testing.assert_allclose(study.true_jacobian(X, law).sum(1), 0, atol=1e-12)


def test_randomised_estimates_have_no_bias_and_the_baseline_lowers_the_error(
    tmp_path, without_plots
):
    options = ["--densities", "logistic", "--repeats", "40", "--points", "2", "--samples", "125"]
    assert main(["run", "smoothing", *options, "--out", str(tmp_path)]) == 0
    rows = json.loads((tmp_path / "results.json").read_text())["results"]["runs"]
    by_name = {(r["sampler"], r["covariate"], r["antithetic"]): r for r in rows}
    for (sampler, _, _), row in by_name.items():
        if sampler != "cartesian" and sampler != "latin":
            assert row["bias"] < 1.5 * row["bias_floor"], row
    plain = by_name["mc", "none", "False"]
    assert by_name["mc", "loo", "False"]["error"] < plain["error"]
    assert by_name["cartesian_rqmc", "loo", "False"]["error"] < 0.6 * plain["error"]
    assert by_name["cartesian", "none", "False"]["deviation"] < 1e-12


def test_only_strategies_that_exist_are_tried():
    assert len(list(study.strategies(1000, 3, "gaussian"))) == 24
    assert not any(antithetic for _, _, antithetic in study.strategies(1000, 3, "gumbel"))
    samplers = {sampler for sampler, _, _ in study.strategies(1001, 3, "gaussian")}
    assert samplers == {"mc", "latin", "latin_rqmc"}
