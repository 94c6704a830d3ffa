"""Small pieces of Python syntax, and questions about it, for `transform`."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import Any

LOOPS = (ast.For, ast.While)


def frame() -> ast.expr:
    return ast.Name("_v", ast.Load())


def set_frame(value: ast.expr) -> ast.stmt:
    return ast.Assign([ast.Name("_v", ast.Store())], value)


def return_frame() -> ast.stmt:
    return ast.Return(frame())


def attribute(name: str, attribute: str) -> ast.expr:
    return ast.Attribute(ast.Name(name, ast.Load()), attribute, ast.Load())


def arguments(names: list[str]) -> ast.arguments:
    return ast.arguments(
        posonlyargs=[], args=[ast.arg(name) for name in names], kwonlyargs=[], kw_defaults=[],
        defaults=[],
    )  # fmt: skip


def define(name: str, arguments: list[str], body: list[ast.stmt]) -> ast.stmt:
    code = f"def {name}({', '.join(arguments)}): pass"
    found = ast.parse(code).body[0]
    assert isinstance(found, ast.FunctionDef)
    found.body = body
    return found


def lazy(value: ast.expr) -> ast.expr:
    return ast.copy_location(ast.Lambda(arguments([]), value), value)


def loaded(target: ast.expr) -> Any:
    """The expression that reads what `target` writes."""
    new = ast.parse(ast.unparse(target), mode="eval").body
    for node in ast.walk(new):
        ast.copy_location(node, target)
    return new


def appends(function: ast.expr) -> bool:
    return isinstance(function, ast.Attribute) and function.attr == "append"


def inside(statements: list[ast.stmt]) -> Iterable[ast.AST]:
    for statement in statements:
        yield from ast.walk(statement)


def breaks(node: ast.AST) -> bool:
    """Whether a statement can break the loop that it is directly in."""
    if isinstance(node, LOOPS):
        return False
    return isinstance(node, ast.Break) or any(map(breaks, ast.iter_child_nodes(node)))


def jumps(node: ast.AST) -> bool:
    """Whether a statement can end its block early."""
    if isinstance(node, LOOPS):
        return False
    kinds = (ast.Break, ast.Continue, ast.Return)
    return isinstance(node, kinds) or any(map(jumps, ast.iter_child_nodes(node)))


def stored(generators: list[ast.comprehension]) -> set[str]:
    targets = [node for generator in generators for node in ast.walk(generator.target)]
    return {node.id for node in targets if isinstance(node, ast.Name)}


def comprehension_names(function: ast.FunctionDef) -> set[str]:
    """Names that only comprehensions assign."""
    inside: set[str] = set()
    elsewhere: set[str] = {a.arg for a in ast.walk(function.args) if isinstance(a, ast.arg)}
    own: set[int] = set()
    for node in ast.walk(function):
        if isinstance(node, ast.comprehension):
            own |= {id(n) for n in ast.walk(node.target)}
            inside |= stored([node])
    for node in ast.walk(function):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and id(node) not in own:
            elsewhere.add(node.id)
    return inside - elsewhere
