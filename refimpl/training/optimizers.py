"""First-order optimisers as pure functions on nested containers of arrays.

    optimizer = adam(1e-3)
    state = optimizer.init(params)
    params, state = optimizer.update(grads, state, params)

Nothing is changed in place; the state is a list of plain dictionaries of arrays and numbers, one
for each array of the parameters, so that it can be saved and resumed. The conventions, down to
where epsilon is added and what the first momentum buffer is, are those of torch.optim. A gradient
of None skips its parameter, whose step count then stays. Step counts are Python's whole numbers, so
an update runs on any library's arrays but is not compiled as a whole by JAX.

Symbols: p parameter, g gradient, t = 1, 2, ... the parameter's own step count, lr learning rate.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import numpy as np

from ..autograd import Array, array_namespace, tree_flatten
from ..autograd.tree import matching
from ..spec import Case, Invariant, specification
from ..validation import float_array, in_range, non_negative
from .optimizer_cases import (
    ADAGRAD,
    ADAM,
    NOTES,
    RMSPROP,
    SGD,
    Settings,
    cases_of,
    elementwise,
    still_where_skipped,
    trajectory,
)

Schedule = Callable[[int], float]
Rate = float | Schedule
State = list[dict[str, Any]]
Slots = dict[str, Any]
Maker = TypeVar("Maker", bound=Callable[..., Any])


class Optimizer(NamedTuple):
    """`init(params)` -> state; `update(grads, state, params)` -> (params, state)."""

    init: Callable[[Any], State]
    update: Callable[[Any, State, Any], tuple[Any, State]]


def _registered(source: str, settings: Settings, rate: float) -> Callable[[Maker], Maker]:
    """Register an optimiser: its cases run it on given gradients, step after step."""

    def register(maker: Maker) -> Maker:
        return specification(
            name=f"training.{maker.__name__}",
            source=source,
            inputs=("parameter", "gradients"),
            differentiable=(),
            outputs=("parameters",),
            cases=cases_of(settings, rate),
            gradient="none: an update is not differentiated",
            invariants=(
                Invariant(
                    "skipped", "a step without gradient changes nothing", still_where_skipped
                ),
                Invariant("element-wise", "numbers do not interact", elementwise, _not_empty),
            ),
            notes=NOTES,
            call=trajectory(maker),
        )(maker)

    return register


def _not_empty(case: Case) -> bool:
    return np.size(case.inputs["parameter"]) > 0


@_registered("Sutskever et al. 2013; conventions of torch.optim.SGD", SGD, 0.1)
def sgd(
    learning_rate: Rate = 1e-3,
    *,
    momentum: float = 0.0,
    dampening: float = 0.0,
    weight_decay: float = 0.0,
    nesterov: bool = False,
    maximize: bool = False,
) -> Optimizer:
    """Gradient descent with momentum.

        g += weight_decay p
        m  = g at t = 1, afterwards momentum m + (1 - dampening) g
        p -= lr d,   d = m, or g + momentum m with `nesterov`, or g without momentum

    Raises ValueError for negative numbers, and for `nesterov` without momentum or with dampening.

    >>> import numpy as np
    >>> optimizer = sgd(0.1)
    >>> optimizer.update(np.array([2.0]), optimizer.init(np.array([1.0])), np.array([1.0]))[0]
    array([0.8])
    """
    mu, tau = non_negative(momentum, "momentum"), dampening
    wd = non_negative(weight_decay, "weight_decay")
    if nesterov and (mu == 0 or tau != 0):
        raise ValueError("nesterov: needs momentum > 0 and dampening = 0")

    def step(p: Array, g: Array, slots: Slots, t: int, lr: float) -> tuple[Array, Slots]:
        g = _decayed(p, g, wd)
        if mu == 0:
            return p - lr * g, {}
        m = g if t == 1 else mu * slots["momentum"] + (1 - tau) * g
        return p - lr * (g + mu * m if nesterov else m), {"momentum": m}

    return _optimizer(step, learning_rate, maximize)


@_registered("Kingma and Ba 2015, algorithm 1; Reddi et al. 2018 for AMSGrad", ADAM, 0.1)
def adam(
    learning_rate: Rate = 1e-3,
    *,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    decoupled: bool = False,
    amsgrad: bool = False,
    maximize: bool = False,
) -> Optimizer:
    """Adam (Kingma and Ba 2015), with decoupled weight decay AdamW (Loshchilov and Hutter 2019).

        g += weight_decay p            (decoupled: p *= 1 - lr weight_decay instead)
        m  = beta1 m + (1 - beta1) g
        v  = beta2 v + (1 - beta2) g^2
        p -= lr / (1 - beta1^t) * m / (sqrt(v) / sqrt(1 - beta2^t) + eps)

    With `amsgrad` the largest v so far, before correction, takes the place of v. Where all
    gradients were 0 the step is 0/eps, so eps > 0 is needed there.

    Raises ValueError for negative numbers and betas of 1 or more.

    >>> import numpy as np
    >>> optimizer = adam(0.1)
    >>> optimizer.update(np.array([5.0]), optimizer.init(np.array([1.0])), np.array([1.0]))[0]
    array([0.9])
    """
    beta1, beta2 = _two_decays(betas)
    wd, eps = non_negative(weight_decay, "weight_decay"), non_negative(eps, "eps")

    def step(p: Array, g: Array, slots: Slots, t: int, lr: float) -> tuple[Array, Slots]:
        xp = array_namespace(p)
        if decoupled:
            p = p * (1 - lr * wd)
        else:
            g = _decayed(p, g, wd)
        zero = xp.zeros_like(p)
        m = beta1 * slots.get("mean", zero) + (1 - beta1) * g
        v = beta2 * slots.get("square", zero) + (1 - beta2) * (g * g)
        kept = {"mean": m, "square": v}
        if amsgrad:
            v = kept["largest"] = xp.maximum(slots.get("largest", zero), v)
        root = xp.sqrt(v) / math.sqrt(1 - beta2**t) + eps
        return p - (lr / (1 - beta1**t)) * (m / root), kept

    return _optimizer(step, learning_rate, maximize)


@_registered("Loshchilov and Hutter 2019, algorithm 2", ADAM, 0.1)
def adamw(learning_rate: Rate = 1e-3, *, weight_decay: float = 0.01, **options: Any) -> Optimizer:
    """Adam with decoupled weight decay: `adam(..., decoupled=True)`, with its other options.

    >>> import numpy as np
    >>> optimizer = adamw(0.1, weight_decay=1.0)  # 2 (1 - 0.1) - 0.1
    >>> optimizer.update(np.array([5.0]), optimizer.init(np.array([2.0])), np.array([2.0]))[0]
    array([1.7])
    """
    return adam(learning_rate, weight_decay=weight_decay, decoupled=True, **options)


@_registered("Hinton 2012; Graves 2013, equations 38 to 45, for the centred form", RMSPROP, 0.05)
def rmsprop(
    learning_rate: Rate = 1e-2,
    *,
    alpha: float = 0.99,
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    momentum: float = 0.0,
    centered: bool = False,
    maximize: bool = False,
) -> Optimizer:
    """RMSprop (Hinton 2012).

        g += weight_decay p
        v  = alpha v + (1 - alpha) g^2;   centered: a = alpha a + (1 - alpha) g, v - a^2 for v
        d  = g / (sqrt(v) + eps);   with momentum: b = momentum b + d, b for d
        p -= lr d

    With `centered`, under gradients that hardly change, v - a^2 is what rounding leaves: the step
    is long, or NaN where that is negative, as in torch.

    Raises ValueError for negative numbers and alpha above 1.

    >>> import numpy as np
    >>> optimizer = rmsprop(0.1, alpha=0.75)  # sqrt(v) = 0.5 |g|
    >>> optimizer.update(np.array([5.0]), optimizer.init(np.array([1.0])), np.array([1.0]))[0]
    array([0.8])
    """
    alpha, eps = in_range(alpha, "alpha", 0.0, 1.0), non_negative(eps, "eps")
    wd, mu = non_negative(weight_decay, "weight_decay"), non_negative(momentum, "momentum")

    def step(p: Array, g: Array, slots: Slots, t: int, lr: float) -> tuple[Array, Slots]:
        xp = array_namespace(p)
        g = _decayed(p, g, wd)
        zero = xp.zeros_like(p)
        v = alpha * slots.get("square", zero) + (1 - alpha) * (g * g)
        kept = {"square": v}
        if centered:
            a = kept["mean"] = alpha * slots.get("mean", zero) + (1 - alpha) * g
            v = v - a * a
        d = g / (xp.sqrt(v) + eps)
        if mu:
            d = kept["momentum"] = mu * slots.get("momentum", zero) + d
        return p - lr * d, kept

    return _optimizer(step, learning_rate, maximize)


@_registered("Duchi, Hazan, Singer 2011; conventions of torch.optim.Adagrad", ADAGRAD, 0.1)
def adagrad(
    learning_rate: Rate = 1e-2,
    *,
    decay: float = 0.0,
    eps: float = 1e-10,
    weight_decay: float = 0.0,
    initial: float = 0.0,
    maximize: bool = False,
) -> Optimizer:
    """Adagrad (Duchi et al. 2011).

        g += weight_decay p
        s += g^2, from `initial`
        p -= lr / (1 + (t - 1) decay) g / (sqrt(s) + eps)

    Raises ValueError for negative numbers.

    >>> import numpy as np
    >>> optimizer = adagrad(0.1)
    >>> optimizer.update(np.array([5.0]), optimizer.init(np.array([1.0])), np.array([1.0]))[0]
    array([0.9])
    """
    wd, eps = non_negative(weight_decay, "weight_decay"), non_negative(eps, "eps")
    decay, initial = non_negative(decay, "decay"), non_negative(initial, "initial")

    def step(p: Array, g: Array, slots: Slots, t: int, lr: float) -> tuple[Array, Slots]:
        xp = array_namespace(p)
        g = _decayed(p, g, wd)
        s = slots.get("sum", xp.full_like(p, initial)) + g * g
        return p - (lr / (1 + (t - 1) * decay)) * (g / (xp.sqrt(s) + eps)), {"sum": s}

    return _optimizer(step, learning_rate, maximize)


def _two_decays(betas: tuple[float, float]) -> tuple[float, float]:
    if not isinstance(betas, (tuple, list)) or len(betas) != 2:
        raise ValueError(f"betas: expected two numbers, got {betas!r}")
    beta1, beta2 = (in_range(b, "betas", 0.0, 1.0) for b in betas)
    if max(beta1, beta2) == 1:
        raise ValueError(f"betas: expected numbers below 1, got {betas!r}")
    return beta1, beta2


def _decayed(p: Array, g: Array, weight_decay: float) -> Array:
    return g + weight_decay * p if weight_decay else g


def _optimizer(step: Callable[..., tuple[Array, Slots]], rate: Rate, maximize: bool) -> Optimizer:
    """An optimiser from what happens to one array; `rate` is a number or a function of t - 1."""
    schedule: Schedule = rate if callable(rate) else _constant(non_negative(rate, "learning_rate"))

    def init(params: Any) -> State:
        return [{"t": 0, "slots": {}} for _ in tree_flatten(params)[0]]

    def update(grads: Any, state: State, params: Any) -> tuple[Any, State]:
        leaves, rebuild = tree_flatten(params)
        gradients = matching(params, grads, "grads", sparse=True)
        if len(state) != len(leaves):
            raise ValueError(f"state: made for {len(state)} arrays, but params has {len(leaves)}")
        new_leaves, new_state = [], []
        for p, g, known in zip(leaves, gradients, state, strict=True):
            if g is not None:
                p, g = float_array(p, "params"), float_array(g, "grads")
                if tuple(g.shape) != tuple(p.shape):
                    raise ValueError(
                        f"grads: got shape {tuple(g.shape)} for a parameter of {tuple(p.shape)}"
                    )
                t = known["t"] + 1
                p, slots = step(p, -g if maximize else g, known["slots"], t, float(schedule(t - 1)))
                known = {"t": t, "slots": slots}
            new_leaves.append(p)
            new_state.append(known)
        return rebuild(new_leaves), new_state

    return Optimizer(init, update)


def _constant(rate: float) -> Schedule:
    return lambda _: rate
