"""The derivative rules, one table per family of operations.

A rule is `rule(xp, g, y, *args, **kwargs)`: the cotangent of one argument from the cotangent `g` of
the output `y`. Rules are written with operations that are themselves differentiable, so derivatives
of every order exist. `xp` is the plain namespace in a first-order backward pass and the traced one
in a nested pass.
"""

from ..core import OPERATIONS, Tracer
from . import elementwise, indexing, linalg, reductions, shape, special

OPERATORS = {
    "add": "add", "sub": "subtract", "mul": "multiply", "truediv": "divide", "pow": "pow",
    "matmul": "matmul", "mod": "remainder", "floordiv": "floor_divide",
    "neg": "negative", "abs": "abs", "pos": "positive", "getitem": "getitem",
    "lt": "lt", "le": "le", "gt": "gt", "ge": "ge", "eq": "eq", "ne": "ne",
}  # fmt: skip

for _method, _name in OPERATORS.items():  # Python's operators on traced arrays
    setattr(Tracer, f"__{_method}__", OPERATIONS[_name])
    setattr(Tracer, f"__r{_method}__", lambda b, a, _f=OPERATIONS[_name]: _f(a, b))

__all__ = ["elementwise", "indexing", "linalg", "reductions", "shape", "special"]
