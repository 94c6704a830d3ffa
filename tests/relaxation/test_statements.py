"""The statement language: its own rules, its errors; the recorded numbers are in tests/upstream."""

import numpy as np
import pytest

from refimpl.autograd.numerics import check_grads
from refimpl.relaxation import statements as s
from refimpl.relaxation.control import IterationLimitError

x = np.array([0.4, 2.2, 7.0])


def counter(**options):
    loop = s.While(s.LT("n", "x"), s.Let("n", lambda n: n + 1))
    return s.Algorithm(s.Input("x"), s.Var("n", 0.0), loop, s.Output("n"), **options)


def test_rows_end_apart_unless_the_published_rule_is_asked_for():
    for compatible, same in ((False, True), (True, False)):
        program = counter(beta=3.0, epsilon=0.05, compatible=compatible)
        assert (program(x)[0] == program(x[:1])[0]) == same


def test_hard_programs_have_hard_loops_unless_compatible():
    np.testing.assert_array_equal(counter(hard=True, beta=1.0)(x), [1, 3, 7])
    soft = counter(hard=True, beta=1.0, compatible=True)(x)
    np.testing.assert_array_equal(soft, counter(beta=1.0, compatible=True)(x))


def test_a_loop_at_its_limit_is_an_error_unless_compatible():
    with pytest.raises(IterationLimitError):
        counter(max_iter=3)(x)
    assert counter(max_iter=3, compatible=True)(x)[2] == pytest.approx(3)


def test_rows_and_slices_are_written_where_they_belong():
    program = s.Algorithm(
        s.Input("M"),
        s.Input("v"),
        s.Let("M", [1], "v"),
        s.Let("M", [slice(0, 1), 2], 5.0),
        s.Let("M", [None, 0], -1.0),
        s.Output("M"),
    )
    M, v = np.arange(18.0).reshape(2, 3, 3), np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    wanted = M.copy()
    wanted[:, 1] = v
    wanted[:, 0:1, 2] = 5
    wanted[:, :, 0] = -1
    np.testing.assert_array_equal(program(M, v), wanted)


def test_conditions_combine_in_any_number():
    inside = s.GT("x", 0.0) & s.LT("x", 5.0) & ~s.Eq("x", 2.0) | s.GT("x", 6.5)
    branch = s.If(inside, s.Let("r", 1.0))
    program = s.Algorithm(s.Input("x"), s.Var("r", 0.0), branch, s.Output("r"), beta=np.inf)
    np.testing.assert_array_equal(program(np.array([-1.0, 2.0, 3.0, 6.0, 7.0])), [0, 0, 1, 0, 1])


def test_other_laws():
    program = counter(distribution="gaussian", beta=2.0, epsilon=0.0, max_iter=6, compatible=True)
    check_grads(program, x).raise_if_failed()


@pytest.mark.parametrize(
    ("parts", "error", "message"),
    [
        ([s.Let("y", 1.0)], NameError, "no variable is called 'y'; there are x"),
        ([s.Let("x", lambda z: z)], NameError, "'z'"),
        ([s.Let("x", lambda x: x[:, None])], ValueError, r"x has shape \(3,\), the new value"),
        ([s.For("x", 3)], NameError, "exists already"),
        ([s.VarInt("k", 1.5)], TypeError, "expected whole numbers"),
        (
            [s.VarInt("k", 0), s.If(s.GT("x", 1.0), s.LetInt("k", 1))],
            TypeError,
            "different hard variables",
        ),
    ],
)
def test_errors(parts, error, message):
    with pytest.raises(error, match=message):
        s.Algorithm(s.Input("x"), *parts, s.Output("x"))(x)


def test_inputs_are_checked():
    with pytest.raises(TypeError, match="no part of a program"):
        s.Algorithm("x")
    with pytest.raises(TypeError, match="got 2 inputs, expected 1"):
        counter()(x, x)
    with pytest.raises(ValueError, match="expected shape"):
        s.Algorithm(s.Input("x", shape=(2,)), s.Output("x"))(np.ones((3, 4)))


def test_print_shows_an_expression(capsys):
    s.Algorithm(s.Input("x"), s.Print(lambda x: x.shape), s.Output("x"))(x)
    assert capsys.readouterr().out == "(3,)\n"
