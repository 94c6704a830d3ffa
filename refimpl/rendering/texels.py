"""Where the texels of a face lie, and images sampled there."""

from __future__ import annotations

import numpy as np

from ..validation import whole


def texel_positions(resolution: int) -> np.ndarray:
    """Barycentric coordinates of the texel centres, (R^2, 3), in the order of textures.

    >>> texel_positions(1)
    array([[0.33333333, 0.33333333, 0.33333333]])
    """
    R = whole(resolution, "resolution", minimum=1)
    j, i = np.divmod(np.arange(R * R), R)
    lower = i + j < R
    w0 = np.where(lower, i + 1 / 3, R - 1 - i + 2 / 3) / R
    w1 = np.where(lower, j + 1 / 3, R - 1 - j + 2 / 3) / R
    return np.stack([w0, w1, 1 - w0 - w1], axis=-1)


def sample_image(image: np.ndarray, uv: np.ndarray) -> np.ndarray:
    """Bilinear samples (..., C) of an image (H, W, C), first row on top, at uv (..., 2).

    u runs to the right, v upwards, [0, 1] between the centres of the outer pixels; others wrap.
    """
    outside = (uv < 0) | (uv > 1)
    uv = np.where(outside, uv % 1.0, uv)
    flipped = image[::-1]
    height, width = image.shape[:2]
    x, y = uv[..., 0] * (width - 1), uv[..., 1] * (height - 1)
    x0, y0 = np.floor(x).astype(int), np.floor(y).astype(int)
    x1, y1 = np.minimum(x0 + 1, width - 1), np.minimum(y0 + 1, height - 1)
    fx, fy = (x - x0)[..., None], (y - y0)[..., None]
    low = flipped[y0, x0] * (1 - fx) + flipped[y0, x1] * fx
    high = flipped[y1, x0] * (1 - fx) + flipped[y1, x1] * fx
    return low * (1 - fy) + high * fy
