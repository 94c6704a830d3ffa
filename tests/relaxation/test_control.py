"""select, cond, while_loop, fori_loop: laws, limits, batches, memory."""

import dataclasses
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refimpl import autograd as ag
from refimpl.autograd.numerics import check_grads
from refimpl.relaxation.conditions import less, not_equal
from refimpl.relaxation.control import (
    IterationLimitError,
    cond,
    exit_weights,
    fori_loop,
    while_loop,
)
from refimpl.relaxation.select import select

p = np.array([0.0, 0.3, 1.0])


@dataclasses.dataclass
class Pair:
    x: object
    label: str = "kept"


def test_select_is_linear_on_every_kind_of_container():
    x, y = np.ones((3, 2)), np.full((3, 2), 5.0)
    wanted = p[:, None] * x + (1 - p[:, None]) * y
    for wrap, unwrap in (
        (lambda v: (v, {"k": [v]}), lambda t: t[1]["k"][0]),
        (lambda v: Pair(v), lambda t: t.x),
    ):
        np.testing.assert_allclose(unwrap(select(p, wrap(x), wrap(y))), wanted)
    assert select(p, Pair(x), Pair(y)).label == "kept"


def test_select_keeps_what_is_equal_and_averages_numbers():
    x = np.ones(3)
    same, number = select(p, (x, 1), (x, 3))
    assert same is x
    np.testing.assert_allclose(number, 3 - 2 * p)
    assert select(p, {"n": 2}, {"n": 2}) == {"n": 2}
    whole = select(p, np.array([1, 1, 1]), np.array([2, 2, 2]))
    np.testing.assert_allclose(whole, 2 - p)


def test_select_names_the_leaf_that_does_not_fit():
    with pytest.raises(TypeError, match=r"\['mode'\].*'a' and 'b' cannot be averaged"):
        select(p, {"mode": "a"}, {"mode": "b"})
    with pytest.raises(ValueError, match=r"\['x'\].*\(3, 1\), more axes than the value"):
        select(p[:, None], {"x": np.ones(3)}, {"x": np.zeros(3)})
    with pytest.raises(ValueError, match="first axes"):
        select(p, np.ones((2, 3)), np.zeros((2, 3)))
    with pytest.raises(ValueError, match="select"):
        select(p, {"x": np.ones(3)}, {"y": np.ones(3)})


def test_cond_runs_one_branch_for_python_truth_and_can_skip_improbable_ones():
    ran = []

    def branch(name, value):
        def run(s):
            ran.append(name)
            return s + value

        return run

    assert cond(True, branch("a", 1), branch("b", 2), 0) == 1
    assert ran == ["a"]
    low = np.array([1e-6, 1e-7])
    found = cond(low, branch("c", 1e3), branch("d", 0.0), np.ones(2), skip=1e-5)
    assert ran == ["a", "d"]
    np.testing.assert_array_equal(found, 1)


def test_hard_cond_takes_the_else_branch_at_one_half():
    found = cond(np.array([0.5, 0.6]), lambda s: s + 1, lambda s: s, np.zeros(2), hard=True)
    np.testing.assert_array_equal(found, [0, 1])


def count_to(limit, **options):
    beta = options.pop("beta", 3.0)
    return while_loop(
        lambda s: less(s["x"], limit, beta=beta),
        lambda s: {"x": s["x"] + 1, "sum": s["sum"] + limit * s["x"]},
        {"x": 0 * limit, "sum": 0 * limit},
        **options,
    )


def test_exit_weights_are_a_distribution_and_give_the_average():
    limit = np.array([0.3, 2.6, 7.1])
    w = exit_weights(lambda x: less(x, limit, beta=3.0), lambda x: x + 1, np.zeros(3))
    assert np.all(w >= 0)
    np.testing.assert_allclose(np.sum(w, axis=0), 1, rtol=1e-12)
    rounds = np.arange(w.shape[0])[:, None]
    np.testing.assert_allclose(np.sum(w * rounds, axis=0), count_to(limit)["x"], rtol=1e-12)


def test_a_loop_of_t_rounds_is_t_nested_conds():
    limit = np.array([0.5, 2.4])

    def nested(x, t):
        if t == 0:
            return x
        return cond(less(x, limit, beta=2.0), lambda x: nested(x + 1, t - 1), lambda x: x, x)

    found = count_to(limit, beta=2.0, max_rounds=4, epsilon=0.0, on_limit="last")["x"]
    np.testing.assert_allclose(found, nested(np.zeros(2), 4), rtol=1e-12)


@given(st.lists(st.floats(-2, 9), min_size=1, max_size=4))
@settings(max_examples=30)
def test_the_limit_is_the_python_loop_for_rows_that_leave_at_different_times(limits):
    limit = np.array(limits)
    found = count_to(limit, beta=np.inf)
    for k, bound in enumerate(limits):
        x = total = 0.0
        while x < bound:
            total += bound * x
            x += 1
        assert found["x"][k] == x
        assert found["sum"][k] == pytest.approx(total)


def test_rows_do_not_depend_on_their_batch_mates():
    limit = np.array([0.4, 3.3, 12.0])
    options = {"epsilon": 0.05}
    together = count_to(limit, **options)
    for k in range(3):
        alone = count_to(limit[k : k + 1], **options)
        np.testing.assert_array_equal(together["sum"][k : k + 1], alone["sum"])
    mixed = count_to(limit, rows="together", **options)["x"][0]
    assert mixed != count_to(limit[:1], rows="together", **options)["x"][0]


def test_what_happens_after_the_exit_does_not_reach_a_row():
    start = np.array([3.0, 1.1])

    def body(x):
        with np.errstate(all="ignore"):
            return x**4

    def escape(start):
        return while_loop(lambda x: less(x, 2.0, beta=20.0), body, start)

    value, gradient = ag.value_and_grad(lambda x: ag.array_namespace(x).sum(escape(x)))(start)
    assert np.isfinite(value)
    assert np.all(np.isfinite(gradient))
    assert escape(start)[0] == pytest.approx(3.0, rel=1e-6)


def test_hard_stop_is_discrete_and_keeps_the_derivative_of_the_body():
    limit = np.array([2.0, 4.0])

    def total(limit):
        return while_loop(
            lambda s: less(s[0], limit, beta=1.0),
            lambda s: (s[0] + 1, s[1] + limit),
            (np.zeros(2), np.zeros(2)),
            stop="hard",
        )[1]

    np.testing.assert_array_equal(total(limit), limit * limit)
    g = ag.grad(lambda x: ag.array_namespace(x).sum(total(x)))(limit)
    np.testing.assert_array_equal(g, limit)


def test_the_limit_of_rounds_is_an_error_that_says_what_to_do():
    with pytest.raises(IterationLimitError, match=r"1 of 2 rows after max_rounds = 5 rounds"):
        count_to(np.array([2.0, 50.0]), max_rounds=5)
    with pytest.raises(IterationLimitError, match="on_limit='last'"):
        while_loop(lambda s: True, lambda s: s + 1, 0, max_rounds=3)
    assert count_to(np.array([50.0]), max_rounds=5, on_limit="last")["x"] == pytest.approx(5)


def test_whole_numbers_stay_whole_in_the_rounds():
    seen = []

    def body(s):
        seen.append(s[1])
        return s[0] + 1, s[1] + 2

    _, average = while_loop(lambda s: less(s[0], 1.5, beta=9.0), body, (np.zeros(1), 0))
    assert all(type(n) is int for n in seen)
    assert average == pytest.approx(4, abs=0.2)


def test_a_python_condition_is_a_python_loop():
    assert while_loop(lambda s: s < 4, lambda s: s + 1, 0) == 4
    assert fori_loop(2, 5, lambda i, s: s + i, 0) == 9


def test_fori_with_bounds_from_data_is_exact_in_the_limit():
    low, high = np.array([0.0, 1.0, 2.0]), np.array([3.0, 1.0, 6.0])
    found = fori_loop(low, high, lambda i, s: s + i, np.zeros(3), beta=60.0)
    np.testing.assert_allclose(found, [3, 0, 14], atol=1e-6)
    check_grads(
        lambda n: fori_loop(
            0, n, lambda i, s: s * 1.1, np.ones(3), beta=2.0, max_rounds=8,
            on_limit="last", epsilon=0.0,
        ),
        high,
    ).raise_if_failed()  # fmt: skip


@pytest.mark.parametrize(("checkpoint", "order"), [(None, 2), (1, 1), (2, 2)])
def test_derivatives_agree_with_differences_with_and_without_checkpoints(checkpoint, order):
    def f(x, y):
        return while_loop(
            lambda s: not_equal(s[0], s[1], beta=0.7),
            lambda s: (s[0] * 0.7, s[1] + 0.1 * s[0] * s[2], s[2]),
            (x, y, x),
            max_rounds=3,
            epsilon=0.0,
            on_limit="last",
            checkpoint=checkpoint,
        )

    arguments = np.array([1.2, 0.4]), np.array([0.3, 0.9])
    check_grads(f, arguments, order=order).raise_if_failed()


def test_checkpoints_change_nothing_but_memory():
    limit = np.array([3.5, 9.2])

    def loss(limit, checkpoint):
        def go_on(s):
            return less(s[0], s[1], beta=3.0)

        def body(s):
            return s[0] + 1, s[1], s[2] + s[1] * s[0], s[3] + 1

        end = while_loop(go_on, body, (np.zeros(2), limit, np.zeros(2), 0), checkpoint=checkpoint)
        return ag.array_namespace(end[2]).sum(end[2] + end[3])

    wanted = ag.value_and_grad(lambda x: loss(x, None))(limit)
    found = ag.value_and_grad(lambda x: loss(x, 4))(limit)
    np.testing.assert_allclose(found[0], wanted[0], rtol=1e-12)
    np.testing.assert_allclose(found[1], wanted[1], rtol=1e-10)


def test_a_thousand_rounds_run_in_bounded_memory_with_checkpoints():
    n = 4000
    x = np.linspace(0.1, 0.9, n)

    def loss(x, checkpoint):
        def go_on(s):
            return less(s[1], 999.5, beta=50.0)

        def body(s):
            return s[0] + 1e-3 * (s[0] - s[0] ** 3), s[1] + 1.0

        count = np.zeros(n)
        end = while_loop(go_on, body, (x, count), max_rounds=1100, checkpoint=checkpoint)
        return ag.array_namespace(end[0]).sum(end[0])

    tracemalloc.start()
    gradient = ag.grad(lambda x: loss(x, 32))(x)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    one_state = 8 * n
    assert np.all(np.isfinite(gradient))
    assert peak < 900 * one_state  # without checkpoints: 7100


def test_float32_stays_float32():
    limit = np.array([2.5, 4.0], dtype=np.float32)
    found = count_to(limit)
    assert found["x"].dtype == found["sum"].dtype == np.float32
    wanted = count_to(limit.astype(np.float64))
    np.testing.assert_allclose(found["sum"], wanted["sum"], rtol=1e-5)
    g = ag.grad(lambda x: ag.array_namespace(x).sum(count_to(x)["sum"]))(limit)
    assert g.dtype == np.float32


def test_options_out_of_range_are_refused():
    for wrong in ({"stop": "sudden"}, {"rows": "all"}, {"on_limit": "warn"}, {"epsilon": -1.0}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            count_to(np.ones(1), **wrong)
