"""Recorded trajectories of torch.optim, and end points of SciPy's L-BFGS-B."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from refimpl.autograd import array_namespace, value_and_grad
from refimpl.training import optimizers, schedules
from refimpl.training.lbfgs import lbfgs

from . import recorded
from .sorting_networks import Inputs, Record

NOT_OPTIONS = ("problem", "steps", "scheduler", "lr")
ONLY_SPEED = ("foreach", "fused", "capturable", "differentiable")
RENAMED = {
    "lr_decay": "decay",
    "initial_accumulator_value": "initial",
    "decoupled_weight_decay": "decoupled",
}
OF_SCIPY = {
    "maxcor": "memory",
    "maxiter": "max_iterations",
    "maxfun": "max_evaluations",
    "maxls": "line_search_steps",
    "ftol": "value_tolerance",
    "gtol": "gradient_tolerance",
}


def _problem(inputs: Inputs, text: str) -> Callable[[Any], Any]:
    if text.startswith("quadratic"):
        A, b = inputs["A"], inputs["b"]
        return lambda x: array_namespace(x).sum(x * (0.5 * (A @ x) - b))
    if text.startswith("rosenbrock"):
        return lambda x: array_namespace(x).sum(
            100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2
        )
    if text.startswith("linear"):
        return lambda x: array_namespace(x).sum(inputs["b"] * x)
    raise ValueError(f"unknown problem {text!r}")


def _rate(lr: float, scheduler: str | None) -> Any:
    """The learning rate that a record describes: `Name key=value ...` or `Name key value ...`."""
    if not scheduler:
        return lr
    name, _, rest = scheduler.split(";")[0].partition(" ")
    given = dict(re.findall(r"([A-Za-z]\w*)[= ]\[?([-+\d][-+\d.e]*(?:, ?\d+)*)", rest))
    if name == "CosineAnnealingLR":
        return schedules.cosine(lr, int(given["T_max"]), _number(given, "eta_min", 0.0))
    if name == "MultiStepLR":
        milestones = [int(m) for m in given["milestones"].split(",")]
        return schedules.multistep(lr, milestones, _number(given, "gamma", 0.1))
    if name == "ExponentialLR":
        return schedules.exponential(lr, _number(given, "gamma", 1.0))
    raise ValueError(f"unknown scheduler {scheduler!r}")


def _number(given: dict[str, str], key: str, default: float) -> float:
    return float(given.get(key, str(default)).rstrip(".,"))


SLOTS = {
    "momentum": ("momentum_buffer",),
    "mean": ("exp_avg", "grad_avg"),
    "square": ("exp_avg_sq", "square_avg"),
    "largest": ("max_exp_avg_sq",),
    "sum": ("sum",),
}
"""Names of an optimiser's state here and in torch."""


@recorded("optim", "torch.optim.SGD")
@recorded("optim", "torch.optim.Adam")
@recorded("optim", "torch.optim.AdamW")
@recorded("optim", "torch.optim.RMSprop")
@recorded("optim", "torch.optim.Adagrad")
def _trajectory(inputs: Inputs, record: Record) -> Inputs:
    params = record["params"]
    maker = getattr(optimizers, str(record["function"]).rpartition(".")[2].lower())
    left_out = (*NOT_OPTIONS, *ONLY_SPEED)
    options = {RENAMED.get(k, k): v for k, v in params.items() if k not in left_out}
    rate = _rate(params["lr"], params["scheduler"])
    optimizer = maker(rate, **options)
    f = value_and_grad(_problem(inputs, params["problem"]))
    xp, x = array_namespace(inputs["x0"]), inputs["x0"]
    state, iterates, losses, gradients = optimizer.init(x), [x], [], []
    for _ in range(params["steps"]):
        loss, gradient = f(x)
        x, state = optimizer.update(gradient, state, x)
        iterates.append(x)
        losses.append(xp.asarray(loss))
        gradients.append(gradient)
    rates = [rate(k) if callable(rate) else rate for k in range(params["steps"])]
    found = {"x": xp.stack(iterates), "loss": xp.stack(losses), "grad": xp.stack(gradients)}
    found["lr"] = xp.asarray(rates)
    for ours, theirs in SLOTS.items():
        for name in theirs:
            if ours in state[0]["slots"]:
                found[f"state_{name}"] = state[0]["slots"][ours]
    return {**found, "state_step": xp.asarray(float(state[0]["t"]))}


@recorded("optim", 'scipy.optimize.minimize(method="L-BFGS-B")')
def _lbfgs(inputs: Inputs, record: Record) -> Inputs:
    params = record["params"]
    f = _problem(inputs, params["problem"])
    options = {OF_SCIPY[name]: value for name, value in params["options"].items()}
    found = lbfgs(f, inputs["x0"], bounds=params["bounds"], **options)
    value, gradient = value_and_grad(f)(found.params)
    return {"x": found.params, "fun": value, "jac": gradient}
