"""A sorting network in PyTorch, written from the formulas, and marked to be checked.

refimpl check docs/examples/my_sort_torch.py
"""

import math

import torch

from refimpl.conformance import Unsupported, implements

SIGMOIDS = {
    "logistic": torch.sigmoid,
    "reciprocal": lambda v: 0.5 + v / (2 * (2 + v.abs())),
    "cauchy": lambda v: 0.5 + torch.atan(v) / math.pi,
}


@implements("sorting.sorting_network", framework="torch")
def my_sort(x, *, network, distribution, steepness, descending=False, units="published", **others):
    """Sort the last axis with odd-even layers of soft swaps: the values, and the permutation."""
    if network != "odd_even" or distribution not in SIGMOIDS:
        raise Unsupported("only odd-even networks, and three of the sigmoids")
    if descending or units != "published":
        raise Unsupported("only ascending, and only in the published units")
    n = x.shape[-1]
    wires = list(x.unbind(-1))
    columns = list(torch.eye(n, dtype=x.dtype).expand(*x.shape, n).unbind(-1))
    for layer in range(n):
        for i in range(layer % 2, n - 1, 2):
            alpha = SIGMOIDS[distribution](steepness * (wires[i + 1] - wires[i]))
            wires[i], wires[i + 1] = swap(alpha, wires[i], wires[i + 1])
            columns[i], columns[i + 1] = swap(alpha[..., None], columns[i], columns[i + 1])
    return torch.stack(wires, -1), torch.stack(columns, -1)


def swap(alpha, a, b):
    """The soft minimum and the soft maximum."""
    return alpha * a + (1 - alpha) * b, (1 - alpha) * a + alpha * b
