"""Functions whose derivative is given rather than derived: custom_vjp, checkpoint,
stop_gradient.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from . import tree
from .backend import constant
from .core import OPERATIONS, Array, Primitive, Tape, is_traced, plain, traced_tuple
from .libraries import is_array, library_of
from .messages import describe
from .transforms import vjp


def stop_gradient(x: Array) -> Array:
    """`x`, an array or a container of arrays, as a constant: the same value, derivative zero at
    every order and level (for torch and JAX arrays, too).

    `x + stop_gradient(y - x)` has the value of y and the derivative of x.
    """
    return tree.tree_map(_detach, x)


def _detach(x: Any) -> Any:
    x = plain(x)
    return library_of(x).detach(x) if is_array(x) else x


class custom_vjp:  # noqa: N801  # a decorator
    """Replace the derivative of a function.

    After `f.defvjp(forward, backward)`, where `forward(*args)` returns (output, residuals) and
    `backward(residuals, g)` one cotangent per argument, the backward pass through `f` runs
    `backward`. Arguments and outputs may be containers; arguments that are not floating-point
    arrays (whole numbers, generators, options) take any cotangent, usually None. None is a zero
    cotangent. `backward` is ordinary traceable code, which gives second derivatives. Keyword
    arguments are options: they go to `f` and `forward` as they are and have no derivative.

    Raises ValueError in the backward pass for a wrong number, structure or shape of cotangents,
    naming the function, the argument and both shapes, and in the forward pass if the function reads
    a traced array that is not among its arguments; TypeError for a traced keyword argument.

    >>> import numpy as np
    >>> from refimpl.autograd import grad
    >>> @custom_vjp
    ... def straight_through(x):
    ...     return np.round(x)
    >>> straight_through.defvjp(lambda x: (np.round(x), None), lambda _, g: (g,))
    >>> grad(lambda x: 3.0 * straight_through(x))(2.7)
    np.float64(3.0)
    """

    def __init__(self, f: Callable[..., Any]) -> None:
        functools.update_wrapper(self, f)
        self._f = f
        self._forward: Callable[..., Any] | None = None
        self._backward: Callable[..., Any] | None = None

    def defvjp(self, forward: Callable[..., Any], backward: Callable[..., Any]) -> None:
        self._forward, self._backward = forward, backward

    def __call__(self, *args: Any, **options: Any) -> Any:
        name = getattr(self, "__name__", "custom_vjp")
        if any(map(is_traced, tree.leaves(options))):
            raise TypeError(
                f"{name}: a keyword argument is an option without derivative, got a traced array; "
                "pass it by position, or take stop_gradient of it"
            )
        leaves, rebuild = tree.flatten(args)
        tapes = [x.tape for x in leaves if is_traced(x)]
        if not tapes:
            return self._f(*args, **options)
        if self._forward is None or self._backward is None:
            raise TypeError(f"{name}: no derivative; call {name}.defvjp(forward, backward) first")
        tape = max(tapes, key=lambda t: t.level)
        parents = [x.slot if is_traced(x) and x.tape is tape else None for x in leaves]
        values = [x.value if is_traced(x) and x.tape is tape else x for x in leaves]
        inner = rebuild(values)
        output, residuals = self._forward(*inner, **options)
        if any(map(is_traced, values)):
            output = self(*inner, **options)  # lower levels take the replaced derivative as well
        if any(map(is_traced, tree.leaves((values, output, residuals)))):
            tape.flat = False
        return self._record(name, tape, parents, inner, values, output, residuals)

    def _record(
        self,
        name: str,
        tape: Tape,
        parents: list,
        inner: tuple,
        values: list,
        output: Any,
        residuals: Any,
    ) -> Any:
        outputs, rebuild_output = tree.flatten(output)
        traced = [is_array(y) and _is_floating(y) for y in outputs]
        for y in outputs:
            if is_traced(y) and y.tape.level >= tape.level:
                raise ValueError(
                    f"{name}: the function reads a traced array ({describe([y], {})}) that is not "
                    "among its arguments, whose derivative would be lost; pass it as an argument"
                )

        def rule(xp: Any, positions: Sequence[int], g: tuple, y: tuple, *inputs: Any) -> list:
            given = iter(g)
            cotangent = rebuild_output([next(given) if t else None for t in traced])
            returned = self._backward(residuals, cotangent)  # type: ignore[misc]
            flat = _cotangents_of_leaves(name, inner, inputs, returned)
            return [flat[p] for p in positions]

        primitive = Primitive(name, rule, variadic=True)
        kept = tuple(y for y, t in zip(outputs, traced, strict=True) if t)
        tape.record((primitive, parents, tape.slots, kept, values, {}))
        recorded = iter(traced_tuple(kept, tape))
        return rebuild_output(
            [next(recorded) if t else y for y, t in zip(outputs, traced, strict=True)]
        )


def _is_floating(x: Array) -> bool:
    return library_of(x).xp.isdtype(x.dtype, "real floating")


def _cotangents_of_leaves(name: str, args: tuple, inputs: Sequence[Any], returned: Any) -> list:
    """What `backward` returned, one entry per leaf of the arguments, shapes checked."""
    if not isinstance(returned, (tuple, list)) or len(returned) != len(args):
        count = len(returned) if isinstance(returned, (tuple, list)) else type(returned).__name__
        raise ValueError(
            f"{name}: backward must return a tuple of {len(args)} cotangents, one per argument, "
            f"got {count}"
        )
    flat: list[Any] = []
    for number, (argument, cotangent) in enumerate(zip(args, returned, strict=True)):
        where = f"{name}: cotangent that backward returned for argument {number}"
        flat += tree.matching(argument, cotangent, where, sparse=True)
    paths = [p for i, a in enumerate(args) for p in tree.paths(a, f"argument {i}")]
    return [
        _checked_cotangent(name, path, x, c) for path, x, c in zip(paths, inputs, flat, strict=True)
    ]


def _checked_cotangent(name: str, path: str, x: Any, c: Any) -> Any:
    """The cotangent `c` of `x` in the shape and dtype of `x`; None for what has no derivative."""
    if c is None or not (is_array(x) and _is_floating(x)):
        return None
    if not is_array(c):
        c = constant(c, like=x)
    if tuple(c.shape) != tuple(x.shape):
        raise ValueError(
            f"{name}: backward returned a cotangent of shape {tuple(c.shape)} for {path}, which "
            f"has shape {tuple(x.shape)}"
        )
    return c if c.dtype == x.dtype else OPERATIONS["astype"](c, x.dtype)


def checkpoint(f: Callable[..., Any]) -> Callable[..., Any]:
    """`f` with the same value and derivatives, whose intermediate results are recomputed in the
    backward pass.

    Memory for time: between the passes only the arguments are kept. Every traced array that `f`
    reads must be an argument.
    """

    def forward(*args: Any, **options: Any) -> tuple:
        return f(*args, **options), (args, options)

    def backward(residuals: tuple, g: Any) -> tuple:
        args, options = residuals
        leaves, rebuild = tree.flatten(args)
        moving = [i for i, x in enumerate(leaves) if is_array(x) and _is_floating(x)]

        def of_floats(*floats: Array) -> Any:
            new = list(leaves)
            for i, x in zip(moving, floats, strict=True):
                new[i] = x
            return f(*rebuild(new), **options)

        cotangents: list[Any] = [None] * len(leaves)
        for i, c in zip(moving, vjp(of_floats, *[leaves[i] for i in moving])[1](g), strict=True):
            cotangents[i] = c
        return rebuild(cotangents)

    wrapped = custom_vjp(f)
    wrapped.defvjp(forward, backward)
    return wrapped


OPERATIONS["stop_gradient"] = stop_gradient
