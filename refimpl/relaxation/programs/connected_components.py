"""Connected components of an image by spreading labels, relaxed.

    label = 1, 2, 3, ... on the foreground, 0 elsewhere            discrete    relaxed
    repeat: label[v] = mask[v] max over v and its 4 neighbours     max         softmax-weighted mean

After as many rounds as the longest way inside a component, all its pixels have the same label, the
largest of the numbers in it. Equal labels have an exact soft maximum, so the end state is stable.

Source: the relaxation of Petersen et al., "Learning with Algorithmic Supervision via Continuous
Relaxations", NeurIPS 2021, applied to label propagation.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ... import autograd as ag
from ...autograd import Array, array_namespace
from ...promises import close
from ...spec import BATCHES, Case, Invariant, specification
from ...validation import float_array, whole
from ..indexing import max_soft

PLAIN = {"beta": 3.0, "rounds": 4}
STEPS = ((0, 0), (-1, 0), (1, 0), (0, -1), (0, 1))


def _cases(rng: np.random.Generator) -> Iterator[Case]:
    for shape, beta in (((3, 3), 3.0), ((4, 5), 4.0)):
        mask = rng.uniform(0.2, 1.0, size=(2, *shape))
        name = f"{shape[0]}x{shape[1]}-beta{beta}"
        yield Case(name, {"mask": mask}, PLAIN | {"beta": beta, "scale": 0.25})
    for name, batch in BATCHES.items():
        yield Case(name, {"mask": rng.uniform(0, 1, size=(*batch, 2, 3))}, PLAIN, kind="edge")
    binary = {"mask": np.array([[1.0, 1.0, 0.0, 1.0], [0.0, 1.0, 0.0, 1.0]])}
    yield Case("binary", binary, PLAIN | {"beta": 20.0}, flags=("saturated",))


def _inside(run: Any, inputs: Any, params: Any) -> str | None:
    label, mask = run(inputs, params)["label"], inputs["mask"]
    top = mask.shape[-1] * mask.shape[-2]
    top = top * params.get("scale", 1.0)
    slack = 64 * np.finfo(label.dtype).eps * top
    inside = np.all(label >= -slack) and np.all(label <= top * mask + slack)
    return None if inside else "a label is below 0 or above the number of pixels"


def _components(run: Any, inputs: Any, params: Any) -> str | None:
    """The largest pixel number of each component of the rounded mask."""
    mask = np.round(inputs["mask"])
    height, width = mask.shape[-2:]
    wanted = mask * np.arange(1, height * width + 1).reshape(height, width)
    for _ in range(height * width):
        padded = np.pad(wanted, [(0, 0)] * (mask.ndim - 2) + [(1, 1), (1, 1)])
        near = [padded[..., 1 + i : 1 + i + height, 1 + j : 1 + j + width] for i, j in STEPS]
        wanted = mask * np.max(near, axis=0)
    exact = params | {"beta": np.inf, "rounds": height * width}
    found = run({"mask": mask}, exact)["label"]
    same = close(found, wanted * params.get("scale", 1.0))
    return None if same else "at beta = inf it is not the largest pixel number of the component"


@specification(
    name="relaxation.connected_components",
    source="Petersen et al., Learning with Algorithmic Supervision (NeurIPS 2021); labels that "
    "spread",
    inputs=("mask",),
    outputs=("label",),
    cases=_cases,
    invariants=(
        Invariant("range", "0 <= label <= pixels, 0 on the background", _inside),
        Invariant(
            "hard limit",
            "beta = inf, after enough rounds: the largest pixel number of each component",
            _components,
        ),
    ),
    kinks="none; at beta = inf, ties",
)
def connected_components(
    mask: Array, *, beta: float = 10.0, rounds: int | None = None, scale: float = 1.0
) -> Array:
    """Labels of the pixels, (..., H, W): equal within a component, 0 on the background.

    mask: degrees of foreground in [0, 1]; 4 neighbours. beta: inverse temperature, inf for the
    discrete program; rounds: by default H W, which is always enough. Labels are scale 1, scale 2,
    ..., scale H W in the order of the pixels, before they spread.

    >>> import numpy as np
    >>> connected_components(np.array([[1.0, 1.0, 0.0, 1.0]]), beta=20.0).round(3)
    array([[2., 2., 0., 4.]])
    """
    mask = float_array(mask, "mask", min_ndim=2)
    height, width = mask.shape[-2:]
    count = height * width if rounds is None else whole(rounds, "rounds")
    first = [[scale * (1.0 + i * width + j) for j in range(width)] for i in range(height)]
    label = mask * ag.constant(first, like=mask)
    xp = array_namespace(mask)
    for _ in range(count):
        padded = ag.pad(label, [(0, 0)] * (label.ndim - 2) + [(1, 1), (1, 1)], 0.0)
        near = [padded[..., 1 + i : 1 + i + height, 1 + j : 1 + j + width] for i, j in STEPS]
        label = mask * max_soft(xp.stack(near, axis=0), beta=beta, axis=0)
    return label
