"""Calling a function under test: what it does instead of returning arrays, in words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from .clock import Clock
from .faults import describe, origin, printable
from .target import Unsupported, WrongResult


class Fault(NamedTuple):
    """Why there is nothing to compare: `fail`, `unsupported` or `not run`, and the reason."""

    status: str
    message: str


@dataclass
class Guard:
    """All calls of one function at one case.

    path   the function's file, whose lines are named
    clock  the time that the calls may take together; once it is over, there are no more
    """

    path: str | Path | None = None
    clock: Clock = field(default_factory=Clock)

    def attempt(self, call: Callable[[], Any]) -> tuple[Any, Fault | None]:
        """The result of the call, or None and what went wrong.

        Whatever is raised says something about the function, also what is no Exception, such as
        SystemExit and the panics of extensions in Rust. Only Ctrl-C is passed on.
        """
        if self.clock.over:
            return None, Fault("not run", "the case's time is used up")
        try:
            with self.clock.running():
                result = call()
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            return None, self._late(error) or self._fault(error)
        fault = self._late()  # as it is when the function has caught the alarm
        return (result, None) if fault is None else (None, fault)

    def _late(self, raised: BaseException | None = None) -> Fault | None:
        """The fault of a call during which the time ran out, whatever it has made of that."""
        if not self.clock.over:
            return None
        where = origin(raised, self.path) if raised else ""
        return Fault("fail", too_late(self.clock.limit, where))

    def _fault(self, raised: BaseException) -> Fault:
        if isinstance(raised, Unsupported) or _skips(raised):
            return Fault("unsupported", printable(str(raised)) or "no reason given")
        if isinstance(raised, WrongResult):
            return Fault("fail", printable(str(raised)))
        return Fault("fail", f"raised {describe(raised, self.path)}")


def not_run(fault: Fault) -> Fault:
    """The same for what the fault prevents, which is no finding of its own."""
    return Fault("not run", "the call fails") if fault.status == "fail" else fault


def too_late(limit: float | None, more: str) -> str:
    """The finding about a function that the time of a case is not enough for."""
    return f"gave no result within {limit:g} s{more}"


def _skips(error: BaseException) -> bool:
    """Whether the error is that of pytest.skip(), without an import of pytest."""
    ours = any(kind.__module__ == "_pytest.outcomes" for kind in type(error).__mro__)
    return ours and type(error).__name__ == "Skipped"
