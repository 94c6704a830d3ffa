"""What a function under test does instead of returning arrays, in words."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from .target import Unsupported, WrongResult

LENGTH = 400  # characters of a message that are shown


class Fault(NamedTuple):
    """Why there is nothing to compare: `fail` or `unsupported`, and the reason."""

    status: str
    message: str


def attempt(call: Callable[[], Any], path: str | Path | None = None) -> tuple[Any, Fault | None]:
    """The result of the call, or None and what went wrong.

    Whatever is raised says something about the function, also what is no Exception, such as
    SystemExit and the panics of extensions in Rust. Ctrl-C is passed on, and so is pytest.skip().
    """
    try:
        return call(), None
    except KeyboardInterrupt:
        raise
    except Unsupported as reason:
        return None, Fault("unsupported", printable(str(reason)) or "no reason given")
    except WrongResult as error:
        return None, Fault("fail", printable(str(error)))
    except BaseException as error:
        if any(kind.__module__ == "_pytest.outcomes" for kind in type(error).__mro__):
            raise
        return None, Fault("fail", f"raised {describe(error, path)}")


def describe(error: BaseException, path: str | Path | None = None) -> str:
    """An exception in one line, with the line of the user's file that it came from."""
    line = f"{type(error).__name__}: {printable(_text(error)) or 'no message'}"
    frames = traceback.extract_tb(error.__traceback__)
    wanted = os.path.realpath(path) if path else None
    mine = [f for f in frames if os.path.realpath(f.filename) == wanted]
    others = [f for f in frames if not _is_ours(f.filename)]
    if frame := next(iter(reversed(mine or others)), None):
        line += f" ({printable(Path(frame.filename).name)}:{frame.lineno}, in {frame.name})"
    return line


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
