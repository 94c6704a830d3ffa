"""Gates of n inputs as lookup tables, in three parametrisations, soft or sampled.

raw    2 inputs: sixteen logits w, one per gate; y = sum_i softmax(w)_i f_i(a, b)
light  n inputs: 2^n logits, one per row of the truth table; y = sum_r sigmoid(w_r) [row r], where
       [row r] is the product of a_i or 1 - a_i. Rows count upwards, the first input leads
walsh  n inputs: 2^n coefficients of products of 1 - 2 a_i (true is -1);
       y = sigmoid(-(w_0 + w_1 B + w_2 A + w_3 A B)) for two inputs, A = 1 - 2a

Sources: Petersen et al. 2022 (raw); arXiv 2510.03250 (light); arXiv 2602.03527 (walsh, "WARP");
arXiv 2506.07500 (Gumbel noise and straight-through); conventions of torchlogix 0.2.2.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ..autograd import (
    Array,
    array_namespace,
    one_hot,
    plain,
    sigmoid,
    softmax,
    stop_gradient,
    to_numpy,
)
from ..autograd.backend import like_array
from ..spec import BATCHES, Case, Invariant, specification
from ..validation import choose, float_array, positive, whole
from .connections import connections
from .gates import TRUTH, evaluate_polynomial, mixture_polynomial, residual_logit

PARAMETRISATIONS = ("raw", "light", "walsh")
SAMPLINGS = ("soft", "straight_through", "hard")


def entries(parametrisation: str, rank: int = 2) -> int:
    """How many numbers describe a gate of `rank` inputs.

    >>> entries("raw"), entries("light", 4)
    (16, 16)
    """
    choose(parametrisation, PARAMETRISATIONS, "parametrisation")
    rank = whole(rank, "rank", minimum=1)
    if parametrisation == "raw" and rank != 2:
        raise ValueError(f"rank: 'raw' has gates of 2 inputs, got {rank}; use 'light' or 'walsh'")
    return 2 ** (2**rank if parametrisation == "raw" else rank)


def _fold(parts: list[Array], inputs: Sequence[Array], join: Any) -> Array:
    """One number from 2^n, which count upwards with the first input leading."""
    for x in reversed(inputs):
        parts = [join(parts[i], parts[i + 1], x) for i in range(0, len(parts), 2)]
    return parts[0]


def _columns(weights: Array) -> list[Array]:
    return [weights[..., i] for i in range(weights.shape[-1])]


def _straight_through(hard: Array, soft: Array, sampling: str) -> Array:
    if sampling == "soft":
        return soft
    return hard if sampling == "hard" else hard + (soft - stop_gradient(soft))


def _step(logits: Array, temperature: float, sampling: str) -> Array:
    """sigmoid(logits / temperature), or the sign as 0 and 1, with that gradient or none."""
    xp = array_namespace(plain(logits))
    above = xp.astype(plain(logits) > 0, plain(logits).dtype)
    return _straight_through(above, sigmoid(logits / temperature), sampling)


def lookup(
    inputs: Sequence[Array],
    weights: Array,
    *,
    parametrisation: str = "raw",
    sampling: str = "soft",
    temperature: float = 1.0,
    noise: Array | float = 0.0,
) -> Array:
    """A gate per entry: n arrays (...) and weights (..., entries), of shapes that broadcast.

    See `lookup_layer`.
    """
    if parametrisation == "raw":
        logits = weights + noise
        chosen = array_namespace(plain(logits)).argmax(plain(logits), axis=-1)
        soft = softmax(logits / temperature, axis=-1)
        p = _straight_through(one_hot(chosen, 16, like=weights), soft, sampling)
        return evaluate_polynomial(mixture_polynomial(p), *inputs)
    if parametrisation == "light":
        table = _step(weights + noise, temperature, sampling)
        return _fold(_columns(table), inputs, lambda low, high, x: low * (1 - x) + high * x)
    signs = [1 - 2 * x for x in inputs]
    total = _fold(_columns(weights), signs, lambda low, high, z: low + high * z)
    return _step(noise - total, temperature, sampling)


def _cases(rng: np.random.Generator) -> Iterator[Case]:
    for parametrisation, rank in (
        ("raw", 2),
        ("light", 2),
        ("light", 4),
        ("walsh", 1),
        ("walsh", 4),
    ):
        for name, batch in BATCHES.items():
            m = 5
            wiring = np.stack([connections("random", 6, m, rng)[0] for _ in range(rank)])
            inputs = {
                "x": rng.uniform(size=(*batch, 6)),
                "weights": rng.normal(size=(m, entries(parametrisation, rank))),
                "wiring": wiring,
            }
            params = {"parametrisation": parametrisation, "temperature": 0.7}
            yield Case(f"{parametrisation}{rank}-{name}", inputs, {**params, "sampling": "soft"})
            if name == "batch3":
                hard = {**params, "sampling": "hard"}
                yield Case(f"{parametrisation}{rank}-hard", inputs, hard, checks=("values",))


def _tables(run: Any, inputs: Any, params: Any) -> str | None:
    rank, n = inputs["wiring"].shape[0], inputs["x"].shape[-1]
    bits = (np.arange(2**n)[:, None] >> np.arange(n)) & 1
    y = run({**inputs, "x": bits.astype(inputs["x"].dtype)}, {**params, "sampling": "hard"})["y"]
    tables = truth_tables(inputs["weights"], params["parametrisation"])
    rows = sum(bits[:, w] << (rank - 1 - i) for i, w in enumerate(inputs["wiring"]))
    wanted = np.take_along_axis(tables.T, rows, axis=0)
    return None if np.array_equal(y, wanted) else "hard gates of bits are not their truth tables"


@specification(
    name="logic.lookup_layer",
    source="Petersen et al. 2022; arXiv 2510.03250; arXiv 2602.03527",
    inputs=("x", "weights", "wiring"),
    differentiable=("x", "weights"),
    outputs=("y",),
    cases=_cases,
    invariants=(Invariant("truth tables", "hard gates of bits are Boolean", _tables),),
    kinks="with sampling='hard': steps, whose derivative is 0",
)
def lookup_layer(
    x: Array,
    weights: Array,
    wiring: Array,
    *,
    parametrisation: str = "raw",
    sampling: str = "soft",
    temperature: float = 1.0,
    noise: Array | float = 0.0,
) -> Array:
    """A layer of gates with n inputs each: (..., inputs) -> (..., m).

    weights (m, entries); wiring (n, m) whole numbers. The formulas are those of the module, with
    the logits divided by `temperature`. sampling: "soft"; "hard", the most probable gate or row, of
    gradient zero in what was sampled; "straight_through", the value of hard and the gradient of
    soft. noise is added to the logits before the division: a draw of `gumbel_noise` for raw, of
    `logistic_noise` for light, both of the shape of weights, and for walsh, whose logit is the
    sum, of the shape of the result.

    Raises ValueError for unknown names, temperature <= 0 and shapes that do not fit.

    >>> import numpy as np
    >>> table = np.array([[-9.0, 9.0, 9.0, -9.0]])  # xor, by rows 00 01 10 11
    >>> lookup_layer(
    ...     [1.0, 0.0], table, np.array([[0], [1]]), parametrisation="light", sampling="hard"
    ... )
    array([1.])
    """
    choose(sampling, SAMPLINGS, "sampling")
    temperature = positive(temperature, "temperature")
    x, weights = float_array(x, "x", min_ndim=1), float_array(weights, "weights", min_ndim=2)
    host = to_numpy(wiring)
    if host.ndim != 2 or host.shape[1] != weights.shape[0]:
        raise ValueError(
            f"wiring: expected shape (n, {weights.shape[0]}) of whole numbers, got {host.shape}"
        )
    if weights.shape[-1] != entries(parametrisation, host.shape[0]):
        raise ValueError(
            f"weights: expected {entries(parametrisation, host.shape[0])} numbers for each gate of "
            f"{host.shape[0]} inputs, got {weights.shape[-1]}"
        )
    if host.size and not (host.min() >= 0 and host.max() < x.shape[-1]):
        raise ValueError(f"wiring: expected numbers below the {x.shape[-1]} inputs of the layer")
    xp = array_namespace(x, weights)
    inputs = [xp.take(x, like_array(row, x), axis=-1) for row in host]
    return lookup(
        inputs,
        weights,
        parametrisation=parametrisation,
        sampling=sampling,
        temperature=temperature,
        noise=noise,
    )


def gumbel_noise(uniform: Array) -> Array:
    """-log(-log u): Gumbel noise from numbers u in (0, 1); the ends are moved inside."""
    xp = array_namespace(uniform)
    u = xp.clip(uniform, 1e-20, 1 - 1e-7)
    return -xp.log(-xp.log(u))


def logistic_noise(uniform: Array) -> Array:
    """log u - log(1 - u): logistic noise, the difference of two Gumbel numbers."""
    xp = array_namespace(uniform)
    return xp.log(uniform + 1e-20) - xp.log(1 - uniform + 1e-20)


def walsh_transform(w: Array) -> Array:
    """The Walsh-Hadamard transform over the last axis, of length 2^n: truth tables from
    coefficients (true where negative), and 2^n times the coefficients from tables of +-1.

    >>> import numpy as np
    >>> walsh_transform(np.array([0.5, 0.5, 0.5, -0.5]))  # and
    array([ 1.,  1.,  1., -1.])
    """
    xp = array_namespace(w)
    n = w.shape[-1]
    if n & (n - 1):
        raise ValueError(f"w: expected a last axis of length 2^n, got {n}")
    half = 1
    while half < n:
        pairs = xp.reshape(w, (*w.shape[:-1], n // (2 * half), 2, half))
        low, high = pairs[..., 0, :], pairs[..., 1, :]
        w = xp.reshape(xp.stack([low + high, low - high], axis=-2), tuple(w.shape))
        half *= 2
    return w


def truth_tables(weights: np.ndarray, parametrisation: str) -> np.ndarray:
    """The tables of the hard gates: (m, entries) -> (m, 2^n) truth values, rows counting upwards.

    >>> import numpy as np
    >>> truth_tables(np.eye(16)[[6]], "raw")
    array([[False,  True,  True, False]])
    """
    choose(parametrisation, PARAMETRISATIONS, "parametrisation")
    if parametrisation == "raw":
        return TRUTH[np.argmax(weights, axis=-1)]
    return weights > 0 if parametrisation == "light" else walsh_transform(weights) < 0


def initial_weights(
    gates: int,
    rng: np.random.Generator,
    *,
    parametrisation: str = "raw",
    rank: int = 2,
    init: str = "normal",
    probability: float = 0.951,
    temperature: float = 1.0,
) -> np.ndarray:
    """Weights (gates, entries) in float32: "normal", or "residual", where every gate passes its
    first input on with about this probability.

    residual: raw, the logit of gate "a" times the temperature (`residual_logit`); walsh, that of
    the first input's coefficient, temperature logit(q); light, normal numbers -3 or +3.

    Sources: Petersen et al. 2022 (normal); Petersen et al. 2024, appendix A.5, and torchlogix 0.2.2
    (residual).
    """
    choose(init, ("normal", "residual"), "init")
    n = entries(parametrisation, rank)
    noise = rng.standard_normal((gates, n), dtype=np.float32)
    if init == "normal":
        return noise
    half = np.where(np.arange(n) < n // 2, np.float32(-3), np.float32(3))
    if parametrisation == "light":
        return noise + half
    weights = np.zeros_like(noise)
    if parametrisation == "raw":
        weights[:, 3] = temperature * residual_logit(probability)
    else:
        weights[:, n // 2] = temperature * math.log(probability / (1 - probability))
    return weights
