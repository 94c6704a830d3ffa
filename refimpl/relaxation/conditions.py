"""Relaxed conditions: the probability that a comparison holds when the compared values are noisy.

    a > b      F(beta (a - b - margin))          a < b      1 - F(beta (a - b + margin))
    a >= b     F(beta (a - b + margin))          a <= b     1 - F(beta (a - b - margin))
    a == b     E(beta (a - b))                   a != b     1 - E(beta (a - b))

F is the cumulative distribution function of the noise (logistic in the paper), beta the inverse
temperature, margin = 0 in the paper. `>` and `<=` are complements, so are `>=` and `<`, for laws
that are not symmetric, too. E is the density divided by its value at 0 if the law is symmetric, and
otherwise 4 F(m + z) (1 - F(m + z)) with the median m, which for the logistic law is the same:
sech(z/2)^2. Equality is not the probability of an event (that would be 0), but 1 at a = b.

With margin = 0 a tie counts F(0) = 1/2 at every beta, whatever the comparison: the limit of large
beta is not the discrete program where values tie. For whole numbers margin = 1/2 puts the step
between them, and the limit is exact. beta = inf is the discrete comparison itself, ties included.

Source: Petersen, Borgelt, Kuehne, Deussen, "Learning with Algorithmic Supervision via Continuous
Relaxations", NeurIPS 2021; equality and its categorical form as in PyPI algovision 0.1.2.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

from .. import autograd as ag
from ..autograd import Array
from ..distributions import Distribution
from ..distributions import distribution as named_distribution
from ..tnorms import t_conorm, t_norm
from ..validation import float_array, non_negative

Law = str | Distribution
ROUNDING = 1e-5  # truth values may leave [0, 1] by so much


def greater(
    a: Array, b: Array, *, beta: float = 10.0, distribution: Law = "logistic", margin: float = 0.0
) -> Array:
    """The degree F(beta (a - b - margin)) to which a > b.

    a, b: arrays whose shapes broadcast, or numbers. beta > 0, also inf (the discrete comparison,
    derivative 0); distribution: a name in `refimpl.distributions` or a `Distribution`; margin >= 0.
    Returns values in [0, 1]. The derivative by a is beta f(beta (a - b - margin)), that by b its
    negative. NaN gives NaN, and 0 for beta = inf.

    Raises ValueError for beta <= 0, margin < 0 and unknown laws.

    >>> import numpy as np
    >>> greater(np.array([1.0, 2.0, 3.0]), 2.0, beta=2.0)
    array([0.11920292, 0.5       , 0.88079708])
    """
    return _ordered(a, b, beta, distribution, margin, strict=True, above=True)


def greater_equal(
    a: Array, b: Array, *, beta: float = 10.0, distribution: Law = "logistic", margin: float = 0.0
) -> Array:
    """The degree F(beta (a - b + margin)) to which a >= b; see `greater`.

    >>> import numpy as np
    >>> greater_equal(np.array([1.0, 2.0, 3.0]), 2.0, beta=np.inf)
    array([0., 1., 1.])
    """
    return _ordered(a, b, beta, distribution, margin, strict=False, above=True)


def less(
    a: Array, b: Array, *, beta: float = 10.0, distribution: Law = "logistic", margin: float = 0.0
) -> Array:
    """The degree 1 - F(beta (a - b + margin)) to which a < b; see `greater`.

    >>> import numpy as np
    >>> less(np.array([4.0, 5.0]), 5.0, beta=20.0, margin=0.5).round(4)
    array([1., 0.])
    """
    return _ordered(a, b, beta, distribution, margin, strict=True, above=False)


def less_equal(
    a: Array, b: Array, *, beta: float = 10.0, distribution: Law = "logistic", margin: float = 0.0
) -> Array:
    """The degree 1 - F(beta (a - b - margin)) to which a <= b; see `greater`.

    >>> import numpy as np
    >>> less_equal(np.array([0.0]), np.array([1.0]), beta=1.0, distribution="cauchy")
    array([0.75])
    """
    return _ordered(a, b, beta, distribution, margin, strict=False, above=False)


def equal(a: Array, b: Array, *, beta: float = 10.0, distribution: Law = "logistic") -> Array:
    """The degree E(beta (a - b)) to which a == b: 1 at a = b, 0 far away.

    Arguments as for `greater`. Values and gradients are finite for every finite difference. The
    derivative at a = b is 0 for smooth densities, by convention also where the density has a kink.

    >>> import numpy as np
    >>> equal(np.array([0.0, 0.5, 1000.0]), 0.0, beta=2.0)
    array([1.        , 0.78644773, 0.        ])
    """
    law, z, d = _scaled(a, b, beta, distribution)
    if law is None:
        return _exact(d == 0, d)
    return _near_or_far(law, z, lambda different: 1 - different, lambda similar: similar)


def not_equal(a: Array, b: Array, *, beta: float = 10.0, distribution: Law = "logistic") -> Array:
    """The degree 1 - E(beta (a - b)) to which a != b; without cancellation near a = b for all
    symmetric laws but logistic_phi. See `equal`.

    >>> import numpy as np
    >>> not_equal(np.array([1e-9]), 0.0, beta=1.0)
    array([2.5e-19])
    """
    law, z, d = _scaled(a, b, beta, distribution)
    if law is None:
        return _exact(d != 0, d)
    return _near_or_far(law, z, lambda different: different, lambda similar: 1 - similar)


def cosine_similarity(a: Array, b: Array) -> Array:
    """cos(a, b) = <a, b>/(|a| |b|) over the last axis, (..., k), (..., k) -> (...).

    Norms below 1e-8 count as 1e-8, so that a zero vector gives 0. In [0, 1] for vectors without
    negative entries, such as categorical distributions.

    >>> import numpy as np
    >>> cosine_similarity(np.array([[1.0, 0.0], [0.6, 0.8]]), np.array([1.0, 0.0]))
    array([1. , 0.6])
    """
    a, b = float_array(a, "a", min_ndim=1), float_array(b, "b", min_ndim=1)
    xp = ag.array_namespace(a, b)
    floor = ag.constant(1e-8, like=a)
    norms = [xp.maximum(ag.vector_norm(v, axis=-1), floor) for v in (a, b)]
    return xp.sum(a * b, axis=-1) / (norms[0] * norms[1])


def same_category(
    a: Array, b: Array, *, beta: float = 10.0, distribution: Law = "gudermannian"
) -> Array:
    """The degree E(beta (1 - cos(a, b))) to which two categorical distributions are equal.

    a, b: (..., k), returns (...). For the law of the hyperbolic secant, "gudermannian", this is
    sech(beta (1 - cos)), the categorical equality of algovision; the other laws as in `equal`.

    >>> import numpy as np
    >>> same_category(np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([1.0, 0.0]), beta=3.0)
    array([1.        , 0.09932793])
    """
    return equal(1 - cosine_similarity(a, b), 0.0, beta=beta, distribution=distribution)


def coincidence(a: Array, b: Array) -> Array:
    """The probability sum_i a_i b_i that independent draws from two categorical distributions are
    equal, (..., k), (..., k) -> (...). Without temperature; exact for one-hot vectors.

    >>> import numpy as np
    >>> coincidence(np.array([0.5, 0.5, 0.0]), np.array([0.2, 0.0, 0.8]))
    np.float64(0.1)
    """
    a, b = float_array(a, "a", min_ndim=1), float_array(b, "b", min_ndim=1)
    return ag.array_namespace(a, b).sum(a * b, axis=-1)


def is_true(v: Array) -> Array:
    """The truth value v itself, as a condition: in [0, 1], up to rounding.

    Values that leave [0, 1] by at most 1e-5 become 0 or 1 with derivative 0; the derivative is 1
    otherwise. Raises ValueError for values farther outside, and for NaN.

    >>> import numpy as np
    >>> is_true(np.array([0.25, 1.0 + 1e-7]))
    array([0.25, 1.  ])
    """
    v = float_array(v, "v")
    return v if _all_inside(v) else _clipped(v)


def is_false(v: Array) -> Array:
    """1 - v for a truth value v; see `is_true`."""
    return 1 - is_true(v)


def both(p: Array, q: Array, *, norm: str = "probabilistic", parameter: Any = None) -> Array:
    """The fuzzy "and" of two conditions: p q, or the t-norm `norm` of `refimpl.tnorms`.

    >>> import numpy as np
    >>> both(np.array([0.5]), np.array([0.4]))
    array([0.2])
    """
    return p * q if norm == "probabilistic" else t_norm(p, q, norm, p=parameter)


def either(p: Array, q: Array, *, norm: str = "probabilistic", parameter: Any = None) -> Array:
    """The fuzzy "or" of two conditions: p + q - p q, or the t-conorm `norm` of `refimpl.tnorms`.

    >>> import numpy as np
    >>> either(np.array([0.5]), np.array([0.4]), norm="max")
    array([0.5])
    """
    return p + q - p * q if norm == "probabilistic" else t_conorm(p, q, norm, p=parameter)


def negate(p: Array) -> Array:
    """1 - p, the degree to which a condition does not hold."""
    return 1 - p


# --- below: how the table at the top is evaluated ------------------------------------------------


@functools.cache
def _named(name: str) -> Distribution:
    return named_distribution(name)


def _scaled(a: Any, b: Any, beta: float, law: Law) -> tuple[Distribution | None, Array, Array]:
    """(law, beta (a - b), a - b); None for the law that compares exactly."""
    if type(beta) is not float or not 0 < beta < math.inf:
        beta = non_negative(beta, "beta")
        if beta == 0:
            raise ValueError("beta: expected a positive number or inf, got 0")
    found = _named(law) if isinstance(law, str) else law
    d = _difference(a, b)
    if found.name == "heaviside" or beta == math.inf:
        return None, d, d
    return found, beta * d, d


def _difference(a: Any, b: Any) -> Array:
    if isinstance(a, (int, float)) and isinstance(b, (int, float)):
        a = float_array(a, "a")
    d = a - b
    return d if ag.is_array(d) else float_array(d, "a - b")


def _ordered(
    a: Any, b: Any, beta: float, law: Law, margin: float, *, strict: bool, above: bool
) -> Array:
    """The degree of a > b, a >= b (above), a < b, a <= b; strict or not."""
    shift = margin
    if margin and beta != math.inf:
        shift = non_negative(margin, "margin")
        a = a - shift if strict == above else a + shift
    found, z, d = _scaled(a, b, beta, law)
    if found is None:
        inclusive = not strict
        holds = (d >= 0 if inclusive else d > 0) if above else (d <= 0 if inclusive else d < 0)
        return _exact(holds, d)
    if found.name == "logistic" and not found.parameters:
        return ag.sigmoid(z if above else -z)
    return found.cdf(z) if above else found.survival(z)


def _exact(holds: Array, like: Array) -> Array:
    xp = ag.array_namespace(ag.plain(like))
    return xp.astype(ag.plain(holds), like.dtype)


def _similarity(law: Distribution, z: Array) -> Array:
    if law.name == "logistic" and not law.parameters:
        return 4 * ag.sigmoid(z) * ag.sigmoid(-z)
    if law.symmetric:
        return law.pdf(z) / float(law.pdf(0.0))
    middle = float(law.quantile(0.5))
    return 4 * law.cdf(z + middle) * law.survival(z + middle)


def _near_secant(xp: Any, z: Array) -> Array:
    """1 - sech(z) by the half angle."""
    square = xp.tanh(0.5 * z) ** 2
    return 2 * square / (1 + square)


_NEAR: dict[str, Callable[[Any, Array], Array]] = {  # 1 - E(z) for |z| < 1
    "logistic": lambda xp, z: xp.tanh(0.5 * z) ** 2,
    "gaussian": lambda xp, z: -xp.expm1(-0.5 * z * z),
    "gudermannian": _near_secant,
    "cauchy": lambda xp, z: z * z / (1 + z * z),
    "algebraic": lambda xp, z: -xp.expm1(-1.5 * xp.log1p(z * z)),
    "laplace": lambda xp, z: -xp.expm1(-xp.abs(z)),
    "reciprocal": lambda xp, z: xp.abs(z) * (2 + xp.abs(z)) / (1 + xp.abs(z)) ** 2,
    "triangular": lambda xp, z: xp.abs(z),
    "cubic_hermite": lambda xp, z: z * z,
    "wigner_semicircle": lambda xp, z: z * z / (1 + xp.sqrt((1 - z) * (1 + z))),
}  # of uniform and optimal, E is 1 near 0


def _near_or_far(law: Distribution, z: Array, near: Callable, far: Callable) -> Array:
    """`near` of 1 - E(z) where that is known without cancellation and |z| < 1, else `far` of E(z).

    Near 0, the derivative of E(z) is a small difference unless it comes from 1 - E(z).
    """
    outside = far(_similarity(law, z))
    if law.name not in _NEAR or "scale" in law.parameters:
        return outside
    xp = ag.array_namespace(z)
    close = xp.abs(z) < 1
    inside = near(_NEAR[law.name](xp, xp.where(close, z, 0.0)))
    return xp.where(close, inside, outside)


def _all_inside(v: Array) -> bool:
    host = ag.plain(v)
    xp = ag.array_namespace(host)
    return bool(xp.all((host >= 0) & (host <= 1)))


def _clipped(v: Array) -> Array:
    host = ag.plain(v)
    xp = ag.array_namespace(host)
    if not bool(xp.all((host >= -ROUNDING) & (host <= 1 + ROUNDING))):
        low, high = float(xp.min(host)), float(xp.max(host))
        raise ValueError(
            f"v: expected truth values from 0 to 1, got values from {low:.6g} to {high:.6g}; "
            "compare numbers with greater, less or not_equal"
        )
    xp = ag.array_namespace(v)
    return xp.where(v > 1, 1.0, xp.where(v < 0, 0.0, v))
