"""The table of families by name, the ranges of their parameters, and what they become at limits."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from refimpl.validation import choose, in_range

from . import families
from .families import Rule


class Family(NamedTuple):
    """A family of t-norms and t-conorms.

    parameter: the range of p in words; empty if the family has none.
    limits: values of p that are continuous limits, with the name and p of what is reached there.
    """

    name: str
    parameter: str = ""
    limits: Mapping[float, tuple[str, float | None]] = MappingProxyType({})


INF = math.inf
_PROBABILISTIC: tuple[str, None] = ("probabilistic", None)
_MAX: tuple[str, None] = ("max", None)

FAMILIES: Mapping[str, Family] = MappingProxyType(
    {
        family.name: family
        for family in (
            Family("hard"),
            Family("max"),
            Family("probabilistic"),
            Family("einstein"),
            Family("hamacher", "p >= 0"),
            Family("frank", "p > 0", {0.0: _MAX, 1.0: _PROBABILISTIC, INF: ("yager", 1.0)}),
            Family("yager", "p > 0", {INF: _MAX}),
            Family("aczel_alsina", "p > 0", {1.0: _PROBABILISTIC, INF: _MAX}),
            Family("dombi", "p > 0", {INF: _MAX}),
            Family("schweizer_sklar", "p < 0", {0.0: _PROBABILISTIC, -INF: _MAX}),
        )
    }
)
"""The families by name, in the order of GenDR's numbers."""

ALIASES: Mapping[str, tuple[str, float | None]] = MappingProxyType(
    {
        "maximum": ("max", None),
        "minimum": ("max", None),
        "goedel": ("max", None),
        "product": ("probabilistic", None),
        "lukasiewicz": ("yager", 1.0),
        "bounded_sum": ("yager", 1.0),
    }
)
"""Other names, each with the family and its p."""

_MAKERS: dict[str, Callable[[float], Rule]] = {
    "hamacher": families.hamacher,
    "frank": families.frank,
    "yager": families.yager,
    "aczel_alsina": families.aczel_alsina,
    "dombi": families.dombi,
    "schweizer_sklar": families.schweizer_sklar,
}
_FIXED: dict[str, Rule] = {
    "hard": families.HARD,
    "max": families.MAX,
    "probabilistic": families.hamacher(1.0),
    "einstein": families.hamacher(2.0),
}


def rule(name: str, p: Any = None) -> Rule:
    """The functions of a family with the parameter p.

    Raises ValueError for an unknown name, a missing p, a p that the family does not have, and one
    outside its range; TypeError for a p that is not a number.
    """
    known = choose(name, [*FAMILIES, *ALIASES], "name")
    fixed = known in ALIASES
    if fixed:
        known, alias_p = ALIASES[known]
        if p is not None:
            raise ValueError(f"p: {name!r} has no parameter, got {p!r}; the family is {known!r}")
        p = alias_p
    wanted = FAMILIES[known].parameter
    if not wanted:
        if p is not None:
            raise ValueError(f"p: {known!r} has no parameter, got {p!r}")
        return _FIXED[known]
    if p is None:
        raise ValueError(f"p: {known!r} needs a parameter {wanted}, got none")
    return _with_parameter(known, in_range(p, "p", -INF, INF))


@functools.lru_cache(maxsize=64)
def _with_parameter(name: str, p: float) -> Rule:
    family = FAMILIES[name]
    if p in family.limits:
        return rule(*family.limits[p])
    valid = {"p >= 0": p >= 0, "p > 0": p > 0, "p < 0": p < 0}[family.parameter]
    if not valid or math.isinf(p):
        limits = ", ".join(f"{limit:g} ({to[0]})" for limit, to in family.limits.items())
        also = f", or the limits {limits}" if limits else ""
        raise ValueError(f"p: {name!r} needs a finite {family.parameter}{also}; got {p!r}")
    return _MAKERS[name](p)
