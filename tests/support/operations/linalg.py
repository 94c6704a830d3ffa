"""Products and linear algebra."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from .draw import Case, products, shapes, sizes, square
from .entry import Operation, entry


def _matrix(name: str, f: Any, domain: str = "matrix", **missing: str) -> Operation:
    return entry(name, f, domain, Case(((3, 3),)), Case(((2, 1, 2, 2),)), Case(((1, 1),)),
                 Case(((0, 2, 2),)), drawn=square(), **missing)  # fmt: skip


def _einsum(subscripts: str, *cases: tuple[tuple[int, ...], ...]) -> Operation:
    return entry(
        f"einsum {subscripts}", lambda xp, ag, *a: ag.einsum(subscripts, *a),
        ("real",) * (subscripts.count(",") + 1), *(Case(shapes) for shapes in cases),
    )  # fmt: skip


def _symmetric(xp: Any, a: Any) -> Any:
    return 0.5 * (a + xp.matrix_transpose(a))


def _positive(xp: Any, a: Any) -> Any:
    return a @ xp.matrix_transpose(a)


def _eigh(xp: Any, ag: Any, a: Any) -> Any:
    """Eigenvalues, and the projections on the eigenvectors: their signs are a library's choice."""
    values, vectors = xp.linalg.eigh(_symmetric(xp, a))
    return values, vectors[..., :, None, :] * vectors[..., None, :, :]


def _lower(xp: Any, ag: Any, a: Any) -> Any:
    return xp.linalg.cholesky(_positive(xp, a))


def _upper(xp: Any, ag: Any, a: Any) -> Any:
    return xp.linalg.cholesky(_positive(xp, a), upper=True)


@st.composite
def _systems(draw: Any) -> Case:
    """A stack of matrices, with one vector or a stack of right-hand sides."""
    n, batch = draw(st.integers(1, 3)), draw(shapes(most=2))
    left = tuple(1 if draw(st.booleans()) else k for k in batch)
    right = draw(st.sampled_from([(n,), (n, draw(sizes)), (*batch, n, 2)]))
    return Case(((*left, n, n), right))


SYSTEMS = (
    Case(((3, 3), (3,))),
    Case(((3, 3), (3, 2))),
    Case(((2, 2, 2), (2,))),
    Case(((2, 1, 2, 2), (3, 2, 1))),
)
ENTRIES = (
    entry("matmul", lambda xp, ag, a, b: a @ b, ("real", "real"), Case(((2, 3), (3, 2))),
          Case(((3,), (3,))), Case(((2, 3), (3,))), Case(((3,), (2, 3, 2))),
          Case(((2, 2, 3), (3, 2))), Case(((2, 1, 2, 3), (3, 3, 2))), Case(((2, 0), (0, 3))),
          drawn=products()),
    entry("matmul function", lambda xp, ag, a, b: xp.matmul(a, b), ("real", "real"),
          Case(((2, 2, 3), (2, 3, 1))), Case(((2, 3, 0), (0, 2)))),
    entry("vecdot", lambda xp, ag, a, b: ag.vecdot(a, b), ("real", "real"),
          Case(((2, 3), (3,))), Case(((3,), (3,)))),
    entry("vecdot axis", lambda xp, ag, a, b: ag.vecdot(a, b, axis=-2), ("real", "real"),
          Case(((2, 3), (2, 3)))),
    entry("outer", lambda xp, ag, a, b: ag.outer(a, b), ("real", "real"), Case(((2,), (3,))),
          Case(((2,), (0,)))),
    *[
        entry("tensordot", lambda xp, ag, a, b, *, axes: ag.tensordot(a, b, axes=axes),
              ("real", "real"), Case(case, {"axes": axes}))
        for case, axes in (
            (((2, 3), (3, 2)), 1), (((2, 3), (2, 3)), ((0, 1), (0, 1))), (((2,), (3,)), 0),
            (((2, 3, 2), (2, 2)), ((-1,), (0,))), (((2, 3, 1), (3, 1, 2)), 2),
        )
    ],
    _einsum("ij,jk->ik", ((2, 3), (3, 2)), ((2, 0), (0, 2))),
    _einsum("ij,jk", ((2, 3), (3, 2))),
    _einsum("bij,bjk,k->bi", ((2, 2, 3), (2, 3, 2), (2,))),
    _einsum("...ij,...j->...i", ((2, 2, 3), (3,)), ((2, 1, 2, 3), (3, 3))),
    _einsum("...i,...i", ((2, 3), (2, 3))),
    _einsum("ii->i", ((3, 3),)),
    _einsum("ii", ((3, 3),)),
    _einsum("ii->", ((2, 2),)),
    _einsum("ij->", ((2, 3),)),
    _einsum("ij->j", ((2, 3),), ((0, 3),)),
    _einsum("ij->ji", ((2, 3),)),
    _einsum("...i->...", ((2, 2, 3),)),
    _einsum("i...->...", ((2, 2, 3),)),
    _einsum("iij,jk->ik", ((2, 2, 3), (3, 2))),
    _einsum("ij,kj->i", ((2, 3), (2, 3))),
    _einsum("i,j->ij", ((2,), (3,))),
    _einsum(",i->i", ((), (3,))),
    _einsum("i,i,i->", ((3,), (3,), (3,))),
    entry("einsum same twice", lambda xp, ag, a: ag.einsum("ij,kj->ik", a, a), "real",
          Case(((2, 3),))),
    entry("einsum stretched", lambda xp, ag, a, b: ag.einsum("...i,...i->...", a, b),
          ("real", "real"), Case(((2, 1, 3), (1, 2, 3))), Case(((1, 3), (2, 3)))),
    _matrix("inv", lambda xp, ag, a: xp.linalg.inv(a)),
    _matrix("det", lambda xp, ag, a: xp.linalg.det(a)),
    _matrix("slogdet", lambda xp, ag, a: xp.linalg.slogdet(a)[1]),
    _matrix("cholesky", _lower),
    _matrix("cholesky upper", _upper),
    _matrix("eigvalsh", lambda xp, ag, a: xp.linalg.eigvalsh(_symmetric(xp, a)), "spread"),
    _matrix("eigh", _eigh, "spread"),
    entry("solve", lambda xp, ag, a, b: xp.linalg.solve(a, b), ("matrix", "real"), *SYSTEMS,
          drawn=_systems()),
    entry("solve_triangular", lambda xp, ag, a, b: ag.solve_triangular(a, b), ("matrix", "real"),
          *SYSTEMS, drawn=_systems()),
    entry("solve_triangular upper",
          lambda xp, ag, a, b: ag.solve_triangular(a, b, lower=False), ("matrix", "real"),
          *SYSTEMS, drawn=_systems()),
    entry("multiply through many", lambda xp, ag, a, b: (a @ b) * xp.sum(a * a) / xp.mean(b * b),
          ("real", "real"), Case(((2, 3), (3, 2)))),
)  # fmt: skip
