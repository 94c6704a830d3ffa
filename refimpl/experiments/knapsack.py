"""A knapsack packed with predicted weights or values: trained by regret, and to predict."""

from __future__ import annotations

import argparse
from typing import Any, NamedTuple

import numpy as np

from ..autograd import Array, Generator, array_namespace, constant, to_numpy
from ..training.decision_focused import ScaleModel, decision_loss, scale_model
from ..training.decision_instances import knapsack_value_instances, knapsack_weight_instances
from ..training.decisions import Knapsack
from ..training.optimizers import adam
from ..training.score_function import gaussian_log_density
from .command import Sized
from .packing import best_packing, repaired_values
from .plots import curves
from .results import Results
from .runs import Row, Runs, fit, mean_curves, means, on_backend, step_rng

DESCRIPTION = (
    "A linear model predicts what is unknown of a knapsack - the weights of the items, or their "
    "values - from five features. What was packed too heavy must be taken out again at a penalty. "
    "Score-function gradients (sfge, with a static, trainable, contextual or annealed scale) train "
    "the model for the regret of the decisions; mse and mle train it to predict. The result is the "
    "regret on test instances in percent of the best value, at the epoch with the lowest regret on "
    "validation instances. --full has the sizes of Silvestri et al. 2023. Needs no data."
)
EXAMPLES = (
    ("", "six ways to train: about two minutes"),
    ("--methods mse sfge-trainable --items 20", "fewer items, two ways"),
    ("--full --repeats 1 --methods sfge-static", "the size of the paper, once: a minute"),
)
FULL = "half an hour on a CPU"
ON_CUPY = True
METHODS = ("mse", "mle", "sfge-static", "sfge-trainable", "sfge-contextual", "sfge-annealed")
FEATURES = 5


class Problem(NamedTuple):
    """Instances: features, the unknown parameters (count, items), the knapsack, best values."""

    features: np.ndarray
    parameters: np.ndarray
    knapsack: Knapsack
    weights: np.ndarray | None  # if known
    best: np.ndarray


def add_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--methods", nargs="+", default=METHODS, choices=METHODS, metavar="NAME",
        help="ways to train: " + ", ".join(METHODS))  # fmt: skip
    add("--unknown", choices=("weights", "values"), default="weights", help="what is predicted")
    add("--items", type=int, default=50, help="items to choose from")
    add(
        "--instances",
        type=int,
        default=1000,
        help="instances: 80 %% to train, 10 %% to validate, 10 %% to test",
    )
    add(
        "--penalty",
        type=float,
        default=10.0,
        help="cost of taking an item out again, in units of its value",
    )
    add("--epochs", type=int, default=Sized(200, 500), help="passes over the instances")
    add("--batch", type=int, default=32, help="instances in a step")
    add("--learning-rate", type=float, default=Sized(0.02, 0.005), help="learning rate of Adam")
    add(
        "--samples",
        type=int,
        default=1,
        help="samples of the prediction of each instance in a step",
    )
    add("--repeats", type=int, default=Sized(1, 5), help="runs of each, with seeds from --seed on")


def run(options: argparse.Namespace, results: Results) -> dict[str, Any]:
    runs = Runs(results)
    for seed in range(options.seed, options.seed + options.repeats):
        problem = _problem(options, seed)
        for method in options.methods:
            label = f"{method}, seed {seed}"
            runs.once(label, _row, options, runs, problem, method, seed, label)
    rows = list(runs.rows.values())
    lines = mean_curves(rows, "method", "test")
    curves(results.path("regrets.png"), lines, "steps", "regret on test instances, %")
    ordered = sorted(means(rows, "method", "regret_percent").items(), key=lambda item: item[1])
    return {"runs": rows, "means": dict(ordered)}


def _problem(options: argparse.Namespace, seed: int) -> Problem:
    rng = np.random.default_rng([seed, 1])
    items, count = options.items, options.instances
    values = rng.uniform(1, 10, items)
    if options.unknown == "weights":
        x, w = knapsack_weight_instances(count, items, seed, features=FEATURES)
        knapsack = Knapsack(values, 0.2 * float(w.sum(1).mean()), options.penalty)
        best = (values * best_packing(values[None, :], w, knapsack.capacity)).sum(-1)
        return Problem(x, w, knapsack, None, best)
    weights = rng.integers(1, 11, items).astype(np.float64)
    x, v = knapsack_value_instances(count, weights, seed, features=FEATURES)
    knapsack = Knapsack(values, 0.5 * float(weights.sum()), options.penalty)
    best = (v * best_packing(v, weights[None, :], knapsack.capacity)).sum(-1)
    return Problem(x, v, knapsack, weights, best)


def _regret(problem: Problem, predicted: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """(..., B, items) predicted for the instances `chosen` (B,) -> (..., B)."""
    index = np.broadcast_to(chosen, predicted.shape[:-1]).reshape(-1)
    guess = predicted.reshape(-1, predicted.shape[-1])
    true = problem.parameters[index]
    if problem.weights is None:
        weights = np.round(np.maximum(guess, 0.0))
        x = best_packing(problem.knapsack.values[None, :], weights, problem.knapsack.capacity)
        reached = repaired_values(problem.knapsack, x, true)
    else:
        x = best_packing(guess, problem.weights[None, :], problem.knapsack.capacity)
        reached = (true * x).sum(-1)
    return (problem.best[index] - reached).reshape(predicted.shape[:-1])


def _row(
    options: argparse.Namespace,
    runs: Runs,
    problem: Problem,
    method: str,
    seed: int,
    label: str,
) -> Row:
    count = options.instances
    train, rest = np.arange(int(0.8 * count)), np.arange(int(0.8 * count), count)
    parts = {"validation": rest[: len(rest) // 2], "test": rest[len(rest) // 2 :]}
    per_epoch = -(-len(train) // options.batch)
    centre, spread = problem.parameters[train].mean(0), problem.parameters[train].std(0) + 1e-9
    model = _scale(options, method)
    x, targets = on_backend(problem.features), on_backend((problem.parameters - centre) / spread)
    generator = Generator(seed)
    start = {
        "W": (2 * generator.uniform((options.items, FEATURES)) - 1) / np.sqrt(FEATURES),
        "b": 0.0 * generator.uniform((options.items,)),
        "scale": model.init(generator),
    }

    def loss(params: Any, step: int) -> Array:
        order = step_rng(seed, step // per_epoch).permutation(train)
        chosen = order[step % per_epoch * options.batch :][: options.batch]
        at = on_backend(chosen)
        xp = array_namespace(x)
        given, wanted = xp.take(x, at, axis=0), xp.take(targets, at, axis=0)
        mean = _predicted(params, given)
        log_scale = model.log_scale(params["scale"], given, step // per_epoch)
        if method == "mse":
            return array_namespace(mean).mean((mean - wanted) ** 2)
        if method == "mle":
            return -array_namespace(mean).mean(gaussian_log_density(wanted, mean, log_scale))
        drawn = step_rng(seed + 1_000_000, step).normal(
            size=(options.samples, len(chosen), options.items)
        )
        return decision_loss(
            mean, log_scale, constant(drawn, like=targets),
            lambda y: _regret(problem, y, chosen),
            centre=on_backend(centre), spread=on_backend(spread),
        )[0]  # fmt: skip

    def report(params: Any) -> Row:
        y = to_numpy(_predicted(params, x)) * spread + centre
        return {
            name: 100 * float(_regret(problem, y[part], part).mean() / problem.best[part].mean())
            for name, part in parts.items()
        }

    done = fit(
        runs, label, start, adam(options.learning_rate), loss,
        steps=options.epochs * per_epoch, every=per_epoch, report=report,
    )  # fmt: skip
    best = min(done.curve, key=lambda at: at["validation"])
    return {
        "method": method, "seed": seed, "regret_percent": best["test"],
        "validation_percent": best["validation"], "epoch": best["step"] // per_epoch,
        "seconds": done.seconds, "curve": done.curve,
    }  # fmt: skip


def _scale(options: argparse.Namespace, method: str) -> ScaleModel:
    kind = method.partition("-")[2] or "trainable"
    return scale_model(kind, options.items, features=FEATURES, epochs=options.epochs)


def _predicted(params: Any, x: Array) -> Array:
    W = params["W"]
    return x @ array_namespace(W).matrix_transpose(W) + params["b"]
