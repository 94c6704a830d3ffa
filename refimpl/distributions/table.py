"""The table of distributions, and the choice of one by its name and parameters."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from refimpl.validation import choose, in_range, non_negative, positive

from . import one_sided, symmetric
from .base import Distribution
from .gamma import gamma, gamma_peak
from .law import Law, mirrored, transformed

PI, BOUNDED = math.pi, (-1.0, 1.0)


def _finite(value: float, name: str) -> float:
    if math.isinf(value):
        raise ValueError(f"{name}: expected a finite number, got {value!r}")
    return value


def _symmetric(law: Law, lipschitz: float, **facts: Any) -> Callable[..., Distribution]:
    return lambda name: Distribution(name, law, lipschitz=lipschitz, symmetric=True, **facts)


def _asymmetric(law: Law, lipschitz: float, **facts: Any) -> Callable[..., Distribution]:
    return lambda name: Distribution(name, law, lipschitz=lipschitz, **facts)


def _half_line(
    name: str,
    law: Law,
    lipschitz: float,
    shift: float,
    *,
    monotone: bool = False,
    **parameters: Any,
) -> Distribution:
    """A law of u = z + shift >= 0, or its mirror image if the name says so."""
    shift = _finite(in_range(shift, "shift", -math.inf, math.inf), "shift")
    moved = transformed(law, location=-shift) if shift else law
    reverse = name.endswith("_rev")
    return Distribution(
        name,
        mirrored(moved) if reverse else moved,
        support=(-math.inf, shift) if reverse else (-shift, math.inf),
        lipschitz=lipschitz,
        monotone=monotone and shift == 0,
        parameters=MappingProxyType({**parameters, "shift": shift}),
    )


def _exponential(name: str, *, shift: float = 0.0) -> Distribution:
    return _half_line(name, one_sided.EXPONENTIAL, 1.0, shift)


def _gamma(name: str, *, shape: float = 1.0, shift: float = 0.0) -> Distribution:
    p = _finite(non_negative(shape, "shape"), "shape")
    return _half_line(name, gamma(p), gamma_peak(p), shift, shape=p)


def _levy(name: str, *, shift: float = 0.0) -> Distribution:
    peak = 3**1.5 * math.exp(-1.5) / math.sqrt(2 * PI)
    return _half_line(name, one_sided.LEVY, peak, shift, monotone=True)


def _logistic_phi(name: str, *, art_lambda: float = 0.25, steepness: float = 1.0) -> Distribution:
    power = in_range(art_lambda, "art_lambda", 0.0, 1.0)
    s = _finite(positive(steepness, "steepness"), "steepness")
    if power == 1:
        raise ValueError("art_lambda: expected a number below 1, where F still rises from 0 to 1")
    law = symmetric.logistic_phi(s, power)
    peak = 0.25 * s * symmetric.ART_EPSILON**-power
    parameters = MappingProxyType({"art_lambda": power, "steepness": s})
    return Distribution(name, law, lipschitz=peak, symmetric=True, parameters=parameters)


_MAKERS: dict[str, Callable[..., Distribution]] = {
    "heaviside": _asymmetric(one_sided.HEAVISIDE, math.inf, support=(0.0, 0.0), monotone=True),
    "uniform": _symmetric(symmetric.UNIFORM, 1 / 2, support=BOUNDED),
    "cubic_hermite": _symmetric(symmetric.CUBIC_HERMITE, 3 / 4, support=BOUNDED),
    "wigner_semicircle": _symmetric(symmetric.WIGNER_SEMICIRCLE, 2 / PI, support=BOUNDED),
    "gaussian": _symmetric(symmetric.GAUSSIAN, 1 / math.sqrt(2 * PI)),
    "laplace": _symmetric(symmetric.LAPLACE, 1 / 2),
    "logistic": _symmetric(symmetric.LOGISTIC, 1 / 4),
    "gudermannian": _symmetric(symmetric.GUDERMANNIAN, 1 / PI),
    "cauchy": _symmetric(symmetric.CAUCHY, 1 / PI, monotone=True),
    "reciprocal": _symmetric(symmetric.RECIPROCAL, 1 / 2, monotone=True),
    "gumbel_max": _asymmetric(one_sided.GUMBEL_MAX, 1 / math.e),
    "gumbel_min": _asymmetric(mirrored(one_sided.GUMBEL_MAX), 1 / math.e),
    "exponential": _exponential,
    "exponential_rev": _exponential,
    "gamma": _gamma,
    "gamma_rev": _gamma,
    "levy": _levy,
    "levy_rev": _levy,
    "triangular": _symmetric(symmetric.TRIANGULAR, 1.0, support=BOUNDED),
    "algebraic": _symmetric(symmetric.ALGEBRAIC, 1 / 2),
    "optimal": _symmetric(symmetric.OPTIMAL, 1.0, monotone=True),
    "logistic_phi": _logistic_phi,
}

ALIASES: Mapping[str, str] = MappingProxyType(
    {
        "hard": "heaviside",
        "hyperbolic_secant": "gudermannian",
        "normal": "gaussian",
        "gumbel": "gumbel_max",
    }
)
"""Other names of the distributions."""

DISTRIBUTIONS: Mapping[str, Distribution] = MappingProxyType(
    {name: make(name) for name, make in _MAKERS.items()}
)
"""Every distribution by its name, with its default parameters."""


def distribution(name: str, **parameters: float) -> Distribution:
    """The distribution called `name` (or an alias), with the parameters it has.

    shape: of gamma and gamma_rev, >= 0, default 1 (the exponential law); 0 puts all probability at
        u = 0.
    shift: of exponential, gamma, levy and their mirror images, default 0: they start, or for mirror
        images end, at -shift, or shift.
    art_lambda in [0, 1), steepness > 0: of logistic_phi, default 0.25 and 1.

    Raises ValueError for an unknown name, a parameter that the law does not have, and a value out
    of range; TypeError for a value that is not a number.

    >>> from refimpl.distributions import distribution
    >>> distribution("hyperbolic_secant").name
    'gudermannian'
    >>> distribution("logistc")
    Traceback (most recent call last):
        ...
    ValueError: name: expected one of heaviside, ...; got 'logistc' (did you mean 'logistic'?)
    """
    known = choose(name, [*DISTRIBUTIONS, *ALIASES], "name")
    known = ALIASES.get(known, known)
    default = DISTRIBUTIONS[known]
    for parameter in parameters:
        if parameter not in default.parameters:
            names = ", ".join(default.parameters) or "none"
            raise ValueError(f"{parameter}: {known} has no such parameter (it has: {names})")
    return _MAKERS[known](known, **parameters) if parameters else default
