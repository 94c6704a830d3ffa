"""The public operations: two values, an axis of values, and sums of generators."""

from __future__ import annotations

from typing import Any

from refimpl import autograd as ag
from refimpl.autograd import Array
from refimpl.validation import float_array, whole

from .families import Pair, Rule
from .table import rule


def t_conorm(a: Array, b: Array, name: str = "probabilistic", *, p: float | None = None) -> Array:
    """The fuzzy "or" S(a, b) of the family `name`, element by element.

    a, b: numbers from 0 to 1 (not checked), of shapes that broadcast. p: the parameter of the
    family, where it has one (`FAMILIES`); values that are continuous limits are accepted.

    The derivative is exact, also at a = 1 or b = 1, except for conventions at kinks: ties of max
    count half for each side; where yager reaches 1 it is 0; where the slope at b = 0 is infinite
    (yager, aczel_alsina, dombi with p < 1 and a > 0) it is 0; at a = b = 0 both slopes are 1, as
    S(a, 0) = a. `hard` has derivative 0. NaN gives NaN.

    Raises ValueError for an unknown name, and for p missing, superfluous or out of its range.

    >>> import numpy as np
    >>> t_conorm(np.array([0.4]), np.array([0.7]), "einstein")
    array([0.859375])
    """
    return _two(a, b, name, p, dual=False)


def t_norm(a: Array, b: Array, name: str = "probabilistic", *, p: float | None = None) -> Array:
    """The fuzzy "and" T(a, b) = 1 - S(1 - a, 1 - b) of the family `name`, element by element.

    It does not cancel where it is small, but for yager. Arguments, conventions (mirrored) and
    errors are those of `t_conorm`.

    >>> import numpy as np
    >>> t_norm(np.array([0.4]), np.array([0.75]), "lukasiewicz")
    array([0.15])
    """
    return _two(a, b, name, p, dual=True)


def t_conorm_reduce(
    values: Array,
    name: str = "probabilistic",
    *,
    p: float | None = None,
    axis: int = -1,
    complement: Array | None = None,
) -> Array:
    """The fuzzy "or" of all values along an axis; 0 if there are none.

        v_1 (+) v_2 (+) ... (+) v_n,   (+) as in `t_conorm`

    values: numbers from 0 to 1, any shape with at least one axis; the result lacks `axis`.
    complement: 1 - values, where the caller knows them better than that difference (the survival
    function of a distribution); the derivative then goes by both.

    The values are joined in pairs, then pairs of pairs: each derivative is exact, that of a value 1
    as well (for probabilistic: the product of the other complements). Conventions and errors are
    those of `t_conorm`; tied largest values share the derivative of max evenly.

    >>> import numpy as np
    >>> from refimpl.autograd import grad
    >>> grad(t_conorm_reduce)(np.array([1.0, 0.5, 0.2]))
    array([0.4, 0. , 0. ])
    """
    return _many(values, name, p, axis, complement, dual=False)


def t_norm_reduce(
    values: Array,
    name: str = "probabilistic",
    *,
    p: float | None = None,
    axis: int = -1,
    complement: Array | None = None,
) -> Array:
    """The fuzzy "and" of all values along an axis; 1 if there are none.

    It is 1 minus the fuzzy "or" of the complements; arguments, conventions and errors are those of
    `t_conorm_reduce`.

    >>> import numpy as np
    >>> t_norm_reduce(np.array([[0.5, 0.5, 0.4]]))
    array([0.1])
    """
    return _many(values, name, p, axis, complement, dual=True)


def generator(
    values: Array,
    name: str = "probabilistic",
    *,
    p: float | None = None,
    complement: Array | None = None,
) -> Array:
    """The additive generator g(b), with g(S(b_1, ..., b_n)) = g(b_1) + ... + g(b_n).

    For sums over groups of different sizes, as over the triangles of every pixel. It is infinite,
    with derivative 0, at b = 1; for float64 and |p| up to about 20 this loses nothing else.

    Raises ValueError for `max` and `hard`, which have none, and as `t_conorm` does.

    >>> import numpy as np
    >>> generator(np.array([0.0, 0.5, 1.0]), "hamacher", p=0)
    array([ 0.,  1., inf])
    """
    g = _with_generator(name, p).generator
    b, bbar = _pair(values, complement)
    return g(ag.array_namespace(b), (b, bbar))  # type: ignore[misc]


def from_generator(
    total: Array, name: str = "probabilistic", *, p: float | None = None
) -> tuple[Array, Array]:
    """The value with the generator `total`, and its complement: (S, 1 - S), both accurate.

    >>> import numpy as np
    >>> value, complement = from_generator(np.array([0.0, 1.0, np.inf]), "hamacher", p=0)
    >>> complement
    array([1. , 0.5, 0. ])
    """
    inverse = _with_generator(name, p).from_generator
    total = float_array(total, "total")
    return inverse(ag.array_namespace(total), total)  # type: ignore[misc]


def _with_generator(name: str, p: float | None) -> Rule:
    found = rule(name, p)
    if found.generator is None:
        raise ValueError(f"name: {name!r} has no additive generator; use t_conorm_reduce")
    return found


def _pair(values: Array, complement: Array | None, dual: bool = False) -> Pair:
    values = float_array(values, "values")
    rest = 1 - values if complement is None else float_array(complement, "complement")
    if rest.shape != values.shape:
        raise ValueError(
            f"complement: expected the shape of values, {tuple(values.shape)}, "
            f"got {tuple(rest.shape)}"
        )
    return (rest, values) if dual else (values, rest)


def _two(a: Any, b: Any, name: str, p: float | None, dual: bool) -> Array:
    join = rule(name, p).join
    if isinstance(a, (int, float)) and ag.is_array(b):
        a = ag.constant(a, like=b)
    elif isinstance(b, (int, float)) and ag.is_array(a):
        b = ag.constant(b, like=a)
    a, b = float_array(a, "a"), float_array(b, "b")
    xp = ag.array_namespace(a, b)
    return join(xp, _pair(a, None, dual), _pair(b, None, dual))[dual]


def _many(values: Any, name: str, p: float | None, axis: int, complement: Any, dual: bool) -> Array:
    found = rule(name, p)
    values = float_array(values, "values", min_ndim=1)
    position = whole(axis, "axis", -values.ndim)
    if position >= values.ndim:
        raise ValueError(f"axis: there is no axis {axis} in the shape {tuple(values.shape)}")
    xp = ag.array_namespace(values)
    b, bbar = (xp.moveaxis(part, position, -1) for part in _pair(values, complement, dual))
    n = values.shape[position]
    if n == 0:
        none = xp.sum(b, axis=-1)
        return 1 + none if dual else none
    if found.largest:
        return xp.min(bbar, axis=-1) if dual else xp.max(b, axis=-1)
    while n > 1:
        half = n // 2
        first, second = slice(0, half), slice(half, 2 * half)
        y, ybar = found.join(
            xp, (b[..., first], bbar[..., first]), (b[..., second], bbar[..., second])
        )
        if n % 2:
            y = xp.concat([y, b[..., 2 * half :]], axis=-1)
            ybar = xp.concat([ybar, bbar[..., 2 * half :]], axis=-1)
        b, bbar, n = y, ybar, half + n % 2
    return bbar[..., 0] if dual else b[..., 0]
