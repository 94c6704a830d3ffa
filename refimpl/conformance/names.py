"""Names that are close to one that does not exist."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from refimpl.spec import all_entries

from .vectors import records, topics, vectors_folder


def suggestion(name: str, known: Iterable[str]) -> str:
    """What may have been meant, or what there is."""
    names = list(known)
    return did_you_mean(name, names) or f"known: {', '.join(names[:20])}"


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A question about the known names that look like this one, or ""."""
    close = difflib.get_close_matches(name, list(known), n=3, cutoff=0.5)
    return f"did you mean {' or '.join(close)}?" if close else ""


def closest_cases(name: str, seed: int = 0) -> list[str]:
    """Up to three existing names of entries or cases that look like `name`."""
    entries = all_entries()
    known = [*entries]
    entry, slash, _ = name.partition("/")
    if slash:
        for close in difflib.get_close_matches(entry, entries, n=1, cutoff=0.5):
            known += [f"{close}/{case.name}" for case in entries[close].generate(seed)]
    if folder := vectors_folder():
        for topic in topics(folder):
            known.append(f"recorded.{topic}")
            if entry == known[-1]:
                known += [f"{entry}/{record.case}" for record in records(folder, topic)]
    return difflib.get_close_matches(name, known, n=3, cutoff=0.5)
