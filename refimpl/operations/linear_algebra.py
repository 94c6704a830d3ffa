"""Products of tensors; inverses, factors, determinants and eigenvalues of matrices."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from refimpl import autograd as ag
from refimpl.autograd import Array
from refimpl.spec import Case

from .registration import LOOSE, STANDARD, Cases, Rng, operation

_GILES = "Giles 2008, Collected matrix derivative results, section 2.{}"
Matrix = Callable[[Rng, tuple[int, ...]], np.ndarray]


def _general(rng: Rng, shape: tuple[int, ...]) -> np.ndarray:
    """Matrices of determinant well away from zero."""
    return rng.normal(size=shape) + 3.0 * np.eye(shape[-1])


def _positive(rng: Rng, shape: tuple[int, ...]) -> np.ndarray:
    """Matrices whose symmetric part is positive definite, with eigenvalues that differ."""
    noise = 0.2 * rng.normal(size=shape)
    return noise + np.diag(np.arange(2.0, 2.0 + shape[-1]))


def _matrices(draw: Matrix, **sides: tuple[int, ...]) -> Cases:
    """Square matrices `a`; `b`, where it is asked for, ends in the given shapes."""

    def cases(rng: Rng) -> Iterator[Case]:
        for name, batch, n, kind in (
            ("n3", (), 3, "smooth"),
            ("batch2x1x3", (2, 1), 3, "smooth"),
            ("n1", (), 1, "edge"),
            ("batch0", (0,), 2, "edge"),
        ):
            flags = {"n1": ("size-one",), "n3": ("single",)}.get(name, (name,))
            a = {"a": draw(rng, (*batch, n, n))}
            for side, shape in (sides or {"": ()}).items():
                if len(shape) == 1 and batch:  # one vector needs one matrix
                    continue
                b = {"b": rng.normal(size=(*batch, n, *shape[1:]))} if shape else {}
                label = f"{name}-{side}" if side else name
                yield Case(label, {**a, **b}, {}, kind, flags)

    return cases


def _symmetric(a: Any) -> Any:
    return (a + ag.array_namespace(a).matrix_transpose(a)) / 2


def _factors(rng: Rng) -> Iterator[Case]:
    shapes = {
        "matrices": ((2, 3), (3, 4)),
        "vector-matrix": ((3,), (3, 4)),
        "matrix-vector": ((2, 3), (3,)),
        "vectors": ((3,), (3,)),
        "batch": ((2, 2, 3), (2, 3, 1)),
        "stretched": ((2, 1, 2, 3), (3, 2)),
    }
    for name, (a, b) in shapes.items():
        flags = ("broadcasting",) if name == "stretched" else ()
        yield Case(name, {"a": rng.normal(size=a), "b": rng.normal(size=b)}, flags=flags)
    empty = {"a": rng.normal(size=(2, 0)), "b": rng.normal(size=(0, 3))}
    yield Case("inner0", empty, kind="edge", flags=("batch0",))


@operation(STANDARD, _factors)
def matmul(a: Array, b: Array) -> Array:
    """The matrix product over the last two axes; one-dimensional arrays are vectors.

    dy = da b + a db
    """
    return ag.array_namespace(a, b).matmul(a, b)


def _contracted(rng: Rng) -> Iterator[Case]:
    choices = {
        "product": ("ij,jk->ik", (2, 3), (3, 2)),
        "batch": ("bij,bj->bi", (2, 2, 3), (2, 3)),
        "inner": ("i,i->", (3,), (3,)),
        "outer": ("i,j->ij", (2,), (3,)),
        "summed-alone": ("ij,kj->k", (2, 3), (4, 3)),
        "dots": ("...ij,jk->...ik", (2, 2, 3), (3, 2)),
        "diagonal": ("ii,i->i", (3, 3), (3,)),
    }
    for name, (subscripts, a, b) in choices.items():
        inputs = {"a": rng.normal(size=a), "b": rng.normal(size=b)}
        yield Case(name, inputs, {"subscripts": subscripts})
    empty = {"a": rng.normal(size=(0, 3)), "b": rng.normal(size=(3, 2))}
    yield Case("batch0", empty, {"subscripts": "ij,jk->ik"}, kind="edge", flags=("batch0",))


@operation("Einstein 1916, section 5, with the notation of NumPy's einsum", _contracted)
def einsum(a: Array, b: Array, *, subscripts: str) -> Array:
    """The sum over all subscripts that are not in the result.

    dy = einsum(da, b) + einsum(a, db)
    """
    return ag.einsum(subscripts, a, b)


@operation(_GILES.format("2.3"), _matrices(_general), tolerances=LOOSE)
def inv(a: Array) -> Array:
    """The inverse matrix.

    dy = -y da y
    """
    return ag.array_namespace(a).linalg.inv(a)


@operation(_GILES.format("2.3"), _matrices(_general, matrix=(0, 2), vector=(0,)), tolerances=LOOSE)
def solve(a: Array, b: Array) -> Array:
    """x with a x = b, for a matrix b, or for one vector.

    dy = a^-1 (db - da y)
    """
    return ag.array_namespace(a, b).linalg.solve(a, b)


@operation(_GILES.format("2.3"), _matrices(_general, matrix=(0, 2)), tolerances=LOOSE)
def solve_triangular(a: Array, b: Array, *, lower: bool = True) -> Array:
    """x with t x = b, where t is the lower (or upper) triangle of a; the rest of a is not read.

    dy = t^-1 (db - dt y), dt the triangle of da
    """
    return ag.solve_triangular(a, b, lower=lower)


@operation(
    "Murray 2016, Differentiation of the Cholesky decomposition, equation 9",
    _matrices(_positive),
    tolerances=LOOSE,
)
def cholesky(a: Array) -> Array:
    """The lower triangular L with L L^T the symmetric part of a, which is positive definite.

    dL = L Phi(L^-1 da L^-T), Phi the lower triangle with its diagonal halved
    """
    return ag.array_namespace(a).linalg.cholesky(_symmetric(a))


@operation(_GILES.format("2.4"), _matrices(_general), tolerances=LOOSE)
def det(a: Array) -> Array:
    """The determinant.

    dy = y trace(a^-1 da)
    """
    return ag.array_namespace(a).linalg.det(a)


@operation(
    _GILES.format("2.4"),
    _matrices(lambda rng, shape: -_general(rng, shape)),
    outputs=("sign", "logabsdet"),
    tolerances=LOOSE,
)
def slogdet(a: Array) -> tuple[Array, Array]:
    """The sign of the determinant, and the logarithm of its magnitude.

    dlogabsdet = trace(a^-1 da), dsign = 0
    """
    sign, logabsdet = ag.array_namespace(a).linalg.slogdet(a)
    return sign, logabsdet


@operation(
    "Giles 2008, Collected matrix derivative results, section 3.1",
    _matrices(_positive),
    tolerances=LOOSE,
)
def eigvalsh(a: Array) -> Array:
    """The eigenvalues of the symmetric part of a, ascending; they must differ.

    dy_i = v_i^T da v_i, v_i the eigenvectors of length one
    """
    return ag.array_namespace(a).linalg.eigvalsh(_symmetric(a))
