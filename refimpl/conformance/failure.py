"""Everything that is known about one comparison that failed, kept until it is explained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl.autograd.compare import Comparison
from refimpl.spec import Case, Entry, Tolerance

from .frameworks import Problem
from .points import Expected


@dataclass(frozen=True)
class Failure:
    """One tensor that differs: the two arrays, and how to evaluate both sides again.

    name    the output (values, jvp) or the input (vjp, second order) that the tensor belongs to
    module  the framework of the target (see `frameworks`)
    """

    entry: Entry
    case: Case
    check: str
    name: str
    target: Problem
    module: Any
    expected: Expected
    result: Comparison
    got: np.ndarray
    right: np.ndarray
    tolerance: Tolerance
