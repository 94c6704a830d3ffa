"""Arrays made like another: its library, dtype and device; and copies on the host."""

import importlib

import guarded
import guarded_cupy
import numpy as np
import pytest
from namespace_uses import package_sources, uses
from places import find, places

from refimpl import autograd as ag
from refimpl.autograd.backend import like_array

HOST = np.array([[0.5, 2.0], [3.0, -1.0]])
DTYPES = ("float64", "float32")
MAKERS = {"arange", "asarray", "empty", "eye", "full", "linspace", "ones", "zeros"}
ON_NUMPY_AND_CUPY = (  # which make arrays where they are
    "sorting/fused",
    "logic/inference.py",
    "logic/packing.py",
    "logic/votes.py",
)
SOURCES = {
    name: file for name, file in package_sources().items() if not name.startswith(ON_NUMPY_AND_CUPY)
}
WITHOUT_DEVICE: dict[str, str] = {}  # what is wrong on a second device
everywhere = places("guarded", "strict", "cupy")


def like(place, dtype):
    return find(place).put(HOST.astype(dtype))


def name(dtype):
    return str(dtype).split(".")[-1]


@everywhere
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "value", [0.5, 2, [0.25, 1.0], np.eye(2)], ids=["float", "int", "list", "array"]
)
def test_a_constant_has_the_library_dtype_and_device_of_the_array(place, dtype, value):
    c = ag.constant(value, like=like(place, dtype))
    (copy,) = find(place).get_all([c])
    assert name(c.dtype) == dtype
    assert np.array_equal(copy, np.asarray(value, dtype=dtype))


@everywhere
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_constant_like_a_traced_array_is_plain(place, dtype):
    x = like(place, dtype)
    found = []

    def f(x):
        found.extend([ag.constant(1.5, like=x), ag.indices_like(3, x)])
        return ag.array_namespace(x).sum(x * found[0])

    (slope,) = find(place).get_all([ag.grad(f)(x)])
    assert not any(map(ag.is_traced, found))
    number, whole = find(place).get_all(found)
    assert (number.dtype, float(number)) == (dtype, 1.5)
    assert whole.tolist() == [0, 1, 2]
    assert np.array_equal(slope, np.full((2, 2), 1.5, dtype))


@everywhere
@pytest.mark.parametrize("dtype", [*DTYPES, "int64", "bool"])
def test_a_host_array_moves_with_its_own_dtype(place, dtype):
    (copy,) = find(place).get_all([like_array(HOST.astype(dtype), like(place, "float32"))])
    assert copy.dtype == dtype
    assert np.array_equal(copy, HOST.astype(dtype))


@everywhere
@pytest.mark.parametrize("dtype", DTYPES)
def test_functions_of_the_traced_namespace_create_in_place(place, dtype):
    x = like(place, dtype)
    made = []

    def f(x):
        xp = ag.array_namespace(x)
        made.extend([xp.zeros_like(x), xp.ones_like(x), xp.full_like(x, 2.5)])
        made.extend([ag.diag(made[0][0, ...]), ag.one_hot(ag.indices_like(2, x), 2, like=x)])
        return xp.sum(x)

    ag.grad(f)(x)
    copies = find(place).get_all(map(ag.plain, made))
    assert {copy.dtype.name for copy in copies} == {dtype}


@everywhere
@pytest.mark.parametrize("dtype", [*DTYPES, "int64", "bool"])
def test_a_host_copy_has_the_values_and_the_dtype(place, dtype):
    copy = ag.to_numpy(find(place).put(HOST.astype(dtype)))
    assert type(copy) is np.ndarray
    assert copy.dtype == dtype
    assert np.array_equal(copy, HOST.astype(dtype))


@pytest.mark.parametrize("name", SOURCES)
def test_functions_that_make_arrays_are_told_the_device(name, request):
    if reason := WITHOUT_DEVICE.get(name):
        request.applymarker(pytest.mark.xfail(reason=reason))
    found = uses(SOURCES[name].read_text(encoding="utf-8"))
    calls = [use for use in found if use.namespace == "xp" and use.name in MAKERS and use.call]
    assert not [str(use) for use in calls if not _tells_the_device(use)]


def _tells_the_device(use):
    _, keywords, whole = use.arguments()
    return "device" in keywords or not whole or use.on_switch


@pytest.mark.framework("torch")
@pytest.mark.parametrize("dtype", DTYPES)
def test_torch_tensors(dtype):
    torch = pytest.importorskip("torch", reason="needs torch")
    x = torch.tensor(HOST, dtype=getattr(torch, dtype), requires_grad=True)
    c = ag.constant(0.5, like=x)
    assert (c.dtype, c.device, c.requires_grad) == (x.dtype, x.device, False)
    assert np.array_equal(ag.to_numpy(x * 2.0), (HOST * 2.0).astype(dtype))
    meta = torch.empty(3, dtype=x.dtype, device="meta")  # a device that needs no hardware
    for made in (ag.constant(0.5, like=meta), ag.indices_like(2, meta), like_array(HOST, meta)):
        assert made.device == meta.device


@pytest.mark.framework("jax")
def test_jax_arrays():
    jnp = pytest.importorskip("jax.numpy", reason="needs jax")
    x = jnp.asarray(HOST, dtype="float32")
    c = ag.constant(0.5, like=x)
    assert isinstance(c, type(x))
    assert c.dtype == x.dtype
    assert ag.to_numpy(x).tolist() == HOST.tolist()


@pytest.mark.parametrize("value", [1.5, [1.0, 2.0], np.float64(3.0), HOST], ids=type)
def test_what_is_on_the_host_already(value):
    assert np.array_equal(ag.to_numpy(value), np.asarray(value))


@places("guarded", "strict")
def test_a_traced_array_has_no_host_copy(place):
    def f(x):
        with pytest.raises(TypeError, match="convert to a NumPy array"):
            ag.to_numpy(x)
        return ag.array_namespace(x).sum(x)

    ag.grad(f)(like(place, "float64"))


@places("guarded", "strict", "cupy")
def test_special_functions_stay_where_their_argument_is(place):
    x = find(place).put(np.abs(HOST))
    special = importlib.import_module("scipy.special")
    for function in ("erf", "erfcx", "gammaln", "digamma", "ndtr"):
        (y,) = find(place).get_all([getattr(ag, function)(x)])
        np.testing.assert_allclose(y, getattr(special, function)(np.abs(HOST)), rtol=1e-12)


def test_orders_of_polygamma_on_cupy():
    """CuPy's own function takes arrays only, and makes float64 of float32."""
    special = importlib.import_module("scipy.special")
    x = np.array([0.7, 2.5], dtype="float32")
    for n in range(4):
        y = guarded.to_host(ag.polygamma(n, guarded.to_device(x)))
        assert y.dtype == "float32"
        np.testing.assert_allclose(y, special.polygamma(n, x), rtol=1e-6)


def test_indices_and_limits_that_differ_on_cupy():
    xp, x = guarded_cupy.LIBRARY.xp, guarded.to_device(HOST)
    assert np.array_equal(guarded.to_host(xp.clip(x)), HOST)
    assert np.array_equal(guarded.to_host(xp.clip(x, max=1.0)), np.minimum(HOST, 1.0))
    with pytest.raises(NotImplementedError, match="use refimpl"):
        xp.sort(x, descending=True)
