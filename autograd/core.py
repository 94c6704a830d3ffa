"""Reverse-mode automatic differentiation with a tape: the whole idea, in one file to read first.

A differentiated function runs on *tracers* instead of arrays. A tracer is a value plus a slot number on a tape. Every
operation that meets a tracer computes its plain result and appends one node to the tape: which rules differentiate
it, which slots it read, which slot it wrote. The backward pass walks that list from the last node to the first,
turning the cotangent of a node's output into cotangents of its inputs (`backward`). The list is already in
topological order because it is in order of creation, so there is no sorting and no recursion, and since nodes
hold slot numbers instead of tracers there are no reference cycles.

Derivatives of derivatives need nothing new. Each tape has a level, later tapes higher ones; a tracer's value may be a
tracer of a lower level. An operation unwraps only the arguments of the highest level it meets and calls itself again,
so lower tapes see it as well. The level also keeps nested derivatives apart (no perturbation confusion).

The rules are data: `Primitive.rules` holds one function `rule(xp, g, y, *args, **kwargs)` per argument, which returns
the cotangent of that argument from the cotangent `g` of the output `y`. The tables are in `rules/`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .backend import Library, library_of, register_tracer

Array = Any  # an array of any library, or a Tracer
Rule = Callable[..., Array]

OPERATIONS: dict[str, Callable[..., Any]] = {}  # every operation that accepts tracers, by name

_levels = itertools.count(1)


class Tape:
    """The record of one differentiated evaluation: nodes in order of creation."""

    __slots__ = ("flat", "level", "library", "nodes", "open", "slots")

    def __init__(self, library: Library) -> None:
        self.level = next(_levels)  # later tapes are inner ones and win over earlier ones
        self.library = library
        self.nodes: list[tuple] = []  # (primitive, parents, slot, output, args, kwargs)
        self.slots = 0
        self.open = True
        self.flat = True  # no tracer of a lower level was met: the backward pass is plain array code

    def tracer(self, value: Array) -> Tracer:
        slot = self.slots
        self.slots = slot + 1
        return Tracer(value, self, slot)

    def record(self, primitive: Primitive, parents: list, output: Any, args: Sequence, kwargs: dict) -> Any:
        """Append a node and return the tracer(s) of its output; a tuple takes one slot per element."""
        if not self.open:
            raise ValueError(
                f"{primitive.name}: a traced array was used after the function that it belongs to had returned; "
                "return it from that function instead of storing it elsewhere"
            )
        self.nodes.append((primitive, parents, self.slots, output, args, kwargs))
        if type(output) is tuple:
            return tuple(self.tracer(y) for y in output)
        return self.tracer(output)


class Primitive:
    """An operation with derivative rules, callable on plain arrays of any library and on tracers.

    `rules[i]` differentiates with respect to positional argument i. A `variadic` operation has one rule for all of
    them, `rule(xp, positions, g, y, *args, **kwargs)` -> list. With `broadcasts`, rules return cotangents in the
    output's shape and the backward pass sums them back to the argument's shape and dtype. `definition(xp, *args,
    **kwargs)` is the operation in terms of a library's own functions; without it the library is asked for the function
    of that name.
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
        self.name, self.rules, self.definition = name, rules, definition
        self.broadcasts, self.variadic = broadcasts, variadic

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        tape: Tape | None = None
        nested = False
        for a in args:
            if type(a) is Tracer and a.tape is not tape:
                nested = tape is not None or nested
                if tape is None or a.tape.level > tape.level:
                    tape = a.tape
        if tape is None:
            return library_of(*args).implementation(self)(*args, **kwargs)
        values = []
        parents = []
        for position, a in enumerate(args):
            if type(a) is Tracer and a.tape is tape:
                parents.append((position, a.slot))
                a = a.value
                nested = nested or type(a) is Tracer
            values.append(a)
        if nested:
            tape.flat = False
            output = self(*values, **kwargs)
        else:
            output = self.evaluate(tape.library, values, kwargs)
        return tape.record(self, parents, output, values, kwargs)

    def evaluate(self, library: Library, values: Sequence, kwargs: dict) -> Any:
        try:
            return library.implementation(self)(*values, **kwargs)
        except (ValueError, TypeError, IndexError) as error:  # name the operation, shapes and dtypes
            text = f"{error}\n  in {self.name}({describe(values, kwargs)})"
            raise (type(error) if type(error) in (ValueError, TypeError, IndexError) else ValueError)(text) from error

    def pullback(self, xp: Any, parents: list, g: Any, y: Any, args: Sequence, kwargs: dict) -> list:
        """Cotangents of the traced arguments, one for each entry of `parents`."""
        positions = [position for position, _ in parents]
        if self.variadic:
            cotangents = self.rules[0](xp, positions, g, y, *args, **kwargs)  # type: ignore[misc]
        else:
            cotangents = [self.rule(p, args, kwargs)(xp, g, y, *args, **kwargs) for p in positions]
        if self.broadcasts:
            return [unbroadcast(xp, c, args[p]) for c, p in zip(cotangents, positions, strict=True)]
        return cotangents

    def rule(self, position: int, args: Sequence, kwargs: dict) -> Rule:
        rule = self.rules[position] if position < len(self.rules) else None
        if rule is None:
            raise TypeError(
                f"{self.name} has no derivative rule for its argument {position} (called with "
                f"{describe(args, kwargs)}); wrap that argument in stop_gradient if it is a constant"
            )
        return rule

    def __repr__(self) -> str:
        return f"<operation {self.name}>"


class Tracer:
    """An array under differentiation: `value`, and the slot of `tape` where its cotangent will be collected."""

    __slots__ = ("slot", "tape", "value")
    __array_ufunc__ = None  # NumPy operators then defer to the reflected methods below
    __hash__ = None  # type: ignore[assignment]  # == is element-wise

    def __init__(self, value: Array, tape: Tape, slot: int) -> None:
        self.value, self.tape, self.slot = value, tape, slot

    shape = property(lambda self: self.value.shape)
    dtype = property(lambda self: self.value.dtype)
    ndim = property(lambda self: self.value.ndim)
    device = property(lambda self: self.value.device)
    T = property(lambda self: OPERATIONS["permute_dims"](self, tuple(range(self.ndim))[::-1]))
    mT = property(lambda self: OPERATIONS["matrix_transpose"](self))

    @property
    def size(self) -> int:
        count = 1
        for n in self.shape:
            count *= n
        return count

    def __getitem__(self, key: Any) -> Any:
        return OPERATIONS["getitem"](self, key)

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of a traced array with no axes")
        return self.shape[0]

    def __iter__(self) -> Any:
        return iter([self[i, ...] for i in range(len(self))])

    def __array_namespace__(self, api_version: str | None = None) -> Any:
        return self.tape.library.traced

    def __repr__(self) -> str:
        return f"Tracer(level={self.tape.level}, value={self.value!r})"

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(
            f"a traced array has no attribute or method {name!r}; use the function: "
            f"xp = array_namespace(x), then xp.{name}(x, ...)"
        )


def _refuse(what: str, cure: str) -> Callable[..., Any]:
    def method(self: Tracer, *args: Any, **kwargs: Any) -> Any:
        raise TypeError(f"{what} a traced array of shape {tuple(self.shape)} and dtype {self.dtype}: {cure}")

    return method


_LOST = "the derivative would be lost; take stop_gradient(x) outside of the differentiated part, or keep it an array"
_BUFFER = "build a new one with at_set(x, index, v), at_add(x, index, v), xp.stack or xp.concat"
_NAMESPACE = "use xp = array_namespace(x) and the functions of xp, and xp.stack instead of lists of arrays"
for _name in ("__float__", "__int__", "__complex__", "__index__", "item", "tolist"):
    setattr(Tracer, _name, _refuse("cannot make a Python number of", _LOST))
for _name in ("add", "sub", "mul", "truediv", "pow", "matmul", "mod", "floordiv"):
    setattr(Tracer, f"__i{_name}__", _refuse("cannot update in place", f"write x = x + v, or {_BUFFER}"))
Tracer.__setitem__ = _refuse("cannot assign into", _BUFFER)  # type: ignore[attr-defined]
Tracer.__array__ = _refuse("cannot convert to a NumPy array", _NAMESPACE)  # type: ignore[attr-defined]
Tracer.__bool__ = _refuse("no truth value of", "compare it first, as in `if x > 0`")  # type: ignore[attr-defined]


def _operator(name: str) -> tuple[Callable, Callable]:
    return lambda a, b: OPERATIONS[name](a, b), lambda a, b: OPERATIONS[name](b, a)


for _method, _name in {
    "add": "add", "sub": "subtract", "mul": "multiply", "truediv": "divide",
    "pow": "pow", "matmul": "matmul", "mod": "remainder", "floordiv": "floor_divide",
}.items():  # fmt: skip
    for _prefix, _function in zip(("__", "__r"), _operator(_name), strict=True):
        setattr(Tracer, f"{_prefix}{_method}__", _function)
for _method in ("lt", "le", "gt", "ge", "eq", "ne"):
    setattr(Tracer, f"__{_method}__", _operator(_method)[0])
for _method, _name in {"neg": "negative", "abs": "abs", "pos": "positive"}.items():
    setattr(Tracer, f"__{_method}__", lambda a, _name=_name: OPERATIONS[_name](a))


def backward(tape: Tape, cotangents: dict[int, Array], wanted: Sequence[int], *, consume: bool = False) -> list:
    """Pull `cotangents` (slot -> array) back through the tape; return those of the `wanted` slots (None = zero).

    With `consume`, nodes are dropped as they are processed, so residuals are freed along the way.
    """
    bare = tape.flat and not any(type(g) is Tracer for g in cotangents.values())
    xp = tape.library.xp if bare else tape.library.traced
    nodes = iter(tape.nodes.pop, None) if consume else reversed(tape.nodes)
    remaining = len(tape.nodes)
    with np.errstate(all="ignore"):  # infinite slopes are answers here, not accidents
        for primitive, parents, slot, y, args, kwargs in itertools.islice(nodes, remaining):
            if type(y) is tuple:
                g: Any = tuple(cotangents.pop(slot + i, None) for i in range(len(y)))
                if all(part is None for part in g):
                    continue
                g = tuple(xp.zeros_like(part) if c is None else c for c, part in zip(g, y, strict=True))
            else:
                g = cotangents.pop(slot, None)
                if g is None:
                    continue
            pulled = primitive.pullback(xp, parents, g, y, args, kwargs)
            for (_, parent), c in zip(parents, pulled, strict=True):
                if c is not None:
                    if bare and type(c) is Tracer:  # a custom rule that reads traced arrays from outside
                        bare, xp = False, tape.library.traced
                    known = cotangents.get(parent)
                    cotangents[parent] = c if known is None else known + c
    return [cotangents.get(slot) for slot in wanted]


def unbroadcast(xp: Any, g: Array, x: Array) -> Array:
    """Sum `g` over the axes that broadcasting added to or stretched in `x`, and cast it to the dtype of `x`."""
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


def describe(args: Sequence, kwargs: dict) -> str:
    """Arguments of a call in a few words: dtype[shape] for arrays, the value otherwise."""

    def word(a: Any) -> str:
        return f"{a.dtype}{list(a.shape)}" if hasattr(a, "shape") and hasattr(a, "dtype") else repr(a)

    return ", ".join([*map(word, args), *(f"{k}={word(v)}" for k, v in kwargs.items())])


register_tracer(Tracer)
