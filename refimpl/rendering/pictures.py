"""Image files, through Pillow: PNG, and GIF for sequences."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np


def _pillow() -> Any:
    try:
        from PIL import Image
    except ImportError:
        raise ImportError(
            "image files need Pillow; install it with: pip install 'refimpl[pictures]'"
        ) from None
    return Image


def as_bytes(image: np.ndarray) -> np.ndarray:
    """(H, W) or (H, W, 3) in [0, 1] as whole numbers from 0 to 255."""
    return (np.clip(np.nan_to_num(np.asarray(image)), 0, 1) * 255 + 0.5).astype(np.uint8)


def composed(rgba: np.ndarray, background: float = 1.0) -> np.ndarray:
    """(4, H, W) as it comes from `render`, over a grey background, (H, W, 3)."""
    rgba = np.asarray(rgba)
    return np.moveaxis(rgba[:3] * rgba[3] + background * (1 - rgba[3]), 0, -1)


def write_png(path: str | Path, image: np.ndarray) -> None:
    """Write (H, W) or (H, W, 3) in [0, 1]."""
    _pillow().fromarray(as_bytes(image)).save(str(path))


def write_gif(path: str | Path, frames: Iterable[np.ndarray], *, seconds: float = 0.05) -> None:
    """Write frames, each (H, W) or (H, W, 3) in [0, 1], as an endless animation."""
    pictures = [_pillow().fromarray(as_bytes(frame)) for frame in frames]
    if not pictures:
        raise ValueError("frames: expected at least one picture")
    first, rest = pictures[0], pictures[1:]
    duration = round(1000 * seconds)
    first.save(str(path), save_all=True, append_images=rest, duration=duration, loop=0)


def read_image(path: str | Path) -> np.ndarray:
    """An image file as (H, W, 3) in [0, 1], the first row on top."""
    with _pillow().open(str(path)) as image:
        return np.asarray(image.convert("RGB"), dtype=np.float64) / 255
