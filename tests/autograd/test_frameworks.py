"""The operation table on torch and JAX: the same source has the values and gradients of the engine
on NumPy, under the libraries' own differentiation and under the engine with their arrays
underneath.
"""

import itertools

import numpy as np
import pytest
from operations import CASES, TABLE, bound, cotangents, inputs, names, outputs

from refimpl import autograd as ag

# torch computes these, but has no derivative of them (of the divisor of a remainder, of a floor).
NO_TORCH_DERIVATIVE = {"remainder number left", "floor_divide"}
# A mask that depends on traced values has no fixed size under jit.
NO_JIT = {"at_set array"}

for_torch = [(op, case) for op, case in CASES if "torch" not in op.missing]
first_of_key = {op.key: op for op in reversed(TABLE) if "jax" not in op.missing}
for_jax = [op for op in first_of_key.values() if op.name not in NO_JIT][::-1]
families = {
    name: list(group)
    for name, group in itertools.groupby(for_jax, key=lambda op: op.f.__module__.rpartition(".")[2])
}


def on_numpy(op, case, seed=1):
    """Inputs, results, cotangents of the results, and gradients by the engine."""
    arrays = inputs(op.domains, case, seed)
    f, xs = bound(op, case, arrays)
    ys, pull = ag.vjp(lambda *a: tuple(outputs(f(*a))), *xs)
    cot = cotangents(ys, seed)
    return arrays, ys, cot, pull(tuple(cot))


def agree(found, right):
    assert len(found) == len(right)
    for a, b in zip(found, right, strict=True):
        a, b = np.asarray(a), np.asarray(b)
        assert (a.shape, a.dtype) == (b.shape, b.dtype)
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-11)


# --- torch --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch", reason="needs torch")


def tensors(torch, arrays):
    return [None if x is None else torch.tensor(x) for x in arrays]


@pytest.mark.framework("torch", "array_api_compat")
@pytest.mark.parametrize("op, case", for_torch, ids=names(for_torch))
def test_torch_differentiates_every_operation_to_the_same_numbers(torch, op, case):
    arrays, ys, cot, gradients = on_numpy(op, case)
    f, xs = bound(op, case, tensors(torch, arrays))
    results = outputs(f(*[x.requires_grad_() for x in xs]))
    agree([y.detach() for y in results], ys)
    pairs = zip(results, tensors(torch, cot), strict=True)
    moving = [(y, c) for y, c in pairs if c is not None and y.requires_grad]
    if op.name in NO_TORCH_DERIVATIVE:
        with pytest.raises(RuntimeError, match=r"derivative for .* is not implemented"):
            torch.autograd.backward(*zip(*moving, strict=True))
        return
    if moving:
        torch.autograd.backward(*zip(*moving, strict=True))
    agree([torch.zeros_like(x) if x.grad is None else x.grad for x in xs], gradients)


@pytest.mark.framework("torch", "array_api_compat")
@pytest.mark.parametrize("op, case", for_torch, ids=names(for_torch))
def test_the_engine_differentiates_every_operation_on_torch_tensors(torch, op, case):
    arrays, ys, cot, gradients = on_numpy(op, case)
    f, xs = bound(op, case, tensors(torch, arrays))
    results, pull = ag.vjp(lambda *a: tuple(outputs(f(*a))), *xs)
    found = pull(tuple(tensors(torch, cot)))
    assert all(isinstance(x, torch.Tensor) for x in (*results, *found))
    agree(results, ys)
    agree(found, gradients)


@pytest.mark.framework("torch", "array_api_compat")
@pytest.mark.parametrize("op", TABLE, ids=[op.name for op in TABLE])
def test_the_engine_keeps_float32_on_torch_tensors_to_second_order(torch, op):
    if "torch" in op.missing:
        pytest.skip(op.missing["torch"])
    case = op.cases[0]
    f, xs = bound(op, case, tensors(torch, inputs(op.domains, case, 2, dtype="float32")))
    g = lambda *a: tuple(outputs(f(*a)))  # noqa: E731
    results, pull = ag.vjp(g, *xs)
    cot = tuple(tensors(torch, cotangents(results, 2)))
    second = ag.jvp(lambda *a: ag.vjp(g, *a)[1](cot), xs, xs)[1]
    floating = [y for y, c in zip(results, cot, strict=True) if c is not None]
    assert {x.dtype for x in (*floating, *pull(cot), *second)} == {torch.float32}


# --- JAX ----------------------------------------------------------------------------------------


@pytest.mark.framework("jax")
@pytest.mark.parametrize("operations", families.values(), ids=families)
def test_jax_and_the_engine_on_jax_differentiate_every_operation_to_the_same_numbers(operations):
    """Compiled together: one by one, JAX takes a tenth of a second for each."""
    jax = pytest.importorskip("jax", reason="needs jax")
    with jax.enable_x64(True):
        expected = [on_numpy(op, op.cases[0]) for op in operations]
        problems = [
            bound(op, op.cases[0], [jax.numpy.asarray(x) for x in arrays])
            for op, (arrays, *_) in zip(operations, expected, strict=True)
        ]

        def everything(points):
            found = []
            for (f, _), xs, (_, _, cot, _) in zip(problems, points, expected, strict=True):
                g = lambda *a, f=f: tuple(outputs(f(*a)))  # noqa: E731
                cot = [None if c is None else jax.numpy.asarray(c) for c in cot]
                ys, pull = jax.vjp(g, *xs)
                own = pull(_with_zeros(jax, ys, cot))
                traced, engine_pull = ag.vjp(g, *xs)
                found.append((ys, own, traced, engine_pull(tuple(cot))))
            return found

        fast = {"xla_backend_optimization_level": 0}
        compiled = jax.jit(everything, compiler_options=fast)
        found = compiled([xs for _, xs in problems])
    wrong = []
    for op, (_, ys, _, gradients), results in zip(operations, expected, found, strict=True):
        try:
            for part, right in zip(results, (ys, gradients, ys, gradients), strict=True):
                agree(part, right)
        except AssertionError as error:
            wrong.append(f"{op.name}: {error}")
    assert not wrong, "\n".join(wrong)


def _with_zeros(jax, ys, cot):
    """JAX wants a cotangent of whole numbers, too."""
    nothing = [np.zeros(y.shape, jax.dtypes.float0) for y in ys]
    return tuple(z if c is None else c for z, c in zip(nothing, cot, strict=True))


@pytest.mark.framework("jax")
@pytest.mark.parametrize("name", ["at_set array", "sort", "einsum ij,jk->ik"])
def test_the_engine_gives_jax_arrays_without_jit(name):
    jax = pytest.importorskip("jax", reason="needs jax")
    op = next(op for op in TABLE if op.name == name)
    with jax.enable_x64(True):
        arrays, ys, cot, gradients = on_numpy(op, op.cases[0])
        f, xs = bound(op, op.cases[0], [jax.numpy.asarray(x) for x in arrays])
        results, pull = ag.vjp(lambda *a: tuple(outputs(f(*a))), *xs)
        found = pull(tuple(jax.numpy.asarray(c) for c in cot))
        assert all(isinstance(x, jax.Array) for x in (*results, *found))
        agree(results, ys)
        agree(found, gradients)
