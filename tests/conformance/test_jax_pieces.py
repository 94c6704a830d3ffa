"""Functions that are compiled in pieces on JAX are the functions that `jax.jit` compiles."""

import numpy as np
import pytest

from refimpl.conformance.frameworks import jax_pieces, on_jax
from refimpl.conformance.frameworks.jax_pieces import Compiler

jax = pytest.importorskip("jax", reason="needs jax")
jnp = pytest.importorskip("jax.numpy", reason="needs jax")

X = np.linspace(-1.0, 2.0, 12, dtype=np.float32).reshape(3, 4)


def steps(x, count=40, rate=0.1):
    """A loop that is written out."""
    for _ in range(count):
        x = x - rate * jnp.tanh(x - jnp.mean(x, axis=-1, keepdims=True))
    return x


def looping(x):
    """Operations that hold functions, numbers and arrays of their own."""
    table = jnp.asarray(np.arange(4.0, dtype=np.float32))
    y = jax.lax.fori_loop(0, 3, lambda i, y: y * 0.5 + table[i], x)
    y = jax.lax.cond(jnp.sum(x) > 0.0, lambda z: z + table, lambda z: z - table, y)
    return {"y": y, "order": jnp.argsort(y, axis=-1), "x": x, "one": 1.0, "table": table}


def both(x):
    y, pull = jax.vjp(steps, x)
    return y, pull(jnp.cos(y))[0]


@pytest.mark.parametrize("function", [steps, looping, both, jnp.linalg.qr, jax.nn.relu])
@pytest.mark.parametrize("small", [0, 10**6])
def test_pieces_compute_what_jit_computes(function, small, monkeypatch):
    monkeypatch.setattr(jax_pieces, "SMALL", small)
    got, right = Compiler()(function)(X), jax.jit(function)(X)
    assert jax.tree.structure(got) == jax.tree.structure(right)
    for mine, other in zip(jax.tree.leaves(got), jax.tree.leaves(right), strict=True):
        assert mine.dtype == other.dtype
        np.testing.assert_allclose(mine, other, rtol=1e-5, atol=1e-6)


def test_steps_of_a_loop_are_compiled_once():
    compiler = Compiler()
    compiler(lambda x: steps(x, 100))(X)
    assert 0 < len(compiler.kept) < 15
    before = len(compiler.kept)
    compiler(lambda x: steps(x, 200))(X)
    assert len(compiler.kept) <= before + 5


def test_programs_that_differ_in_a_number_share_their_pieces_but_no_results():
    compiler = Compiler()
    one, two = (compiler(lambda x, rate=rate: steps(x, 5, rate))(X) for rate in (0.1, 0.2))
    assert len(compiler.kept) == 1
    assert np.max(np.abs(one - two)) > 0.1


def test_arrays_that_a_function_holds_are_its_own():
    compiler = Compiler()

    def table(start):
        held = jnp.arange(start, start + 4.0)
        return compiler(lambda x: jax.lax.fori_loop(0, 2, lambda i, y: y + held[i], x))

    np.testing.assert_allclose(table(0.0)(X), X + 1.0, rtol=1e-6)
    np.testing.assert_allclose(table(10.0)(X), X + 21.0, rtol=1e-6)


def test_a_plan_fits_the_shapes_and_dtypes_that_it_was_made_for():
    summed = Compiler()(lambda x: jnp.sum(x * x.shape[0], axis=0))
    np.testing.assert_allclose(summed(X), 3 * X.sum(0), rtol=1e-6)
    np.testing.assert_allclose(summed(X[:2]), 2 * X[:2].sum(0), rtol=1e-6)
    assert summed(np.ones((2, 2), np.int32)).dtype == np.int32


def test_unknown_options_of_xla_are_left_out(monkeypatch):
    on_jax._plain_code.cache_clear()
    monkeypatch.setitem(on_jax._PLAIN_CODE, "xla_of_another_version", True)
    try:
        assert "xla_backend_optimization_level" in on_jax._plain_code()
        assert "xla_of_another_version" not in on_jax._plain_code()
    finally:
        on_jax._plain_code.cache_clear()
