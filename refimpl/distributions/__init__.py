"""The smoothing distributions: one table for every method that perturbs or smooths.

A relaxation replaces a step of its argument by the cumulative distribution function F of a random
perturbation. `DISTRIBUTIONS` has the laws by name, each standardised; the methods bring the units:

    rendering (GenDR)        F(d / tau)              d the signed distance, tau the scale
    sorting networks         F(v), v = s (b - a)     s the steepness; `reciprocal` in its published
                                                     units is this table's .scaled(2): F(v/2)
      in Lipschitz units     .normalised()           then s is the slope at 0 (not logistic_phi)
    relaxed conditions       F(beta (a - b))         `uniform` on [-1/2, 1/2] is .scaled(1/2), the
                                                     secant law of variance 1 .scaled(2/pi)
    stochastic smoothing     x + gamma * sample(u)   with weights `score`

The first eighteen names are GenDR's in its order (Petersen, Goldluecke, Borgelt, Deussen, "GenDR: A
Generalized Differentiable Renderer", CVPR 2022; the numbers of its code are their positions). See
`symmetric`, `one_sided` and `gamma` for the formulas.

>>> import numpy as np
>>> from refimpl.distributions import DISTRIBUTIONS, distribution
>>> law = distribution("gamma", shape=2.0)
>>> law.cdf(np.array([0.0, 1.0, 10.0]))
array([0.        , 0.26424112, 0.9995006 ])
>>> [name for name, law in DISTRIBUTIONS.items() if law.monotone and law.symmetric]
['cauchy', 'reciprocal', 'optimal']
"""

from __future__ import annotations

from refimpl.distributions.base import Distribution
from refimpl.distributions.probability import probability
from refimpl.distributions.table import ALIASES, DISTRIBUTIONS, distribution

__all__ = ["ALIASES", "DISTRIBUTIONS", "Distribution", "distribution", "probability"]
