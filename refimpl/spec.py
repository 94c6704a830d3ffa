"""The registry: what a spec entry is, and the list of all of them.

A method registers its public function once, where it is defined:

    @specification(
        name="sorting.neural_sort",
        source="Grover et al. 2019, equation 5",
        inputs=("scores",),
        outputs=("permutation",),
        cases=_cases,                      # numpy.random.Generator -> iterable of Case
        invariants=(Invariant("rows sum to one", "each row is a distribution", _rows),),
    )
    def neural_sort(scores, *, temperature=1.0): ...

The function comes back unchanged. Everything else is derived from the entry: the conformance
cases, the finite-difference tests, the property tests, the float32 tests, `refimpl list`.
`all_entries()` finds the methods by importing their packages when it is called, so that
`import refimpl` stays light and a new method needs no edit elsewhere.
"""

from __future__ import annotations

import difflib
import importlib
import itertools
import pkgutil
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np

Arrays = Mapping[str, np.ndarray]
Run = Callable[[Arrays, Mapping[str, Any]], dict[str, np.ndarray]]
F = TypeVar("F", bound=Callable[..., Any])

KINDS = ("smooth", "kink", "edge")
CHECKS = ("values", "vjp", "jvp", "second_order")
BATCHES: dict[str, tuple[int, ...]] = {
    "single": (),
    "batch3": (3,),
    "batch2x1x3": (2, 1, 3),
    "batch0": (0,),
}
"""Leading shapes that every method with batch axes should be tried on, by name."""


@dataclass(frozen=True)
class Tolerance:
    """How far an implementation may be from the reference.

    Values pass when `|a - b| <= atol + rtol |b|`, element by element. Derivatives are compared on
    the scale of their tensor, `|a - b| <= gradient_atol + gradient_rtol max|b|`, because correct
    float32 gradients are off by far more than that in their smallest elements.
    """

    rtol: float
    atol: float
    gradient_rtol: float
    gradient_atol: float = 0.0


TOLERANCES: Mapping[str, Tolerance] = {
    "float64": Tolerance(rtol=1e-9, atol=1e-12, gradient_rtol=1e-8, gradient_atol=1e-12),
    "float32": Tolerance(rtol=1e-4, atol=1e-5, gradient_rtol=1e-4, gradient_atol=1e-6),
    "float16": Tolerance(rtol=1e-2, atol=5e-3, gradient_rtol=2e-2, gradient_atol=1e-3),
}
"""The default tolerances; an entry may replace them by dtype, a case for itself."""


@dataclass(frozen=True)
class Case:
    """One point at which a function is tried.

    name     unique within the entry, without spaces or wildcards: `odd_even-n4-steepness10`
    inputs   the arrays by argument name (NumPy, on the host)
    params   the other arguments by name
    kind     smooth: the derivatives exist and are compared; kink: the point lies on a kink or a
             tie, values are compared and any derivative between the one-sided ones is accepted;
             edge: a degenerate or extreme input (n = 1, an empty batch), compared like smooth
    flags    which known mistakes the case provokes, each explained in an entry of `notes`
    clause   the sentence or equation that the case tests
    checks   the comparisons that make sense here; all by default
    """

    name: str
    inputs: Arrays
    params: Mapping[str, Any] = field(default_factory=dict)
    kind: str = "smooth"
    flags: tuple[str, ...] = ()
    clause: str = ""
    checks: tuple[str, ...] = CHECKS
    tolerance: Tolerance | None = None

    def __post_init__(self) -> None:
        if not self.name or any(c.isspace() or c in "/:*?[]" for c in self.name):
            raise ValueError(
                f"case name {self.name!r}: expected text without spaces or any of /:*?[]"
            )
        if self.kind not in KINDS:
            raise ValueError(f"case {self.name}: kind {self.kind!r}; known: {', '.join(KINDS)}")
        if unknown := set(self.checks) - set(CHECKS):
            raise ValueError(f"case {self.name}: checks {sorted(unknown)}; known: {CHECKS}")

    @property
    def dtype(self) -> str:
        """Name of the widest floating dtype among the inputs."""
        kinds = [a.dtype for a in map(np.asarray, self.inputs.values()) if a.dtype.kind == "f"]
        return np.result_type(*kinds).name if kinds else "float64"


@dataclass(frozen=True)
class Invariant:
    """A property that holds for every input, or for those where `when(case)` is true.

    `check(run, inputs, params)` returns None, or a sentence that says what is wrong.
    `run(inputs, params)` evaluates the function under test and returns its outputs by name, as
    NumPy arrays; it may be called several times (equivariance, limits, monotonicity).
    """

    name: str
    clause: str
    check: Callable[[Run, Arrays, Mapping[str, Any]], str | None]
    when: Callable[[Case], bool] = lambda case: True


@dataclass(frozen=True)
class Note:
    """Why a flag exists: the kind of mistake, what happens, and what it does to the result."""

    bug_type: str
    description: str
    effect: str


@dataclass(frozen=True)
class Entry:
    """One method of the specification. See `specification` for the fields."""

    name: str
    function: Callable[..., Any]
    source: str
    inputs: tuple[str, ...]
    differentiable: tuple[str, ...]
    outputs: tuple[str, ...]
    cases: Callable[[np.random.Generator], Iterable[Case]]
    gradient: str = "derivative"
    invariants: tuple[Invariant, ...] = ()
    kinks: str = ""
    tolerances: Mapping[str, Tolerance] = field(default_factory=dict)
    second_order: bool = True
    variants: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    notes: Mapping[str, Note] = field(default_factory=dict)
    call: Callable[..., Any] | None = None

    @property
    def is_derivative(self) -> bool:
        """Whether the gradient is the mathematical derivative, not a replacement for it."""
        return self.gradient == "derivative"

    def evaluate(self, *, inputs: Mapping[str, Any], params: Mapping[str, Any]) -> dict[str, Any]:
        """The outputs of the reference by name, in the arrays that it was given."""
        return self.named((self.call or self.function)(**inputs, **params))

    def named(self, result: Any) -> dict[str, Any]:
        """Give the outputs of a call their names. ValueError when their number is wrong."""
        if isinstance(result, Mapping):
            if set(result) != set(self.outputs):
                raise ValueError(f"returned outputs {sorted(result)}, expected {self.outputs}")
            return {name: result[name] for name in self.outputs}
        values = tuple(result) if isinstance(result, (tuple, list)) else (result,)
        if len(values) != len(self.outputs):
            wanted = f"{len(self.outputs)} ({', '.join(self.outputs)})"
            raise ValueError(f"returned {len(values)} output(s), expected {wanted}")
        return dict(zip(self.outputs, values, strict=True))

    def tolerance(self, case: Case) -> Tolerance:
        """The tolerance of a case: its own, else the entry's, else the default of its dtype."""
        if case.tolerance is not None:
            return case.tolerance
        return self.tolerances.get(case.dtype) or TOLERANCES[case.dtype]

    def generate(self, seed: int = 0) -> list[Case]:
        """All cases of this entry, the same for the same seed.

        Where the method gives no case in float32, some of its cases get a float32 twin.
        """
        rng = np.random.default_rng([seed, zlib.crc32(self.name.encode())])
        cases = list(self.cases(rng))
        if not any(case.dtype == "float32" for case in cases):
            smooth = [case for case in cases if case.kind == "smooth"] or cases
            cases += [as_float32(case) for case in smooth[:: max(1, -(-len(smooth) // 6))]]
        names = [case.name for case in cases]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"{self.name}: case names occur twice: {', '.join(twice)}")
        for case in cases:
            if set(case.inputs) != set(self.inputs):
                given, wanted = sorted(case.inputs), sorted(self.inputs)
                raise ValueError(f"{self.name}/{case.name}: inputs {given}, expected {wanted}")
        return cases


def grid(**choices: Iterable[Any]) -> Iterator[dict[str, Any]]:
    """All combinations of the choices, as dictionaries.

    >>> list(grid(n=(1, 2), network=("odd_even",)))
    [{'n': 1, 'network': 'odd_even'}, {'n': 2, 'network': 'odd_even'}]
    """
    for values in itertools.product(*choices.values()):
        yield dict(zip(choices, values, strict=True))


def case_name(*parts: Any, **params: Any) -> str:
    """A readable case name from parts and parameters.

    >>> case_name("odd_even", n=4, steepness=0.5)
    'odd_even-n4-steepness0.5'
    """
    return "-".join([str(part) for part in parts] + [f"{k}{v}" for k, v in params.items()])


def as_float32(case: Case) -> Case:
    """The same case with its floating inputs rounded to float32."""
    arrays = {name: np.asarray(value) for name, value in case.inputs.items()}
    inputs = {k: a.astype(np.float32) if a.dtype.kind == "f" else a for k, a in arrays.items()}
    flags = tuple(dict.fromkeys((*case.flags, "float32")))
    return replace(case, name=f"{case.name}-float32", inputs=inputs, flags=flags, tolerance=None)


import_errors: dict[str, str] = {}
"""Modules of methods that did not import when `all_entries` last looked, with the reasons."""

_entries: dict[str, Entry] = {}
_NOT_METHODS = {"autograd", "conformance", "data", "experiments", "cli", "spec", "validation"}


def specification(
    *,
    name: str,
    source: str,
    inputs: Iterable[str],
    outputs: Iterable[str],
    cases: Callable[[np.random.Generator], Iterable[Case]],
    differentiable: Iterable[str] | None = None,
    **options: Any,
) -> Callable[[F], F]:
    """Register the decorated function as an entry of the specification, and return it unchanged.

    name            `package.function`, such as "sorting.neural_sort"
    source          paper and equation or section
    inputs          names of the array arguments; the other arguments are parameters
    outputs         names of the results, in order
    cases           numpy.random.Generator -> iterable of Case, over a grid of parameters and with
                    edge cases: n = 1, ties, batches of every rank in BATCHES, sizes that are not
                    powers of two
    differentiable  the inputs with a gradient; all by default
    gradient        "derivative", or a sentence that says what replaces the derivative
    invariants      properties that hold everywhere
    kinks           where the function has none or more than one derivative, and what is used there
    tolerances      Tolerance by dtype name where the default is wrong
    second_order    whether second derivatives are part of the specification
    variants        other conventions by description, as functions of the same arguments; a report
                    names the variant that an implementation agrees with
    notes           Note by flag, for flags that only this entry uses
    call            how a case is evaluated where that is not `function(**inputs, **params)`
    """
    entry_inputs = tuple(inputs)
    chosen = entry_inputs if differentiable is None else tuple(differentiable)
    package, _, short = name.rpartition(".")
    if not package or not short.isidentifier():
        raise ValueError(f"spec name {name!r}: expected 'package.function'")
    if unknown := sorted(set(chosen) - set(entry_inputs)):
        raise ValueError(f"{name}: differentiable inputs {unknown} are not among the inputs")

    def register(function: F) -> F:
        known = _entries.get(name)
        if known is not None and known.function.__module__ != function.__module__:
            raise ValueError(f"{name} is registered twice: by {known.function.__module__} too")
        _entries[name] = Entry(
            name=name,
            function=function,
            source=source,
            inputs=entry_inputs,
            differentiable=chosen,
            outputs=tuple(outputs),
            cases=cases,
            **options,
        )
        return function

    return register


def all_entries() -> dict[str, Entry]:
    """Every entry by name, sorted. Imports the method packages of refimpl on the first call.

    A module that does not import is left out, and is named in `import_errors` with the reason.
    """
    root = importlib.import_module(__package__ or "refimpl")
    _import_below(root.__path__, f"{root.__name__}.", leave_out=_NOT_METHODS)
    return dict(sorted(_entries.items()))


def _import_below(path: Iterable[str], prefix: str, leave_out: Iterable[str] = ()) -> None:
    for module in pkgutil.iter_modules(path, prefix):
        short = module.name.rpartition(".")[2]
        if short.startswith("_") or short in leave_out:
            continue
        try:
            imported = importlib.import_module(module.name)
        except Exception as error:  # one broken method must not hide the others
            import_errors[module.name] = f"{type(error).__name__}: {error}"
            continue
        import_errors.pop(module.name, None)
        if module.ispkg:
            _import_below(imported.__path__, f"{module.name}.")


def find(name: str) -> Entry:
    """The entry of that name. KeyError with close matches when there is none."""
    if name in _entries:  # registered already: nothing needs to be imported
        return _entries[name]
    entries = all_entries()
    if name in entries:
        return entries[name]
    by_short = {known.rpartition(".")[2]: known for known in entries}
    close = difflib.get_close_matches(name, entries, n=3, cutoff=0.5)
    close += [by_short[s] for s in difflib.get_close_matches(name, by_short, n=3, cutoff=0.6)]
    hint = f"; did you mean {' or '.join(dict.fromkeys(close))}?" if close else ""
    raise KeyError(f"no spec entry is named {name!r}{hint}")
