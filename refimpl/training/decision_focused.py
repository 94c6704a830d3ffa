"""Decision-focused learning by score functions: one training loss from prediction to regret.

A model predicts a mean for each unknown parameter; a scale model says how wide the distribution
around it is. Parameters are drawn, decisions are made with them, and `decision_loss` turns their
regrets into a loss whose gradient is the score-function estimate.

    scale = scale_model("contextual", outputs=3, features=5)
    params = {"W": ..., "scale": scale.init(generator)}
    mean = x @ params["W"].T
    loss, regrets = decision_loss(mean, scale.log_scale(params["scale"], x, epoch), noise, regret)

Source: Silvestri et al. 2023, "Score Function Gradient Estimation to Widen the Applicability of
Decision-Focused Learning" (arXiv 2307.05213); sfge-dfl for the four scale models.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..autograd import (
    Array,
    Generator,
    array_namespace,
    constant,
    stop_gradient,
    to_numpy,
)
from ..validation import choose, float_array, in_range, whole
from .score_function import gaussian_log_density, score_function_loss

KINDS = ("static", "trainable", "contextual", "annealed")


class ScaleModel(NamedTuple):
    """How wide predictions are: `init(generator)` -> params, `log_scale(params, x, epoch)`."""

    init: Callable[[Generator], Any]
    log_scale: Callable[..., Array]


def scale_model(
    kind: str,
    outputs: int,
    *,
    features: int = 0,
    initial: float = 0.0,
    epochs: int = 1,
    floor: float = 0.1,
    published: bool = False,
) -> ScaleModel:
    """The logarithm of the scale of each of n predicted parameters.

    kind     "static"      `initial` for all; its gradient is 0
             "trainable"   one parameter per output, which starts at `initial`
             "contextual"  W x + b, (n, features) and (n,), uniform within 1/sqrt(features) at first
             "annealed"    trainable, and the scale is multiplied by max(1 - epoch/epochs, floor)
    published  for "annealed": multiply the logarithm instead, as sfge-dfl does. Where that is 0,
               which is where it starts, nothing is annealed.

    `log_scale(params, x, epoch)` returns (n,), or (..., n) for x (..., features) if contextual.

    >>> import numpy as np
    >>> model = scale_model("annealed", 2, epochs=10)
    >>> params = model.init(Generator(0))
    >>> np.exp(model.log_scale(params, None, 5))
    array([0.5, 0.5])
    """
    choose(kind, KINDS, "kind")
    n, T = whole(outputs, "outputs", minimum=1), whole(epochs, "epochs", minimum=1)
    low = in_range(floor, "floor", 0.0, 1.0)
    if kind == "contextual":
        return _contextual(n, whole(features, "features", minimum=1))

    if kind == "annealed" and low == 0:
        raise ValueError("floor: expected a number above 0: a scale of 0 has no density")

    def log_scale(params: Any, x: Any = None, epoch: int = 0) -> Array:
        found = params["log_scale"]
        if kind != "annealed":
            return stop_gradient(found) if kind == "static" else found
        left = max(1 - epoch / T, low)
        return left * found if published else found + math.log(left)

    return ScaleModel(
        lambda generator: {"log_scale": 0.0 * generator.uniform((n,)) + initial}, log_scale
    )


def _contextual(n: int, features: int) -> ScaleModel:
    bound = 1 / math.sqrt(features)

    def init(generator: Generator) -> dict[str, Array]:
        weight = bound * (2 * generator.uniform((n, features)) - 1)
        return {"weight": weight, "bias": bound * (2 * generator.uniform((n,)) - 1)}

    def log_scale(params: dict[str, Array], x: Array, epoch: int = 0) -> Array:
        weight = params["weight"]
        return x @ array_namespace(weight).matrix_transpose(weight) + params["bias"]

    return ScaleModel(init, log_scale)


def decision_loss(
    mean: Array,
    log_scale: Array,
    noise: Array,
    regret: Callable[[np.ndarray], np.ndarray],
    *,
    centre: Array | float = 0.0,
    spread: Array | float = 1.0,
    standardisation: str = "population",
    scale_is: str = "std",
) -> tuple[Array, Array]:
    """The surrogate loss of a batch, and the regrets.

    mean       (B, n), predicted, in standardised units
    log_scale  (n,) or (B, n)
    noise      standard normal, (B, n), or (K, B, n) for K samples of each instance
    regret     parameters (..., B, n) in the units of the problem -> regrets (..., B): a black box
               on the host, never differentiated
    centre, spread  y = spread * (mean + sigma noise) + centre is what is decided with; the density
               is that of the standardised parameters

    standardisation, scale_is   see `score_function`; K samples are standardised one by one

    Returns a scalar and the regrets (..., B). With K = B = 1, or with equal regrets, standardising
    leaves no gradient. Raises ValueError for noise of another shape, and if `regret` returns
    another one.

    >>> import numpy as np
    >>> noise = np.array([[1.0], [-1.0]])
    >>> loss, regrets = decision_loss(np.zeros((2, 1)), np.zeros(1), noise, lambda y: y[..., 0] > 0)
    >>> regrets
    array([1., 0.])
    """
    mean, noise = float_array(mean, "mean", min_ndim=2), float_array(noise, "noise", min_ndim=2)
    if tuple(noise.shape[-2:]) != tuple(mean.shape) or noise.ndim > 3:
        shape = ", ".join(map(str, mean.shape))
        raise ValueError(f"noise: expected ({shape}) or (K, {shape}), got {tuple(noise.shape)}")
    xp = array_namespace(mean, log_scale)
    root = 1.0 if choose(scale_is, ("std", "variance"), "scale_is") == "std" else 0.5
    drawn = stop_gradient(mean + xp.exp(root * log_scale) * noise)
    found = np.asarray(regret(to_numpy(spread * drawn + centre)), dtype=np.float64)
    if found.shape != tuple(drawn.shape[:-1]):
        raise ValueError(
            f"regret: expected shape {tuple(drawn.shape[:-1])} for parameters of shape "
            f"{tuple(drawn.shape)}, got {found.shape}"
        )
    losses = constant(found, like=mean)
    density = gaussian_log_density(drawn, mean, log_scale, scale_is=scale_is)
    return score_function_loss(density, losses, standardisation=standardisation), losses


def self_contrastive_regret(
    objective: Callable[[Any, Any], Any],
    decided: Any,
    best: Any,
    predicted: Any,
    true: Any,
    *,
    minimise: bool = False,
) -> Any:
    """Regret plus the self-contrastive term: how much the predicted parameters prefer `decided`.

        f(z(y), t) - f(z(t), t) + f(z(t), y) - f(z(y), y)        (minimisation)

    objective(z, y)  the value of a decision; decided z(y), best z(t), predicted y, true t

    Both differences are >= 0 for a correct solver. For objectives that are linear in the parameters
    the sum is (t - y).(z(y) - z(t)); for parameters in constraints it means nothing.

    >>> import numpy as np
    >>> cost = lambda z, y: float(z @ y)
    >>> z = np.eye(2)
    >>> self_contrastive_regret(
    ...     cost, z[0], z[1], np.array([1.0, 2.0]), np.array([3.0, 2.0]), minimise=True
    ... )
    2.0
    """
    regret = objective(decided, true) - objective(best, true)
    contrast = objective(best, predicted) - objective(decided, predicted)
    return regret + contrast if minimise else -(regret + contrast)
