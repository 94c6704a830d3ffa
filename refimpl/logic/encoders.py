"""From numbers and categories to bits: thresholds, thermometers, one-hot tables of data sets.

Where a published encoding has a mistake there are two: "upstream", to compare with published
numbers, and "repaired".

Sources: the experiments of difflogic (git 469702c), torchlogix 0.2.2.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from ..autograd import Array, array_namespace, plain, sigmoid, softplus
from ..validation import choose, float_array, positive, whole
from .categories import ADULT, BREAST_CANCER, MONK


def one_hot_columns(columns: Sequence[Sequence[object]], known: Sequence[Sequence]) -> np.ndarray:
    """One-hot bits of categories, side by side: columns of n values -> (n, sum of sizes) uint8.

    A value that is not known gives zeros.

    >>> one_hot_columns([["a", "b"], [2, 1]], [["a", "b"], [1, 2]])
    array([[1, 0, 0, 1],
           [0, 1, 1, 0]], dtype=uint8)
    """
    parts = []
    for column, values in zip(columns, known, strict=True):
        given = np.asarray(column)
        table = np.asarray(values, dtype=str if given.dtype.kind == "U" else given.dtype)
        parts.append(given[:, None] == table[None, :])
    return np.concatenate(parts, axis=1).astype(np.uint8)


def encode_monk(attributes: np.ndarray) -> np.ndarray:
    """The six attributes (n, 6), from 1, as 3 + 3 + 2 + 3 + 4 + 2 = 17 bits.

    >>> int(encode_monk([[1, 1, 1, 1, 3, 1]]).sum())
    6
    """
    attributes = np.asarray(attributes)
    if attributes.ndim != 2 or attributes.shape[1] != 6:
        raise ValueError(f"attributes: expected shape (n, 6), got {attributes.shape}")
    return one_hot_columns(attributes.T.tolist(), [range(1, n + 1) for n in MONK])


def encode_breast_cancer(rows: Iterable[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lines of the UCI file (Ljubljana) -> bits (n, 51), labels (1: recurrence), rows kept.

    Lines with a missing value (?) are left out. ValueError for a line of other than 10 fields.
    """
    fields = _fields(rows, 10)
    kept = np.array([i for i, row in enumerate(fields) if "?" not in row], dtype=np.int64)
    columns = list(zip(*(fields[i] for i in kept), strict=True))
    names = list(BREAST_CANCER)
    bits = one_hot_columns(columns[1:], [BREAST_CANCER[name] for name in names])
    return bits, (np.array(columns[0]) == "recurrence-events").astype(np.int64), kept


def encode_adult(rows: Iterable[str], version: str = "repaired") -> tuple[np.ndarray, np.ndarray]:
    """Lines of the UCI file -> 116 bits, labels (1: above 50K).

    Comment lines (|), empty lines and lines with a missing value (?) are left out. In version
    "upstream" the last six bits, the hours per week, are always 0, as in the experiments of
    difflogic, which compare where they should assign; "repaired" sets them: 0, up to 12, 25, 40,
    below 60, and more.

    ValueError for a line of other than 15 fields.
    """
    choose(version, ("upstream", "repaired"), "version")
    lines = [line for line in rows if line.strip() and not line.lstrip().startswith("|")]
    fields = [row for row in _fields(lines, 15) if "?" not in row]
    if not fields:
        return np.zeros((0, 116), np.uint8), np.zeros(0, np.int64)
    columns = list(zip(*fields, strict=True))
    categories = one_hot_columns([columns[i] for i, _ in ADULT], [known for _, known in ADULT])
    age, gain, loss, hours = (np.array(columns[i], dtype=np.int64) for i in (0, 10, 11, 12))
    bins = [
        _bins(age, [21, 30, 45, 60]),
        _bins(gain, [1, 5000]),
        _bins(loss, [1, 5000]),
        _bins(hours, [1, 13, 26, 41, 60]),
    ]
    if version == "upstream":
        bins[-1] = np.zeros_like(bins[-1])
    labels = np.array([label.rstrip(".") == ">50K" for label in columns[14]]).astype(np.int64)
    return np.concatenate([categories, *bins], axis=1), labels


def _bins(values: np.ndarray, starts: Sequence[int]) -> np.ndarray:
    """One-hot of how many of the starts a value has reached."""
    which = np.searchsorted(np.asarray(starts), values, side="right")
    return (which[:, None] == np.arange(len(starts) + 1)).astype(np.uint8)


def _fields(rows: Iterable[str], count: int) -> list[list[str]]:
    found = [[part.strip() for part in str(row).split(",")] for row in rows]
    for number, row in enumerate(found, start=1):
        if len(row) != count:
            raise ValueError(f"line {number}: expected {count} fields, got {len(row)}: {row!s:.80}")
    return found


def remove_border(images: np.ndarray) -> np.ndarray:
    """MNIST's digits without their border: (..., 28, 28) -> (..., 20, 20).

    Eight rows and eight columns that are empty go, from both sides evenly where both have some.
    Images with less border lose what is there first, at the top or the left.
    """
    images = np.asarray(images)
    if images.shape[-2:] != (28, 28):
        raise ValueError(f"images: expected shape (..., 28, 28), got {images.shape}")
    flat = images.reshape(-1, 28, 28)
    out = np.empty((len(flat), 20, 20), dtype=images.dtype)
    for i, image in enumerate(flat):
        top, left = _cut(image), _cut(image.T)
        out[i] = image[top : top + 20, left : left + 20]
    return out.reshape(*images.shape[:-2], 20, 20)


def _cut(image: np.ndarray) -> int:
    """How many rows to remove at the top, of eight in all."""
    rows = np.flatnonzero((image != 0).any(axis=1))
    top, bottom = (min(int(rows[0]), 14), min(27 - int(rows[-1]), 14)) if len(rows) else (14, 14)
    while top + bottom >= 10:
        top, bottom = max(top - 1, 0), max(bottom - 1, 0)
    if top + bottom == 9:
        top, bottom = (top - 1, bottom) if top else (top, bottom - 1)
    return top


def binarise(pixels: np.ndarray, rule: str = "round") -> np.ndarray:
    """Pixels 0..255 as truth values: "round" (128 and above; what difflogic evaluates with) or
    "nonzero" (what its check of compiled networks uses).

    >>> binarise(np.array([0, 1, 127, 128]))
    array([False, False, False,  True])
    """
    choose(rule, ("round", "nonzero"), "rule")
    pixels = np.asarray(pixels)
    return pixels > 0 if rule == "nonzero" else pixels >= 128


# --- thresholds and thermometers ----------------------------------------------------------------


def thresholds(
    data: np.ndarray, count: int, *, method: str = "uniform", one_per: str = "global"
) -> np.ndarray:
    """`count` thresholds from data: global (count,), or (parts, count).

    method   "uniform": min + i (max - min)/(count + 1), i = 1..count;
             "distributive": entry floor(N i/(count + 1)) of the N sorted values
    one_per  "global"; "feature": the last axis of (N, F); "channel": axis 1 of (N, C, ...)

    >>> thresholds(np.array([0.0, 4.0]), 3)
    array([1., 2., 3.])
    """
    choose(method, ("uniform", "distributive"), "method")
    choose(one_per, ("global", "feature", "channel"), "one_per")
    count, data = whole(count, "count", minimum=1), np.asarray(data)
    if one_per == "global":
        parts = data.reshape(1, -1)
    elif one_per == "feature":
        parts = data.reshape(-1, data.shape[-1]).T
    else:
        parts = np.moveaxis(data, 1, 0).reshape(data.shape[1], -1)
    steps = np.arange(1, count + 1)
    if method == "uniform":
        low, high = parts.min(axis=1, keepdims=True), parts.max(axis=1, keepdims=True)
        found = low + (high - low) * (steps / (count + 1)).astype(low.dtype)
    else:
        found = np.sort(parts, axis=1)[:, parts.shape[1] * steps // (count + 1)]
    return found[0] if one_per == "global" else found


def thermometer(x: Array, levels: Array, *, axis: int = -1, order: str = "feature") -> Array:
    """Bits x > threshold, T per feature, side by side on `axis`: n features -> n T.

    levels (T,) for all features, or (n, T). order "feature": entry f T + t (torchlogix); "level":
    entry t n + f (difflogic). In the dtype of x, as 0 and 1, without gradient.

    >>> thermometer(np.array([0.2, 0.8]), np.array([0.1, 0.5]))
    array([1., 0., 1., 1.])
    """
    choose(order, ("feature", "level"), "order")
    x = plain(float_array(x, "x", min_ndim=1))
    xp = array_namespace(x)
    last = xp.moveaxis(x, axis, -1)
    bits = xp.astype(last[..., None] > levels, x.dtype)  # (..., n, T)
    if order == "level":
        bits = xp.permute_dims(bits, (*range(last.ndim - 1), last.ndim, last.ndim - 1))
    joined = xp.reshape(bits, (*last.shape[:-1], bits.shape[-1] * bits.shape[-2]))
    return xp.moveaxis(joined, -1, axis)


def ordered_thresholds(raw: Array, temperature: float = 0.1) -> Array:
    """Increasing thresholds from differences: cumsum(d_0, s softplus(d_i/s)), s = temperature +
    1e-6; (..., T) -> (..., T).
    """
    s = positive(temperature, "temperature") + 1e-6
    raw = float_array(raw, "raw", min_ndim=1)
    xp = array_namespace(raw)
    rest = s * softplus(raw[..., 1:] / s)
    steps = xp.concat([raw[..., :1], rest], axis=-1)
    return xp.cumulative_sum(steps, axis=-1)


def soft_thermometer(
    x: Array, raw: Array, *, sharpness: float = 0.1, temperature: float = 0.1
) -> Array:
    """sigmoid((x - threshold)/sharpness) for learnable thresholds: (..., n) -> (..., n T).

    The thresholds are `ordered_thresholds(raw, temperature)`, (T,) or (n, T); entry f T + t. It
    tends to `thermometer` as sharpness goes to 0.
    """
    x, sharpness = float_array(x, "x", min_ndim=1), positive(sharpness, "sharpness")
    xp = array_namespace(x, raw)
    soft = sigmoid((x[..., None] - ordered_thresholds(raw, temperature)) / sharpness)
    return xp.reshape(soft, (*x.shape[:-1], x.shape[-1] * soft.shape[-1]))


def shuffled_split(count: int, *, test_share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Train and test positions as scikit-learn's train_test_split draws them from a seed.

    A permutation of NumPy's legacy generator: the first ceil(share count) are for testing.
    """
    order = np.random.RandomState(seed).permutation(count)
    test = int(np.ceil(test_share * count))
    return order[test:], order[:test]
