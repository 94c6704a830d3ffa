"""Reverse-mode automatic differentiation with a tape: the whole idea, in one file to read first.

A differentiated function runs on *tracers* instead of arrays. A tracer is a value plus a slot
number on a tape. Every operation that meets a tracer computes its plain result and appends one node
to the tape: which rules differentiate it, which slots it read, which slot it wrote. The backward
pass walks that list from the last node to the first, turning the cotangent of a node's output into
cotangents of its inputs (`backward`). Order of creation is topological order: no sorting, no
recursion; and nodes hold no tracers: no reference cycles.

Derivatives of derivatives need nothing new. Each tape has a level, later tapes higher ones; a
tracer's value may be a tracer of a lower level. An operation unwraps only the arguments of the
highest level it meets and calls itself again, so lower tapes see it as well. The level also keeps
nested derivatives apart (no perturbation confusion).

The rules are data: `Primitive.rules` holds one function `rule(xp, g, y, *args, **kwargs)` per
argument, which returns the cotangent of that argument from the cotangent `g` of the output `y`. The
tables are in `rules/`.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from . import messages
from .libraries import library_of, register_tracer
from .library import Library

Array = Any  # an array of any library, or a Tracer
Rule = Callable[..., Array]

OPERATIONS: dict[str, Callable[..., Any]] = {}  # every operation that accepts tracers, by name
_levels = itertools.count(1)


class Tape:
    """The record of one differentiated evaluation: nodes in order of creation."""

    __slots__ = ("flat", "functions", "level", "library", "nodes", "record", "slots")

    def __init__(self, library: Library, flat: bool) -> None:
        self.level = next(_levels)  # later tapes are inner ones and win over earlier ones
        self.library = library
        self.functions = library.functions
        self.nodes: list[tuple] = []  # (primitive, parents, slot, output, args, kwargs)
        self.record: Callable[[tuple], None] = self.nodes.append
        self.slots = 0
        self.flat = flat  # no value on this tape is itself traced

    def close(self) -> None:
        self.record = messages.refuse_to_record


class Primitive:
    """An operation with derivative rules, callable on plain arrays of any library and on tracers.

    `rules[i]` differentiates with respect to positional argument i. A `variadic` operation has one
    rule for all of them, `rule(xp, positions, g, y, *args, **kwargs)` -> list. With `broadcasts`,
    rules return cotangents in the output's shape and the backward pass sums them back to the
    argument's shape and dtype. `definition(xp, *args, **kwargs)` is the operation in terms of a
    library's own functions; without it the library is asked for the function of that name.
    """

    __slots__ = ("broadcasts", "definition", "name", "rules", "variadic")

    def __init__(
        self,
        name: str,
        *rules: Rule | None,
        definition: Callable[..., Any] | None = None,
        broadcasts: bool = False,
        variadic: bool = False,
    ) -> None:
        self.name, self.definition = name, definition
        self.broadcasts, self.variadic = broadcasts, variadic
        self.rules: Any = tuple(r or messages.no_rule(name, i) for i, r in enumerate(rules))


def traceable(primitive: Primitive) -> Callable[..., Any]:
    """The function that carries out `primitive`: on plain arrays, or on tracers and their tape."""

    def apply(*args: Any, **kwargs: Any) -> Any:
        tape: Tape | None = None
        parents: list[int | None] = []  # the slot of each argument; None for a constant
        values = []
        for a in args:
            if type(a) is Tracer:
                if a.tape is not tape:
                    if tape is not None:
                        return apply_at_highest_level(args, kwargs)
                    tape = a.tape
                parents.append(a.slot)
                values.append(a.value)
            else:
                parents.append(None)
                values.append(a)
        if tape is None:
            return library_of(*args).functions[primitive](*args, **kwargs)
        if tape.flat:
            try:
                output = tape.functions[primitive](*values, **kwargs)
            except (ValueError, TypeError, IndexError) as error:
                raise messages.explained(error, primitive.name, values, kwargs) from error
        else:
            output = apply(*values, **kwargs)  # lower levels see the operation as well
        tape.record((primitive, parents, tape.slots, output, values, kwargs))
        return Tracer(output, tape) if type(output) is not tuple else traced_tuple(output, tape)

    def apply_at_highest_level(args: Sequence, kwargs: dict) -> Any:
        """The highest level unwraps its own tracers; those of lower levels stay what they are."""
        tape = max((a.tape for a in args if type(a) is Tracer), key=lambda t: t.level)
        tape.flat = False
        own = [type(a) is Tracer and a.tape is tape for a in args]
        parents = [a.slot if mine else None for a, mine in zip(args, own, strict=True)]
        values = [a.value if mine else a for a, mine in zip(args, own, strict=True)]
        output = apply(*values, **kwargs)
        tape.record((primitive, parents, tape.slots, output, values, kwargs))
        return Tracer(output, tape) if type(output) is not tuple else traced_tuple(output, tape)

    apply.__name__ = apply.__qualname__ = primitive.name
    return apply


class Tracer:
    """An array under differentiation: a value, and the slot of the tape for its cotangent."""

    __slots__ = ("slot", "tape", "value")
    __array_ufunc__ = None  # NumPy operators then defer to the reflected methods below
    __hash__ = None  # type: ignore[assignment]  # == is element-wise

    def __init__(self, value: Array, tape: Tape) -> None:
        self.value, self.tape = value, tape
        self.slot = slot = tape.slots
        tape.slots = slot + 1

    shape = property(lambda self: self.value.shape)
    dtype = property(lambda self: self.value.dtype)
    ndim = property(lambda self: self.value.ndim)
    device = property(lambda self: self.value.device)
    mT = property(lambda self: OPERATIONS["matrix_transpose"](self))
    size = property(lambda self: math.prod(self.shape))

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of a traced array with no axes")
        return self.shape[0]

    def __iter__(self) -> Any:
        return iter(OPERATIONS["unstack"](self, axis=0))

    def __deepcopy__(self, memo: dict) -> Tracer:
        return self  # a copy would belong to a copy of the tape, and its derivative be lost

    def __array_namespace__(self, api_version: str | None = None) -> Any:
        return self.tape.library.traced

    def __repr__(self) -> str:
        return f"Tracer(level={self.tape.level}, value={self.value!r})"


def traced_tuple(outputs: tuple, tape: Tape) -> tuple:
    """Tracers of several outputs, in consecutive slots."""
    return tuple([Tracer(y, tape) for y in outputs])


def backward(tape: Tape, start: dict[int, Array], wanted: int, *, consume: bool = False) -> list:
    """Pull the cotangents `start` (slot -> array) back; return those of the first `wanted` slots.

    None stands for zero. With `consume`, nodes and their residuals are freed as they are done with.
    """
    cotangents: list[Array | None] = [None] * tape.slots
    for slot, g in start.items():
        cotangents[slot] = g
    bare = tape.flat and not any(type(g) is Tracer for g in start.values())
    xp = tape.library.xp if bare else tape.library.traced
    nodes = _popped(tape.nodes) if consume else reversed(tape.nodes)
    with np.errstate(all="ignore"):  # infinite slopes are answers here, not accidents
        for primitive, parents, slot, y, args, kwargs in nodes:
            if type(y) is tuple:
                g = _joint_cotangent(xp, cotangents, slot, y)
            else:
                g, cotangents[slot] = cotangents[slot], None
            if g is None:
                continue
            rules = primitive.rules
            if primitive.variadic:
                rules = _joint_rule(rules[0], parents, xp, g, y, args, kwargs)
            for position, parent in enumerate(parents):
                if parent is None:
                    continue
                c = rules[position](xp, g, y, *args, **kwargs)
                if primitive.broadcasts:
                    c = unbroadcast(xp, c, args[position])
                known = cotangents[parent]
                cotangents[parent] = c if known is None else known if c is None else known + c
                if bare and type(c) is Tracer:  # a custom rule that reads traced arrays
                    bare, xp = False, tape.library.traced
    return cotangents[:wanted]


def _popped(nodes: list) -> Iterator[tuple]:
    while nodes:
        yield nodes.pop()


def _joint_rule(
    rule: Rule, parents: list, xp: Any, g: Any, y: Any, args: Sequence, kwargs: dict
) -> dict[int, Rule]:
    """What one rule returns for all traced arguments, as a rule for each."""
    positions = [i for i, parent in enumerate(parents) if parent is not None]
    found = rule(xp, positions, g, y, *args, **kwargs)
    return {i: lambda *_, c=c, **__: c for i, c in zip(positions, found, strict=True)}


def _joint_cotangent(xp: Any, cotangents: list, slot: int, y: tuple) -> tuple | None:
    """The cotangents of several outputs, missing ones as zeros; None if all are missing."""
    g = cotangents[slot : slot + len(y)]
    cotangents[slot : slot + len(y)] = [None] * len(y)
    full = (xp.zeros_like(part) if c is None else c for c, part in zip(g, y, strict=True))
    return None if all(c is None for c in g) else tuple(full)


def unbroadcast(xp: Any, g: Array, x: Array) -> Array:
    """Sum `g` over the axes that broadcasting added or stretched, and cast it to x's dtype."""
    shape = x.shape
    if g.shape != shape:
        added = len(g.shape) - len(shape)
        stretched = [added + i for i, n in enumerate(shape) if n == 1 and g.shape[added + i] != 1]
        g = xp.reshape(xp.sum(g, axis=(*range(added), *stretched)), shape)
    return g if g.dtype == x.dtype else xp.astype(g, x.dtype)


def plain(x: Any) -> Any:
    """The array under a tracer, through all levels; anything else unchanged."""
    while type(x) is Tracer:
        x = x.value
    return x


def is_traced(x: Any) -> bool:
    """Whether `x` is an array under differentiation by this engine."""
    return type(x) is Tracer


messages.install_refusals(Tracer)
register_tracer(Tracer)
