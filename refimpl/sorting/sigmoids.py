"""The soft comparison of two values: alpha = f(d), d = b - a, the degree to which a is the smaller.

Relaxed comparators replace the step function of d by a sigmoid f: non-decreasing from 0 to 1, with
f(-d) = 1 - f(d). Petersen et al., "Differentiable Sorting Networks for Scalable Sorting and Ranking
Supervision" (ICML 2021; DSN) take the logistic one, with the activation replacement trick (ART);
"Monotonic Differentiable Sorting Networks" (ICLR 2022; MDSN) add those for which a relaxed swap is
monotone. With v = s d for the steepness s:

    name            f(d)                                             slope at 0             monotone
    logistic        1 / (1 + exp(-v))                                s / 4                  no
    logistic_phi    logistic(v / (|d| + 1e-10)^lambda)               (s / 4) 1e10^lambda    no
    gaussian        Phi(v), the normal distribution function         s / sqrt(2 pi)         no
    reciprocal      1/2 + v / (2 (2 + |v|))                          s / 4                  yes
    cauchy          1/2 + atan(v) / pi                               s / pi                 yes
    optimal         1/2 + v if |v| <= 1/4, else 1 - 1/(16 v) for     s                      yes
                    v > 0 and -1/(16 v) for v < 0

These are the units of the published code ("published"). In the units "lipschitz" the steepness is
the slope at 0 for every f, which is the Lipschitz constant of alpha: the scale on which MDSN
compares the functions. The formulas themselves are in the table `refimpl.distributions`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from refimpl.autograd import Array
from refimpl.distributions import DISTRIBUTIONS, Distribution
from refimpl.distributions.symmetric import logistic_phi
from refimpl.promises import close
from refimpl.spec import CHECKS, Case, Invariant, specification
from refimpl.validation import choose, float_array, in_range

PUBLISHED: dict[str, Distribution] = {  # as functions of v
    "logistic": DISTRIBUTIONS["logistic"],
    "gaussian": DISTRIBUTIONS["gaussian"],
    "reciprocal": DISTRIBUTIONS["reciprocal"].scaled(2),
    "cauchy": DISTRIBUTIONS["cauchy"],
    "optimal": DISTRIBUTIONS["optimal"],
}
SIGMOIDS = ("logistic", "logistic_phi", "gaussian", "reciprocal", "cauchy", "optimal")
MONOTONE = ("reciprocal", "cauchy", "optimal")
UNITS = ("published", "lipschitz")


class Sigmoid(NamedTuple):
    """A comparison function d -> alpha with its derivative, all parameters chosen."""

    alpha: Callable[[Array], Array]
    slope: Callable[[Array], Array]


def make_sigmoid(distribution: str, steepness: float, art_lambda: float, units: str) -> Sigmoid:
    """The comparison function of these options, which are checked here."""
    choose(distribution, SIGMOIDS, "distribution")
    choose(units, UNITS, "units")
    s, power = _steepness(steepness), in_range(art_lambda, "art_lambda", 0.0, 1.0)
    if distribution != "logistic_phi":
        law = PUBLISHED[distribution]
        scale = s if units == "published" else s / law.lipschitz
        return Sigmoid(lambda d: law.cdf(scale * d), lambda d: scale * law.pdf(scale * d))
    if units == "lipschitz":
        raise ValueError(
            "units: expected 'published' for the distribution 'logistic_phi', which has no "
            "Lipschitz constant (its slope at 0 is unbounded); got 'lipschitz'"
        )
    replaced = Distribution(distribution, logistic_phi(s, power))
    return Sigmoid(replaced.cdf, replaced.pdf)


def _steepness(steepness: float) -> float:
    s = in_range(steepness, "steepness", -math.inf, math.inf)
    if s < 0:
        raise ValueError(
            f"steepness: expected a number >= 0, got {steepness!r}; "
            "to sort in descending order, use descending=True"
        )
    if math.isinf(s):
        raise ValueError("steepness: expected a finite number, got inf; the limit is hard_sort")
    return s


def _cases(rng: np.random.Generator) -> Iterator[Case]:
    for distribution in SIGMOIDS:
        art = {"art_lambda": 0.25} if distribution == "logistic_phi" else {}
        params = {"distribution": distribution, "steepness": 3.0} | art
        d = np.concatenate([rng.uniform(0.1, 2.0, 5), -rng.uniform(0.1, 2.0, 5), [30.0, -30.0]])
        yield Case(distribution, {"d": d}, params, clause="alpha = f(s d)")
        if not art:
            units = params | {"units": "lipschitz"}
            yield Case(f"{distribution}-lipschitz", {"d": d}, units, clause="f'(0) = s")
            zero = {"d": np.zeros((2, 1, 3))}
            jumps = distribution == "reciprocal"
            checks = CHECKS[:3] if jumps else CHECKS  # without second derivatives
            name = f"{distribution}-zero"
            yield Case(name, zero, params, kind="edge", flags=("ties",), checks=checks)
        far = {"d": np.array([-1e6, 1e6])}
        yield Case(f"{distribution}-far", far, params, kind="edge", flags=("saturated",))


def _symmetric(run: Any, inputs: Any, params: Any) -> str | None:
    total = run(inputs, params)["alpha"] + run({"d": -inputs["d"]}, params)["alpha"]
    return None if close(total, np.ones_like(total)) else "f(d) + f(-d) is not 1"


def _scale(run: Any, inputs: Any, params: Any) -> str | None:
    half = {**params, "steepness": params["steepness"] / 2}
    same = close(run({"d": 2 * inputs["d"]}, half)["alpha"], run(inputs, params)["alpha"])
    return None if same else "2 d at half the steepness has another alpha"


def _rising(run: Any, inputs: Any, params: Any) -> str | None:
    alpha = run({"d": np.sort(inputs["d"], axis=-1)}, params)["alpha"]
    inside = np.all((alpha >= 0) & (alpha <= 1))
    return None if inside and np.all(np.diff(alpha) >= 0) else "f is not rising from 0 to 1"


@specification(
    name="sorting.soft_comparison",
    source="Petersen et al., Differentiable Sorting Networks (ICML 2021): logistic, logistic_phi; "
    "Monotonic Differentiable Sorting Networks (ICLR 2022): the others",
    inputs=("d",),
    outputs=("alpha",),
    cases=_cases,
    invariants=(
        Invariant("symmetric", "f(-d) = 1 - f(d)", _symmetric),
        Invariant("rising", "f is non-decreasing from 0 to 1", _rising),
        Invariant(
            "scale",
            "only s d counts, but for logistic_phi",
            _scale,
            lambda case: case.params["distribution"] != "logistic_phi",
        ),
    ),
    kinks="none; the second derivative of reciprocal jumps at 0, that of optimal at |v| = 1/4",
)
def soft_comparison(
    d: Array,
    *,
    distribution: str = "cauchy",
    steepness: float = 10.0,
    art_lambda: float = 0.25,
    units: str = "published",
) -> Array:
    """The degree alpha = f(d) to which the first of two values is the smaller, d = second - first.

    d: any shape. Returns the same shape and dtype, from 0 to 1, and 1/2 at d = 0. The options are
    those of `sorting_network`; the formulas are in the table above (in the head of this file). The
    gradient is the derivative everywhere. NaN gives NaN; infinity 0 or 1, with derivative 0.

    Raises ValueError for unknown names (listing the known ones), a steepness that is negative or
    infinite, and art_lambda outside of [0, 1].

    >>> import numpy as np
    >>> soft_comparison(np.array([-0.1, 0.0, 0.1]), distribution="cauchy", steepness=10.0)
    array([0.25, 0.5 , 0.75])
    """
    return make_sigmoid(distribution, steepness, art_lambda, units).alpha(float_array(d, "d"))
