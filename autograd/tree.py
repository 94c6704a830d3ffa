"""Nested containers of arrays: dicts, lists, tuples, named tuples and dataclasses, in any nesting.

`None` is a container without leaves; everything else that is not a container is a leaf. Dicts are
walked in insertion order, and two dicts are matched by their keys. The fields of a dataclass that
its constructor does not take are computed anew.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

Rebuild = Callable[[Iterator[Any]], Any]


def flatten(tree: Any) -> tuple[list[Any], Callable[[list[Any]], Any]]:
    """The leaves of `tree` and the function that puts a list of as many leaves back into its shape.

    >>> leaves, rebuild = flatten({"w": 1.0, "b": [2.0, None, (3.0,)]})
    >>> leaves
    [1.0, 2.0, 3.0]
    >>> rebuild([10.0, 20.0, 30.0])
    {'w': 10.0, 'b': [20.0, None, (30.0,)]}
    """
    leaves: list[Any] = []
    build = _walk(tree, leaves)
    count = len(leaves)

    def rebuild(new: list[Any]) -> Any:
        if len(new) != count:
            raise ValueError(f"expected {count} leaves, got {len(new)}")
        return build(iter(new))

    return leaves, rebuild


def _walk(tree: Any, leaves: list[Any]) -> Rebuild:
    parts = children(tree)
    if parts is None:
        leaves.append(tree)
        return next
    builders = [_walk(part, leaves) for _, part in parts]
    return lambda new: _like(tree, [build(new) for build in builders])


def children(tree: Any) -> list[tuple[str, Any]] | None:
    """(access path, child) pairs of a container; None for a leaf."""
    if tree is None:
        return []
    if isinstance(tree, dict):
        return [(f"[{key!r}]", tree[key]) for key in tree]
    if isinstance(tree, (list, tuple)):
        return [(f"[{i}]", part) for i, part in enumerate(tree)]
    if dataclasses.is_dataclass(tree) and not isinstance(tree, type):
        return [(f".{f.name}", getattr(tree, f.name)) for f in _fields(tree)]
    return None


def _fields(tree: Any) -> list[dataclasses.Field]:
    return [f for f in dataclasses.fields(tree) if f.init]


def _like(tree: Any, parts: list[Any]) -> Any:
    if tree is None:
        return None
    if isinstance(tree, dict):
        new = copy.copy(tree)  # of the same kind: an OrderedDict, a defaultdict
        new.update(zip(tree, parts, strict=True))
        return new
    if isinstance(tree, tuple):
        return type(tree)(*parts) if hasattr(tree, "_fields") else tuple(parts)
    if isinstance(tree, list):
        return parts
    return dataclasses.replace(
        tree, **{f.name: p for f, p in zip(_fields(tree), parts, strict=True)}
    )


def leaves(tree: Any) -> list[Any]:
    """The leaves of `tree`, in order."""
    return flatten(tree)[0]


def paths(tree: Any, prefix: str = "") -> list[str]:
    """How each leaf is reached from the whole, in the order of `leaves`: `['b'][2][0]`,
    `.weight`, ''.
    """
    parts = children(tree)
    if parts is None:
        return [prefix]
    return [path for step, part in parts for path in paths(part, prefix + step)]


def matching(tree: Any, other: Any, name: str, *, sparse: bool = False) -> list[Any]:
    """The leaves of `other` at the places of the leaves of `tree`: dicts by key, lists and tuples
    by position.

    With `sparse`, None in `other` stands for a whole subtree. Raises ValueError, starting with
    `name`, where the structures differ.
    """
    if other is None and sparse:
        return [None] * len(leaves(tree))
    parts, given = children(tree), children(other)
    if parts is None:
        if given is not None:
            raise ValueError(f"{name}: expected an array, got {_kind(other)}")
        return [other]
    if given is None or (tree is None) != (other is None):
        raise ValueError(f"{name}: expected {_kind(tree)}, got {_kind(other)}")
    by_step = dict(given)
    if [step for step, _ in parts if step not in by_step] or len(parts) != len(given):
        raise ValueError(f"{name}: expected {_kind(tree)}, got {_kind(other)}")
    return [
        leaf
        for step, part in parts
        for leaf in matching(part, by_step[step], name + step, sparse=sparse)
    ]


def _kind(tree: Any) -> str:
    """A container in a few words."""
    parts = children(tree)
    if tree is None or parts is None:
        return "None" if tree is None else f"a leaf of type {type(tree).__name__}"
    if isinstance(tree, dict):
        return f"a dict with the keys {list(tree)!r:.200}"
    return f"a {type(tree).__name__} of {len(parts)}"


def tree_map(function: Callable[..., Any], tree: Any, *others: Any) -> Any:
    """Apply `function` to each leaf of `tree` (and the leaves at the same places of `others`).

    Raises ValueError where the structures differ.

    >>> tree_map(lambda p, g: p - 0.5 * g, {"w": 1.0}, {"w": 4.0})
    {'w': -1.0}
    """
    first, rebuild = flatten(tree)
    rest = [matching(tree, other, "tree_map") for other in others]
    return rebuild([function(*group) for group in zip(first, *rest, strict=True)])
