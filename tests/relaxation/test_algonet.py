"""Smooth WHILE programs against the discrete ones, sorting, median, and the two networks."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refimpl import autograd as ag
from refimpl.autograd.numerics import check_grads
from refimpl.relaxation.algonet import networks
from refimpl.relaxation.algonet.renderer import smooth_renderer
from refimpl.relaxation.algonet.smooth import smooth_sort, soft_maximum, soft_median
from refimpl.relaxation.algonet.while_programs import smooth_iteration, while_program
from refimpl.relaxation.programs.silhouette import silhouette

PRODUCT = (
    "while x2 != 0 do x3 := x1; while x3 != 0 do x0 := x0 + 1; x3 := x3 - 1 done; x2 := x2 - 1 done"
)
FACTORIAL = """
    x0 := 1; y := x1 - 1;
    while x1 != 0 do
        z := x0; x0 := 0; k := x1;
        while k != 0 do
            i := z;
            while i != 0 do x0 := x0 + 1; i := i - 1 done;
            k := k - 1
        done;
        x1 := x1 - 1
    done
"""


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=3))
@settings(max_examples=10)
def test_a_while_program_computes_its_function_in_the_limit(pairs):
    a, b = np.array(pairs, float).T
    for options in ({"beta": math.inf}, {"beta": 60.0}, {"beta": 60.0, "truncate": False}):
        found = while_program(PRODUCT, ("x1", "x2"), **options)(a, b)
        np.testing.assert_allclose(found, a * b, atol=1e-6)


def test_three_nested_loops():
    n = np.array([0.0, 1.0, 3.0, 4.0])
    found = while_program(FACTORIAL, ("x1",), beta=math.inf)(n)
    np.testing.assert_array_equal(found, [math.factorial(int(k)) for k in n])


def test_subtraction_stops_at_zero():
    found = while_program("x0 := x1 - 3", ("x1",), beta=60.0)(np.array([1.0, 3.0, 5.0]))
    np.testing.assert_allclose(found, [0, 0, 2], atol=1e-9)


def test_a_smooth_program_has_the_derivatives_of_its_rounds():
    program = while_program(
        PRODUCT, ("x1", "x2"), beta=2.0, epsilon=0.0, max_iter=4, compatible=True
    )
    check_grads(program, (np.array([1.3]), np.array([1.8]))).raise_if_failed()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x := ", "expected more, got the end"),
        ("while x != 1 do x := 0 done", "expected 0, got '1'"),
        ("x := y z := 1", "'z' after its end"),
        ("do := 1", "expected a variable"),
        ("x := y * 2", r"'.* 2'"),
    ],
)
def test_texts_that_are_no_programs(text, message):
    with pytest.raises(SyntaxError, match=message):
        while_program(text, ("y",))


@given(st.lists(st.integers(-20, 20), min_size=1, max_size=7))
@settings(max_examples=20)
def test_sort_median_and_maximum_in_the_limit(values):
    x = np.array(values, float)
    for method in ("odd_even", "bubble"):
        found = smooth_sort(x, beta=1e3, method=method)
        np.testing.assert_allclose(found, np.sort(x), atol=1e-6)
    assert soft_maximum(x, beta=1e3) == pytest.approx(np.max(x))
    distinct = np.unique(x)
    if len(distinct) % 2:
        assert soft_median(distinct, beta=1e3) == pytest.approx(np.median(distinct))


def test_iteration_is_exact_at_whole_numbers():
    found = smooth_iteration(np.array([0.0, 5.0]), lambda s: 2 * s, np.ones(2), beta=80.0)
    np.testing.assert_allclose(found, [1, 32], rtol=1e-9)


def test_the_renderer_shows_a_triangle_however_far_behind_the_others_it_is():
    left = np.array([[-1.0, -1.0], [0.5, -1.0], [0.5, 3.0]])
    right = (left * [-1, 1] + [1, 0])[::-1]
    colours = np.array([[1.0, 0.0], [0.0, 1.0]])
    t, depth = np.stack([left, right]), np.array([1.0, 1e4])
    image = smooth_renderer(t, depth, colours, height=1, width=2, beta=1e5)
    near, far = image[0, 0], image[0, 1]
    np.testing.assert_allclose(near, [1, 0], atol=1e-6)
    np.testing.assert_allclose(far, [0, 1], atol=1e-6)


@pytest.mark.parametrize("corners", [[[0.5, 0.5]] * 3, [[0.1, 0.1], [0.1, 0.1], [0.9, 0.2]]])
def test_triangles_with_an_edge_of_length_0_are_drawn_in_numbers(corners):
    t = np.array([corners])

    def pictures(t):
        image = smooth_renderer(t, np.ones(1), np.ones((1, 1)), height=3, width=3)
        return ag.array_namespace(t).sum(image), silhouette(t, height=3, width=3)

    (total, cover), pull = ag.vjp(pictures, t)
    assert np.isfinite(total)
    assert np.all((cover >= 0) & (cover <= 0.5))
    assert np.all(np.isfinite(pull((1.0, np.ones_like(cover)))[0]))


def test_the_renderer_shows_the_nearest_triangle():
    t = np.array([[[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]] * 2)
    colours = np.eye(2)
    image = smooth_renderer(t, np.array([0.5, 1.0]), colours, height=2, width=2, beta=1e4, gamma=99)
    np.testing.assert_allclose(image[0, 0], [1, 0], atol=1e-6)
    white = smooth_renderer(t[:1], np.ones(1), np.ones((1, 1)), height=4, width=4, gamma=60.0)
    np.testing.assert_allclose(white[..., 0] > 0.5, silhouette(t[:1], height=4, width=4) > 0.5)


def train(loss, parameters, steps, rate):
    step = ag.value_and_grad(loss)
    losses = []
    for _ in range(steps):
        value, gradient = step(parameters)
        losses.append(float(value))
        parameters = ag.tree_map(lambda p, g: p - rate * g, parameters, gradient)
    return losses


def test_a_forward_algonet_trains():
    rng = ag.Generator(0)
    parameters = networks.forward_parameters(rng, inputs=3, scores=3, outputs=1)
    x = rng.normal((64, 3))
    target = np.sort(x, axis=-1)[:, 1:2]  # the median

    def loss(parameters):
        y = networks.forward_network(parameters, x)
        return ag.array_namespace(y).mean((y - target) ** 2)

    losses = train(loss, parameters, 150, 0.2)
    assert losses[-1] < 0.2 * losses[0]


def test_a_backward_algonet_finds_the_triangle_behind_an_image():
    rng = ag.Generator(1)
    hidden = np.array([[0.4, 0.55, 0.3], [0.6, 0.45, 0.2], [0.5, 0.6, 0.25]])
    x, y, r = hidden.T
    corners = [np.stack(c, axis=-1) for c in ((x - r, y - r), (x + r, y - r), (x, y + r))]
    images = networks.render(np.stack(corners, axis=-2)[:, None], 8, 30.0)
    parameters = networks.backward_parameters(rng, pixels=64, hidden=8)
    losses = train(lambda p: networks.backward_loss(p, images), parameters, 150, 1.0)
    assert losses[-1] < 0.2 * losses[0]
