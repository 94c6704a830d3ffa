"""What the recorded programs say in their text: ranges, lists and indices."""

from __future__ import annotations

import ast
import re
from typing import Any


def indices(text: str, name: str) -> list[list[Any]]:
    """The indices of every `name[...]` in the text, in order: whole numbers, slices, None for ":".

    >>> indices("return v[2], v[-1], M[:, 1:None:2]", "M")
    [[None, slice(1, None, 2)]]
    """
    found = re.findall(rf"\b{name}\[[^\]]*\]", text)
    bodies: list[Any] = [ast.parse(part, mode="eval").body for part in found]
    return [_parts(body.slice) for body in bodies]


def _parts(node: ast.expr) -> list[Any]:
    return [_part(n) for n in (node.elts if isinstance(node, ast.Tuple) else [node])]


def _part(node: ast.expr) -> Any:
    if not isinstance(node, ast.Slice):
        return ast.literal_eval(node)
    ends = [None if n is None else ast.literal_eval(n) for n in (node.lower, node.upper, node.step)]
    return slice(*ends) if any(end is not None for end in ends) else None


def numbers(text: str, pattern: str) -> list[int]:
    """The whole numbers in the first match of `pattern`, which has one group.

    >>> numbers("for i in range(1, 5, 2): s", r"range\\(([^)]*)\\)")
    [1, 5, 2]
    """
    match = re.search(pattern, text)
    if match is None:
        raise ValueError(f"no {pattern} in the program: {text}")
    return [int(part) for part in re.findall(r"-?\d+", match[1])]
