"""Entering operations into the engine's table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..core import OPERATIONS, Primitive, plain, traceable


def define(name: str, *rules: Any, **options: Any) -> Callable[..., Any]:
    """A new primitive, entered under its name; returns the function that carries it out."""
    OPERATIONS[name] = function = traceable(Primitive(name, *rules, **options))
    return function


def operation(function: Callable[..., Any]) -> Callable[..., Any]:
    """Enter a function that is composed of other operations."""
    OPERATIONS[function.__name__] = function
    return function


def without_derivative(name: str) -> None:
    """An operation on the values of its arguments, with untraced results."""
    function = traceable(Primitive(name))
    OPERATIONS[name] = lambda *args: function(*map(plain, args))
