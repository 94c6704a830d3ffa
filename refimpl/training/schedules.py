"""Learning rates as functions of the step index k = 0, 1, ...; pass one as `learning_rate`."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from ..validation import non_negative, positive, whole

Schedule = Callable[[int], float]


def cosine(initial: float, steps: int, final: float = 0.0) -> Schedule:
    """From `initial` to `final` along half a cosine; beyond `steps` it rises again.

    final + (initial - final) (1 + cos(pi k / steps)) / 2

    >>> [round(cosine(1.0, 4)(k), 3) for k in range(5)]
    [1.0, 0.854, 0.5, 0.146, 0.0]
    """
    low, high = non_negative(final, "final"), non_negative(initial, "initial")
    length = whole(steps, "steps", minimum=1)
    return lambda k: low + (high - low) * (1 + math.cos(math.pi * k / length)) / 2


def multistep(initial: float, milestones: Sequence[int], gamma: float = 0.1) -> Schedule:
    """`initial`, times `gamma` for each milestone that has been reached (milestone <= k).

    >>> [round(multistep(1.0, (1, 3))(k), 3) for k in range(4)]
    [1.0, 0.1, 0.1, 0.01]
    """
    high, factor = non_negative(initial, "initial"), positive(gamma, "gamma")
    reached = [whole(m, "milestones") for m in milestones]
    return lambda k: high * factor ** sum(m <= k for m in reached)


def exponential(initial: float, gamma: float) -> Schedule:
    """`initial` gamma^k.

    >>> exponential(1.0, 0.5)(3)
    0.125
    """
    high, factor = non_negative(initial, "initial"), positive(gamma, "gamma")
    return lambda k: high * factor**k
