"""What `array_namespace` answers, and what helps beside it."""

import numpy as np
import pytest

from refimpl import autograd as ag
from refimpl.autograd import array_namespace, grad

X = np.array([0.5, -1.0, 2.0])


def total(x):
    return array_namespace(x).sum(x * x)


def test_array_namespace_is_numpy_for_arrays_and_scalars():
    assert array_namespace(X) is np
    assert array_namespace(np.float32(1.0)) is np
    assert array_namespace(1.0, None, X) is np
    assert array_namespace(2.0) is np


@pytest.mark.parametrize("name", ["maximum", "minimum", "hypot", "atan2", "logaddexp"])
def test_scalars_of_numpy_are_arrays_beside_numbers(name):
    a = np.float64(2.0)

    def f(x):
        xp = array_namespace(x)
        return x * getattr(xp, name)(a, 3.0) * getattr(xp, name)(3.0, a)

    expected = np.arctan2 if name == "atan2" else getattr(np, name)
    assert grad(f)(1.0) == expected(a, 3.0) * expected(3.0, a)


def test_array_namespace_of_mixed_arguments_is_the_traced_one():
    grad(lambda x: total(x) if array_namespace(X, x) is array_namespace(x) else None)(X)


@pytest.mark.parametrize("x", [[1.0, 2.0], "abc", {"a": X}, object()])
def test_array_namespace_refuses_what_is_no_array(x):
    with pytest.raises(TypeError, match=r"expected an array, got .*xp.asarray first"):
        array_namespace(x)


def test_the_traced_namespace_has_what_the_library_has():
    def f(x):
        xp = array_namespace(x)
        assert xp.float64 is np.float64
        assert xp.pi == np.pi
        assert xp.isdtype(x.dtype, "real floating")
        assert not hasattr(xp, "erf")
        assert "traced numpy" in repr(xp)
        assert xp.argmax(x) == 2
        assert not ag.is_traced(xp.zeros_like(x))
        np.testing.assert_array_equal(xp.floor(x), np.floor(X))
        np.testing.assert_array_equal(xp.isfinite(x), [True] * 3)
        return total(x)

    grad(f)(X)


def test_constants_have_the_dtype_of_their_model_and_are_untraced():
    def f(x):
        c = ag.constant([1.0, 2.0, 3.0], like=x)
        assert not ag.is_traced(c)
        assert c.dtype == x.dtype
        assert ag.indices_like(2, x).dtype == np.int64
        return array_namespace(x).sum(c * x)

    g = grad(f)(X.astype(np.float32))
    np.testing.assert_array_equal(g, [1, 2, 3])
    assert g.dtype == np.float32


def test_to_numpy_takes_plain_arrays_only():
    assert ag.to_numpy(X) is X
    with pytest.raises(TypeError, match="cannot convert to a NumPy array a traced array"):
        grad(lambda x: ag.to_numpy(x).sum())(X)
