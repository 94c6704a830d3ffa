"""Pages that show a source file whole, for readers who have the paper beside it."""

from __future__ import annotations

import ast
import posixpath
from collections.abc import Iterable
from pathlib import Path

from .docstrings import plain


def page_of(path: str) -> str:
    """The place of the page that shows the file at `path` in the repository."""
    return f"source/{path.removesuffix('.py').replace('/', '.')}.md"


def link(path: str, place: str) -> str:
    """A link from the page at `place` to the page that shows `path`."""
    to = posixpath.relpath(page_of(path), posixpath.dirname(place) or ".")
    return f"[{path}]({to})"


def write(paths: Iterable[str], root: Path, target: Path) -> None:
    """One page for each file, and a list of them."""
    folder = target / "source"
    folder.mkdir(exist_ok=True)
    names = []
    for path in paths:
        text = (root / path).read_text(encoding="utf-8")
        language = "python" if path.endswith(".py") else "text"
        title = _first_sentence(text) if language == "python" else ""
        body = "---\nnosearch: true\n---\n"  # or every search would find the sources first
        body += f"# {plain(path)}\n\n{plain(title)}\n\n````{{code-block}} {language}\n"
        body += f":linenos:\n\n{text.rstrip()}\n````\n"
        (target / page_of(path)).write_text(body, encoding="utf-8")
        names.append(posixpath.basename(page_of(path)).removesuffix(".md"))
    listed = "\n".join(names)
    (folder / "index.md").write_text(
        "# Source files\n\nEvery file that defines a method, or that a page refers to, as it is in "
        "the repository.\n\n" + f"```{{toctree}}\n:maxdepth: 1\n\n{listed}\n```\n",
        encoding="utf-8",
    )


def _first_sentence(text: str) -> str:
    described = ast.get_docstring(ast.parse(text)) or ""
    return " ".join(described.partition("\n\n")[0].split())
