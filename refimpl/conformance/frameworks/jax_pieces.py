"""Functions of JAX arrays, compiled in pieces that are kept: for many small programs.

XLA takes its time for every operation of a program, also for the hundredth step of a loop that is
written out, and again for every program. Here a function is traced as `jax.jit` traces it; what the
trace holds twice is computed once; and the rest is cut after certain operations, whatever stands
before them, so that equal steps become equal pieces. A piece is compiled once: its numbers are
arguments, so that programs that differ in a parameter share it.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

SMALL = 150  # a program of so few operations is one piece
ONE_IN = 16  # of so many operations, on average, one is the last of a piece
LONGEST = 60  # where none of so many is, the piece ends all the same


@dataclass(frozen=True)
class Operation:
    """A primitive of JAX, with the numbers of the values that it takes and gives."""

    equation: Any
    text: str
    takes: tuple[int, ...]
    gives: tuple[int, ...]

    @property
    def is_last(self) -> bool:
        """Whether a piece ends here: this depends on nothing but the operation."""
        return zlib.crc32(self.text.encode()) % ONE_IN == 0


@dataclass
class Program:
    """The operations of a trace in order, each once; values are numbered."""

    operations: list[Operation] = field(default_factory=list)
    known: dict[int, Any] = field(default_factory=dict)
    count: int = 0
    _numbers: dict[Any, int] = field(default_factory=dict)
    _seen: dict[Any, tuple[int, ...]] = field(default_factory=dict)

    def new(self, count: int = 1) -> tuple[int, ...]:
        """Numbers of new values."""
        self.count += count
        return tuple(range(self.count - count, self.count))

    def constant(self, value: Any, key: Any) -> int:
        """The number of a value that is known."""
        if key not in self._numbers:
            (self._numbers[key],) = self.new()
            self.known[self._numbers[key]] = value
        return self._numbers[key]

    def add(self, jaxpr: Any, constants: Sequence[Any], takes: Sequence[int]) -> tuple[int, ...]:
        """Add a trace, with the jitted functions that it calls; the numbers of its results."""
        number = dict(zip(jaxpr.invars, takes, strict=True))
        for variable, value in zip(jaxpr.constvars, constants, strict=True):
            number[variable] = self.constant(value, id(value))

        def read(atom: Any) -> int:
            if not hasattr(atom, "val"):
                return number[atom]
            value = np.asarray(atom.val, atom.aval.dtype)
            return self.constant(value, (str(value.dtype), value.shape, value.tobytes()))

        for equation in jaxpr.eqns:
            inputs = tuple(map(read, equation.invars))
            if equation.primitive.name in ("jit", "pjit"):
                inner = equation.params["jaxpr"]
                outputs = self.add(inner.jaxpr, inner.consts, inputs)
            else:
                outputs = self._operation(equation, inputs)
            number.update(zip(equation.outvars, outputs, strict=True))
        return tuple(map(read, jaxpr.outvars))

    def _operation(self, equation: Any, takes: tuple[int, ...]) -> tuple[int, ...]:
        shapes = [str(v.aval) for v in (*equation.invars, *equation.outvars)]
        inner = [id(c) for p in equation.params.values() for c in getattr(p, "consts", ())]
        text = f"{equation.primitive} {equation.params} {shapes} {inner}"
        if (text, takes) not in self._seen:
            gives = self._seen[text, takes] = self.new(len(equation.outvars))
            self.operations.append(Operation(equation, text, takes, gives))
        return self._seen[text, takes]

    def needed(self, results: Sequence[int]) -> list[Operation]:
        """The operations that the results depend on."""
        wanted, kept = set(results), []
        for operation in reversed(self.operations):
            if wanted.intersection(operation.gives):
                wanted.update(operation.takes)
                kept.append(operation)
        return kept[::-1]


def pieces(operations: Sequence[Operation]) -> Iterator[list[Operation]]:
    """The operations of a small program together; those of others cut after the last ones."""
    piece: list[Operation] = []
    for operation in operations:
        piece.append(operation)
        if len(operations) > SMALL and (operation.is_last or len(piece) == LONGEST):
            yield piece
            piece = []
    if piece:
        yield piece


@dataclass(frozen=True)
class Step:
    """A compiled piece, with the numbers of the values that it takes and gives."""

    call: Callable[..., Any]
    takes: tuple[int, ...]
    gives: tuple[int, ...]


class Compiler:
    """Compiles functions, and keeps their pieces."""

    def __init__(self, options: dict[str, Any] | None = None) -> None:
        self.options = options or {}
        self.kept: dict[Any, Callable[..., Any]] = {}

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, compiled for every combination of shapes and dtypes that it is given."""
        import jax

        plans: dict[Any, Callable[..., Any]] = {}

        def run(*arguments: Any) -> Any:
            leaves, structure = jax.tree.flatten(arguments)
            key = (structure, *((x.shape, str(x.dtype)) for x in leaves))
            if key not in plans:
                plans[key] = self._plan(function, arguments)
            return plans[key](leaves)

        return run

    def _plan(self, function: Callable[..., Any], arguments: Any) -> Callable[..., Any]:
        import jax

        closed, shape = jax.make_jaxpr(function, return_shape=True)(*arguments)
        program = Program()
        takes = program.new(len(closed.jaxpr.invars))
        results = program.add(closed.jaxpr, closed.consts, takes)
        steps = self._steps(program.needed(results), results)

        def run(leaves: Sequence[Any]) -> Any:
            values = dict(zip(takes, leaves, strict=True)) | program.known
            for step in steps:
                found = step.call(*[values[n] for n in step.takes])
                values.update(zip(step.gives, found, strict=True))
            found = [jax.numpy.asarray(values[n]) for n in results]
            return jax.tree.unflatten(jax.tree.structure(shape), found)

        return run

    def _steps(self, operations: list[Operation], results: Sequence[int]) -> list[Step]:
        """The compiled pieces, each with what later ones and the results need of it."""
        steps: list[Step] = []
        later = set(results)
        for piece in reversed(list(pieces(operations))):
            made = [n for operation in piece for n in operation.gives]
            gives = tuple(n for n in made if n in later)
            inputs = dict.fromkeys(n for operation in piece for n in operation.takes)
            takes = tuple(n for n in inputs if n not in set(made))
            later.update(takes)
            steps.append(Step(self._compiled(piece, takes, gives), takes, gives))
        return steps[::-1]

    def _compiled(
        self, piece: list[Operation], takes: tuple[int, ...], gives: tuple[int, ...]
    ) -> Callable[..., Any]:
        import jax

        local = {n: index for index, n in enumerate(takes)}
        for operation in piece:
            local.update((n, len(local) + index) for index, n in enumerate(operation.gives))
        texts = tuple((o.text, *(local[n] for n in (*o.takes, *o.gives))) for o in piece)
        key = (texts, tuple(local[n] for n in gives))
        if key not in self.kept:
            call = _replay(piece, takes, gives)
            self.kept[key] = jax.jit(call, compiler_options=self.options)
        return self.kept[key]


def _replay(
    piece: list[Operation], takes: tuple[int, ...], gives: tuple[int, ...]
) -> Callable[..., Any]:
    def replay(*arguments: Any) -> list[Any]:
        values = dict(zip(takes, arguments, strict=True))
        for operation in piece:
            primitive = operation.equation.primitive
            bound = primitive.get_bind_params(operation.equation.params)
            functions, params = bound if isinstance(bound, tuple) else ((), bound)
            inputs = [values[n] for n in operation.takes]
            outputs = primitive.bind(*functions, *inputs, **params)
            outputs = outputs if primitive.multiple_results else [outputs]
            values.update(zip(operation.gives, outputs, strict=True))
        return [values[n] for n in gives]

    return replay
