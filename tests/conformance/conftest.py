"""A small method to test the checks with, and targets that are right or wrong in one place."""

import numpy as np
import pytest

from refimpl import autograd as ag
from refimpl import spec
from refimpl.cli import main
from refimpl.spec import BATCHES, Case, Invariant, Note, specification

TARGET = """
from refimpl import autograd as ag
from refimpl.conformance import Unsupported, implements


@implements("toy.soft_pool", framework="refimpl")
def pool(x, *, steepness, distance):
    xp = ag.array_namespace(x)
    gap = x[..., :, None] - x[..., None, :]
    logits = -steepness * (xp.abs(gap) if distance == "l1" else gap * gap)
    weights = ag.softmax(logits, axis=-1)
    return (weights @ x[..., None])[..., 0], weights
"""


def soft_pool(x, *, steepness=2.0, distance="l2"):
    """Weighted means: each value is drawn towards those near it.

    w = softmax_j(-s |x_i - x_j|^p) for p = 1 ("l1") or 2 ("l2"), y = w x.
    """
    xp = ag.array_namespace(x)
    gap = x[..., :, None] - x[..., None, :]
    logits = -steepness * (xp.abs(gap) if distance == "l1" else gap * gap)
    weights = ag.softmax(logits, axis=-1)
    return (weights @ x[..., None])[..., 0], weights


def _cases(rng):
    for steepness, n in ((2.0, 3), (0.5, 4)):
        for distance in ("l2", "l1"):
            x = rng.normal(size=(2, n))
            params = {"steepness": steepness, "distance": distance}
            name = f"{distance}-n{n}-steepness{steepness}"
            yield Case(name, {"x": x}, params, clause="w = softmax(-s |x_i - x_j|^p)")
    params = {"steepness": 2.0, "distance": "l2"}
    for name, batch in BATCHES.items():
        x = rng.normal(size=(*batch, 3))
        yield Case(name, {"x": x}, params, kind="edge", flags=(name,) if name != "batch3" else ())
    yield Case("n1", {"x": np.array([[0.5]])}, params, kind="edge", flags=("size-one",))
    tied = {"steepness": 2.0, "distance": "l1"}
    yield Case("ties", {"x": np.array([1.0, 1.0, 2.0])}, tied, kind="kink", flags=("ties", "own"))


def _rows(run, inputs, params):
    sums = run(inputs, params)["weights"].sum(axis=-1)
    off = np.abs(sums - 1).max(initial=0.0)
    return None if off < 1e-5 else f"a row of the weights sums to {1 + off:.6g}"


def _shift(run, inputs, params):
    moved = run({"x": inputs["x"] + 1}, params)["values"] - run(inputs, params)["values"]
    return None if np.allclose(moved, 1, atol=1e-4) else "x + 1 does not give y + 1"


def transposed(x, *, steepness, distance):
    values, weights = soft_pool(x, steepness=steepness, distance=distance)
    return values, ag.array_namespace(x).matrix_transpose(weights)


@pytest.fixture
def toy(monkeypatch):
    """The entry `toy.soft_pool`, registered for the length of a test."""
    spec.all_entries()  # before the copy: modules register only once
    monkeypatch.setattr(spec, "_entries", dict(spec._entries))
    specification(
        name="toy.soft_pool",
        source="no paper, equation 1",
        inputs=("x",),
        outputs=("values", "weights"),
        cases=_cases,
        invariants=(
            Invariant("rows sum to one", "the weights of a row are a distribution", _rows),
            Invariant("shift", "moves with its input", _shift, when=lambda c: c.kind == "smooth"),
        ),
        kinks="|x_i - x_j| at ties: derivative 0",
        variants={"weights by column (papers' convention)": transposed},
        notes={"own": Note("test", "A flag of this entry alone.", "None.")},
    )(soft_pool)
    return spec.find("toy.soft_pool")


@pytest.fixture
def check(toy, tmp_path, capsys):
    """Write a target (with replacements in its text), check it; status, output, errors."""

    def run(*arguments, text=TARGET, replace=()):
        for old, new in replace:
            assert old in text
            text = text.replace(old, new)
        path = tmp_path / "target.py"
        path.write_text(text)
        status = main(["check", str(path), *arguments])
        printed = capsys.readouterr()
        assert "Traceback" not in printed.out + printed.err
        return status, printed.out, printed.err

    return run


@pytest.fixture
def folder(toy, tmp_path, capsys):
    """A folder of vectors, which is one of results too, and a way to run commands on it."""
    path = tmp_path / "cases"
    assert main(["vectors", str(path), "toy.soft_pool"]) == 0
    (path / "unsupported.txt").write_text("toy.soft_pool/none*  # nothing\n")

    def run(*arguments):
        capsys.readouterr()
        status = main(list(arguments))
        printed = capsys.readouterr()
        assert "Traceback" not in printed.out + printed.err
        assert "internal error" not in printed.err
        assert "bug in refimpl" not in printed.out
        return status, printed.out, printed.err

    return path, run
