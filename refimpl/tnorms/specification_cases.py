"""Cases and invariants of t-norms and t-conorms."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from refimpl.promises import close
from refimpl.spec import BATCHES, Case, Invariant, case_name, specification

from .operations import t_conorm, t_conorm_reduce, t_norm

MEMBERS: tuple[tuple[str, float | None], ...] = (
    ("max", None), ("probabilistic", None), ("einstein", None), ("hamacher", 0.0),
    ("hamacher", 0.5), ("hamacher", 4.0), ("frank", 0.5), ("frank", 8.0), ("yager", 0.5),
    ("yager", 2.0), ("aczel_alsina", 0.5), ("aczel_alsina", 2.0), ("dombi", 0.5), ("dombi", 2.0),
    ("schweizer_sklar", -0.5), ("schweizer_sklar", -2.0),
)  # fmt: skip
SOURCE = (
    "Klement, Mesiar, Pap, Triangular Norms (2000), chapter 4; as used by Petersen et al., GenDR "
    "(CVPR 2022)"
)
KINKS = (
    "ties of max count half for each side; where yager reaches 1 the derivative is 0; where the "
    "slope at b = 0 is infinite (p < 1) it is 0"
)


def _params(name: str, p: float | None) -> dict[str, Any]:
    return {"name": name} if p is None else {"name": name, "p": p}


def _title(name: str, p: float | None) -> str:
    return name if p is None else case_name(name, p=p)


def _pairs(rng: np.random.Generator) -> Iterator[Case]:
    for name, p in MEMBERS:
        most = 0.2 if (name, p) == ("yager", 0.5) else 0.6  # below the kink at 1
        a, b = rng.uniform(0.02, most, (2, 6))
        yield Case(_title(name, p), {"a": a, "b": b}, _params(name, p), clause="S(a, b)")
        ends = {"a": np.array([0.0, 1.0, 1.0, 0.3]), "b": np.array([0.3, 1.0, 0.3, 1.0])}
        kinked = name in ("max", "yager") or (p is not None and p < 1)
        yield Case(
            f"{_title(name, p)}-ends", ends, _params(name, p), kind="edge", flags=("saturated",),
            clause="0 is neutral, 1 absorbs", checks=("values",) if kinked else ("values", "vjp"),
        )  # fmt: skip
    for batch, shape in BATCHES.items():
        inputs = {"a": rng.uniform(0, 1, shape), "b": rng.uniform(0, 1, shape)}
        yield Case(batch, inputs, {"name": "probabilistic"}, flags=(batch,))


def _mirrored_pairs(rng: np.random.Generator) -> Iterator[Case]:
    """The dual's cases: those of 1 - a and 1 - b."""
    for case in _pairs(rng):
        yield replace(case, inputs={name: 1 - x for name, x in case.inputs.items()}, clause="")


def _lists(rng: np.random.Generator) -> Iterator[Case]:
    for name, p in MEMBERS:
        most = 0.05 if (name, p) == ("yager", 0.5) else 0.3
        values = {"values": rng.uniform(0.01, most, (2, 5))}
        yield Case(_title(name, p), values, _params(name, p), clause="S(b_1, ..., b_n)")
    full = {"values": np.array([[0.2, 1.0, 0.5], [1.0, 1.0, 0.5]])}
    for name in ("probabilistic", "einstein"):
        yield Case(f"{name}-saturated", full, {"name": name}, kind="edge", flags=("saturated",))
    for batch, shape in BATCHES.items():
        values = {"values": rng.uniform(0, 1, (*shape, 4))}
        yield Case(batch, values, {"name": "probabilistic"}, flags=(batch,))
    one = {"values": np.array([[0.25]])}
    yield Case("n1", one, {"name": "dombi", "p": 2.0}, kind="edge", flags=("size-one",))


def _commutes(run: Any, inputs: Any, params: Any) -> str | None:
    (one,) = run(inputs, params).values()
    (other,) = run({"a": inputs["b"], "b": inputs["a"]}, params).values()
    return None if close(other, one) else "a and b are not alike"


def _or_bounds(run: Any, inputs: Any, params: Any) -> str | None:
    found, least = run(inputs, params)["value"], np.maximum(inputs["a"], inputs["b"])
    slack = 64 * np.finfo(found.dtype).eps
    inside = np.all((found >= least - slack) & (found <= 1 + slack))
    return None if inside else "it is not between the maximum and 1"


def _and_bounds(run: Any, inputs: Any, params: Any) -> str | None:
    found, most = run(inputs, params)["value"], np.minimum(inputs["a"], inputs["b"])
    slack = 64 * np.finfo(found.dtype).eps
    inside = np.all((found >= -slack) & (found <= most + slack))
    return None if inside else "it is not between 0 and the minimum"


def _neutral(number: float) -> Any:
    def check(run: Any, inputs: Any, params: Any) -> str | None:
        found = run({**inputs, "b": np.full_like(inputs["b"], number)}, params)["value"]
        return None if close(found, inputs["a"]) else f"with b = {number:g} it is not a"

    return check


def _associates(run: Any, inputs: Any, params: Any) -> str | None:
    a, b = inputs["a"], inputs["b"]
    c = (a + b) / 2

    def join(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return run({"a": x, "b": y}, params)["value"]

    return None if close(join(join(a, b), c), join(a, join(b, c))) else "brackets matter"


def _any_order(run: Any, inputs: Any, params: Any) -> str | None:
    before = run(inputs, params)["value"]
    after = run({"values": np.flip(inputs["values"], axis=-1)}, params)["value"]
    return None if close(after, before) else "the order matters"


def _parts(run: Any, inputs: Any, params: Any) -> str | None:
    """Of all but the last, and of the result with the last; and with a 0 beside them."""
    values, found = inputs["values"], run(inputs, params)["value"]
    first = run({"values": values[..., :-1]}, params)["value"]
    pair = np.stack([first, values[..., -1], np.zeros_like(first)], axis=-1)
    same = close(run({"values": pair}, params)["value"], found)
    return None if same else "joined in two steps, with a 0, it is another"


COMMUTATIVE = Invariant("commutative", "the arguments may change places", _commutes)
ASSOCIATIVE = Invariant("associative", "three values may be joined in any order", _associates)

specification(
    name="tnorms.t_conorm",
    source=SOURCE,
    inputs=("a", "b"),
    outputs=("value",),
    cases=_pairs,
    kinks=KINKS,
    invariants=(
        COMMUTATIVE,
        ASSOCIATIVE,
        Invariant("bounds", "max(a, b) <= S(a, b) <= 1", _or_bounds),
        Invariant("neutral", "S(a, 0) = a", _neutral(0.0)),
    ),
)(t_conorm)

specification(
    name="tnorms.t_norm",
    source=SOURCE,
    inputs=("a", "b"),
    outputs=("value",),
    cases=_mirrored_pairs,
    kinks=f"mirrored: {KINKS}",
    invariants=(
        COMMUTATIVE,
        ASSOCIATIVE,
        Invariant("bounds", "0 <= T(a, b) <= min(a, b)", _and_bounds),
        Invariant("neutral", "T(a, 1) = a", _neutral(1.0)),
    ),
)(t_norm)

specification(
    name="tnorms.t_conorm_reduce",
    source=SOURCE,
    inputs=("values",),
    outputs=("value",),
    cases=_lists,
    kinks=KINKS,
    invariants=(
        Invariant("order", "the values may come in any order", _any_order),
        Invariant("parts", "values may be joined in parts, and 0 changes nothing", _parts),
    ),
)(t_conorm_reduce)
