"""What is tested: functions that claim to implement entries of the specification.

    from refimpl.conformance import implements

    @implements("sorting.sorting_network", framework="torch")
    def my_sort(x, *, network, distribution, steepness, art_lambda):
        return sorted_values, permutation

The function receives the inputs as arrays of its framework and the parameters as they are, all
by keyword, and returns the outputs in the order of the entry (one alone, several as a tuple, or a
dictionary by name). It comes back unchanged; the mark is an attribute that the check looks for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from refimpl.spec import CHECKS

F = TypeVar("F", bound=Callable[..., Any])

MARK = "__refimpl_implements__"
FRAMEWORKS = ("numpy", "torch", "jax", "tensorflow", "autograd", "cupy", "refimpl")
_WITHOUT_DERIVATIVES = ("numpy", "cupy")


class Unsupported(Exception):  # noqa: N818
    """Raised by an implementation for parameter values that it does not offer.

    The comparisons are then counted as unsupported, with this reason, and shown in every report.
    """


class WrongResult(TypeError):  # noqa: N818
    """What a function under test returned, or did to its inputs, leaves nothing to compare.

    The message is a whole sentence, which is shown without the name of this class.
    """


@dataclass(frozen=True)
class Implementation:
    """One function under test, and what it claims.

    vjp                for framework="numpy" and "cupy", which have no derivatives of their own: a
                       function `vjp(cotangents, **inputs, **params)` that takes the cotangents by
                       output name and returns the gradients by input name
    checks             the comparisons to make; leave one out when the library cannot do it, and it
                       is counted as unsupported
    expected_failures  reasons by pattern: of case names ("odd_even-n1*"), of case and check
                       ("odd_even-n1*:vjp"), or of case, check and symptom ("*:*:precision"). They
                       are strict: in a full run, a pattern that nothing fails for is a finding
    jit                for framework="jax": whether the function is compiled
    device             where the function gets its inputs, and must leave its results, by the
                       framework's own name: "cuda", "cuda:1", "gpu"; "cuda" for framework="refimpl"
                       means CuPy arrays. The framework's default device where it is None
    """

    entry: str
    function: Callable[..., Any]
    framework: str
    vjp: Callable[..., Any] | None = None
    checks: tuple[str, ...] = CHECKS
    expected_failures: Mapping[str, str] = field(default_factory=dict)
    jit: bool = True
    device: str | None = None

    @property
    def label(self) -> str:
        """Name of the function, for messages."""
        return getattr(self.function, "__name__", type(self.function).__name__)


@dataclass(frozen=True)
class Target:
    """Everything under test in one run: a file or a published library."""

    name: str
    implementations: tuple[Implementation, ...]
    path: str | None = None


def implements(
    entry: str,
    *,
    framework: str = "",
    vjp: Callable[..., Any] | None = None,
    checks: str | Iterable[str] = CHECKS,
    expected_failures: Mapping[str, str] | None = None,
    jit: bool = True,
    device: str | None = None,
) -> Callable[[F], F]:
    """Mark a function as an implementation of the entry. The options are Implementation's.

    A function may implement several entries: stack the decorators.
    """
    if not isinstance(entry, str) or not framework:
        raise TypeError('expected @implements("METHOD", framework="NAME"), with both of them')
    if framework not in FRAMEWORKS:
        known = f"framework {framework!r}: expected one of {', '.join(FRAMEWORKS)}"
        hint = "wrap the function to take and return NumPy arrays, and pass its gradient as vjp="
        raise ValueError(f"{known}; {hint}")
    chosen = (checks,) if isinstance(checks, str) else tuple(checks)
    if unknown := sorted(set(chosen) - set(CHECKS)):
        raise ValueError(f"checks {unknown}: expected some of {', '.join(CHECKS)}")
    if vjp is not None and framework not in _WITHOUT_DERIVATIVES:
        known = " and ".join(map(repr, _WITHOUT_DERIVATIVES))
        raise ValueError(f"vjp= is for framework {known}; {framework} differentiates by itself")

    def mark(function: F) -> F:
        expected = dict(expected_failures or {})
        claim = Implementation(entry, function, framework, vjp, chosen, expected, jit, device)
        try:
            setattr(function, MARK, (*getattr(function, MARK, ()), claim))
        except AttributeError:
            name = getattr(function, "__name__", type(function).__name__)
            raise TypeError(f"{name} cannot be marked: mark a function that calls it") from None
        return function

    return mark


def implementations_in(namespace: Mapping[str, Any]) -> tuple[Implementation, ...]:
    """The marked functions of a module's namespace, in order of definition, each once."""
    found: dict[int, tuple[Implementation, ...]] = {}
    for value in namespace.values():
        marks = getattr(value, "__dict__", {}).get(MARK, ()) if callable(value) else ()
        if marks:
            found.setdefault(id(value), marks)
    return tuple(claim for marks in found.values() for claim in marks)
