"""Products and linear algebra on the last two axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from ..backend import indices_like
from ..core import OPERATIONS
from ..libraries import library_of
from ._table import define, operation


def _t(x: Any) -> Any:
    return OPERATIONS["matrix_transpose"](x)


def _matmul_left(xp: Any, g: Any, y: Any, a: Any, b: Any) -> Any:
    if b.ndim == 1:
        return g[..., None] * b  # an outer product
    if a.ndim == 1:
        g = g[..., None, :]
    return g @ _t(b)


def _matmul_right(xp: Any, g: Any, y: Any, a: Any, b: Any) -> Any:
    if b.ndim == 1:
        return (_t(a) @ g[..., None])[..., 0] if a.ndim > 1 else g * a
    if a.ndim == 1:
        return a[:, None] * g[..., None, :]
    if (
        b.ndim == 2 and a.ndim > 2
    ):  # one matrix for a whole batch: a single product instead of a sum of many
        rows = math.prod(a.shape[:-1])
        a, g = xp.reshape(a, (rows, a.shape[-1])), xp.reshape(g, (rows, g.shape[-1]))
    return _t(a) @ g


def _outer(a: Any, b: Any) -> Any:
    return a[..., :, None] * b[..., None, :]


def _solve_right(xp: Any, g: Any, y: Any, a: Any, b: Any) -> Any:
    if b.ndim == 1:
        return xp.linalg.solve(_t(a), g[..., None])[..., 0]
    return xp.linalg.solve(_t(a), g)


def _solve_left(xp: Any, g: Any, y: Any, a: Any, b: Any) -> Any:
    gb = _solve_right(xp, g, y, a, b)
    return -_outer(gb, y) if b.ndim == 1 else -gb @ _t(y)


def _cholesky(xp: Any, g: Any, y: Any, a: Any, *, upper: bool = False) -> Any:
    g, lower = (_t(g), _t(y)) if upper else (g, y)
    inner = xp.tril(_t(lower) @ g)
    inner = inner - 0.5 * OPERATIONS["diag"](
        OPERATIONS["diagonal"](inner)
    )  # lower triangle, halved diagonal
    half = xp.linalg.solve(_t(lower), inner)
    s = _t(xp.linalg.solve(_t(lower), _t(half)))  # L^-T inner L^-1
    return 0.5 * (s + _t(s))


def _eigh(xp: Any, g: Any, y: Any, a: Any) -> Any:
    (g_values, g_vectors), (values, vectors) = g, y
    gap = values[..., None, :] - values[..., :, None]
    index = indices_like(values.shape[-1], values)
    same = index[:, None] == index[None, :]
    f = xp.where(same, xp.zeros_like(gap), 1.0 / xp.where(same, xp.ones_like(gap), gap))
    inner = OPERATIONS["diag"](g_values) + f * (_t(vectors) @ g_vectors)
    return _congruent(inner, vectors)


def _congruent(inner: Any, vectors: Any) -> Any:
    """V inner V^T, made symmetric."""
    s = vectors @ inner @ _t(vectors)
    return 0.5 * (s + _t(s))


def _einsum_rule(
    xp: Any, positions: Sequence[int], g: Any, y: Any, *operands: Any, subscripts: str
) -> list:
    inputs, output = _terms(subscripts, operands)
    return [_einsum_cotangent(xp, p, g, operands, inputs, output) for p in positions]


def _terms(subscripts: str, operands: Sequence[Any]) -> tuple[list[str], str]:
    """Explicit subscripts of the operands and the result, "..." spelled out in capital-free
    spare letters.
    """
    left, arrow, right = subscripts.replace(" ", "").partition("->")
    terms = left.split(",")
    spare = [c for c in map(chr, range(0x41, 0x7B)) if c.isalpha() and c not in subscripts]
    depth = max(
        (x.ndim - len(t) + 3 for t, x in zip(terms, operands, strict=True) if "..." in t), default=0
    )
    batch = "".join(spare[:depth])
    full = [
        t.replace("...", batch[depth - (x.ndim - len(t) + 3) :] if "..." in t else "")
        for t, x in zip(terms, operands, strict=True)
    ]
    if not arrow:  # implicit: letters that occur once, in order
        letters = left.replace(",", "").replace("...", "")
        right = ("..." if "..." in left else "") + "".join(
            sorted(c for c in set(letters) if letters.count(c) == 1)
        )
    return full, right.replace("...", batch)


def _einsum_cotangent(
    xp: Any, p: int, g: Any, operands: Sequence, inputs: list[str], output: str
) -> Any:
    """einsum of g and the other operands onto this operand's subscripts; then what einsum cannot
    express.
    """
    x, term = operands[p], inputs[p]
    others = [(t, o) for i, (t, o) in enumerate(zip(inputs, operands, strict=True)) if i != p]
    known = set(output).union(*(t for t, _ in others))
    wanted = "".join(c for c in dict.fromkeys(term) if c in known)
    c = einsum(
        ",".join([output, *(t for t, _ in others)]) + "->" + wanted, g, *(o for _, o in others)
    )
    letters = list(dict.fromkeys(term))
    sizes = [x.shape[term.index(letter)] for letter in letters]
    shape = tuple(c.shape[wanted.index(letter)] if letter in wanted else 1 for letter in letters)
    c = xp.reshape(c, shape)  # letters of this operand alone: the same for all their values
    c = xp.broadcast_to(c, tuple(n if m == 1 else m for m, n in zip(shape, sizes, strict=True)))
    return _onto_diagonals(xp, c, letters, term)


def _onto_diagonals(xp: Any, c: Any, letters: list[str], term: str) -> Any:
    """Spread `c` over the repeated letters of `term`: zero off the diagonal."""
    for position, letter in enumerate(term):
        if term.index(letter) < position:
            n = c.shape[term.index(letter)]
            index = indices_like(n, c)
            place = [1] * c.ndim
            place[term.index(letter)] = n
            c = xp.expand_dims(c, axis=position)
            place.insert(position, 1)
            across = list(place)
            across[term.index(letter)], across[position] = 1, n
            base = library_of(index).xp
            mask = base.reshape(index, tuple(place)) == base.reshape(index, tuple(across))
            c = xp.where(mask, c, xp.zeros_like(c))
    return c


_einsum = define(
    "einsum", _einsum_rule, variadic=True, broadcasts=True,
    definition=lambda xp, *operands, subscripts: xp.einsum(subscripts, *operands),
)  # fmt: skip
define("matmul", _matmul_left, _matmul_right, broadcasts=True)
define("inv", lambda xp, g, y, a: -_t(y) @ g @ _t(y), definition=lambda xp, a: xp.linalg.inv(a))
define(
    "solve",
    _solve_left,
    _solve_right,
    broadcasts=True,
    definition=lambda xp, a, b: xp.linalg.solve(a, b),
)
define("det", lambda xp, g, y, a: (g * y)[..., None, None] * _t(xp.linalg.inv(a)),
       definition=lambda xp, a: xp.linalg.det(a))  # fmt: skip
_slogdet = define("slogdet", lambda xp, g, y, a: g[1][..., None, None] * _t(xp.linalg.inv(a)),
       definition=lambda xp, a: tuple(xp.linalg.slogdet(a)))  # fmt: skip
_eigh_values_and_vectors = define("eigh", _eigh, definition=lambda xp, a: tuple(xp.linalg.eigh(a)))
define(
    "eigvalsh",
    lambda xp, g, y, a: _congruent(OPERATIONS["diag"](g), xp.linalg.eigh(a)[1]),
    definition=lambda xp, a: xp.linalg.eigvalsh(a),
)  # a rule of its own: that of eigh has no answer where eigenvalues coincide
_factor = define(
    "cholesky", _cholesky, definition=lambda xp, a, **side: xp.linalg.cholesky(a, **side)
)


@operation
def cholesky(a: Any, /, *, upper: bool = False) -> Any:
    """The lower factor L of a = L L^T (or L^T); the gradient is the symmetric one."""
    return _factor(a, upper=True) if upper else _factor(a)


class SlogdetResult(NamedTuple):
    sign: Any
    logabsdet: Any


class EighResult(NamedTuple):
    eigenvalues: Any
    eigenvectors: Any


@operation
def slogdet(a: Any, /) -> SlogdetResult:
    """Sign and logarithm of the absolute value of the determinant."""
    return SlogdetResult(*_slogdet(a))


@operation
def eigh(a: Any, /) -> EighResult:
    """Eigenvalues (ascending) and eigenvectors (columns) of a symmetric matrix; the gradient is
    the symmetric one.
    """
    return EighResult(*_eigh_values_and_vectors(a))


@operation
def solve_triangular(a: Any, b: Any, /, *, lower: bool = True) -> Any:
    """The solution of a x = b that reads only one triangle of `a`."""
    xp = library_of(a, b).traced
    return xp.linalg.solve(xp.tril(a) if lower else xp.triu(a), b)


@operation
def einsum(subscripts: str, /, *operands: Any) -> Any:
    """Einstein summation, with "..." for batch axes and repeated indices for diagonals."""
    return _einsum(*operands, subscripts=subscripts)


@operation
def diagonal(x: Any, /, *, offset: int = 0) -> Any:
    """The diagonal of the last two axes."""
    rows, columns = x.shape[-2:]
    n = max(0, min(rows + min(offset, 0), columns - max(offset, 0)))
    first = max(-offset, 0) * columns + max(offset, 0)
    flat = OPERATIONS["reshape"](x, (*x.shape[:-2], rows * columns))
    return OPERATIONS["take"](flat, first + (columns + 1) * indices_like(n, x), axis=-1)


@operation
def trace(x: Any, /, *, offset: int = 0) -> Any:
    """The sum of the diagonal of the last two axes."""
    return OPERATIONS["sum"](diagonal(x, offset=offset), axis=-1)


@operation
def vecdot(a: Any, b: Any, /, *, axis: int = -1) -> Any:
    """The inner product along one axis."""
    return OPERATIONS["sum"](a * b, axis=axis)


@operation
def outer(a: Any, b: Any, /) -> Any:
    """(m,), (n,) -> (m, n): all products."""
    return _outer(a, b)


@operation
def tensordot(a: Any, b: Any, /, *, axes: Any = 2) -> Any:
    """Contract the last `axes` axes of `a` with the first of `b`, or the two lists of axes
    given.
    """
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
    of_a, of_b = (range(a.ndim - axes, a.ndim), range(axes)) if isinstance(axes, int) else axes
    left, right = list(letters[: a.ndim]), list(letters[a.ndim : a.ndim + b.ndim])
    for i, j in zip(of_a, of_b, strict=True):
        right[j] = left[i]
    shared = {left[i] for i in of_a}
    kept = [c for c in (*left, *right) if c not in shared]
    return einsum(f"{''.join(left)},{''.join(right)}->{''.join(kept)}", a, b)
