"""A small reverse-mode automatic differentiation engine over NumPy, CuPy and other array-API
libraries.

Read `core` first: it is the whole idea. Then `rules` (the derivatives), `transforms`, `jacobians`
and `custom` (what users call), `backend` (array libraries).
"""

if __name__ == "autograd":
    raise ImportError(
        "this folder is refimpl's engine, to be imported as `refimpl.autograd`; `autograd` is the "
        "name of another package (HIPS autograd), which this folder hides because the repository's "
        "root comes first on sys.path"
    )

from . import namespace as namespace
from . import rules as rules
from .backend import (
    Generator,
    array_namespace,
    backend,
    constant,
    creation_namespace,
    indices_like,
    like_array,
    to_numpy,
)  # fmt: skip
from .core import OPERATIONS, Array, Tracer, is_traced, plain
from .custom import checkpoint, custom_vjp, stop_gradient
from .jacobians import hessian, hvp, jacobian
from .libraries import is_array
from .transforms import grad, jvp, value_and_grad, vjp
from .tree import flatten as tree_flatten
from .tree import leaves as tree_leaves
from .tree import tree_map

# Operations that the array API standard lacks, for arrays of every library, traced or not.
at_add, at_set = OPERATIONS["at_add"], OPERATIONS["at_set"]
segment_sum, one_hot = OPERATIONS["segment_sum"], OPERATIONS["one_hot"]
sort, argsort, topk = OPERATIONS["sort"], OPERATIONS["argsort"], OPERATIONS["topk"]
unstack, split, pad, diag = (
    OPERATIONS["unstack"],
    OPERATIONS["split"],
    OPERATIONS["pad"],
    OPERATIONS["diag"],
)
einsum, vecdot, outer, tensordot = (
    OPERATIONS[n] for n in ("einsum", "vecdot", "outer", "tensordot")
)
diagonal, trace, solve_triangular = (
    OPERATIONS[n] for n in ("diagonal", "trace", "solve_triangular")
)
logsumexp, softmax, log_softmax = (OPERATIONS[n] for n in ("logsumexp", "softmax", "log_softmax"))
vector_norm, clip = OPERATIONS["vector_norm"], OPERATIONS["clip"]
sigmoid, log_sigmoid, softplus, relu = (
    OPERATIONS[n] for n in ("sigmoid", "log_sigmoid", "softplus", "relu")
)
logit, sinc, xlogy = OPERATIONS["logit"], OPERATIONS["sinc"], OPERATIONS["xlogy"]
erf, erfc, erfcx, erfinv = (OPERATIONS[n] for n in ("erf", "erfc", "erfcx", "erfinv"))
ndtr, ndtri, log_ndtr = OPERATIONS["ndtr"], OPERATIONS["ndtri"], OPERATIONS["log_ndtr"]
gammaln, digamma, polygamma = OPERATIONS["gammaln"], OPERATIONS["digamma"], OPERATIONS["polygamma"]
gammainc, gammaincc = OPERATIONS["gammainc"], OPERATIONS["gammaincc"]

__all__ = [
    "Array", "Generator", "Tracer", "argsort", "array_namespace", "at_add", "at_set", "backend",
    "checkpoint", "clip", "constant", "creation_namespace", "custom_vjp", "diag", "diagonal",
    "digamma", "einsum", "erf", "erfc", "erfcx", "erfinv", "gammainc", "gammaincc", "gammaln",
    "grad", "hessian", "hvp", "indices_like", "is_array", "is_traced", "jacobian", "jvp",
    "like_array", "log_ndtr", "log_sigmoid", "log_softmax", "logit", "logsumexp", "ndtr", "ndtri",
    "one_hot", "outer", "pad", "plain", "polygamma", "relu", "segment_sum", "sigmoid", "sinc",
    "softmax", "softplus", "solve_triangular", "sort", "split", "stop_gradient", "tensordot",
    "to_numpy", "topk", "trace", "tree_flatten", "tree_leaves", "tree_map", "unstack",
    "value_and_grad", "vecdot", "vector_norm", "vjp", "xlogy",
]  # fmt: skip
