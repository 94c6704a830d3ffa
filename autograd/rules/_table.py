"""Entering operations into the engine's table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..core import OPERATIONS, Primitive, plain


def define(name: str, *rules: Any, **options: Any) -> Primitive:
    """A new primitive, entered under its name."""
    OPERATIONS[name] = primitive = Primitive(name, *rules, **options)
    return primitive


def operation(function: Callable[..., Any]) -> Callable[..., Any]:
    """Enter a function that is composed of other operations."""
    OPERATIONS[function.__name__] = function
    return function


def without_derivative(name: str) -> None:
    """An operation on the values of its arguments, with untraced results."""
    primitive = Primitive(name)
    OPERATIONS[name] = lambda *args: primitive(*map(plain, args))
