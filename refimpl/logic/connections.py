"""Which two inputs each gate of a layer reads: fixed before training, and saved with the weights.

A wiring is an array of whole numbers (2, gates): row 0 the inputs a, row 1 the inputs b.

Source: Petersen et al. 2022, section 3 ("pseudo-random"); the two schemes are those of PyPI
difflogic 0.1.0.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..validation import choose, whole

SCHEMES = ("random", "random_distinct", "unique", "unique_covering")


def connections(
    scheme: str, inputs: int, gates: int, rng: np.random.Generator | int = 0
) -> np.ndarray:
    """The wiring of a layer: (2, gates) whole numbers below `inputs`.

    random            balanced: every input is used floor or ceil of 2 gates / inputs times. A gate
                      may read one input twice, and pairs may repeat (difflogic's "random")
    random_distinct   balanced as well, and no gate reads one input twice
    unique            no two gates read the same pair, a < b, neighbours first; some inputs may be
                      left out if inputs is odd (difflogic's "unique")
    unique_covering   distinct pairs as well, and every input is used

    Raises ValueError unless 2 gates >= inputs, and for `unique` above inputs (inputs - 1) / 2
    gates.

    >>> connections("unique_covering", 5, 3, 0).shape
    (2, 3)
    """
    choose(scheme, SCHEMES, "scheme")
    n, m = whole(inputs, "inputs", minimum=2), whole(gates, "gates", minimum=1)
    if 2 * m < n:
        raise ValueError(f"gates: {m} gates read at most {2 * m} of {n} inputs; use more gates")
    generator = np.random.default_rng(rng)
    if scheme.startswith("random"):
        wiring = balanced(generator.permutation(2 * m), generator.permutation(n))
        return separated(wiring, generator) if scheme == "random_distinct" else wiring
    pairs = unique_pairs(n, m) if scheme == "unique" else covering_pairs(n, m)
    return np.ascontiguousarray(pairs[generator.permutation(m)].T)


def balanced(order: np.ndarray, names: np.ndarray) -> np.ndarray:
    """The wiring of two permutations: of all 2 m gate inputs, and of the n layer inputs.

    >>> balanced(np.array([3, 0, 2, 1]), np.array([1, 0, 2]))
    array([[1, 1],
           [2, 0]])
    """
    return names[order % len(names)].reshape(2, -1)


def separated(wiring: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The same wiring with b exchanged between gates until no gate reads one input twice.

    How often each input is used stays as it is.
    """
    a, b = wiring[0], wiring[1].copy()
    for gate in np.flatnonzero(a == b):
        if a[gate] != b[gate]:
            continue
        fits = np.flatnonzero((b != a[gate]) & (a != b[gate]))
        if not len(fits):
            raise ValueError("wiring: one input fills more than half of the gates; use more inputs")
        other = rng.choice(fits)
        b[gate], b[other] = b[other], b[gate]
    return np.stack([a, b])


def unique_pairs(inputs: int, gates: int) -> np.ndarray:
    """The first pairs, (gates, 2), in the order of difflogic: before its random permutation.

    (0,1), (2,3), ...; (1,2), (3,4), ...; then all pairs at distance 2, at distance 3, ...

    >>> unique_pairs(4, 4).tolist()
    [[0, 1], [2, 3], [1, 2], [0, 2]]
    """
    possible = inputs * (inputs - 1) // 2
    if gates > possible:
        raise ValueError(
            f"gates: {inputs} inputs have {possible} pairs, too few for {gates} gates of their own"
        )
    return _first(_by_distance(inputs), gates)


def covering_pairs(inputs: int, gates: int) -> np.ndarray:
    """Like `unique_pairs`, where the last input of an odd number of inputs comes in early."""
    unique_pairs(inputs, gates)  # the same limits
    pairs = _by_distance(inputs)
    if inputs % 2 and gates >= inputs // 2 + 1:
        last = np.array([[inputs - 2, inputs - 1]])
        first = next(pairs)
        rest = (p[~np.all(p == last, axis=1)] for p in pairs)
        pairs = iter([first, last, *rest])
    return _first(pairs, gates)


def _by_distance(inputs: int) -> Iterator[np.ndarray]:
    def pairs(first: np.ndarray, distance: int) -> np.ndarray:
        return np.stack([first, first + distance], axis=1)

    yield pairs(np.arange(0, inputs - 1, 2), 1)
    yield pairs(np.arange(1, inputs - 1, 2), 1)
    for distance in range(2, inputs):
        yield pairs(np.arange(inputs - distance), distance)


def _first(groups: Iterator[np.ndarray], count: int) -> np.ndarray:
    found: list[np.ndarray] = []
    while sum(map(len, found)) < count:
        found.append(next(groups))
    return np.concatenate(found)[:count]
