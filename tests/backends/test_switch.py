"""The switch between backends, and what is made with it."""

import importlib
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import guarded
import guarded_cupy
import numpy as np
import pytest
from guarded import GuardedArray, to_host

import refimpl
from refimpl import autograd as ag
from refimpl.autograd import Generator, backend, creation_namespace
from refimpl.sorting import sorting_network
from refimpl.validation import float_array

switch = importlib.import_module("refimpl.autograd.backend")


@pytest.fixture(autouse=True)
def _undo(monkeypatch):
    """Every test begins undecided, and what it decides is forgotten."""
    monkeypatch.delenv("REFIMPL_BACKEND", raising=False)
    monkeypatch.setattr(switch, "_creation", [])


@pytest.fixture
def stand_in(monkeypatch):
    """The guarded arrays in the place of CuPy."""
    known = switch.library
    monkeypatch.setitem(sys.modules, "cupy", guarded_cupy.cupy)
    monkeypatch.setattr(
        switch, "library", lambda name: guarded_cupy.LIBRARY if name == "cupy" else known(name)
    )
    return guarded_cupy.LIBRARY.xp


# --- the switch ---------------------------------------------------------------------------------


def test_numpy_is_the_default():
    assert creation_namespace() is np


def test_called_it_holds_from_now_on(stand_in):
    backend("cupy")
    assert creation_namespace() is stand_in
    backend("numpy")
    assert creation_namespace() is np


def test_as_a_context_it_holds_for_a_while_and_nests(stand_in):
    with backend("cupy"):
        assert creation_namespace() is stand_in
        with backend("numpy"):
            assert creation_namespace() is np
        assert creation_namespace() is stand_in
    assert creation_namespace() is np


def test_a_context_inside_of_a_call_goes_back_to_the_call(stand_in):
    backend("cupy")
    with backend("numpy"):
        assert creation_namespace() is np
    assert creation_namespace() is stand_in


def test_an_error_inside_of_the_context_undoes_it(stand_in):
    with pytest.raises(KeyError), backend("cupy"):
        raise KeyError
    assert creation_namespace() is np


def test_a_refused_switch_changes_nothing(stand_in):
    backend("cupy")
    with pytest.raises(ValueError, match="'numpy' or 'cupy', got 'torch'"):
        backend("torch")
    assert creation_namespace() is stand_in


def test_without_cupy_the_error_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)
    with pytest.raises(
        ImportError, match=r"backend 'cupy' needs CuPy: pip install 'refimpl\[cupy\]'"
    ):
        backend("cupy")
    assert creation_namespace() is np


def test_without_a_device_the_error_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", SimpleNamespace(is_available=lambda: False))
    with pytest.raises(ImportError, match="CuPy is installed but finds no CUDA device"):
        backend("cupy")


def test_the_installed_cupy_is_asked_for_its_device():
    cupy = pytest.importorskip("cupy", reason="needs cupy")
    if cupy.is_available():
        with backend("cupy"):
            assert isinstance(creation_namespace().zeros(3), cupy.ndarray)
    else:
        with pytest.raises(ImportError, match="no CUDA device"):
            backend("cupy")


def test_the_environment_decides_until_the_switch_is_called(stand_in, monkeypatch):
    monkeypatch.setenv("REFIMPL_BACKEND", "cupy")
    assert creation_namespace() is stand_in
    backend("numpy")
    assert creation_namespace() is np


REPORT = """
from refimpl.autograd import creation_namespace
try:
    print(creation_namespace().__name__)
except Exception as error:
    print(type(error).__name__, error)
"""


@pytest.mark.parametrize(
    "value, said",
    [
        (None, "numpy"),
        ("", "numpy"),
        ("numpy", "numpy"),
        ("gpu", "ValueError REFIMPL_BACKEND: expected 'numpy' or 'cupy', got 'gpu'"),
    ],
)
def test_the_environment_variable_in_a_process_of_its_own(value, said):
    assert in_a_process(value) == said


def test_an_environment_that_cannot_be_had_names_the_variable():
    said = in_a_process("cupy")
    assert said == "cupy" or said.startswith("ImportError REFIMPL_BACKEND 'cupy'")


def in_a_process(value):
    environment = {k: v for k, v in os.environ.items() if k != "REFIMPL_BACKEND"}
    if value is not None:
        environment["REFIMPL_BACKEND"] = value
    run = subprocess.run(
        [sys.executable, "-c", REPORT], env=environment, cwd=Path(refimpl.__file__).parents[1],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return run.stdout.strip()


# --- what is made -------------------------------------------------------------------------------

DRAWS = {
    "uniform": lambda g: g.uniform((2, 3), low=-1.0, high=2.0),
    "uniform float32": lambda g: g.uniform(4, dtype="float32"),
    "normal": lambda g: g.normal((3, 1), mean=2.0, std=0.5),
    "normal float32": lambda g: g.normal((2,), dtype=np.float32),
    "one number": lambda g: g.normal(),
    "integers": lambda g: g.integers(2, 9, (5,)),
    "permutation": lambda g: g.permutation(7),
}


@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
def test_random_numbers_are_the_same_on_every_backend(draw, stand_in):
    with backend("numpy"):
        host = draw(Generator(3))
    with backend("cupy"):
        device = draw(Generator(3))
    assert isinstance(host, np.ndarray)
    assert isinstance(device, GuardedArray)
    assert (device.dtype, device.shape) == (host.dtype, host.shape)
    assert np.array_equal(to_host(device), host)


@pytest.mark.gpu
@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
def test_random_numbers_are_the_same_on_cupy(draw):
    with backend("cupy"):
        device = draw(Generator(3))
    assert type(device).__module__ == "cupy"
    host = draw(Generator(3))
    assert device.dtype == host.dtype
    assert np.array_equal(ag.to_numpy(device), host)


def test_one_stream_goes_on_across_backends(stand_in):
    whole, parts = Generator(5), Generator(5)
    with backend("cupy"):
        first = to_host(parts.normal(3))
    assert np.array_equal(np.concatenate([first, parts.normal(4)]), whole.normal(7))


def test_float32_numbers_are_the_rounded_ones():
    assert np.array_equal(
        Generator(1).normal(9, dtype="float32"), Generator(1).normal(9).astype("float32")
    )


def test_a_generator_of_numpy_is_drawn_from_in_place():
    source = np.random.default_rng(8)
    first = Generator(source).uniform(2)
    both = np.random.default_rng(8).uniform(size=4)
    assert np.array_equal(np.concatenate([first, source.uniform(size=2)]), both)


def test_ranges_of_random_numbers():
    g = Generator(0)
    u, k = g.uniform(1000, low=-3.0, high=-1.0), g.integers(2, 5, 1000)
    assert -3.0 <= u.min() < u.max() < -1.0
    assert set(k.tolist()) == {2, 3, 4}
    assert sorted(g.permutation(6).tolist()) == list(range(6))


def test_lists_and_numbers_become_arrays_of_the_backend(stand_in):
    with backend("cupy"):
        assert isinstance(float_array([1, 2], "x"), GuardedArray)
        values, P = sorting_network([3.0, 1.0, 2.0])
        slope = ag.grad(lambda x: x * x)(3.0)
    assert all(isinstance(y, GuardedArray) for y in (values, P, slope))
    assert to_host(slope) == 6.0


def test_computation_follows_its_inputs_whatever_the_backend_is(stand_in):
    host, device = np.array([2.0, 1.0]), guarded.to_device(np.array([2.0, 1.0]))
    with backend("cupy"):
        assert isinstance(sorting_network(host)[0], np.ndarray)
    with backend("numpy"):
        assert isinstance(sorting_network(device)[0], GuardedArray)


def test_numbers_alone_are_computed_with_on_the_backend(stand_in):
    with backend("cupy"):
        assert ag.array_namespace(1.0, None) is stand_in
        assert ag.array_namespace(1.0, np.ones(2)) is np
