"""One image with the texels of all faces, for saving."""

from __future__ import annotations

import numpy as np

from ..validation import whole


def texture_atlas(textures: np.ndarray, tile: int = 16) -> tuple[np.ndarray, np.ndarray]:
    """An image (H, W, 3), first row on top, and texture coordinates (F, 3, 2).

    textures (F, R^2, 3); every face gets a square of `tile` >= 2 pixels. The pixels of a square
    take the texel at their barycentric coordinates, clipped to the triangle.
    """
    size = whole(tile, "tile", minimum=2)
    count = len(textures)
    across = int(np.sqrt(max(count - 1, 0))) + 1
    down = max(count - 1, 0) // across + 1
    image = np.ones((down * size, across * size, 3), dtype=np.float64)
    row, column = np.divmod(np.arange(count), across)
    corners = np.stack(
        [
            np.stack([column * size + size / 2, row * size + 1], axis=-1),
            np.stack([column * size + 1, (row + 1) * size - 2], axis=-1),
            np.stack([(column + 1) * size - 2, (row + 1) * size - 2], axis=-1),
        ],
        axis=1,
    )
    if size % 2:
        corners[:, 0, 0] = column * size + size // 2
    R = round(textures.shape[1] ** 0.5)
    y, x = np.mgrid[: down * size, : across * size]
    face = (y // size) * across + x // size
    used = face < count
    x, y, face = x[used], y[used], face[used]
    w0, w1 = _weights(corners[face], x, y)
    i, j = (np.minimum((w * R).astype(int), R - 1) for w in (w0, w1))
    lower = (w0 + w1) * R - i - j <= 1
    texel = np.where(lower, j * R + i, (R - 1 - j) * R + (R - 1 - i))
    image[y, x] = textures[face, texel]
    uv = corners.astype(np.float32) / np.array(
        [across * size - 1, down * size - 1], dtype=np.float32
    )
    return image[::-1].copy(), uv


def _weights(corners: np.ndarray, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The first two barycentric coordinates, clipped to [0, 1] and divided by their sum."""
    (x0, y0), (x1, y1), (x2, y2) = (corners[:, k].T for k in range(3))
    det = (y1 - y2) * (x0 - x2) + (x2 - x1) * (y0 - y2) + 1e-5
    w0 = ((y1 - y2) * (x - x2) + (x2 - x1) * (y - y2)) / det
    w1 = ((y2 - y0) * (x - x2) + (x0 - x2) * (y - y2)) / det
    w = np.clip(np.stack([w0, w1, 1 - w0 - w1]), 0, 1)
    w = w / (w.sum(axis=0) + 1e-5)
    return w[0], w[1]
