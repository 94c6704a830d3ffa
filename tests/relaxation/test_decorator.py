"""@relaxed: syntax, errors with lines, batches, derivatives; limits are in test_classics."""

import inspect
import math

import numpy as np
import pytest

from refimpl import autograd as ag
from refimpl.autograd.numerics import check_grads
from refimpl.relaxation.conditions import greater, less
from refimpl.relaxation.decorator import relaxed
from refimpl.relaxation.transform import RelaxationError

SCALE = 3.0


def refused(function, line, reason):
    """The decorator refuses the function, naming this file and the line that holds `line`."""
    lines, first = inspect.getsourcelines(function)
    at = first + next(k for k, text in enumerate(lines) if line in text)
    with pytest.raises(RelaxationError, match=rf"test_decorator\.py:{at}: .*{reason}"):
        relaxed(beta=1.0)(function)


def test_try_is_refused():
    def f(x):
        y = x
        try:
            y = x + 1
        except ValueError:
            y = x - 1
        return y

    refused(f, "try:", "try")


def test_recursion_is_refused():
    def f(x):
        if x > 1:
            return f(x - 1)
        return x

    refused(f, "return f(", "recursion")


def test_break_inside_nested_loops_is_refused():
    def f(x):
        for i in range(3):
            for _ in range(2):
                if x[i] > 0:
                    break
        return x

    refused(f, "break", "break inside nested loops")


def test_return_inside_a_loop_is_refused():
    def f(x):
        for i in range(3):
            if x[i] > 0:
                return i
        return 0

    refused(f, "return i", "return inside a loop")


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("with x: pass", "with"),
        ("raise ValueError", "raise"),
        ("assert x > 0", "assert"),
        ("del x", "del"),
        ("import os", "import inside"),
        ("def g(): pass", "def inside"),
        ("class A: pass", "class inside"),
        ("y = yield x", "yield"),
        ("y = (z := x)", "':='"),
        ("a, *b = x", r"assignment to \*b"),
        ("x.field = 1", "assignment to x.field"),
        ("y = abs(*x)", "starred"),
        ("y = dict(**x)", "write the arguments"),
        ("for i in x: pass\n    else: y = 1", "else after a loop"),
        ("global y", "global"),
        ("match x:\n        case 1: pass", "match"),
    ],
)
def test_what_has_no_relaxation_is_refused(statement, reason, tmp_path):
    source = tmp_path / "program.py"
    source.write_text(f"def f(x):\n    {statement}\n    return x\n", encoding="utf-8")
    namespace = {}
    exec(compile(source.read_text(encoding="utf-8"), str(source), "exec"), namespace)
    with pytest.raises(RelaxationError, match=rf"program\.py:[234]: .*{reason}"):
        relaxed()(namespace["f"])


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("x[0] // 2", "// of a relaxed number"),
        ("x[0] % 2", "% of a relaxed number"),
        ("int(x[0])", r"int\(\) of a relaxed number"),
        ("x if x[0] else x", "no comparison: .*truth values"),
        ("[v for v in x if v > 0]", "in a comprehension"),
        ("x[0] in x", "'in' with a relaxed value"),
        ("range(0, x[0], 2)", "the step must be 1 or -1"),
        ("x[0, 1]", "reading an element"),
        ("x.argsort()", r"\.argsort"),
    ],
)
def test_errors_of_the_run_name_the_line(body, reason, tmp_path):
    source = tmp_path / "program.py"
    source.write_text(f"def f(x):\n    y = 1\n    return {body}\n", encoding="utf-8")
    namespace = {}
    exec(compile(source.read_text(encoding="utf-8"), str(source), "exec"), namespace)
    with pytest.raises(RelaxationError, match=rf"program\.py:3: .*{reason}"):
        relaxed()(namespace["f"])(np.array([2.0, 3.0]))


def test_a_variable_of_one_branch_has_no_value_afterwards():
    @relaxed()
    def f(x):
        if x > 0:
            y = 1.0
        return y

    with pytest.raises(RelaxationError, match="'y' has no value here: only one branch"):
        f(np.array(0.3))


def test_a_variable_of_a_relaxed_loop_has_no_value_afterwards():
    @relaxed()
    def f(x):
        while x > 0:
            y = x
            x = x - 1
        return y

    with pytest.raises(RelaxationError, match=r"only the loop in line \d+ assigns it"):
        f(np.array(1.3))


def test_a_branch_that_returns_and_one_that_does_not():
    @relaxed(beta=2.0)
    def f(x):
        if x > 1:
            return 2 * x
        x = x + 1
        if x > 1:
            return x
        return -x

    x = np.array(0.4)
    p = greater(x, 1.0, beta=2.0)
    q = greater(x + 1, 1.0, beta=2.0)
    inner = q * (x + 1) - (1 - q) * (x + 1)
    assert f(x) == pytest.approx(p * 2 * x + (1 - p) * inner, rel=1e-12)


def test_continue_and_break_are_exact():
    def program(x):
        total, last = 0.0, -1
        for i in range(len(x)):
            if x[i] > 5:
                break
            if x[i] < 0:
                continue
            total = total + x[i]
            last = i
        return total, last

    soft = relaxed(beta=math.inf)(program)
    for x in ([1.0, -2.0, 3.0, 9.0, 4.0], [9.0, 1.0], [-1.0], [1.0, 2.0]):
        total, last = soft(np.array(x))
        assert (total, last) == program(x)


def test_a_while_loop_with_break():
    def program(x):
        count = 0
        while True:
            if x < 1:
                break
            x = x / 2
            count += 1
        return count

    soft = relaxed(beta=math.inf)(program)
    for x in (0.5, 1.5, 100.0):
        assert soft(np.array(x)) == program(x)


def test_chains_boolean_operators_and_conditional_expressions():
    def program(a, b):
        inside = 1.0 if -1 < a < 1 and not b > 2 else 0.0
        return inside + (3.0 if a > 1 or b > 2 else 0.0)

    soft = relaxed(beta=4.0)(program)
    a, b = np.array(0.7), np.array(1.2)
    p = less(-1.0, a, beta=4.0) * less(a, 1.0, beta=4.0) * (1 - greater(b, 2.0, beta=4.0))
    u, v = greater(a, 1.0, beta=4.0), greater(b, 2.0, beta=4.0)
    assert soft(a, b) == pytest.approx(p + 3 * (u + v - u * v), rel=1e-12)


@pytest.mark.parametrize("n", [0, 7])
def test_and_and_or_of_exact_values_give_the_value_that_decides(n):
    @relaxed(beta=20.0)
    def f(x, n):
        k = n or 3
        m = n and 5
        none = None or n
        return x[0] * k + 10 * m + 100 * none

    x = np.array([2.0])
    assert f(x, n) == f.discrete(x, n)


def test_and_and_or_stop_at_the_exact_value_that_decides():
    @relaxed(beta=5.0)
    def f(x, i):
        a = 1.0 if i < len(x) and x[i] > 0.5 else 0.0
        b = 1.0 if i >= len(x) or x[i] > 0.5 else 0.0
        return a + 2 * b

    x = np.array([0.0, 1.0])
    p = greater(x[1], 0.5, beta=5.0)
    assert f(x, 1) == pytest.approx(3 * p)
    assert f(x, 2) == 2.0


def test_comprehensions_and_defaults_are_evaluated_where_their_names_are_not_bound():
    @relaxed(beta=20.0)
    def f(x):
        y = [1.0, 2.0]
        y = [y * 2 for y in y if y > 1]
        s = 3.0
        scaled = lambda v, s=s: v * s  # noqa: E731
        return scaled(x[0]) + y[0]

    x = np.array([5.0])
    assert f(x) == f.discrete(x) == 19.0


def test_calls_lists_and_numpy():
    def program(x, n):
        d = np.full(n, np.inf)
        d[0] = 0.0
        rows = [[float(i + j) for j in range(2)] for i in range(2)]
        rows[1][0] = x[0]
        seen = []
        for k, v in enumerate(x):
            seen.append(math.sqrt(v) + k)
            d[k] = min(d[k], v)
        return d, rows[1][0] + rows[0][1], sum(seen), max(seen), np.minimum(x[0], x[1])

    x = np.array([4.0, 1.0, 2.25])
    found, wanted = relaxed(beta=math.inf)(program)(x, 4), program(x, 4)
    np.testing.assert_array_equal(found[0][:3], wanted[0][:3])
    assert found[0][3] == 1e6  # `big` for infinity
    assert tuple(map(float, found[1:])) == tuple(map(float, wanted[1:]))


def test_range_with_bounds_from_data():
    def program(n):
        total = 0
        for i in range(n):
            total += i
        for i in range(n, 0, -1):
            total += i
        return total

    for n in (0.0, 1.0, 4.0):
        assert relaxed(beta=60.0)(program)(np.array(n)) == pytest.approx(program(int(n)), abs=1e-5)


def test_a_relaxed_index_reads_and_writes():
    def program(x, i):
        x[i] = x[i + 1]
        return x

    soft = relaxed(beta=60.0)(program)
    np.testing.assert_allclose(soft(np.array([1.0, 2.0, 4.0]), np.array(1.0)), [1, 4, 4])
    halfway = soft(np.array([1.0, 2.0, 4.0]), np.array(0.5))
    np.testing.assert_allclose(halfway, [2, 2.5, 4], atol=1e-6)


def test_globals_closures_defaults_and_keywords():
    offset = 2.0

    @relaxed(beta=5.0)
    def f(x, factor=SCALE):
        return x * factor + offset

    assert f(np.array(1.0)) == 5.0
    assert f(factor=2.0, x=np.array(1.0)) == 4.0
    assert f.discrete(1.0) == 5.0
    assert "_rt" in relaxed()(less_than_one).source


def less_than_one(x):
    return 1.0 if x < 1 else 0.0


def test_arithmetic_in_a_batch_matches_axes_from_the_right():
    @relaxed(beta=1e3, batch_axes=1)
    def f(M, v, s):
        w = np.zeros(2)
        w[1] = s
        for i in range(2):
            if M[i, 0] > 0:
                M[i] = M[i] * s + v
        return M + w[1]

    rng = np.random.default_rng(0)
    M, v, s = rng.normal(size=(3, 2, 4)), rng.normal(size=(3, 4)), rng.normal(size=3)
    found = f(M, v, s)
    for k in range(3):
        np.testing.assert_allclose(found[k], f.with_options(batch_axes=0)(M[k], v[k], s[k]))


def test_other_laws_and_hard_decisions():
    @relaxed(beta=2.0)
    def f(x):
        y = 0.0
        if x > 0:
            y = x * x
        return y

    x = np.array(0.3)
    for law in ("cauchy", "gaussian", "gumbel_max"):
        p = greater(x, 0.0, beta=2.0, distribution=law)
        assert f.with_options(distribution=law)(x) == pytest.approx(p * x * x)
    hard = f.with_options(hard=True)
    assert hard(x) == pytest.approx(0.09)
    assert ag.grad(hard)(x) == pytest.approx(0.6)


def test_long_loops_with_checkpoints_have_the_same_derivatives():
    def program(x):
        y = x
        for i in range(40):
            if y > 1:
                y = y * 0.9
            y = y + 0.01 * i * x
        while y > 0.5:
            y = y * 0.8 - 0.01 * x
        return y

    plain = relaxed(beta=3.0, epsilon=1e-12)(program)
    x = np.array([0.4, 1.3])
    wanted = ag.vjp(plain.with_options(batch_axes=1), x)
    found = ag.vjp(plain.with_options(batch_axes=1, checkpoint=7), x)
    np.testing.assert_allclose(found[0], wanted[0], rtol=1e-12)
    g = np.array([0.3, -1.0])
    np.testing.assert_allclose(found[1](g)[0], wanted[1](g)[0], rtol=1e-9)
    check_grads(plain.with_options(batch_axes=1), x, rtol=1e-6).raise_if_failed()


def test_float32_stays_float32():
    @relaxed(beta=2.0)
    def f(x):
        count = 0
        for i in range(1, len(x)):
            if x[i] > x[i - 1]:
                count += 1
        return count * max(x)

    x = np.array([0.1, 0.5, 0.2], dtype=np.float32)
    assert f(x).dtype == np.float32
    assert ag.grad(f)(x).dtype == np.float32


def test_tuples_stay_exact_and_lists_are_relaxed():
    def knapsack(weights, values, capacity):
        best = [0.0] * (capacity + 1)
        for i in range(len(weights)):
            for c in range(capacity, weights[i] - 1, -1):
                best[c] = max(best[c], best[c - weights[i]] + values[i])
        return best[capacity]

    soft = relaxed(beta=math.inf)(knapsack)
    weights, values = (1, 2, 3, 2), [1.0, 2.5, 3.0, 2.0]
    assert soft(weights, values, 5) == knapsack(weights, values, 5)
