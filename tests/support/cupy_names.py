"""What CuPy offers, as recorded in cupy_names.txt by record_cupy.py: names, and signatures."""

from __future__ import annotations

import inspect
from pathlib import Path

FILE = Path(__file__).with_name("cupy_names.txt")


def read(text: str) -> dict[str, dict[str, inspect.Signature | None]]:
    """Section -> name -> signature; None for what is no function or does not tell."""
    found: dict[str, dict[str, inspect.Signature | None]] = {}
    section: dict[str, inspect.Signature | None] = {}
    for line in filter(None, text.splitlines()):
        if line.startswith("["):
            section = found[line.strip("[]")] = {}
        elif not line.startswith("#"):
            name, parenthesis, rest = line.partition("(")
            section[name] = _signature(rest[:-1]) if parenthesis else None
    return found


def _signature(parameters: str) -> inspect.Signature:
    return inspect.signature(eval(f"lambda {parameters}: None"))


TEXT = FILE.read_text(encoding="utf-8")
VERSION = TEXT.split()[2].rstrip(",")
RECORDED = read(TEXT)
