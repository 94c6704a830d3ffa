"""Docstrings of this project as Markdown.

They are plain text with a few habits: indented formulas, blocks of `name   what it is`, dashes for
lists, doctests, names in backticks. Each paragraph becomes what it looks like.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator

SPECIAL = re.compile(r"([\\*_<>\[\]$|#~{}])")
ITEM = re.compile(r"(\S[^\n]{0,60}?)\s{2,}(\S.*)")


def to_markdown(text: str) -> str:
    """The text of a docstring, already free of its indentation, as Markdown.

    >>> print(to_markdown("Sorts x_i.\\n\\n    y = P x\\n\\nx   the values"))
    Sorts x\\_i.
    <BLANKLINE>
    ```text
    y = P x
    ```
    <BLANKLINE>
    x
    : the values
    <BLANKLINE>
    """
    return "\n\n".join(_block(block) for block in _blocks(text)) + "\n"


def plain(text: str) -> str:
    """One line of text, with what Markdown would interpret escaped, except in backticks."""
    pieces = re.split(r"(`[^`]+`)", " ".join(text.split()))
    return "".join(p if p.startswith("`") else SPECIAL.sub(r"\\\1", p) for p in pieces)


def cell(text: str) -> str:
    """The same for a cell of a table, where a bar ends the cell even in backticks."""
    return re.sub(r"(?<!\\)\|", r"\\|", plain(text))


def _blocks(text: str) -> Iterator[str]:
    """Paragraphs; indented ones and doctests that follow each other stay together."""
    held: list[str] = []
    for block in re.split(r"\n[ ]*\n", text.strip("\n")):
        for part in _parts(block):
            if held and _kind(part) in ("formula", "doctest") and _kind(part) == _kind(held[-1]):
                held.append(part)
                continue
            if held:
                yield "\n\n".join(held)
            held = [part]
    if held:
        yield "\n\n".join(held)


def _parts(block: str) -> Iterator[str]:
    """A list, or a doctest, that follows a sentence without a blank line is a part of its own."""
    found = re.search(r"(?m)^(- |>>> )", block)
    if found and found.start() > 0 and not block.startswith((" ", ">>>", "- ")):
        yield block[: found.start()].rstrip("\n")
        yield block[found.start() :]
    else:
        yield block


def _kind(block: str) -> str:
    first = block.splitlines()[0]
    if first.startswith(">>>"):
        return "doctest"
    if all(not row.strip() or row.startswith("  ") for row in block.splitlines()):
        return "formula"
    if first.startswith("- "):
        return "list"
    return "items" if ITEM.fullmatch(first) and not first.endswith(".  ") else "text"


def _block(block: str) -> str:
    kind = _kind(block)
    if kind == "doctest":
        return f"```python\n{block}\n```"
    if kind == "formula":
        return f"```text\n{textwrap.dedent(block)}\n```"
    if kind == "list":
        return "\n".join(f"- {plain(item)}" for item in re.split(r"(?m)^- ", block) if item.strip())
    if kind == "items":
        rows = list(_items(block))
        if all(name for name, _ in rows):
            return "\n\n".join(f"{plain(name)}\n: {plain(what)}" for name, what in rows)
    return plain(block)


def _items(block: str) -> Iterator[tuple[str, str]]:
    """Names and what they are, from lines `name   text` with indented continuations."""
    name, what = "", ""
    for row in block.splitlines():
        found = None if row.startswith(" ") else ITEM.fullmatch(row)
        if found:
            if name:
                yield name, what
            name, what = found.groups()
        elif row.startswith(" ") and name:
            what += " " + row.strip()
        else:  # a sentence that begins right below: the block is not such a list
            yield "", ""
            return
    yield name, what
