"""t-norms and t-conorms: one table for every method that combines truth values.

A t-conorm S is an "or" of values in [0, 1]: commutative, associative, non-decreasing, S(a, 0) = a,
S(a, 1) = 1. A t-norm T is an "and", with T(a, 1) = a and T(a, 0) = 0. One name stands for a De
Morgan pair, T(a, b) = 1 - S(1 - a, 1 - b); see `families` for the formulas.

GenDR (Petersen, Goldluecke, Borgelt, Deussen, "GenDR: A Generalized Differentiable Renderer", CVPR
2022) combines the probabilities of the triangles at a pixel by these t-conorms; relaxed conditions,
logic gates and shortest paths use them for "or", and the t-norms for "and".

>>> import numpy as np
>>> from refimpl.tnorms import t_conorm, t_conorm_reduce, t_norm
>>> t_conorm(np.array([0.4]), np.array([0.7]), "yager", p=2)
array([0.80622577])
>>> t_norm(np.array([0.4]), np.array([0.7]), "product")
array([0.28])
>>> t_conorm_reduce(np.array([[0.5, 0.5, 0.5], [0.0, 0.0, 1.0]]))
array([0.875, 1.   ])
"""

from __future__ import annotations

from refimpl.tnorms.operations import (
    from_generator,
    generator,
    t_conorm,
    t_conorm_reduce,
    t_norm,
    t_norm_reduce,
)
from refimpl.tnorms.table import ALIASES, FAMILIES, Family

__all__ = [
    "ALIASES",
    "FAMILIES",
    "Family",
    "from_generator",
    "generator",
    "t_conorm",
    "t_conorm_reduce",
    "t_norm",
    "t_norm_reduce",
]
