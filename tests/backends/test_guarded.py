"""The manners of CuPy's arrays: the stand-in has them, and where there is a GPU, CuPy itself."""

import importlib

import guarded
import numpy as np
import pytest
from cupy_names import RECORDED
from guarded import GuardedArray, synchronisations
from guarded_cupy import cupy as stand_in
from places import find, places

from refimpl import autograd as ag
from refimpl.autograd.libraries import library_of

VECTOR = np.array([3.0, 1.0, 2.0])
MATRIX = np.array([[2.0, 1.0], [1.0, 3.0]])


def modules(name):
    """The modules cupy and cupyx of a place."""
    if name == "cupy":
        return importlib.import_module("cupy"), importlib.import_module("cupyx")
    guarded_cupy = importlib.import_module("guarded_cupy")
    return guarded_cupy.cupy, guarded_cupy.cupyx


REFUSED = {
    "to become a NumPy array": lambda xp, x: np.asarray(x),
    "to be a list of NumPy": lambda xp, x: np.array([x, x]),
    "a NumPy array on the right": lambda xp, x: x + VECTOR,
    "a NumPy array on the left": lambda xp, x: VECTOR * x,
    "a list on the right": lambda xp, x: x * [1.0, 2.0, 3.0],
    "a NumPy array in a function": lambda xp, x: xp.exp(VECTOR),
    "a list in a function": lambda xp, x: xp.exp([1.0]),
    "to be a count": lambda xp, x: range(xp.sum(x)),
    "to be an index of a list": lambda xp, x: [1, 2][xp.argmin(x)],
    "options that its functions lack": lambda xp, x: xp.exp(x, where=True),
    "the standard's clip": lambda xp, x: xp.clip(x, min=0.0),
    "the standard's sort": lambda xp, x: xp.sort(x, descending=True),
    "the standard's device": lambda xp, x: xp.zeros(3, device=x.device),
}


@places("guarded", "cupy")
@pytest.mark.parametrize("attempt", REFUSED.values(), ids=REFUSED)
def test_what_is_refused_with_a_type_error(place, attempt):
    xp, _ = modules(place)
    with pytest.raises(TypeError):
        attempt(xp, find(place).put(VECTOR))


@places("guarded", "cupy")
@pytest.mark.parametrize("name", ["vecdot", "unstack", "errstate", "block", "array_api"])
def test_what_cupy_does_not_have_is_an_attribute_error(place, name):
    xp, _ = modules(place)
    with pytest.raises(AttributeError):
        getattr(xp, name)


@places("guarded", "cupy")
@pytest.mark.parametrize("name", ["vector_norm", "outer", "diagonal", "svdvals"])
def test_what_its_linear_algebra_does_not_have(place, name):
    xp, _ = modules(place)
    with pytest.raises(AttributeError):
        getattr(xp.linalg, name)


@places("guarded", "cupy")
@pytest.mark.parametrize("name", ["__array_namespace__", "to_device", "__index__", "dot_product"])
def test_attributes_that_its_arrays_lack(place, name):
    assert not hasattr(find(place).put(VECTOR), name)


@places("guarded", "cupy")
def test_reductions_and_entries_are_arrays_without_axes(place):
    xp, _ = modules(place)
    x = find(place).put(VECTOR)
    for y in (xp.sum(x), x[0], xp.max(x), xp.any(x > 1.0), x @ x):
        assert isinstance(y, xp.ndarray)
        assert y.shape == ()


@places("guarded", "cupy")
def test_numpy_functions_are_answered_on_the_device(place):
    place = find(place)
    x = place.put(VECTOR)
    for y in (np.exp(x), np.float64(2.0) * x, np.concatenate([x, x])):
        place.check(y)


@places("guarded", "cupy")
def test_there_are_no_floating_point_warnings(place):
    xp, _ = modules(place)
    y = xp.log(find(place).put(np.array([0.0, -1.0])))
    assert np.array_equal(find(place).get(y), [-np.inf, np.nan], equal_nan=True)


@places("guarded", "cupy")
def test_linear_algebra_fails_silently_unless_told_otherwise(place):
    xp, xpx = modules(place)
    indefinite = find(place).put(-MATRIX)
    assert np.isnan(find(place).get(xp.linalg.cholesky(indefinite))).any()
    with xpx.errstate(linalg="raise"), pytest.raises(np.linalg.LinAlgError):
        xp.linalg.cholesky(indefinite)


@places("guarded", "cupy")
def test_solve_does_not_broadcast(place):
    xp, _ = modules(place)
    a, b = find(place).put(np.stack([MATRIX, MATRIX])), find(place).put(MATRIX)
    with pytest.raises(ValueError, match="a must have"):
        xp.linalg.solve(a, b)


@places("guarded", "cupy")
def test_scattered_sums_exist_for_some_functions_only(place):
    xp, _ = modules(place)
    x, index = find(place).put(np.zeros(3)), find(place).put(np.array([1, 1]))
    xp.add.at(x, index, 1.0)
    assert find(place).get(x).tolist() == [0.0, 2.0, 0.0]
    with pytest.raises(NotImplementedError):
        xp.multiply.at(x, index, 1.0)


@places("guarded", "cupy")
def test_views_share_memory_and_in_place_updates_keep_it(place):
    x = find(place).put(VECTOR)
    view = x[1:]
    view -= 1.0
    view[0] *= 5.0
    assert find(place).get(x).tolist() == [3.0, 0.0, 1.0]


@places("guarded", "cupy")
def test_a_traced_array_on_the_right_is_asked(place):
    place = find(place)
    x, y = place.put(VECTOR), place.put(VECTOR + 1.0)
    for product in (lambda t: x * t, lambda t: t * x):
        _, pull = ag.vjp(product, y)
        assert place.get(pull(x)[0]).tolist() == (VECTOR * VECTOR).tolist()


# --- the stand-in alone -------------------------------------------------------------------------

WAITS = {
    "float": lambda x: float(x[0]),
    "int": lambda x: int(x[0]),
    "bool": lambda x: bool(x[0] > 1.0),
    "a condition": lambda x: 1 if x[0] > 1.0 else 0,
    "membership": lambda x: 3.0 in x,
    "print": lambda x: str(x),
    "representation": lambda x: f"{x!r}",
    "item": lambda x: x[0].item(),
    "tolist": lambda x: x.tolist(),
    "get": lambda x: x.get(),
    "asnumpy": lambda x: stand_in.asnumpy(x),
    "to_numpy": lambda x: ag.to_numpy(x),
    "a boolean index": lambda x: x[x > 1.0],
    "nonzero": lambda x: stand_in.nonzero(x),
    "where with one argument": lambda x: stand_in.where(x),
}
NO_WAIT = {
    "arithmetic": lambda x: 2.0 * x + x / x,
    "reductions": lambda x: stand_in.sum(x),
    "comparisons": lambda x: stand_in.where(x > 1.0, x, -x),
    "parts": lambda x: (x[0], x[..., None], x[::-1], len(x), list(x)),
    "gathers": lambda x: stand_in.take(x, stand_in.argsort(x)),
    "shape and dtype": lambda x: (x.shape, x.ndim, x.dtype, x.size, x.device, x.nbytes),
    "a copy from the host": lambda x: stand_in.asarray(VECTOR),
    "in-place updates": lambda x: x.__setitem__(0, 2.0),
}


@pytest.mark.parametrize("action", WAITS.values(), ids=WAITS)
def test_what_waits_for_the_device_is_counted(action):
    with synchronisations() as found:
        action(guarded.to_device(VECTOR))
    assert len(found) == 1


@pytest.mark.parametrize("action", NO_WAIT.values(), ids=NO_WAIT)
def test_what_stays_on_the_device_is_not_counted(action):
    with synchronisations() as found:
        action(guarded.to_device(VECTOR))
    assert found == []


def test_it_is_stricter_than_cupy_about_indices():
    x = guarded.to_device(VECTOR)
    with pytest.raises(ValueError, match="repeated indices"):
        x[guarded.to_device(np.array([1, 1]))] = guarded.to_device(np.array([5.0, 6.0]))
    with pytest.raises(IndexError):
        x[guarded.to_device(np.array([3]))]
    with pytest.raises(TypeError, match="NumPy array as the index"):
        x[np.array([0, 1])]


def test_the_engine_takes_it_for_cupy():
    x = guarded.to_device(VECTOR)
    assert library_of(x).name == "cupy"
    assert ag.array_namespace(x) is library_of(x).xp
    assert ag.is_array(x)


def test_it_has_no_methods_but_recorded_ones():
    own = {name for name in vars(GuardedArray) if not name.startswith("_")} - {"module"}
    assert own <= set(RECORDED["cupy.ndarray"])
