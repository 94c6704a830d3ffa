"""What was raised, in words that terminals and files can hold."""

from __future__ import annotations

import os
import re
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

LENGTH = 400  # characters of a message that are shown
_CALL = re.compile(r'File "(.*)", line (\d+) in (.*)')


def describe(error: BaseException, path: str | Path | None = None) -> str:
    """An exception in one line, with the line of the user's file that it came from."""
    text = printable(_text(error)) or "no message"
    return f"{type(error).__name__}: {text}{origin(error, path)}"


def origin(error: BaseException, path: str | Path | None = None) -> str:
    """The line that an exception came from, in parentheses, or "" for lines of this package."""
    frames = traceback.extract_tb(error.__traceback__)
    return _last([(f.filename, f.lineno, f.name) for f in frames], path)


def origin_in(dump: str, path: str | Path | None = None) -> str:
    """The same from what faulthandler has written, the last call first."""
    return _last(_CALL.findall(dump)[::-1], path)


def _last(calls: Sequence[tuple[str, Any, str]], path: str | Path | None) -> str:
    """The last call in the file of that path, or in any that is not of this package."""
    wanted = os.path.realpath(path) if path else None
    mine = [call for call in calls if os.path.realpath(call[0]) == wanted]
    others = [call for call in calls if not _is_ours(call[0])]
    if not (mine or others):
        return ""
    file, line, name = (mine or others)[-1]
    return f" ({printable(Path(file).name)}:{line}, in {name})"


def printable(text: str) -> str:
    """In one line, not too long, and with escapes for what terminals obey or files cannot hold."""
    words = " ".join(text.split())
    cut = words if len(words) <= LENGTH else f"{words[:LENGTH]}..."
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in cut)


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:
        return "its message cannot be shown"


def _is_ours(filename: str) -> bool:
    if filename.startswith("<frozen "):  # Python's own import
        return True
    package = Path(__file__).resolve().parent.parent
    folders = (package, (package / "autograd").resolve())
    return any(folder in Path(filename).resolve().parents for folder in folders)
