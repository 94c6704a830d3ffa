"""The logic gate layer: mixtures of gates in training, one gate each afterwards.

Symbols: x inputs (..., n), w logits (m, 16), ia and ib the wiring (m,), A = x[ia], B = x[ib],
p = softmax(w), f_i the gates of `gates`.

Source: Petersen et al. 2022, section 3; conventions of PyPI difflogic 0.1.0.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..autograd import (
    Array,
    array_namespace,
    custom_vjp,
    is_traced,
    one_hot,
    plain,
    softmax,
    stop_gradient,
    to_numpy,
)
from ..autograd.backend import like_array
from ..promises import close
from ..spec import BATCHES, Case, Invariant, Note, specification
from ..validation import float_array, positive
from .connections import connections
from .gates import evaluate_polynomial, gate_mixture, mixture_polynomial


def _problem(rng: np.random.Generator, n: int, m: int, batch: tuple[int, ...]) -> dict[str, Any]:
    return {
        "x": rng.uniform(size=(*batch, n)),
        "weights": rng.normal(size=(m, 16)),
        "wiring": connections("random", n, m, rng),
    }


def _cases(rng: np.random.Generator) -> Iterator[Case]:
    for name, batch in BATCHES.items():
        for hard in (False, True):
            inputs = _problem(rng, 6, 9, batch)
            yield Case(f"hard{hard}-{name}", inputs, {"hard": hard, "grad_factor": 1.0})
    twice = {**_problem(rng, 3, 4, (2,)), "wiring": np.array([[0, 1, 1, 0], [0, 1, 2, 2]])}
    yield Case("same-input-twice", twice, {"hard": False, "grad_factor": 1.0}, flags=("aliased",))
    large = _problem(rng, 4, 6, (3,))
    large["weights"] = large["weights"] * 800
    yield Case("saturated", large, {"hard": False, "grad_factor": 1.0}, flags=("saturated",))
    tied = {**_problem(rng, 4, 6, (3,)), "weights": np.zeros((6, 16))}
    yield Case("even", tied, {"hard": False, "grad_factor": 1.0}, flags=("washed_out",))
    outside = _problem(rng, 4, 6, (3,))
    outside["x"] = rng.normal(size=(3, 4)) * 3
    yield Case("outside", outside, {"hard": False, "grad_factor": 1.0}, flags=("out_of_range",))


def _bits(run: Any, inputs: Any, params: Any) -> str | None:
    rounded = {**inputs, "x": np.round(np.clip(inputs["x"], 0, 1))}
    y = run(rounded, {**params, "hard": True})["y"]
    return None if np.all((y == 0) | (y == 1)) else "hard gates of bits are not bits"


def _shift(run: Any, inputs: Any, params: Any) -> str | None:
    y = run(inputs, params)["y"]
    moved = run({**inputs, "weights": inputs["weights"] + 3}, params)["y"]
    same = close(moved, y, scale=1 + np.max(np.abs(inputs["weights"]), initial=0.0))
    return None if same else "a constant added to the logits matters"


def _negated(run: Any, inputs: Any, params: Any) -> str | None:
    """Gate 15 - i is the negation of gate i."""
    y = run(inputs, params)["y"]
    other = run({**inputs, "weights": inputs["weights"][..., ::-1]}, params)["y"]
    size = np.max(np.abs(y), initial=1.0)
    same = close(y + other, np.ones_like(y), scale=size)
    return None if same else "the logits in the opposite order do not give 1 - y"


NOTES = {
    "aliased": Note(
        "gradient",
        "Both inputs of a gate are the same entry of x, whose gradient is the sum of both sides.",
        "2 df/da instead of df/da + df/db, as in difflogic's CUDA kernel.",
    ),
    "washed_out": Note(
        "initialisation",
        "All gates have the same weight: the output is 1/2, the gradient in x zero.",
        "Rounding that looks like a gradient.",
    ),
    "out_of_range": Note(
        "domain",
        "Inputs outside [0, 1] are legal: the polynomials go on.",
        "Clipped inputs or outputs.",
    ),
}


@specification(
    name="logic.logic_layer",
    source="Petersen et al. 2022, section 3",
    inputs=("x", "weights", "wiring"),
    differentiable=("x", "weights"),
    outputs=("y",),
    cases=_cases,
    invariants=(
        Invariant("bits to bits", "a hard layer is a Boolean function", _bits),
        Invariant("softmax", "logits have no origin", _shift),
        Invariant("complement", "logits in the opposite order give 1 - y", _negated),
    ),
    notes=NOTES,
)
def logic_layer(
    x: Array, weights: Array, wiring: Array, *, hard: bool = False, grad_factor: float = 1.0
) -> Array:
    """One layer of two-input gates: y_j = sum_i p_ji f_i(A_j, B_j).

    p = softmax(w); with `hard`, gate argmax(w) alone, the lowest of tied ones. Inputs are not
    rounded: a hard layer of real numbers gives the polynomial of its gates, with gradient in x and
    none in w. grad_factor multiplies the gradient in x, and that of no weight of this layer.

    x (..., n) numbers, meant as probabilities (not checked); weights (m, 16);
    wiring (2, m) whole numbers below n
    returns (..., m)

    The sixteen gates are polynomials, so their mixture is one: C = p @ POLYNOMIALS, (m, 4), and
    y = C0 + Ca A + Cb B + Cab A B. This needs a quarter of the arithmetic of `logic_layer_sum`, and
    a sixteenth of its memory.

    Raises ValueError for shapes that do not fit.

    >>> import numpy as np
    >>> wiring = np.array([[0, 1], [1, 2]])
    >>> logic_layer([0.0, 1.0, 0.5], np.eye(16)[[7, 1]], wiring, hard=True)  # or, and
    array([1. , 0.5])
    """
    x, weights, wiring = check_layer(x, weights, wiring)
    xp = array_namespace(x, weights)
    x = scale_gradient(x, positive(grad_factor, "grad_factor"))
    coefficients = mixture_polynomial(probabilities(weights, hard))
    a, b = (xp.take(x, wiring[side, :], axis=-1) for side in (0, 1))
    return evaluate_polynomial(coefficients, a, b)


def logic_layer_sum(x: Array, weights: Array, wiring: Array, *, hard: bool = False) -> Array:
    """The layer as the plain sum over sixteen gates: what `logic_layer` is held against."""
    x, weights, wiring = check_layer(x, weights, wiring)
    xp = array_namespace(x, weights)
    a, b = (xp.take(x, wiring[side, :], axis=-1) for side in (0, 1))
    return gate_mixture(a, b, probabilities(weights, hard))


def probabilities(weights: Array, hard: bool) -> Array:
    """softmax(w), or with `hard` one-hot argmax(w): (..., 16) -> (..., 16)."""
    if not hard:
        return softmax(weights, axis=-1)
    return one_hot(gate_numbers(weights), 16, like=weights)


def gate_numbers(weights: Array) -> Array:
    """The most probable gates, whole numbers (...); the lowest of tied ones."""
    w = plain(weights)
    return array_namespace(w).argmax(w, axis=-1)


@custom_vjp
def _scaled(x: Array, factor: float) -> Array:
    return x


_scaled.defvjp(lambda x, factor: (x, factor), lambda factor, g: (factor * g, None))


def scale_gradient(x: Array, factor: float) -> Array:
    """x itself, whose gradient is multiplied by `factor` on the way back.

    >>> from refimpl.autograd import grad
    >>> float(grad(lambda x: scale_gradient(x, 2.0) ** 2)(3.0))
    12.0
    """
    if factor == 1.0:
        return x
    if is_traced(x):
        return _scaled(x, factor)
    fixed = stop_gradient(x)  # torch and JAX differentiate the difference
    return fixed + factor * (x - fixed)


def check_layer(x: Array, weights: Array, wiring: Array) -> tuple[Array, Array, Array]:
    """The arguments of a layer as arrays of one library; ValueError where they do not fit."""
    x = float_array(x, "x", min_ndim=1)
    weights = float_array(weights, "weights", min_ndim=2)
    host = to_numpy(wiring)
    if host.dtype.kind not in "iu":
        raise TypeError(f"wiring: expected whole numbers, got dtype {host.dtype}")
    if host.shape != (2, weights.shape[0]) or weights.shape[-1] != 16 or weights.ndim != 2:
        raise ValueError(
            "wiring, weights: expected shapes (2, m) and (m, 16), got "
            f"{host.shape} and {tuple(weights.shape)}"
        )
    if host.size and not (host.min() >= 0 and host.max() < x.shape[-1]):
        raise ValueError(f"wiring: expected numbers below the {x.shape[-1]} inputs of the layer")
    return x, weights, like_array(host, x)
