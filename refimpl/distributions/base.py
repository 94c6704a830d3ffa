"""`Distribution`: a law with its name and facts, and functions that take any kind of array."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from refimpl import autograd as ag
from refimpl.autograd import Array
from refimpl.validation import float_array, in_range, positive

from .law import Function, Law, transformed


@dataclass(frozen=True, eq=False)
class Distribution:
    """A law F on the line, at location 0 and in the unit scale of its formula.

    name: the key in `DISTRIBUTIONS`.
    parameters: the values of shape, shift and the like that belong to the law.
    support: the smallest interval with all the probability; its ends may be infinite.
    lipschitz: the largest density, which is the Lipschitz constant of F; inf for a jump or a pole.
    symmetric: F(-z) = 1 - F(z) for all z.
    monotone: a relaxed swap with alpha = F(b - a) never decreases in its inputs, that is,
        -F(z) <= z f(z) <= 1 - F(z) for all z ("Monotonic Differentiable Sorting Networks", ICLR
        2022, require it for symmetric F and z > 0).

    The functions take an array z of any shape, of any library, traced or not, and return the same
    shape and dtype; lists and numbers become float64 arrays. They work element by element, NaN
    gives NaN, and +-inf gives the limits. The engine's derivative of the cumulative distribution
    function is the density, with the density's own value at kinks and jumps; no derivative at a
    finite z is NaN.
    """

    name: str
    law: Law = field(repr=False)
    support: tuple[float, float] = (-math.inf, math.inf)
    lipschitz: float = math.inf
    symmetric: bool = False
    monotone: bool = False
    parameters: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))

    def cdf(self, z: Array) -> Array:
        """F(z), the probability of a value <= z.

        >>> import numpy as np
        >>> from refimpl.distributions import distribution
        >>> distribution("cauchy").cdf(np.array([-1.0, 0.0, 1.0]))
        array([0.25, 0.5 , 0.75])
        """
        return self._apply(self.law.cdf, z)

    def survival(self, z: Array) -> Array:
        """1 - F(z), without cancellation where F(z) is nearly 1."""
        return self._apply(self.law.survival, z)

    def pdf(self, z: Array) -> Array:
        """The density f(z) = F'(z), 0 outside the support; at kinks see the module's table."""
        return self._apply(self.law.pdf, z)

    def log_cdf(self, z: Array) -> Array:
        """log F(z), where F(z) itself may underflow; -inf, with derivative 0, where it is 0."""
        return self._apply(self.law.log_cdf, z)

    def log_survival(self, z: Array) -> Array:
        """log(1 - F(z)), where 1 - F(z) itself may underflow; -inf, with derivative 0, where it is
        0.
        """
        return self._apply(self.law.log_survival, z)

    def log_pdf(self, z: Array) -> Array:
        """log f(z), where f(z) itself may underflow; -inf, with derivative 0, where it is 0."""
        return self._apply(self.law.log_pdf, z)

    def score(self, z: Array) -> Array:
        """-(log f)'(z), the weight of a sample in stochastic smoothing; 0 outside the support and
        where a density symmetric about 0 has a kink there.

        >>> import numpy as np
        >>> from refimpl.distributions import distribution
        >>> distribution("laplace").score(np.array([-3.0, 0.0, 0.5]))
        array([-1.,  0.,  1.])
        """
        return self._apply(self.law.score, z)

    def quantile(self, u: Array) -> Array:
        """The z with F(z) = u, by which a uniform number u becomes a sample; its derivative is
        1/f(z).

        u = 0 and u = 1 give the ends of the support with derivative 0, other u outside (0, 1) NaN.

        >>> import numpy as np
        >>> from refimpl.distributions import distribution
        >>> distribution("gumbel_max").quantile(np.array([0.0, 0.5]))
        array([      -inf, 0.36651292])
        """
        return self._inside(self.law.quantile, float_array(u, "u"), *self.support)

    def upper_quantile(self, q: Array) -> Array:
        """The z with 1 - F(z) = q: `quantile(1 - q)`, accurate for small q."""
        return self._inside(self.law.upper_quantile, float_array(q, "q"), *self.support[::-1])

    def sample(self, uniforms: Array) -> Array:
        """Samples from uniform numbers in [0, 1]: their quantiles, all finite.

        Numbers closer to 0 or 1 than the spacing eps of the dtype at 1 are moved to that distance;
        the mirror image 1 - u of a uniform number gives the mirrored sample of a symmetric law.
        """
        u = float_array(uniforms, "uniforms")
        eps = float(ag.array_namespace(u).finfo(u.dtype).eps)
        return self.quantile(ag.clip(u, eps, 1 - eps))

    def cut_radius(self, threshold: float = 1e-6) -> float:
        """The least z >= 0 with F(-z) <= threshold: what is farther outside may be skipped.

        >>> from refimpl.distributions import distribution
        >>> round(distribution("logistic").cut_radius(), 4)
        13.8155
        """
        return max(0.0, -float(self.quantile(in_range(threshold, "threshold", 0.0, 1.0))))

    def scaled(self, scale: float) -> Distribution:
        """The law of `scale` times the random number, scale > 0: its F(z) is this one's at z/scale.

        >>> from refimpl.distributions import distribution
        >>> distribution("reciprocal").scaled(2.0).lipschitz
        0.25
        """
        s = positive(scale, "scale")
        if math.isinf(s):
            raise ValueError("scale: expected a finite number, got inf")
        return replace(
            self,
            law=transformed(self.law, scale=s),
            support=(self.support[0] * s, self.support[1] * s),
            lipschitz=self.lipschitz / s,
            parameters={**self.parameters, "scale": s * self.parameters.get("scale", 1.0)},
        )

    def normalised(self) -> Distribution:
        """The law in the units that give F the Lipschitz constant 1.

        Raises ValueError for a law without one.
        """
        if math.isinf(self.lipschitz):
            raise ValueError(
                f"{self.name} with {dict(self.parameters)}: F has no Lipschitz constant to set to 1"
            )
        return self.scaled(self.lipschitz)

    def _apply(self, function: Function, z: Array) -> Array:
        z = float_array(z, "z")
        return function(ag.array_namespace(z), z)

    def _inside(self, function: Function, u: Array, at_zero: float, at_one: float) -> Array:
        """`function` on (0, 1), which alone it is given; the ends and NaN elsewhere."""
        xp = ag.array_namespace(u)
        inside = (u > 0) & (u < 1)
        zero = xp.zeros_like(u)
        ends = xp.where(u == 0, zero + at_zero, xp.where(u == 1, zero + at_one, zero + math.nan))
        return xp.where(inside, function(xp, xp.where(inside, u, 0.5)), ends)
