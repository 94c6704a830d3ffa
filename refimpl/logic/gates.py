"""The sixteen gates of two inputs, and their extensions to real numbers.

Gate i has the truth table f(0,0) f(0,1) f(1,0) f(1,1) that is the binary number i, most significant
bit first. Its extension is the only polynomial c0 + ca a + cb b + cab a b that agrees with the
table at the corners: the probability of a true output for independent inputs that are true with
probabilities a and b.

Source: Petersen, Borgelt, Kuehne, Deussen, "Deep Differentiable Logic Gate Networks", NeurIPS 2022,
Table 1 (P22).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from ..autograd import Array, array_namespace, constant
from ..promises import close
from ..spec import BATCHES, Case, Invariant, Note, specification
from ..tnorms import t_conorm, t_norm
from ..validation import float_array, in_range


class Gate(NamedTuple):
    """Name, and coefficients of 1, a, b and a b."""

    name: str
    polynomial: tuple[int, int, int, int]


GATES = (
    Gate("false", (0, 0, 0, 0)),
    Gate("a and b", (0, 0, 0, 1)),
    Gate("a and not b", (0, 1, 0, -1)),
    Gate("a", (0, 1, 0, 0)),
    Gate("b and not a", (0, 0, 1, -1)),
    Gate("b", (0, 0, 1, 0)),
    Gate("a xor b", (0, 1, 1, -2)),
    Gate("a or b", (0, 1, 1, -1)),
    Gate("not (a or b)", (1, -1, -1, 1)),
    Gate("not (a xor b)", (1, -1, -1, 2)),
    Gate("not b", (1, 0, -1, 0)),
    Gate("a or not b", (1, 0, -1, 1)),
    Gate("not a", (1, -1, 0, 0)),
    Gate("not a or b", (1, -1, 0, 1)),
    Gate("not (a and b)", (1, 0, 0, -1)),
    Gate("true", (1, 0, 0, 0)),
)
POLYNOMIALS = np.array([gate.polynomial for gate in GATES], dtype=np.float64)
TRUTH = np.array([[(i >> bit) & 1 for bit in (3, 2, 1, 0)] for i in range(16)], dtype=bool)


def complement(gate: Any) -> Any:
    """The gate with the inverted output: 15 - i."""
    return 15 - gate


def negated_first(gate: Any) -> Any:
    """The gate that sees `not a` in place of a, for a number or an array of whole numbers.

    >>> GATES[negated_first(1)].name
    'b and not a'
    """
    return ((gate >> 2) & 3) | ((gate & 3) << 2)


def negated_second(gate: Any) -> Any:
    """The gate that sees `not b` in place of b."""
    return ((gate & 5) << 1) | ((gate >> 1) & 5)


def swapped(gate: Any) -> Any:
    """The gate whose inputs change places: a and b."""
    return (gate & 9) | ((gate & 4) >> 1) | ((gate & 2) << 1)


def evaluate_polynomial(coefficients: Array, a: Array, b: Array) -> Array:
    """c0 + ca a + cb b + cab a b, for coefficients (..., 4) of shapes that broadcast."""
    c0, ca, cb, cab = (coefficients[..., i] for i in range(4))
    return c0 + ca * a + b * (cb + cab * a)


def _inputs(a: Array, b: Array) -> tuple[Array, Array]:
    a, b = float_array(a, "a"), float_array(b, "b")
    if tuple(a.shape) != tuple(b.shape):
        raise ValueError(f"b: expected the shape of a, {tuple(a.shape)}, got {tuple(b.shape)}")
    return a, b


def _cases(rng: np.random.Generator) -> Iterator[Case]:
    for name, batch in BATCHES.items():
        a, b = rng.uniform(size=(2, *batch, 3))
        yield Case(f"product-{name}", {"a": a, "b": b}, {"tnorm": None})
    corners = {"a": np.array([0.0, 0.0, 1.0, 1.0]), "b": np.array([0.0, 1.0, 0.0, 1.0])}
    yield Case("corners", corners, {"tnorm": None}, kind="edge")
    outside = {"a": rng.normal(size=4) * 3, "b": rng.normal(size=4) * 3}
    yield Case("outside", outside, {"tnorm": None}, kind="edge", flags=("out_of_range",))
    for tnorm in ("probabilistic", "einstein"):
        a, b = rng.uniform(0.05, 0.95, size=(2, 5))
        yield Case(f"composed-{tnorm}", {"a": a, "b": b}, {"tnorm": tnorm})


def _complements(run: Any, inputs: Any, params: Any) -> str | None:
    y = run(inputs, params)["values"]
    same = close(y + y[::-1], np.ones_like(y), scale=np.max(np.abs(y), initial=1.0))
    return None if same else "f_i + f_(15-i) is not 1"


def _corners(run: Any, inputs: Any, params: Any) -> str | None:
    a, b = np.array([[0, 0, 1, 1], [0, 1, 0, 1]], dtype=inputs["a"].dtype)
    y = run({"a": a, "b": b}, params)["values"]
    return None if close(y, TRUTH.astype(y.dtype)) else f"{y} is not the truth table"


def _exchanged(run: Any, inputs: Any, params: Any) -> str | None:
    y = run(inputs, params)["values"]
    other = run({"a": inputs["b"], "b": inputs["a"]}, params)["values"]
    return None if close(other[swapped(np.arange(16))], y) else "f_i(a, b) is not f_j(b, a)"


@specification(
    name="logic.gates",
    source="Petersen et al. 2022, Table 1",
    inputs=("a", "b"),
    outputs=("values",),
    cases=_cases,
    invariants=(
        Invariant("complements", "f_(15-i) = 1 - f_i", _complements),
        Invariant("corners", "of bits, the truth tables", _corners),
        Invariant(
            "exchange", "f_i(a, b) = f_j(b, a), j the gate i with its inputs swapped", _exchanged
        ),
    ),
    notes={
        "out_of_range": Note(
            "domain",
            "Inputs outside [0, 1] are legal: the polynomials go on.",
            "Clipped inputs or outputs.",
        )
    },
)
def gates(a: Array, b: Array, *, tnorm: str | None = None, p: float | None = None) -> Array:
    """All sixteen gates of real numbers: (...), (...) -> (16, ...).

    By default the polynomials of Table 1, f_i(a, b) = c0 + ca a + cb b + cab a b, for any real
    numbers; on [0, 1] the results stay in [0, 1].

    With `tnorm`, a name of `refimpl.tnorms` (`p`: its parameter), the gates are composed instead:
    and = T(a, b), or = S(a, b), a and not b = T(a, 1-b), xor = S(T(a, 1-b), T(1-a, b)), the others
    by complement. Composed gates of the product t-norm are those of Table 1 but for xor, which
    misses a + b - 2ab by the product of its two terms.

    Raises ValueError for shapes that differ, and for unknown names.

    >>> gates([0.5], [0.25])[6]
    array([0.5])
    >>> gates([0.5], [0.25], tnorm="product")[6]
    array([0.453125])
    """
    a, b = _inputs(a, b)
    xp = array_namespace(a, b)
    if tnorm is not None:
        return _composed(xp, a, b, tnorm, p)
    ab = a * b
    zero = xp.zeros_like(a)
    half = [zero, ab, a - ab, a, b - ab, b, a + b - 2 * ab, a + b - ab]
    return xp.stack(half + [1 - f for f in reversed(half)], axis=0)


def _composed(xp: Any, a: Array, b: Array, tnorm: str, p: float | None) -> Array:
    both, first, second = (t_norm(u, v, tnorm, p=p) for u, v in ((a, b), (a, 1 - b), (1 - a, b)))
    xor, either = t_conorm(first, second, tnorm, p=p), t_conorm(a, b, tnorm, p=p)
    half = [xp.zeros_like(a), both, first, a, second, b, xor, either]
    return xp.stack(half + [1 - f for f in reversed(half)], axis=0)


def _mixture_cases(rng: np.random.Generator) -> Iterator[Case]:
    for name, batch in BATCHES.items():
        a, b = rng.uniform(size=(2, *batch, 3))
        inputs = {"a": a, "b": b, "p": rng.dirichlet(np.ones(16), size=3)}
        yield Case(f"mixture-{name}", inputs)
    uniform = {"a": rng.uniform(size=2), "b": rng.uniform(size=2), "p": np.full((2, 16), 1 / 16)}
    yield Case("uniform", uniform, flags=("washed_out",))


def _uniform_is_half(run: Any, inputs: Any, params: Any) -> str | None:
    even = {**inputs, "p": np.full_like(inputs["p"], 1 / 16)}
    y = run(even, params)["y"]
    return None if close(y, np.full_like(y, 0.5)) else f"the even mixture is {y}, not 1/2"


def _single_gates(run: Any, inputs: Any, params: Any) -> str | None:
    """Gate j of a layer of 16 is the j-th; all four pairs of bits."""
    bits = np.array([[0, 0, 1, 1], [0, 1, 0, 1]], dtype=inputs["a"].dtype)
    a, b = np.broadcast_to(bits[..., None], (2, 4, 16))
    y = run({"a": a, "b": b, "p": np.eye(16, dtype=a.dtype)}, params)["y"]
    return None if close(y, TRUTH.T.astype(y.dtype)) else "one gate of bits is not its truth table"


def _linear(run: Any, inputs: Any, params: Any) -> str | None:
    p, other = inputs["p"], inputs["p"][..., ::-1]
    half = run({**inputs, "p": 0.25 * p + 0.75 * other}, params)["y"]
    ends = [run({**inputs, "p": q}, params)["y"] for q in (p, other)]
    same = close(half, 0.25 * ends[0] + 0.75 * ends[1])
    return None if same else "a mixture of mixtures is not the mixture of their results"


@specification(
    name="logic.gate_mixture",
    source="Petersen et al. 2022, section 3",
    inputs=("a", "b", "p"),
    outputs=("y",),
    cases=_mixture_cases,
    invariants=(
        Invariant("even mixture", "the mean of all gates is 1/2", _uniform_is_half),
        Invariant("gates", "one gate of bits has its truth table", _single_gates),
        Invariant("linear", "linear in p", _linear),
    ),
    notes={
        "washed_out": Note(
            "initialisation",
            "All gates have the same weight: the output is 1/2, the gradient in a and b zero.",
            "Rounding that looks like a gradient.",
        )
    },
)
def gate_mixture(a: Array, b: Array, p: Array) -> Array:
    """The mixture sum_i p_i f_i(a, b): (..., n), (..., n), (n, 16) -> (..., n).

    The plain sum of sixteen terms; `layers.logic_layer` computes the same from four coefficients.
    The weights p are taken as they are. An even mixture is 1/2 everywhere: nothing of a and b
    passes it.

    >>> import numpy as np
    >>> gate_mixture([0.5], [0.25], np.eye(16)[[7]])
    array([0.625])
    """
    a, b = _inputs(a, b)
    p = float_array(p, "p", min_ndim=1)
    if p.shape[-1] != 16:
        raise ValueError(f"p: expected shape (..., 16), got {tuple(p.shape)}")
    xp = array_namespace(a, b, p)
    values = gates(a, b)  # (16, ..., n)
    return sum((p[..., i] * values[i, ...] for i in range(1, 16)), xp.zeros_like(a))


def mixture_polynomial(p: Array) -> Array:
    """The polynomial of a mixture: (..., 16) weights -> (..., 4) coefficients, p @ POLYNOMIALS."""
    return p @ constant(POLYNOMIALS, like=p)


def residual_logit(probability: float = 0.951) -> float:
    """The logit of gate 3, the others 0, whose mixture equals a with this probability for random
    bits.

    ln(15 q - 7) - ln(1 - q), above q = 7/15; about 5 for the default.

    Source: Petersen et al. 2024, appendix A.5, as torchlogix 0.2.2 states it.

    >>> round(residual_logit(), 3)
    4.999
    """
    q = in_range(probability, "probability", 0.0, 1.0)
    if not 7 / 15 < q < 1:
        raise ValueError(f"probability: expected a number from above 7/15 to below 1, got {q}")
    return float(np.log(15 * q - 7) - np.log(1 - q))
