"""Values and derivatives in each framework are those of the reference."""

import importlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from printed import spaces

import refimpl.autograd
from refimpl import autograd as ag
from refimpl.conformance.frameworks import Problem, framework
from refimpl.conformance.target import Implementation, Unsupported

NEEDS = {name: pytest.mark.framework(name) for name in ("torch", "jax", "autograd")}
NAMES = [pytest.param(name, marks=NEEDS.get(name, ())) for name in ("refimpl", *NEEDS)]
X = np.array([[0.3, -1.2], [0.7, 2.0]])
WEIGHT = np.array([1.0, 2.0])
COTANGENT = np.array([1.0, -0.5])


def module_of(name):
    modules = {"refimpl": "numpy", "jax": "jax.numpy", "autograd": "autograd.numpy"}
    return importlib.import_module(modules.get(name, name))


def problem(name, x=X, function=None):
    """y = sum_j w_j sin(x_ij)^2 and the whole-number output n, differentiated in x only."""
    xp = module_of(name)

    def call(x, w, scale):
        sin = ag.array_namespace(x).sin if name == "refimpl" else xp.sin
        return scale * ((sin(x) * sin(x)) @ w), xp.asarray([3])

    names = lambda out: dict(zip(("y", "n"), out, strict=True))  # noqa: E731
    claim = Implementation("toy.sines", call, name)
    return Problem(function or call, names, {"x": x, "w": WEIGHT}, {"scale": 2.0}, ("x",), claim)


@pytest.mark.parametrize("name", NAMES)
def test_values_keep_their_dtypes(name):
    for dtype in ("float64", "float32"):
        inputs = {"x": X.astype(dtype), "w": WEIGHT.astype(dtype)}
        got = framework(name).values(problem(name).at(inputs))
        np.testing.assert_allclose(got["y"], 2 * np.sin(X) ** 2 @ WEIGHT, rtol=1e-6)
        assert got["y"].dtype == dtype
        assert got["n"].dtype.kind == "i"


@pytest.mark.parametrize("name", NAMES)
def test_first_derivatives_are_those_of_the_formula(name):
    slope = 2 * np.sin(2 * X) * WEIGHT
    pulled = framework(name).vjp(problem(name), {"y": COTANGENT})
    np.testing.assert_allclose(pulled["x"], slope * COTANGENT[:, None], rtol=1e-13)
    pushed = framework(name).jvp(problem(name), {"x": X})
    assert set(pushed) == {"y"}
    np.testing.assert_allclose(pushed["y"], np.sum(slope * X, axis=1), rtol=1e-13)


@pytest.mark.parametrize("name", NAMES)
def test_second_derivatives_are_those_of_the_formula(name):
    second = framework(name).hvp(problem(name), {"y": COTANGENT}, {"x": X})
    expected = 4 * np.cos(2 * X) * WEIGHT * COTANGENT[:, None] * X
    np.testing.assert_allclose(second["x"], expected, rtol=1e-13)


@pytest.mark.parametrize("name", NAMES)
def test_an_output_that_does_not_depend_on_the_input_has_zero_derivatives(name):
    xp = module_of(name)

    def constant(x, w, scale):
        return w * scale, xp.asarray([3])

    at = problem(name, function=constant)
    np.testing.assert_array_equal(framework(name).vjp(at, {"y": COTANGENT})["x"], 0 * X)
    second = framework(name).hvp(at, {"y": COTANGENT}, {"x": X})
    np.testing.assert_array_equal(second["x"], 0 * X)


@pytest.mark.parametrize("name", NAMES)
def test_a_linear_function_has_zero_second_derivatives(name):
    xp = module_of(name)

    def linear(x, w, scale):
        return x @ w * scale, xp.asarray([3])

    at = problem(name, function=linear)
    np.testing.assert_array_equal(
        framework(name).hvp(at, {"y": COTANGENT}, {"x": X})["x"], np.zeros_like(X)
    )


@pytest.mark.parametrize("name", NAMES)
def test_empty_arrays_have_empty_derivatives(name):
    at = problem(name, x=np.zeros((0, 2)))
    assert framework(name).values(at)["y"].shape == (0,)
    assert framework(name).vjp(at, {"y": np.zeros(0)})["x"].shape == (0, 2)


TEXTS = {
    "torch": "import torch as xp\nsoftmax = lambda z: xp.softmax(z, -1)",
    "jax": "import jax, jax.numpy as xp\nsoftmax = lambda z: jax.nn.softmax(z, axis=-1)",
    "autograd": """
import autograd.numpy as xp
def softmax(z):  # the derivative of its max is float64
    return xp.exp(z) / xp.sum(xp.exp(z), axis=-1, keepdims=True)
""",
    "numpy": "import numpy as xp, scipy.special\nsoftmax = lambda z: scipy.special.softmax(z, -1)",
}
POOL = """
from refimpl.conformance import implements
{imports}

@implements("toy.soft_pool", framework="{name}")
def pool(x, *, steepness, distance):
    gap = x[..., :, None] - x[..., None, :]
    weights = softmax(-steepness * (abs(gap) if distance == "l1" else gap * gap))
    return (weights @ x[..., None])[..., 0], weights
"""


@pytest.mark.parametrize("name", [n for n in NAMES if n.values[0] != "refimpl"])
def test_a_right_implementation_passes_all_levels(check, name):
    options = () if name == "torch" else ("--max-cases", "6")
    status, out, _ = check(*options, text=POOL.format(imports=TEXTS[name], name=name))
    assert status == 0, out


def test_numpy_without_a_derivative_is_compared_by_values_only(check):
    status, out, _ = check(text=POOL.format(imports=TEXTS["numpy"], name="numpy"))
    assert status == 0
    assert "toy.soft_pool: no derivative given (pass vjp= to @implements)" in out


GRADIENT = """
def gradient(cotangents, x, steepness, distance):
    from refimpl import autograd as ag
    from refimpl.spec import find
    params = {"steepness": steepness, "distance": distance}
    _, pull = ag.vjp(lambda x: find("toy.soft_pool").function(x, **params), x)
    return RETURNED
"""


PULLED = "pull(tuple(cotangents.values()))[0]"


def with_gradient(returned):
    """The NumPy implementation with a `vjp=` that returns that expression."""
    text = POOL.format(imports=TEXTS["numpy"], name="numpy")
    marked = text.replace('framework="numpy"', 'framework="numpy", vjp=gradient')
    return GRADIENT.replace("RETURNED", returned) + marked


@pytest.mark.parametrize("returned", [PULLED, f"({PULLED},)", f"{{'x': {PULLED}}}"])
def test_numpy_with_a_vjp_is_compared_by_it(check, returned):
    status, out, _ = check("--level", "vjp,jvp", text=with_gradient(returned))
    assert status == 0, out
    assert "no derivative given" not in out
    assert "no forward mode" in out


@pytest.mark.parametrize(
    "returned, words",
    [
        (f"-{PULLED}", "every element has the opposite sign"),
        ("{}", "vjp returned no gradient for x"),
        ("(1.0, 2.0)", "vjp returned 2 gradients, expected 1: x"),
    ],
)
def test_a_wrong_vjp_of_a_numpy_function_is_described(check, returned, words):
    status, out, _ = check("--level", "vjp", text=with_gradient(returned))
    assert status == 1
    assert words in spaces(out)


def test_forward_mode_without_derivatives_is_unsupported():
    with pytest.raises(Unsupported, match="NumPy has no derivatives"):
        framework("numpy").jvp(problem("refimpl"), {"x": X})


LIBRARY = NAMES[-1:]


@pytest.mark.parametrize("name", LIBRARY)
def test_a_rule_that_hips_autograd_lacks_is_unsupported(name):
    xp = module_of(name)

    def smallest_first(x, w, scale):
        return xp.take(x, [1, 0], axis=1) @ w * scale, xp.asarray([3])

    at = problem(name, function=smallest_first)
    assert framework(name).values(at)["y"].shape == (2,)
    for derivative in (
        lambda: framework(name).vjp(at, {"y": COTANGENT}),
        lambda: framework(name).jvp(at, {"x": X}),
        lambda: framework(name).hvp(at, {"y": COTANGENT}, {"x": X}),
    ):
        with pytest.raises(Unsupported, match="HIPS autograd has no rule: VJP of take"):
            derivative()


@pytest.mark.parametrize("name", LIBRARY)
def test_without_a_forward_rule_the_pull_back_is_differentiated(name):
    from autograd.extend import defvjp, primitive

    xp = module_of(name)
    cube = primitive(lambda x: x**3)
    defvjp(cube, lambda y, x: lambda g: 3 * x**2 * g)
    at = problem(name, function=lambda x, w, scale: (cube(x) @ w * scale, xp.asarray([3])))
    pushed = framework(name).jvp(at, {"x": X})["y"]
    np.testing.assert_allclose(pushed, 6 * X**3 @ WEIGHT, rtol=1e-13)


@pytest.mark.parametrize("name", LIBRARY)
@pytest.mark.parametrize(
    "function, words",
    [
        (
            lambda x, w, scale: (1.0, np.asarray([3])),
            "output y is of type float, expected a NumPy array",
        ),
        (lambda x, w, scale: (x.__imul__(2) @ w, np.asarray([3])), "wrote to its input x"),
    ],
)
def test_hips_functions_return_arrays_and_leave_their_inputs(name, function, words):
    with pytest.raises((TypeError, ValueError), match=words):
        framework(name).values(problem(name, function=function))


def test_hips_autograd_has_no_devices():
    assert framework("autograd").missing("cuda") == "HIPS autograd has no device 'cuda'"


@pytest.mark.parametrize("name", LIBRARY)
def test_hips_autograd_is_found_from_the_root_of_a_checkout(name):
    root = Path(refimpl.autograd.__file__).resolve().parents[1]
    if root.name == "refimpl":
        pytest.skip("needs a checkout")
    code = (
        "from refimpl.conformance.frameworks import on_autograd as on; print(on.missing()); "
        "print(on.library().grad(lambda x: x * x)(3.0)); import autograd.numpy"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=True
    )
    assert done.stdout.split() == ["None", "6.0"]
