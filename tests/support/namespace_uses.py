"""What a source file asks of array namespaces: `xp.exp(x)`, `xp.linalg.inv(a)`, `xp.float64`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import refimpl
from refimpl import autograd

SOURCES = {"array_namespace", "creation_namespace"}  # functions that return a namespace
ATTRIBUTES = {"xp", "traced"}  # attributes of a library that are namespaces


# They are about other libraries.
LEFT_OUT = (
    *("autograd/library.py", "autograd/on_jax.py", "autograd/on_standard.py"),
    *("autograd/on_torch.py", "autograd/checking/", "conformance/"),
)


def package_sources() -> dict[str, Path]:
    """The package's files by name; the engine's are in a folder of their own, or a link to it."""
    package, engine = Path(refimpl.__file__).parent, Path(autograd.__file__).resolve().parent
    found = {f"autograd/{f.relative_to(engine).as_posix()}": f for f in engine.rglob("*.py")}
    found |= {f.relative_to(package).as_posix(): f for f in package.rglob("*.py")}
    return {name: found[name] for name in sorted(found) if not name.startswith(LEFT_OUT)}


class Use(NamedTuple):
    """`namespace` is xp, xp.linalg or a name in `roots`; `call` is None where nothing is called."""

    line: int
    namespace: str
    name: str
    call: ast.Call | None

    @property
    def on_switch(self) -> bool:
        """Whether it is a function of the namespace that the backend's switch chooses."""
        return self.call is not None and "creation_namespace" in ast.unparse(self.call.func)

    def __str__(self) -> str:
        return f"line {self.line}: {ast.unparse(self.call) if self.call else self.name}"

    def arguments(self) -> tuple[int, list[str], bool]:
        """How many positional arguments, which keywords, and whether these are all."""
        assert self.call is not None
        positional = [a for a in self.call.args if not isinstance(a, ast.Starred)]
        keywords = [k.arg for k in self.call.keywords if k.arg is not None]
        whole = len(positional) == len(self.call.args) and len(keywords) == len(self.call.keywords)
        return len(positional), keywords, whole


def uses(source: str, roots: frozenset[str] = frozenset()) -> Iterator[Use]:
    """All uses in a module; `roots` are further names that stand for namespaces."""
    tree = ast.parse(source)
    calls = {id(node.func): node for node in ast.walk(tree) if isinstance(node, ast.Call)}
    known = {name: name for name in roots} | {"xp": "xp"}
    for node, names in _scoped(tree, known):
        if isinstance(node, ast.Attribute) and (namespace := _namespace(node.value, names)):
            yield Use(node.lineno, namespace, node.attr, calls.get(id(node)))


def _scoped(node: ast.AST, names: dict[str, str]) -> Iterator[tuple[ast.AST, dict[str, str]]]:
    """Every node, with the names of namespaces where it stands."""
    if isinstance(node, (ast.FunctionDef, ast.Lambda)):
        names = names | _assigned(node)
    yield node, names
    for child in ast.iter_child_nodes(node):
        yield from _scoped(child, names)


def _assigned(function: ast.AST) -> dict[str, str]:
    """The names that a function gives to namespaces."""
    found = {}
    for node in ast.walk(function):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                pairs = [(target, node.value)]
                if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                    pairs = list(zip(target.elts, node.value.elts, strict=False))
                for name, value in pairs:
                    if isinstance(name, ast.Name) and _namespace(value, {}) == "xp":
                        found[name.id] = "xp"
    return found


def _namespace(node: ast.AST, names: dict[str, str]) -> str | None:
    """The namespace that an expression is, if it is one."""
    if isinstance(node, ast.Name):
        return names.get(node.id)
    if isinstance(node, ast.Call):
        called = node.func.attr if isinstance(node.func, ast.Attribute) else None
        called = node.func.id if isinstance(node.func, ast.Name) else called
        return "xp" if called in SOURCES else None
    if isinstance(node, ast.Attribute):
        if node.attr in ATTRIBUTES:
            return "xp"
        inner = _namespace(node.value, names)
        return f"{inner}.linalg" if inner and node.attr == "linalg" else None
    return None
