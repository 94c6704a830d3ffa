"""Cases of the optimisers: given gradients, one after the other, and where the parameter goes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..autograd import Array, array_namespace
from ..promises import close
from ..spec import Case, Note, Run

STEPS = 6
NOTES = {
    "epsilon": Note(
        "place of a constant",
        "epsilon is as large as the root that it is added to.",
        "epsilon inside of the root, or added before the bias correction, is a different step.",
    ),
    "first-buffer": Note(
        "start value",
        "Dampening does not apply to the first momentum buffer, which is the gradient itself.",
        "A first step that is too short by the factor 1 - dampening.",
    ),
    "skipped-steps": Note(
        "step count",
        "Some steps have no gradient for the parameter.",
        "The parameter's own step count, hence its bias correction, must not advance.",
    ),
    "decoupled": Note(
        "weight decay",
        "AdamW shrinks the parameter before the step; Adam adds the decay to the gradient.",
        "Decay that is rescaled by the second moment, or applied after the step.",
    ),
}
Settings = dict[str, tuple[dict[str, Any], tuple[str, ...]]]

SGD: Settings = {
    "plain": ({}, ()),
    "decay": ({"weight_decay": 0.1}, ()),
    "momentum": ({"momentum": 0.9}, ()),
    "dampening": ({"momentum": 0.9, "dampening": 0.3}, ("first-buffer",)),
    "nesterov": ({"momentum": 0.8, "nesterov": True, "weight_decay": 0.05}, ()),
    "maximize": ({"momentum": 0.5, "maximize": True, "weight_decay": 0.1}, ()),
}
ADAM: Settings = {
    "default": ({}, ()),
    "betas": ({"betas": (0.5, 0.9)}, ()),
    "large-eps": ({"eps": 0.5}, ("epsilon",)),
    "decay": ({"weight_decay": 0.1}, ("decoupled",)),
    "amsgrad": ({"amsgrad": True, "betas": (0.9, 0.5)}, ()),
    "maximize": ({"maximize": True}, ()),
}
RMSPROP: Settings = {
    "default": ({}, ()),
    "large-eps": ({"eps": 0.5}, ("epsilon",)),
    "momentum": ({"momentum": 0.9, "weight_decay": 0.1}, ()),
    "centered": ({"centered": True, "alpha": 0.8}, ()),
    "maximize": ({"maximize": True, "momentum": 0.5, "centered": True}, ()),
}
ADAGRAD: Settings = {
    "default": ({}, ()),
    "large-eps": ({"eps": 0.5}, ("epsilon",)),
    "rate-decay": ({"decay": 0.5, "initial": 0.2}, ()),
    "maximize": ({"maximize": True, "weight_decay": 0.1}, ()),
}


def trajectory(maker: Callable[..., Any]) -> Callable[..., Array]:
    """The parameter after each step, (T, ...), as a function of it and of T gradients.

    `skipped` has the indices of steps without a gradient.
    """

    def run(
        parameter: Array, gradients: Array, *, skipped: tuple[int, ...] = (), **options: Any
    ) -> Array:
        optimizer = maker(**options)
        state, after = optimizer.init(parameter), []
        for k in range(gradients.shape[0]):
            gradient = None if k in skipped else gradients[k, ...]
            parameter, state = optimizer.update(gradient, state, parameter)
            after.append(parameter)
        return array_namespace(parameter).stack(after)

    return run


def cases_of(settings: Settings, rate: float) -> Callable[[np.random.Generator], Iterator[Case]]:
    """The cases of an optimiser: its settings, then shapes, steps without gradient, one step."""

    def cases(rng: np.random.Generator) -> Iterator[Case]:
        def inputs(*shape: int, steps: int = STEPS) -> dict[str, np.ndarray]:
            return {
                "parameter": rng.normal(size=shape),
                "gradients": rng.normal(size=(steps, *shape)),
            }

        for name, (options, flags) in settings.items():
            yield Case(name, inputs(4), {"learning_rate": rate, **options}, flags=flags)
        for name, (options, _) in settings.items():
            given = {"learning_rate": 3 * rate, **options, "skipped": (0, 2)}
            yield Case(f"{name}-skipped", inputs(3), given, flags=("skipped-steps",))
        given = {"learning_rate": rate}
        yield Case("scalar", inputs(), given)
        yield Case("matrix", inputs(2, 3), given)
        yield Case("empty", inputs(0), given, kind="edge")
        yield Case("one-step", inputs(3, steps=1), given)
        zero = {"parameter": rng.normal(size=3), "gradients": np.zeros((STEPS, 3))}
        yield Case("zero-gradients", zero, given, kind="edge", clause="0 / (0 + eps) = 0")

    return cases


def still_where_skipped(run: Run, inputs: Any, params: Any) -> str | None:
    """Steps without a gradient leave the parameter alone."""
    after = run(inputs, params)["parameters"]
    before = np.concatenate([inputs["parameter"][None], after[:-1]])
    moved = [k for k in params.get("skipped", ()) if not np.array_equal(after[k], before[k])]
    return f"the parameter moves in step {moved[0]}, which has no gradient" if moved else None


def elementwise(run: Run, inputs: Any, params: Any) -> str | None:
    """Every number moves as if it were alone."""
    whole = run(inputs, params)["parameters"]
    p, g = inputs["parameter"].reshape(-1), inputs["gradients"].reshape(len(whole), -1)
    alone = run({"parameter": p[:1], "gradients": g[:, :1]}, params)["parameters"]
    same = close(whole.reshape(len(whole), -1)[:, :1], alone)
    return None if same else "the first number moves differently without the others"
