"""Recorded numbers of stochastic smoothing: distributions, point sets, estimators, exact values."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.integrate import quad

from refimpl.distributions import distribution
from refimpl.training import quasi_monte_carlo as qmc
from refimpl.training.smoothed_moments import k_sample_median, smoothed_covariance
from refimpl.training.smoothing import estimate_from_values, smooth

from . import recorded
from .sorting_networks import Inputs, Record


@recorded("smoothing", "distribution")
def _distribution(inputs: Inputs, record: Record) -> Inputs:
    law, e = distribution(record["params"]["distribution"]), inputs["e"]
    return {
        "eps": law.quantile(inputs["u"]),
        "score": law.score(e),
        "logpdf": law.log_pdf(e),
        "cdf": law.cdf(e),
    }


@recorded("smoothing", "latin_points")
def _latin(inputs: Inputs, record: Record) -> Inputs:
    return {"points": qmc.latin_points(inputs["perm"], inputs["jitter"])}


@recorded("smoothing", "cartesian_points")
def _cartesian(inputs: Inputs, record: Record) -> Inputs:
    params, jitter = record["params"], inputs["jitter"]
    cells = qmc.cartesian_cells(params["per_axis"], params["n"], jitter)
    return {"points": qmc.cartesian_points(cells, params["per_axis"], jitter)}


@recorded("smoothing", "stochastic_smoothing")
def _smoothing(inputs: Inputs, record: Record) -> Inputs:
    params, values, noise = record["params"], inputs["fvals"], inputs["noise"]
    scale = inputs.get("L", inputs.get("gamma"))
    law, covariate = params["distribution"], params["covariate"]

    def f(v: Any) -> Any:
        return values if v.ndim == 2 else inputs["fx"]

    found = estimate_from_values(values, noise, scale, law, covariate, inputs["fx"])
    covariance, by_x, _ = smoothed_covariance(values, noise, scale, law)
    value = smooth(f, inputs["x"], noise, scale, distribution=law, covariate=covariate)
    return {
        "value": value,
        "jacobian": found.jacobian,
        "grad_L" if "L" in inputs else "grad_gamma": found.scale_gradient,
        "cov": covariance,
        "cov_grad_x": by_x,
    }


@recorded("smoothing", "k_sample_median")
def _median(inputs: Inputs, record: Record) -> Inputs:
    given = inputs["fvals"], inputs["noise"], inputs["gamma"], record["params"]["distribution"]
    value, gradient = k_sample_median(*given, covariate="none")
    return {"value": value, "grad": gradient, "grad_loo": k_sample_median(*given)[1]}


@recorded("smoothing", "exact_smoothing")
def _exact(inputs: Inputs, record: Record) -> Inputs:
    """E max(x + gamma eps, 0) is gamma times the integral of the survival function from -x/gamma,
    the negative part that of the distribution function up to it. Infinite for Cauchy noise.
    """
    law = distribution(record["params"]["distribution"])
    x, gamma = inputs["x"], inputs["gamma"]
    z = -x / gamma
    above = below = np.full_like(z, np.inf)
    if law.name != "cauchy":
        above = np.array([gamma * quad(law.survival, low, np.inf, epsabs=1e-12)[0] for low in z])
        below = np.array([gamma * quad(law.cdf, -np.inf, high, epsabs=1e-12)[0] for high in z])
    return {
        "heaviside": law.survival(z),
        "heaviside_grad": law.pdf(z) / gamma,
        "abs": above + below,
        "abs_grad": 1 - 2 * law.cdf(z),
        "relu": above,
        "relu_grad": law.survival(z),
    }
