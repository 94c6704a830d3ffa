"""What NeuralSort and SoftSort have in common: the points at which they are tried, and promises.

Both give matrices whose columns are distributions over the inputs and whose largest entries are
those of the exact permutation ("unimodal row-stochastic" in the papers, where rows are positions).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ..promises import close
from ..spec import BATCHES, Arrays, Case, Invariant, Run

Params = Mapping[str, Any]


def sort_cases(rng: np.random.Generator, *, clause: str, **options: Any) -> Iterator[Case]:
    """Sizes, batches, both directions, ties, n = 1, a sharp and a flat temperature."""

    def scores(*shape: int) -> np.ndarray:  # distinct, so that differences are meaningful
        places = rng.permuted(np.broadcast_to(np.arange(float(shape[-1])), shape), axis=-1)
        return 0.5 * places + rng.uniform(-0.2, 0.2, shape)

    for n, tau in ((2, 1.0), (3, 0.3), (5, 2.0), (8, 1.0)):
        for descending in (False, True):
            params = {"temperature": tau, "descending": descending, **options}
            name = f"n{n}-tau{tau}{'-descending' if descending else ''}"
            yield Case(name, {"x": scores(2, n)}, params, clause=clause)
    for name, batch in BATCHES.items():
        x = {"x": scores(*batch, 4)}
        kind = "edge" if name == "batch0" else "smooth"
        yield Case(name, x, {"temperature": 0.7, **options}, kind=kind, flags=(name,))
    one = {"x": np.array([[2.5], [-1.0]])}
    yield Case("n1", one, {"temperature": 1.0, **options}, kind="edge", flags=("size-one",))
    tied = {"x": np.array([1.0, 0.0, 1.0, 2.0])}
    yield Case("ties", tied, {"temperature": 1.0, **options}, kind="kink", flags=("ties",))
    far = {"x": np.array([300.0, -500.0, 100.0])}
    yield Case("sharp", far, {"temperature": 0.1, **options}, kind="edge", flags=("saturated",))
    shifted = {"x": 1e6 + scores(3)}
    flags = ("small-differences",)
    yield Case("shifted", shifted, {"temperature": 1.0, **options}, kind="edge", flags=flags)


def _columns(run: Run, inputs: Arrays, params: Params) -> str | None:
    P = run(inputs, params)["P"]
    if np.min(P, initial=0) < 0:
        return f"a weight is negative: {np.min(P):.3g}"
    sums = P.sum(-2)
    off = np.abs(sums - 1).max(initial=0)
    return None if close(sums, np.ones_like(sums)) else f"a column sums to 1 +- {off:.1e}"


def _unimodal(run: Run, inputs: Arrays, params: Params) -> str | None:
    P = run(inputs, params)["P"]
    x = -inputs["x"] if params.get("descending") else inputs["x"]
    at_right = np.take_along_axis(P, np.argsort(x, axis=-1, kind="stable")[..., None, :], axis=-2)
    short = np.max(P.max(-2, initial=0) - at_right[..., 0, :], initial=0)
    right = short <= 16 * np.finfo(P.dtype).eps
    return None if right else "the largest entry of a column is not the right input's"


def _equivariant(run: Run, inputs: Arrays, params: Params) -> str | None:
    order = np.random.default_rng(0).permutation(inputs["x"].shape[-1])
    before = run(inputs, params)["P"][..., order, :]
    after = run({"x": inputs["x"][..., order]}, params)["P"]
    same = close(after, before)
    return None if same else "permuting the inputs does not permute the rows of P"


def _scales(run: Run, inputs: Arrays, params: Params) -> str | None:
    """The power p is that of SoftSort. Ties stay ties, and no difference is lost."""
    tau = params["temperature"] * 2 ** params.get("power", 1.0)
    after = run({"x": 2 * inputs["x"]}, {**params, "temperature": tau})["P"]
    same = close(after, run(inputs, params)["P"])
    return None if same else "2 x at 2^p times the temperature gives another P"


def _mirrored(run: Run, inputs: Arrays, params: Params) -> str | None:
    other = {**params, "descending": not params.get("descending")}
    same = close(run({"x": -inputs["x"]}, other)["P"], run(inputs, params)["P"])
    return None if same else "-x in the other direction gives another P"


def _limit(run: Run, inputs: Arrays, params: Params) -> str | None:
    """The temperature is far below the gaps, and above the rounding of scores in any order."""
    x = -inputs["x"] if params.get("descending") else inputs["x"]
    tau = max(1e-9, 300 * float(np.finfo(x.dtype).eps))
    P = run(inputs, {**params, "temperature": tau})["P"]
    hard = np.swapaxes(np.eye(x.shape[-1])[np.argsort(x, axis=-1)], -1, -2)
    same = close(P, hard)
    return None if same else f"at temperature {tau:.1g}, P is not the hard permutation"


def _distinct(case: Case) -> bool:
    return "ties" not in case.flags


def _permutation(run: Run, inputs: Arrays, params: Params) -> str | None:
    P = run(inputs, params)["P"]
    if not close(P, np.round(P)):
        return "an entry is neither 0 nor 1"
    ones = np.ones(P.shape[:-1])
    same = close(P.sum(-1), ones) and close(P.sum(-2), ones)
    return None if same else "a row or a column does not have exactly one 1"


def _sorts(run: Run, inputs: Arrays, params: Params) -> str | None:
    """Temperatures only shape the gradient."""
    x, sign = inputs["x"], -1 if params.get("descending") else 1
    for tau in (params["temperature"], 10 * params["temperature"]):
        P = run(inputs, {**params, "temperature": tau})["P"]
        found = np.sum(x[..., :, None] * P, axis=-2)
        if not close(found, sign * np.sort(sign * x, axis=-1)):
            return f"at temperature {tau:g}, x @ P is not sorted"
    return None


COLUMNS = Invariant("columns", "each column of P is a distribution over the inputs", _columns)
INVARIANTS = (
    COLUMNS,
    Invariant("unimodal", "the right input has the largest weight of a position", _unimodal),
    Invariant("equivariance", "permuting the inputs permutes the rows of P", _equivariant),
    Invariant("limit", "for temperature -> 0 P is the hard permutation", _limit, when=_distinct),
    Invariant(
        "scale", "2 x at 2^p times the temperature gives the same P; p = 1 for NeuralSort", _scales
    ),
    Invariant("mirror", "-x in the other direction gives the same P", _mirrored, when=_distinct),
)
HARD_INVARIANTS = (
    Invariant("permutation", "zeros and ones, a single 1 in each row and column", _permutation),
    Invariant("sorts", "x @ P is sorted, at every temperature", _sorts),
)
