"""What tests of experiments share: a few made-up digits, and CuPy's stand-in."""

import importlib
import sys

import guarded_cupy
import numpy as np
import pytest

from refimpl.data.mnist import Mnist
from refimpl.experiments.results import Results


@pytest.fixture
def few_digits(monkeypatch):
    """Images of noise with a bar that says which digit they are, in place of MNIST."""
    rng = np.random.default_rng(0)

    def some(count):
        labels = rng.integers(0, 10, count)
        images = rng.integers(0, 60, (count, 28, 28))
        images[np.arange(count), 2 * labels + 4] = 255
        return images.astype(np.uint8), labels

    data = Mnist(*some(300), *some(100))
    monkeypatch.setattr("refimpl.experiments.digits.mnist", lambda: data)
    return data


@pytest.fixture
def guarded(monkeypatch):
    """`--backend cupy` makes arrays that behave like CuPy's where those differ from NumPy's."""
    switch = importlib.import_module("refimpl.autograd.backend")
    known = switch.library
    monkeypatch.setitem(sys.modules, "cupy", guarded_cupy.cupy)
    monkeypatch.setattr(
        switch, "library", lambda name: guarded_cupy.LIBRARY if name == "cupy" else known(name)
    )
    return guarded_cupy


@pytest.fixture
def without_plots(monkeypatch):
    """As where matplotlib and Pillow are missing, which is quicker."""
    monkeypatch.setattr("refimpl.experiments.plots._axes", lambda: (None, None))
    monkeypatch.setitem(sys.modules, "PIL", None)


@pytest.fixture
def interrupt(monkeypatch):
    """interrupt(k): the next run stops, as by Ctrl-C, when it has kept its state k times."""
    keep = Results.keep

    def set_up(times):
        def keep_and_stop(self, **arrays):
            nonlocal times
            keep(self, **arrays)
            times -= 1
            if times == 0:
                raise KeyboardInterrupt

        monkeypatch.setattr(Results, "keep", keep_and_stop)

    return set_up
