"""Derivatives of functions on nested containers of arrays: gradients, and products with Jacobians
and their transposes.

Everything rests on `vjp`: run the function on tracers, keep the tape, pull cotangents back through
it on demand.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from . import tree
from .backend import constant, creation_namespace
from .core import Array, Tape, Tracer, backward, is_traced, plain
from .libraries import is_array, library_of

Function = Callable[..., Any]


def as_leaf(x: Any, where: str) -> Array:
    """A leaf of an argument, checked to be a floating-point array; Python floats become arrays."""
    if isinstance(x, float) and not is_array(x):
        return creation_namespace().asarray(x)
    if not is_array(x):
        kind = type(x).__name__
        cure = (
            "write it as a float"
            if isinstance(x, int)
            else "pass an array, or leave it out of argnums"
        )
        raise TypeError(
            f"{where}: cannot differentiate with respect to {x!r:.40} of type {kind}; {cure}"
        )
    if not library_of(x).xp.isdtype(x.dtype, "real floating"):
        raise TypeError(
            f"{where}: cannot differentiate with respect to an array of dtype {x.dtype}; "
            "convert it with xp.astype(x, xp.float64), or leave it out of argnums"
        )
    return x


class Trace:
    """One run of a function on tracers: its output, its tape, and how to pull cotangents back."""

    def __init__(self, f: Function, args: Sequence[Any], argnums: Sequence[int], name: str) -> None:
        self.rebuilds = []
        self.primals: list[Array] = []
        for i in argnums:
            found, rebuild = tree.flatten(args[i])
            self.rebuilds.append((len(found), rebuild))
            labels = tree.paths(args[i], f"{name}: argument {i} ") if found else []
            self.primals += [
                as_leaf(x, label.strip()) for x, label in zip(found, labels, strict=True)
            ]
        if not self.primals:
            raise TypeError(
                f"{name}: no array to differentiate with respect to in arguments {list(argnums)}"
            )
        self.tape = Tape(
            library_of(*map(plain, self.primals)), flat=not any(map(is_traced, self.primals))
        )
        called = list(args)
        for i, part in zip(
            argnums, self.grouped([Tracer(x, self.tape) for x in self.primals]), strict=True
        ):
            called[i] = part
        try:
            output = f(*called)
        finally:
            self.tape.close()
        self.structure = output
        found, self.rebuild_output = tree.flatten(output)
        self.slots = [y.slot if is_traced(y) and y.tape is self.tape else None for y in found]
        self.outputs = [
            y.value if slot is not None else y for y, slot in zip(found, self.slots, strict=True)
        ]

    def grouped(self, values: list) -> list:
        groups, start = [], 0
        for count, rebuild in self.rebuilds:
            groups.append(rebuild(values[start : start + count]))
            start += count
        return groups

    def pull(self, cotangents: Sequence[Any], consume: bool = False) -> list:
        """Cotangents of the outputs (None = zero) to gradients, one container per argument."""
        start: dict[int, Array] = {}
        for slot, g in zip(self.slots, cotangents, strict=True):
            if slot is not None and g is not None:
                start[slot] = start[slot] + g if slot in start else g
        gradients = backward(self.tape, start, len(self.primals), consume=consume)
        zeros = self.tape.library.traced.zeros_like
        return self.grouped(
            [zeros(x) if g is None else g for g, x in zip(gradients, self.primals, strict=True)]
        )


def vjp(f: Function, *args: Any) -> tuple[Any, Callable[[Any], tuple]]:
    """`f(*args)` and its vector-Jacobian product.

    `pull(g)`, for a cotangent `g` of the structure and shapes of the output, returns the tuple of g
    . df/dx_i, one entry per argument. It may be called many times and is itself differentiable.
    None stands for a zero cotangent; an argument that the output does not depend on gets zeros.

    Raises TypeError for arguments that are not floating-point arrays (or containers of them),
    ValueError for cotangents of another structure or shape.

    >>> import numpy as np
    >>> y, pull = vjp(lambda x: x * x, np.array([1.0, 2.0]))
    >>> pull(np.array([1.0, 10.0]))
    (array([ 2., 40.]),)
    """
    trace = Trace(f, args, range(len(args)), "vjp")

    def pull(g: Any) -> tuple:
        return tuple(trace.pull(vectors("cotangent", g, trace.structure, trace.outputs)))

    return trace.rebuild_output(trace.outputs), pull


def vectors(name: str, given: Any, structure: Any, arrays: Sequence[Any]) -> list:
    """The leaves of `given`, checked against the arrays in `structure`; None is zero."""
    parts = tree.matching(structure, given, name, sparse=True)
    labels = tree.paths(structure, name)
    return [_vector(*group) for group in zip(labels, parts, arrays, strict=True)]


def _vector(name: str, v: Any, x: Any) -> Array:
    """`v` as an array of the shape and dtype of `x`; None for zero and for what is no array."""
    if v is None or not is_array(x):
        return None
    if not is_array(v):
        v = constant(v, like=x)
    if tuple(v.shape) != tuple(x.shape):
        raise ValueError(f"{name}: expected shape {tuple(x.shape)}, got {tuple(v.shape)}")
    return v if v.dtype == x.dtype else library_of(v).traced.astype(v, x.dtype)


def value_and_grad(
    f: Function, argnums: int | Sequence[int] = 0, has_aux: bool = False
) -> Function:
    """The function that returns `f`'s scalar value and its gradient with respect to the arguments
    `argnums`.

    The gradient has the structure, shapes and dtypes of the argument (a tuple of them for several
    `argnums`). With `has_aux`, `f` returns (scalar, anything) and the result is ((scalar,
    anything), gradient).

    Raises TypeError if the output is not a scalar or the argument not floating point.
    """
    name = getattr(f, "__name__", "f")

    @functools.wraps(f)
    def evaluate(*args: Any, **kwargs: Any) -> tuple[Any, Any]:
        trace = Trace(
            functools.partial(f, **kwargs),
            args,
            positions(argnums, len(args), name),
            f"grad of {name}",
        )
        output = trace.rebuild_output(trace.outputs)
        value = _scalar(output[0] if has_aux else output, name)
        gradients = trace.pull([_one(value)] + [None] * (len(trace.outputs) - 1), consume=True)
        return output, gradients[0] if isinstance(argnums, int) else tuple(gradients)

    return evaluate


def positions(argnums: int | Sequence[int], count: int, name: str) -> list[int]:
    wanted = [argnums] if isinstance(argnums, int) else list(argnums)
    for i in wanted:
        if not -count <= i < count:
            raise TypeError(
                f"grad of {name}: argnums {i} is out of range for {count} positional arguments"
            )
    return [i % count for i in wanted]


def _scalar(value: Any, name: str) -> Any:
    if getattr(value, "shape", None) == () or isinstance(value, (int, float)):
        return value
    found = f"shape {tuple(value.shape)}" if hasattr(value, "shape") else type(value).__name__
    raise TypeError(
        f"grad of {name}: expected a scalar output, got {found}; sum it first, or use vjp or "
        "jacobian"
    )


def _one(value: Any) -> Any:
    return library_of(value).traced.ones_like(value) if is_array(value) else 1.0


def grad(f: Function, argnums: int | Sequence[int] = 0, has_aux: bool = False) -> Function:
    """The gradient of a scalar function; see `value_and_grad`. With `has_aux` it returns (gradient,
    aux).

    >>> import numpy as np
    >>> from refimpl.autograd import array_namespace
    >>> grad(lambda x: array_namespace(x).sum(x * x))(np.array([1.0, 2.0]))
    array([2., 4.])
    """
    both = value_and_grad(f, argnums, has_aux)

    @functools.wraps(f)
    def gradient(*args: Any, **kwargs: Any) -> Any:
        value, g = both(*args, **kwargs)
        return (g, value[1]) if has_aux else g

    return gradient


def jvp(f: Function, primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
    """`f(*primals)` and the Jacobian-vector product sum_i df/dx_i . v_i, by differentiating the
    (linear) pull-back. Where a `custom_vjp` has a backward pass that is not linear, as for
    black-box solvers, there is no such product, and the result is without meaning.

    >>> import numpy as np
    >>> jvp(lambda x: x * x, (np.array([1.0, 2.0]),), (np.array([1.0, 10.0]),))
    (array([1., 4.]), array([ 2., 40.]))
    """
    if len(primals) != len(tangents):
        raise ValueError(
            f"jvp: expected {len(primals)} tangents, one per primal, got {len(tangents)}"
        )
    trace = Trace(f, primals, range(len(primals)), "jvp")
    flat = vectors("tangent", tuple(tangents), tuple(primals), trace.primals)
    moved = iter(pushforward(trace)(trace.grouped(flat)))
    zeros = trace.tape.library.traced.zeros_like
    parts = [
        next(moved) if slot is not None else zeros(y) if is_array(y) else y
        for slot, y in zip(trace.slots, trace.outputs, strict=True)
    ]
    return trace.rebuild_output(trace.outputs), trace.rebuild_output(parts)


def pushforward(trace: Trace) -> Callable[[Sequence[Any]], tuple]:
    """J v for the traced outputs. The pull-back g -> J^T g is linear, so its own pull-back is v
    -> J v, at any g.
    """
    traced = [slot is not None for slot in trace.slots]

    def pull(*cotangents: Any) -> list:
        given = iter(cotangents)
        return trace.pull([next(given) if t else None for t in traced])

    zeros = trace.tape.library.traced.zeros_like
    start = [zeros(y) for y, t in zip(trace.outputs, traced, strict=True) if t]
    return vjp(pull, *start)[1] if start else lambda tangents: ()
