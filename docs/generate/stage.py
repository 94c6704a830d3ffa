"""Gather the pages that Sphinx reads in one folder: those written by hand, and the generated ones.

Links between pages stay as they are. A link to a file of the repository becomes one to a page that
shows its source text, and a comment `<!-- figure: name | caption -->` a figure drawn now.
"""

from __future__ import annotations

import posixpath
import re
import shutil
from collections.abc import Iterable
from pathlib import Path

from refimpl.spec import all_entries, import_errors

from . import explorer, figures, measured, methods, sources, thesis_figures  # noqa: F401

LINK = re.compile(r"(?<!!)\[([^\]]*)\]\(([^)#\s:]+)(#[^)\s]*)?\)")
# Figures that a phone shows whole; it scrolls through the others.
FITTING = ("overview", "tape", "render_gallery", "shape_fit", "sorting_by_steepness",
           "possible_places", "relaxed_gates")  # fmt: skip
REASONS = re.compile(r"(?m)^\| method \| verdict .*\n(?:\|.*\n)+")
FIGURE = re.compile(r"<!-- figure: (\w+) \| (.*?) -->", re.DOTALL)
OUTSIDE = {"CHANGELOG.md": "changelog.md", "CONTRIBUTING.md": "contributing.md"}


def stage(root: Path, target: Path, *, plots: bool = True) -> int:
    """Write all pages below `target`, a folder that is emptied first; returns their number."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    entries = all_entries()
    if import_errors:
        raise RuntimeError(f"methods that do not import: {import_errors}")
    shown = {methods.source_path(entry, root) for entry in entries.values()}
    pages = _pages(root)
    for place, path in pages.items():
        text, linked = _relink(path.read_text(encoding="utf-8"), path, place, root)
        shown |= linked
        page = target / place
        page.parent.mkdir(parents=True, exist_ok=True)
        text = text.replace("<!-- pages -->", _others(pages, text))
        text = _figures(text, place, target, plots)
        page.write_text(REASONS.sub(methods.with_reasons, text), encoding="utf-8")
    methods.write(entries, root, target, plots=plots)
    explorer.write(target)
    sources.write(sorted(shown), root, target)
    return len(list(target.rglob("*.md")))


def _pages(root: Path) -> dict[str, Path]:
    """The pages written by hand by their place in the site."""
    docs = root / "docs"
    here = {p.relative_to(docs).as_posix(): p for p in sorted(docs.rglob("*.md"))}
    here = {place: p for place, p in here.items() if not place.startswith("_build/")}
    return here | {place: root / name for name, place in OUTSIDE.items()}


def _others(pages: Iterable[str], index: str) -> str:
    """The pages beside the index that it does not name, for its table of contents."""
    named = {"index", *index.splitlines()}  # entries of tables of contents are lines
    names = [place.removesuffix(".md") for place in pages if "/" not in place]
    return "\n".join(name for name in names if name not in named)


def _relink(text: str, path: Path, place: str, root: Path) -> tuple[str, set[str]]:
    """The text with links that work in the site, and the source files that they lead to."""
    linked: set[str] = set()

    def replaced(match: re.Match[str]) -> str:
        words, to, anchor = match[1], match[2], match[3] or ""
        found = (path.parent / to).resolve()
        if not found.exists():
            return match[0]  # a generated page, or a mistake that Sphinx reports
        inside = found.relative_to(root).as_posix()
        if inside in OUTSIDE:
            new = OUTSIDE[inside]
        elif inside.endswith(".md"):
            new = inside.removeprefix("docs/")
        elif found.is_dir():
            new = f"methods/{found.name}/index.md"
        else:
            linked.add(inside)
            new = sources.page_of(inside)
        return f"[{words}]({posixpath.relpath(new, posixpath.dirname(place) or '.')}{anchor})"

    fences = re.split(r"(?ms)(^```.*?^```)", text)
    fences[::2] = [LINK.sub(replaced, prose) for prose in fences[::2]]
    fences[1::2] = [re.sub(r"\n\n```$", "\n```", fence) for fence in fences[1::2]]
    return "".join(fences), linked


def _figures(text: str, place: str, target: Path, plots: bool) -> str:
    """Draw the figures that the text asks for, and put them there."""

    def drawn(match: re.Match[str]) -> str:
        name, caption = match[1], " ".join(match[2].split())
        if not plots:
            return ""
        file = figures.draw(name, target / "figures")
        to = posixpath.relpath(f"figures/{file.name}", posixpath.dirname(place) or ".")
        kind = ":figclass: fits\n" if name in FITTING else ""
        return f"```{{figure}} {to}\n:alt: {caption}\n{kind}\n{caption}\n```"

    return FIGURE.sub(drawn, text)
