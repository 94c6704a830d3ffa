"""Recorded numbers of score-function gradient estimation and of its decision problems."""

from __future__ import annotations

import numpy as np

from refimpl.autograd import array_namespace
from refimpl.training import decisions
from refimpl.training.score_function import gaussian_log_density, score_function_loss, standardise

from . import recorded
from .sorting_networks import Inputs, Record


@recorded(
    "sfge",
    "SFGEModule.training_step (loss), standarize_batch_values, MultivariateGaussianModule",
)
def _step(inputs: Inputs, record: Record) -> Inputs:
    """A linear predictor; the deviation is a parameter, or fixed at the start value."""
    kind = "population" if record["params"]["standardize"] else "none"
    weight = inputs["w"]
    mean = inputs["x"] @ array_namespace(weight).matrix_transpose(weight) + inputs["b"]
    log_density = gaussian_log_density(
        inputs["sample"], mean, inputs["log_std"], scale_is="variance"
    )
    return {
        "std_regret": standardise(inputs["regret"], kind),
        "log_prob": log_density,
        "loss": score_function_loss(log_density, inputs["regret"], standardisation=kind),
    }


@recorded("sfge", "SFGEDecisionMaker.update")
def _several_samples(inputs: Inputs, record: Record) -> Inputs:
    log_density = gaussian_log_density(inputs["sample"], inputs["mu"], inputs["log_std"])
    return {
        "std_loss": standardise(inputs["loss"], "sample"),
        "loss": score_function_loss(log_density, inputs["loss"], standardisation="sample"),
    }


@recorded("sfge", "StochasticWeightsKnapsackProblem.solve/get_objective_values")
def _knapsack(inputs: Inputs, record: Record) -> Inputs:
    penalty = float(record["params"]["penalty"])
    problem = decisions.Knapsack(inputs["values"], float(inputs["capacity"]), penalty)
    weights, predicted = inputs["weights"], inputs["pred_weights"]
    best, chosen = (decisions.solve_knapsack(problem, w) for w in (weights, predicted))
    return {
        "x_true": best,
        "x_pred": chosen,
        "value_true": np.asarray(decisions.knapsack_value(problem, best, weights)),
        "value_pred": np.asarray(decisions.knapsack_value(problem, chosen, weights)),
        "regret": np.asarray(decisions.knapsack_regret(problem, predicted, weights)),
    }


@recorded("sfge", "StochasticWeightedSetMultiCover.get_objective_values")
def _set_cover(inputs: Inputs, record: Record) -> Inputs:
    factor = float(record["params"]["penalty_factor"])
    problem = decisions.SetCover(inputs["availability"], inputs["set_costs"], factor)
    x, demands = inputs["x"], inputs["demand"]
    missing = decisions.unmet(problem, x, demands)
    return {
        "total_cost": np.asarray(decisions.set_cover_cost(problem, x, demands)),
        "set_cost": np.asarray(problem.costs @ x),
        "unmet": missing,
        "feasible": np.asarray(float((missing == 0).all())),
    }
