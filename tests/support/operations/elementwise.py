"""Element-wise operations, special functions and activations."""

from __future__ import annotations

import operator
from typing import Any

from .draw import Case, below, broadcasting, elementwise
from .entry import Operation, entry

# operation -> domain of its argument
UNARY = {
    "negative": "real", "positive": "real", "abs": "real", "square": "real", "reciprocal": "real",
    "exp": "real", "expm1": "real", "exp2": "real",
    "log": "positive", "log1p": "above -1", "log2": "positive", "log10": "positive",
    "sqrt": "positive",
    "sin": "real", "cos": "real", "tan": "inside", "asin": "inside", "acos": "inside",
    "atan": "real", "sinh": "real", "cosh": "real", "tanh": "real",
    "asinh": "real", "acosh": "above one", "atanh": "inside",
    "sign": "real", "floor": "inside", "ceil": "inside", "round": "unit", "trunc": "inside",
}  # fmt: skip
SPECIAL = {
    "erf": "real", "erfc": "real", "erfcx": "real", "erfinv": "inside", "ndtr": "real",
    "ndtri": "unit", "log_ndtr": "real", "gammaln": "positive", "digamma": "positive",
    "sigmoid": "real", "log_sigmoid": "real", "softplus": "real", "relu": "real",
    "logit": "unit", "sinc": "real",
}  # fmt: skip
BINARY = {
    "add": ("real", "real"), "subtract": ("real", "real"), "multiply": ("real", "real"),
    "divide": ("real", "real"), "pow": ("positive", "real"), "remainder": ("real", "modulus"),
    "maximum": ("real", "real"), "minimum": ("real", "real"), "atan2": ("real", "real"),
    "hypot": ("real", "real"), "logaddexp": ("real", "real"),
}  # fmt: skip
OPERATORS = {
    "add": operator.add, "subtract": operator.sub, "multiply": operator.mul,
    "divide": operator.truediv, "pow": operator.pow, "remainder": operator.mod,
}  # fmt: skip

ALONE = (Case(((2, 3),)), Case(((),)), Case(((0, 2),)))
PAIRS = (
    Case(((2, 3), (3,))),
    Case(((2, 1), (1, 3))),
    Case(((), (2,))),
    Case(((1, 2), (0, 1))),
)
NO_EXP2 = {"array_api_strict": "the standard has no exp2"}


def _unary(name: str, domain: str) -> Operation:
    def f(xp: Any, ag: Any, x: Any) -> Any:
        return getattr(xp, name)(x)

    missing = NO_EXP2 if name == "exp2" else {}
    return entry(name, f, domain, *ALONE, drawn=elementwise(), **missing)


def _special(name: str, domain: str) -> Operation:
    def f(xp: Any, ag: Any, x: Any) -> Any:
        return getattr(ag, name)(x)

    return entry(name, f, domain, *ALONE, drawn=elementwise())


def _binary(name: str, domains: tuple[str, str]) -> Operation:
    def f(xp: Any, ag: Any, x: Any, y: Any) -> Any:
        return getattr(xp, name)(x, y)

    return entry(name, f, domains, *PAIRS, drawn=broadcasting())


def _with_numbers(name: str, domains: tuple[str, str]) -> list[Operation]:
    """A Python number on either side, through the operator and through the function."""
    op = OPERATORS.get(name)
    number = 3.5 if name == "remainder" else 2.5

    def right(xp: Any, ag: Any, x: Any) -> Any:
        return op(x, number) if op else getattr(xp, name)(x, number)

    def left(xp: Any, ag: Any, y: Any) -> Any:
        return op(0.75, y) if op else getattr(xp, name)(0.75, y)

    return [
        entry(f"{name} number right", right, domains[0], *ALONE[:2], drawn=elementwise()),
        entry(f"{name} number left", left, domains[1], *ALONE[:2], drawn=elementwise()),
    ]


def _on(name: str, f: Any, domain: str = "real") -> Operation:
    """A function of one array."""
    return entry(name, f, domain, *ALONE, drawn=elementwise())


THREE = (
    Case(((2, 3), (3,), (2, 1))),
    Case(((2,), (), (2,))),
    Case(((0, 1), (1, 2), (2,))),
)
ENTRIES = (
    *[_unary(name, domain) for name, domain in UNARY.items()],
    *[_special(name, domain) for name, domain in SPECIAL.items()],
    *[_binary(name, domains) for name, domains in BINARY.items()],
    *[e for name, domains in BINARY.items() for e in _with_numbers(name, domains)],
    *[
        _on(f"pow {p}", lambda xp, ag, x, p=p: x**p, domain)
        for p, domain in ((0, "real"), (1, "real"), (2, "real"), (3, "real"), (-2, "real"),
                          (0.5, "positive"), (-1.5, "positive"))
    ],
    entry("pow whole array exponent", lambda xp, ag, x, p: x ** xp.astype(p, x.dtype),
          ("real", lambda rng, shape, *_: rng.integers(-2, 4, shape)), *PAIRS,
          drawn=broadcasting()),
    _on("floor_divide", lambda xp, ag, x: x + x // 3.5),
    _on("abs operator", lambda xp, ag, x: abs(x) + (+x) - (-x)),
    _on("polygamma", lambda xp, ag, x: ag.polygamma(1, x), "positive"),
    _on("gammainc", lambda xp, ag, x: ag.gammainc(2.5, x), "positive"),
    _on("gammaincc", lambda xp, ag, x: ag.gammaincc(2.5, x), "positive"),
    entry("gammainc array shape", lambda xp, ag, a, x: ag.gammainc(xp.astype(a, x.dtype) + 0.5, x),
          (below(4), "positive"), *PAIRS, drawn=broadcasting()),
    entry("xlogy", lambda xp, ag, x, y: ag.xlogy(x, y), ("real", "positive"), *PAIRS,
          drawn=broadcasting()),
    _on("clip both", lambda xp, ag, x: xp.clip(x, -0.7, 0.8)),
    _on("clip least", lambda xp, ag, x: xp.clip(x, min=-0.7)),
    _on("clip most", lambda xp, ag, x: xp.clip(x, max=0.8)),
    entry("clip arrays", lambda xp, ag, x, a, b: ag.clip(x, a - 2.0, b + 1.0),
          ("real", "unit", "unit"), *THREE, drawn=broadcasting(count=3)),
    entry("where", lambda xp, ag, c, x, y: xp.where(c, x, y), ("mask", "real", "real"), *THREE,
          drawn=broadcasting(count=3)),
    entry("where number", lambda xp, ag, c, x: xp.where(c, x, 0.5) + xp.where(c, 2.0, x),
          ("mask", "real"), *PAIRS, drawn=broadcasting()),
    _on("where condition", lambda xp, ag, x: xp.where(x > 0.0, x * x, xp.exp(x))),
    _on("astype", lambda xp, ag, x: xp.astype(x, x.dtype) * x),
    _on("stop_gradient", lambda xp, ag, x: x * ag.stop_gradient(xp.zeros_like(x)) + x),
    _on("eq", lambda xp, ag, x: xp.where(x == 0.0, 2.0 * x, -x)),
    *[
        _on(op.__name__, lambda xp, ag, x, op=op: xp.where(op(x, 0.05), 2.0 * x, -x))
        for op in (operator.lt, operator.le, operator.gt, operator.ge, operator.ne)
    ],
    _on("isfinite", lambda xp, ag, x: xp.where(xp.isfinite(x) & (xp.isnan(x) == xp.isinf(x)),
                                               2.0 * x, -x)),
)  # fmt: skip
