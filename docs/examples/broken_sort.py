"""Three sorting networks with one mistake each, to see what a report says.

    refimpl check docs/examples/broken_sort.py

The first has a sign error, the second multiplies along the wrong axis, and the third detaches an
intermediate result, so that its values are right and its gradient is not.
"""

import math

import torch

from refimpl.conformance import Unsupported, implements


def relaxed(x, difference, weight):
    """Odd-even layers; `difference` and `weight` are where the mistakes go in."""
    n = x.shape[-1]
    permutation = torch.eye(n, dtype=x.dtype).expand(*x.shape, n)
    values = x
    for layer in range(n):
        step = torch.eye(n, dtype=x.dtype).expand(*x.shape, n).clone()
        for i in range(layer % 2, n - 1, 2):
            alpha = weight(difference(values[..., i], values[..., i + 1]))
            step[..., i, i] = step[..., i + 1, i + 1] = alpha
            step[..., i, i + 1] = step[..., i + 1, i] = 1 - alpha
        permutation = permutation @ step
        values = (values[..., None, :] @ step)[..., 0, :]
    return values, permutation


def supported(network, distribution, descending=False, units="published"):
    """Say what is left out instead of computing something else."""
    if network != "odd_even" or distribution != "cauchy":
        raise Unsupported("only odd-even networks with the Cauchy sigmoid")
    if descending or units != "published":
        raise Unsupported("only ascending, and only in the published units")


def cauchy(steepness):
    """The Cauchy sigmoid of that steepness."""
    return lambda d: 0.5 + torch.atan(steepness * d) / math.pi


@implements("sorting.sorting_network", framework="torch")
def sign_error(x, *, network, distribution, steepness, art_lambda=None, **others):
    """a - b where b - a is right: sorts in descending order."""
    supported(network, distribution, **others)
    return relaxed(x, lambda a, b: a - b, cauchy(steepness))


@implements("sorting.sorting_network", framework="torch")
def wrong_axis(x, *, network, distribution, steepness, art_lambda=None, **others):
    """Returns the transposed permutation, and values that are multiplied by it."""
    supported(network, distribution, **others)
    _, permutation = relaxed(x, lambda a, b: b - a, cauchy(steepness))
    transposed = permutation.mT
    return (x[..., None, :] @ transposed)[..., 0, :], transposed


@implements("sorting.sorting_network", framework="torch")
def detached(x, *, network, distribution, steepness, art_lambda=None, **others):
    """Treats the swap weights as constants: right values, wrong gradients."""
    supported(network, distribution, **others)
    return relaxed(x, lambda a, b: (b - a).detach(), cauchy(steepness))
