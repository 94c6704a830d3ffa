"""What the adapters of the engine's operations share: a table becomes functions under test."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from refimpl.conformance.target import Unsupported, implements
from refimpl.conformance.versions import installed

Own = Mapping[str, Callable[..., Any] | None]
Reasons = Mapping[str, Mapping[str, str]]


def operations(
    framework: str, modules: Callable[[], Any], own: Own, known: Reasons
) -> dict[str, Callable[..., Any]]:
    """The functions of a library by the names of the operations, marked @implements.

    modules  imports the library and returns its modules as attributes of one object
    own      by operation `f(modules, *inputs, **parameters)`; None where the library has none
    known    by operation the reasons of known failures, as `implements` takes them
    """
    return {
        name: _marked(framework, modules, name, function, known.get(name, {}))
        for name, function in own.items()
    }


def _marked(
    framework: str,
    modules: Callable[[], Any],
    name: str,
    function: Callable[..., Any] | None,
    reasons: Mapping[str, str],
) -> Callable[..., Any]:
    def operation(**arguments: Any) -> Any:
        if function is None:
            raise Unsupported("it has no such function")
        return function(modules(), **arguments)

    operation.__name__ = name
    return implements(f"operations.{name}", framework=framework, expected_failures=reasons)(
        operation
    )


def only(**wanted: tuple[Any, Any]) -> None:
    """Unsupported for a parameter, given as (value, the one that is offered), of another value."""
    for name, (value, offered) in wanted.items():
        if value != offered:
            raise Unsupported(f"{name}={value!r}: only {offered!r} is offered")


def release(package: str) -> tuple[int, ...]:
    """The numbers of the version that is installed, such as (2, 13, 0); () if there is none."""
    found = re.match(r"\d+(\.\d+)*", installed(package))
    return tuple(map(int, found[0].split("."))) if found else ()
