"""Text as wide as the terminal."""

from __future__ import annotations

import shutil
import textwrap

NARROWEST, WIDEST = 60, 120
WITHOUT = 100  # where there is no terminal, as in a pipe


def columns() -> int:
    """The width of the terminal, or COLUMNS, within what reads well."""
    found = shutil.get_terminal_size((WITHOUT, 24)).columns
    return min(max(found, NARROWEST), WIDEST)


def wrapped(text: str, first: str = "", others: str = "") -> list[str]:
    """The words in lines that fit, behind these indents; names and paths stay in one piece."""
    return textwrap.wrap(
        text,
        columns(),
        initial_indent=first,
        subsequent_indent=others,
        break_long_words=False,
        break_on_hyphens=False,
    )
