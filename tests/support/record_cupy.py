"""Record the names and signatures of the installed CuPy in cupy_names.txt, next to this file.

    python tests/support/record_cupy.py

Needs CuPy, but no GPU. The tests read the file, so that they run where CuPy is not installed.
"""

from __future__ import annotations

import datetime as dt
import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

MODULES = ("cupy", "cupy.linalg", "cupyx", "cupyx.scipy.special")
FILE = Path(__file__).with_name("cupy_names.txt")


def sections() -> dict[str, list[str]]:
    """The lines of the file, by section: a name, and for functions their parameters."""
    found = {module: list(_names(importlib.import_module(module))) for module in MODULES}
    cupy = importlib.import_module("cupy")
    found["cupy.ndarray"] = [name for name in dir(cupy.ndarray) if not name.startswith("_")]
    found["cupy.ufunc.at"] = [
        name
        for name in dir(cupy)
        if isinstance(getattr(getattr(cupy, name), "_scatter_op", None), str)
    ]
    return found


def _names(module: Any) -> Iterator[str]:
    for name in dir(module):
        value = getattr(module, name)
        if not name.startswith("_") and name != "annotations" and not inspect.ismodule(value):
            yield name + (_parameters(value) if callable(value) else "")


def _parameters(function: Any) -> str:
    """(a, axis=..., out=...), or nothing where CuPy does not tell."""
    if inspect.isclass(function) and issubclass(function, np.generic):
        return ""  # a dtype
    if isinstance(
        getattr(function, "nin", None), int
    ):  # element-wise functions all take the same options
        inputs = ", ".join(f"x{i + 1}" for i in range(function.nin))
        return f"({inputs}, /, out=..., *, casting=..., dtype=...)"
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return ""
    bare = [
        p.replace(annotation=p.empty, default=p.empty if p.default is p.empty else ...)
        for p in signature.parameters.values()
    ]
    return str(inspect.Signature(bare)).replace("Ellipsis", "...").replace(" = ", "=")


def text() -> str:
    """The whole file."""
    version = importlib.import_module("cupy").__version__
    lines = [f"# CuPy {version}, recorded {dt.date.today()} by record_cupy.py"]
    for section, names in sections().items():
        lines += ["", f"[{section}]", *names]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
