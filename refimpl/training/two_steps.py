"""A training step in two: an optimiser for the outputs of a network, another for its weights.

A step on l(f(x; theta)) is split into a step of any optimiser on the outputs y = f(x; theta), which
gives z*, and a step of any other on theta for the regression loss 1/2 |z* - f(x; theta)|^2 with z*
constant. If both are gradient descent, the first with step 1, this is gradient descent on l. With
Newton's step for the outputs it is a Newton loss (`newton_losses`), with damped least squares for
the weights of a linear layer it is TrAct or ISAAC.

Source: Petersen et al. 2024, "Newton Losses: Using Curvature Information for Learning with
Differentiable Algorithms", NeurIPS.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..autograd import Array, array_namespace, stop_gradient, value_and_grad
from ..promises import close
from ..spec import Invariant, Run, specification
from ..validation import float_array
from .newton_cases import target_cases
from .optimizers import Optimizer


def _symmetric(run: Run, inputs: Any, params: Any) -> str | None:
    swapped = {"outputs": inputs["target"], "target": inputs["outputs"]}
    before, after = run(inputs, params)["loss"], run(swapped, params)["loss"]
    return None if close(after, before) else f"{before} becomes {after}"


def _one_away(run: Run, inputs: Any, params: Any) -> str | None:
    for step in (0, 1):
        loss = run({**inputs, "outputs": inputs["target"] + step}, params)["loss"]
        if not close(loss, step * inputs["target"].size / 2):
            return f"{step} away from the target in every entry, it is {loss}"
    return None


@specification(
    name="training.target_loss",
    source="Petersen et al. 2024, Newton Losses: the split of a training step",
    inputs=("outputs", "target"),
    differentiable=("outputs",),
    outputs=("loss",),
    cases=target_cases,
    second_order=False,
    invariants=(
        Invariant("one away", "1 away from the target in every entry, 1/2 for each", _one_away),
        Invariant("symmetric", "outputs and target may change places", _symmetric),
    ),
)
def target_loss(outputs: Array, target: Array) -> Array:
    """1/2 |target - outputs|^2, a scalar, the target held constant: its gradient is the difference.

    outputs, target  of equal shapes. Raises ValueError for others.

    >>> import numpy as np
    >>> float(target_loss(np.array([1.0, 2.0]), np.array([1.0, 5.0])))
    4.5
    """
    y, z = float_array(outputs, "outputs"), stop_gradient(float_array(target, "target"))
    if tuple(y.shape) != tuple(z.shape):
        raise ValueError(
            f"outputs, target: expected equal shapes, got {tuple(y.shape)} and {tuple(z.shape)}"
        )
    return 0.5 * array_namespace(y, z).sum((z - y) ** 2)


def stepped_outputs(
    loss: Callable[[Array], Array], outputs: Array, optimizer: Optimizer, state: Any = None
) -> tuple[Array, Any]:
    """z*, the outputs after one step of an optimiser on a scalar loss of them, and its new state.

    outputs    y, of any shape
    optimizer  from `optimizers`; state: None to begin with

    >>> import numpy as np
    >>> from refimpl.training.optimizers import sgd
    >>> stepped_outputs(lambda y: 3.0 * y[0], np.array([1.0, 2.0]), sgd(1.0))[0]
    array([-2.,  2.])
    """
    y = stop_gradient(float_array(outputs, "outputs"))
    _, gradient = value_and_grad(loss)(y)
    return optimizer.update(gradient, optimizer.init(y) if state is None else state, y)
