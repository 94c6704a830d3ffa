"""The derivative rules, one table per family of operations.

A rule is `rule(xp, g, y, *args, **kwargs)`: the cotangent of one argument from the cotangent `g` of
the output `y`. Rules are written with operations that are themselves differentiable, so derivatives
of every order exist. `xp` is the plain namespace in a first-order backward pass and the traced one
in a nested pass.
"""

from ..core import install_operators
from . import elementwise, indexing, linalg, reductions, shape, special

install_operators()

__all__ = ["elementwise", "indexing", "linalg", "reductions", "shape", "special"]
