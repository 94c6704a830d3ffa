"""Progress bars on terminals: tqdm where it is installed, silence elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any


def progress(
    items: Iterable[Any], label: str, *, total: int | None = None, start: int = 0
) -> Iterable[Any]:
    """`items`, with a progress bar on a terminal.

    total: how many there are, where `len` does not say; start: how many were done before.
    """
    if not sys.stderr.isatty():
        return items
    try:
        from tqdm import tqdm
    except ImportError:
        return items
    return tqdm(items, desc=label, total=total, initial=start, leave=False)
