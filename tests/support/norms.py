"""The t-norms that tests go through, and the t-conorms' formulas as they are in print."""

from __future__ import annotations

import math
from collections.abc import Callable

MEMBERS: tuple[tuple[str, float | None], ...] = (
    ("max", None), ("probabilistic", None), ("einstein", None),
    ("hamacher", 0.0), ("hamacher", 0.5), ("hamacher", 4.0),
    ("frank", 0.01), ("frank", 0.5), ("frank", 8.0),
    ("yager", 0.5), ("yager", 1.0), ("yager", 2.0), ("yager", 10.0),
    ("aczel_alsina", 0.5), ("aczel_alsina", 2.0),
    ("dombi", 0.5), ("dombi", 2.0),
    ("schweizer_sklar", -0.5), ("schweizer_sklar", -2.0), ("schweizer_sklar", -10.0),
)  # fmt: skip
SMOOTH = tuple(member for member in MEMBERS if member[0] != "max")


def title(member: tuple[str, float | None]) -> str:
    """A test name."""
    return member[0] if member[1] is None else f"{member[0]}{member[1]:g}"


PRINTED: dict[str, Callable[[float, float, float], float]] = {  # for 0 < a, b < 1
    "max": lambda a, b, p: max(a, b),
    "probabilistic": lambda a, b, p: a + b - a * b,
    "einstein": lambda a, b, p: (a + b) / (1 + a * b),
    "hamacher": lambda a, b, p: (a + b + (p - 2) * a * b) / (1 - (1 - p) * a * b),
    "frank": lambda a, b, p: 1 - math.log(
        1 + (p ** (1 - a) - 1) * (p ** (1 - b) - 1) / (p - 1), p),
    "yager": lambda a, b, p: min(1.0, (a**p + b**p) ** (1 / p)),
    "aczel_alsina": lambda a, b, p: 1 - math.exp(
        -(((-math.log(1 - a)) ** p + (-math.log(1 - b)) ** p) ** (1 / p))),
    "dombi": lambda a, b, p: 1 - 1 / (
        1 + ((a / (1 - a)) ** p + (b / (1 - b)) ** p) ** (1 / p)),
    "schweizer_sklar": lambda a, b, p: 1 - ((1 - a) ** p + (1 - b) ** p - 1) ** (1 / p),
}  # fmt: skip
