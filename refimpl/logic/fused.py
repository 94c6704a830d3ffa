"""The logic layer as one operation on (features, samples), for training in NumPy.

With the features first, the inputs of a gate are contiguous rows: gathering them is a copy, not a
scatter of strides. Gates are processed in blocks that fit the cache. For a cotangent g of y

    dA = g (Ca + Cab B)    dB = g (Cb + Cab A)    dC = sum over samples of (g, g A, g B, g A B)

and dx adds dA and dB up at the inputs that they came from: a product with the sparse matrix of the
wiring. A and B are gathered again in the backward pass, so that a layer keeps only its input.

`layers.logic_layer` is the definition; a test holds the two equal.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from ..autograd import Array, array_namespace, custom_vjp, like_array, vjp
from .gates import evaluate_polynomial

BLOCK = 1 << 16  # entries of one block of gates, all samples: A, B, and what is made of them


class Wiring:
    """A wiring (2, m), its rows apart, and its transpose as a sparse matrix.

    `arrays` are whole numbers of NumPy; `scatter(dtype)` is (n, 2 m), with a one at (i, j) where
    gate input j, of all a and then all b, reads the layer's input i.
    """

    def __init__(self, arrays: np.ndarray, inputs: int) -> None:
        self.arrays, self.inputs = arrays, inputs
        self._scatter: dict[Any, sparse.csr_matrix] = {}

    def scatter(self, dtype: Any) -> sparse.csr_matrix:
        if dtype not in self._scatter:
            m = self.arrays.size
            ones = np.ones(m, dtype=dtype)
            entries = (ones, (self.arrays.ravel(), np.arange(m)))
            self._scatter[dtype] = sparse.csr_matrix(entries, shape=(self.inputs, m))
        return self._scatter[dtype]


def plain_layer(x: Array, coefficients: Array, wiring: Wiring) -> Array:
    """The definition on any library's arrays: (n, samples), (m, 4) -> (m, samples)."""
    xp = array_namespace(x, coefficients)
    a, b = (x[side, ...] for side in wiring.arrays) if _is_numpy(x) else _gathered(xp, x, wiring)
    return evaluate_polynomial(coefficients[:, None, :], a, b)


def _gathered(xp: Any, x: Array, wiring: Wiring) -> tuple[Array, Array]:
    indices = like_array(wiring.arrays, x)
    return xp.take(x, indices[0, :], axis=0), xp.take(x, indices[1, :], axis=0)


def _is_numpy(*arrays: Any) -> bool:
    return all(type(x) is np.ndarray for x in arrays)


def _blocks(wiring: Wiring, samples: int) -> Any:
    m = wiring.arrays.shape[1]
    size = max(16, BLOCK // max(samples, 1))
    for start in range(0, m, size):
        yield slice(start, min(start + size, m))


def _evaluate(x: np.ndarray, coefficients: np.ndarray, wiring: Wiring) -> np.ndarray:
    y = np.empty((wiring.arrays.shape[1], x.shape[1]), dtype=x.dtype)
    columns = coefficients.T[:, :, None]  # (4, m, 1)
    for rows in _blocks(wiring, x.shape[1]):
        c0, ca, cb, cab = columns[:, rows]
        a, b = x.take(wiring.arrays[0, rows], axis=0), x.take(wiring.arrays[1, rows], axis=0)
        slope = cab * a
        slope += cb
        slope *= b
        a *= ca
        slope += a
        np.add(slope, c0, out=y[rows])
    return y


def _pull(
    x: np.ndarray, coefficients: np.ndarray, wiring: Wiring, g: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    m = wiring.arrays.shape[1]
    sides = np.empty((2 * m, x.shape[1]), dtype=x.dtype)  # dA, then dB
    found = np.empty_like(coefficients)
    columns = coefficients.T[:, :, None]
    for rows in _blocks(wiring, x.shape[1]):
        _, ca, cb, cab = columns[:, rows]
        a, b = x.take(wiring.arrays[0, rows], axis=0), x.take(wiring.arrays[1, rows], axis=0)
        upper = g[rows]
        ga = upper * a
        found[rows, 0] = upper.sum(axis=1)
        found[rows, 1] = ga.sum(axis=1)
        found[rows, 2] = np.einsum("ij,ij->i", upper, b)
        found[rows, 3] = np.einsum("ij,ij->i", ga, b)
        b *= cab
        b += ca
        np.multiply(upper, b, out=sides[rows])
        a *= cab
        a += cb
        np.multiply(upper, a, out=sides[m + rows.start : m + rows.stop])
    return wiring.scatter(x.dtype) @ sides, found


def _forward(x: Array, coefficients: Array, wiring: Wiring) -> Any:
    if _is_numpy(x, coefficients):
        return _evaluate(x, coefficients, wiring), (x, coefficients, wiring)
    return plain_layer(x, coefficients, wiring), (x, coefficients, wiring)


def _backward(residuals: Any, g: Array) -> tuple:
    x, coefficients, wiring = residuals
    if _is_numpy(x, coefficients, g):
        return (*_pull(x, coefficients, wiring, g), None)
    return (*vjp(lambda x, c: plain_layer(x, c, wiring), x, coefficients)[1](g), None)


@custom_vjp
def fused_layer(x: Array, coefficients: Array, wiring: Wiring) -> Array:
    """y = C0 + Ca A + Cb B + Cab A B: (n, samples), (m, 4) -> (m, samples).

    >>> import numpy as np
    >>> x, wiring = np.array([[0.0, 0.5], [1.0, 0.5]]), Wiring(np.array([[0], [1]]), 2)
    >>> fused_layer(x, np.array([[0.0, 1.0, 1.0, -2.0]]), wiring)  # xor
    array([[1. , 0.5]])
    """
    return _forward(x, coefficients, wiring)[0]


fused_layer.defvjp(_forward, _backward)
