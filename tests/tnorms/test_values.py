"""t-conorms and t-norms: printed values, the axioms, limits in the parameter, and digits."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from norms import MEMBERS, PRINTED, title

from refimpl.tnorms import (
    FAMILIES,
    from_generator,
    generator,
    t_conorm,
    t_conorm_reduce,
    t_norm,
    t_norm_reduce,
)

every_member = pytest.mark.parametrize("name, p", MEMBERS, ids=map(title, MEMBERS))
additive = pytest.mark.parametrize("name, p", MEMBERS[1:], ids=map(title, MEMBERS[1:]))
unit = st.floats(0, 1)
some = settings(max_examples=12)


def S(a, b, name, p):
    return float(t_conorm(np.asarray(a), np.asarray(b), name, p=p))


def T(a, b, name, p):
    return float(t_norm(np.asarray(a), np.asarray(b), name, p=p))


def near(found, right, atol=1e-12):
    np.testing.assert_allclose(found, right, rtol=1e-11, atol=atol)


@pytest.mark.parametrize(
    "name, values",
    [
        ("max", {None: 0.7}), ("probabilistic", {None: 0.82}), ("einstein", {None: 0.859375}),
        ("hamacher", {0: 0.75, 0.5: 0.790698, 1: 0.82, 2: 0.859375}),
        ("frank", {0.5: 0.802796, 2: 0.837526}),
        ("yager", {0.5: 1.0, 2: 0.806226, 10: 0.700259}),
        ("aczel_alsina", {0.5: 0.962494, 2: 0.729601}),
        ("dombi", {0.5: 0.846022, 2: 0.708174}),
        ("schweizer_sklar", {-0.5: 0.776814, -2: 0.721457}),
    ],
)  # fmt: skip
def test_known_values_of_0_4_or_0_7(name, values):
    for p, value in values.items():
        near(S(0.4, 0.7, name, p), value, atol=6e-7)


@every_member
@some
@given(a=st.floats(0.01, 0.99), b=st.floats(0.01, 0.99))
def test_values_are_those_of_the_printed_formula(name, p, a, b):
    np.testing.assert_allclose(S(a, b, name, p), PRINTED[name](a, b, p), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("p", [1e-3, 0.1, 3.0, 50.0])
@pytest.mark.parametrize("name", ["hamacher", "frank", "yager", "aczel_alsina", "dombi"])
def test_values_are_those_of_the_printed_formula_over_the_range_of_p(name, p):
    points = [0.05, 0.3, 0.61, 0.95]
    if name in ("aczel_alsina", "dombi") and p < 0.1:
        points = [0.05]  # elsewhere the formula as printed overflows
        assert S(0.3, 0.61, name, p) == 1.0
    for a, b in itertools.product(points, points):
        try:
            right = PRINTED[name](a, b, p)
        except OverflowError:
            right = 1.0
        np.testing.assert_allclose(S(a, b, name, p), right, rtol=1e-9, atol=1e-12)


# --- axioms -------------------------------------------------------------------------------------


@every_member
@some
@given(a=unit, b=unit)
def test_commutative_to_the_bit(name, p, a, b):
    assert S(a, b, name, p) == S(b, a, name, p)


@every_member
@some
@given(a=unit, b=unit, c=unit)
def test_associative(name, p, a, b, c):
    left, right = S(S(a, b, name, p), c, name, p), S(a, S(b, c, name, p), name, p)
    np.testing.assert_allclose(left, right, rtol=1e-9, atol=1e-9)


@every_member
@some
@given(a=unit, b=unit, c=unit)
def test_monotone(name, p, a, b, c):
    low, high = min(a, b), max(a, b)
    assert S(low, c, name, p) <= S(high, c, name, p) * (1 + 1e-14)


@every_member
@some
@given(a=unit)
def test_zero_is_neutral_and_one_absorbs(name, p, a):
    near(S(a, 0.0, name, p), a, atol=1e-320)
    assert S(a, 1.0, name, p) == 1.0
    near(T(a, 1.0, name, p), a, atol=2e-16)  # 1 - (1 - a)
    assert T(a, 0.0, name, p) == 0.0


TINY = np.finfo(float).tiny


@every_member
@some
@given(a=unit, b=unit)
def test_an_or_is_at_least_the_maximum_and_at_most_one(name, p, a, b):
    least = max(a, b) * (1 - 1e-14) - TINY  # below it, numbers have fewer digits
    assert least <= S(a, b, name, p) <= 1.0
    assert 0.0 <= T(a, b, name, p) <= min(a, b) * (1 + 1e-14) + 3e-16


@every_member
@some
@given(a=unit, b=unit)
def test_the_norm_is_the_de_morgan_dual(name, p, a, b):
    near(T(a, b, name, p), 1 - S(1 - a, 1 - b, name, p))


# --- relations between the families -------------------------------------------------------------

GRID = np.array(list(itertools.product([0.0, 0.03, 0.25, 0.5, 0.7, 0.97, 1.0], repeat=2))).T


@pytest.mark.parametrize(
    "one, other",
    [
        (("hamacher", 1.0), ("probabilistic", None)), (("hamacher", 2.0), ("einstein", None)),
        (("dombi", 1.0), ("hamacher", 0.0)), (("aczel_alsina", 1.0), ("probabilistic", None)),
        (("schweizer_sklar", -1.0), ("hamacher", 0.0)), (("frank", 1.0), ("probabilistic", None)),
        (("frank", 0.0), ("max", None)), (("frank", math.inf), ("bounded_sum", None)),
        (("yager", math.inf), ("max", None)), (("aczel_alsina", math.inf), ("max", None)),
        (("dombi", math.inf), ("max", None)), (("schweizer_sklar", 0.0), ("probabilistic", None)),
        (("schweizer_sklar", -math.inf), ("max", None)), (("yager", 1.0), ("lukasiewicz", None)),
        (("max", None), ("goedel", None)), (("probabilistic", None), ("product", None)),
    ],
)  # fmt: skip
def test_members_that_are_the_same(one, other):
    for f in (t_conorm, t_norm):
        near(f(*GRID, one[0], p=one[1]), f(*GRID, other[0], p=other[1]))


@pytest.mark.parametrize(
    "name, p, limit, atol",
    [
        ("frank", 1 + 1e-6, ("probabilistic", None), 2e-7), ("frank", 1e-300, ("max", None), 2e-3),
        ("frank", 1e300, ("yager", 1.0), 2e-3), ("yager", 1e4, ("max", None), 1e-4),
        ("aczel_alsina", 1e4, ("max", None), 1e-4), ("dombi", 1e4, ("max", None), 1e-4),
        ("schweizer_sklar", -1e-6, ("probabilistic", None), 1e-5),
        ("schweizer_sklar", -1e4, ("max", None), 1e-4), ("hamacher", 1e-9, ("hamacher", 0), 1e-8),
    ],
)  # fmt: skip
def test_limits_in_p_are_approached(name, p, limit, atol):
    found, right = t_conorm(*GRID, name, p=p), t_conorm(*GRID, limit[0], p=limit[1])
    np.testing.assert_allclose(found, right, rtol=0, atol=atol)


def test_aczel_alsina_and_hamacher_come_near_the_drastic_or_at_the_other_end():
    a, b = GRID
    drastic = np.where(np.minimum(a, b) == 0, np.maximum(a, b), 1.0)
    near(t_conorm(a, b, "aczel_alsina", p=1e-3), drastic)
    np.testing.assert_allclose(t_conorm(a, b, "hamacher", p=1e9), drastic, atol=1e-5)


def test_hard_counts_only_what_is_more_than_one_half():
    a, b = np.array([0.5, 0.5, 0.4]), np.array([0.5, 0.5000001, 1.0])
    np.testing.assert_array_equal(t_conorm(a, b, "hard"), [0, 1, 1])
    np.testing.assert_array_equal(t_norm(a, b, "hard"), [1, 1, 0])  # the dual
    np.testing.assert_array_equal(
        t_conorm_reduce(np.array([[0.5, 0.2], [0.1, 0.6]]), "hard"), [0, 1]
    )


# --- digits -------------------------------------------------------------------------------------


@every_member
def test_small_values_are_not_lost_in_one_minus(name, p):
    for tiny in (1e-12, 1e-300):
        found = S(tiny, tiny, name, p)
        p_norm = {"yager", "aczel_alsina", "dombi"}
        right = tiny * 2 ** (1 / p) if name in p_norm else tiny if name == "max" else 2 * tiny
        np.testing.assert_allclose(found, right, rtol=1e-8)


@pytest.mark.parametrize(
    "name, p, right",
    [  # of a = b = 1e-9: with 60 digits
        ("probabilistic", None, 1e-18), ("einstein", None, 5.00000001e-19),
        ("hamacher", 0.0, 5.0000000025e-10), ("hamacher", 0.5, 1.999999996e-18),
        ("frank", 8.0, 2.970630774e-19), ("max", None, 1e-9),
    ],
)  # fmt: skip
def test_small_conjunctions_do_not_cancel(name, p, right):
    np.testing.assert_allclose(T(1e-9, 1e-9, name, p), right, rtol=2e-8)


@every_member
def test_float32_is_kept_and_right(name, p):
    rng = np.random.default_rng(3)
    a, b = rng.uniform(0, 1, (2, 40)).astype(np.float32)
    for f in (t_conorm, t_norm):
        found, right = f(a, b, name, p=p), f(*np.float64([a, b]), name, p=p)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, right, rtol=1e-5, atol=1e-6)
    assert t_conorm_reduce(a, name, p=p).dtype == np.float32


@every_member
def test_nan_gives_nan(name, p):
    for other in (0.0, 0.5, 1.0, math.nan):
        for pair in ((math.nan, other), (other, math.nan)):
            assert math.isnan(S(*pair, name, p))
            assert math.isnan(T(*pair, name, p))


# --- many values --------------------------------------------------------------------------------

lists = st.lists(unit, min_size=1, max_size=9)


@every_member
@some
@given(values=lists)
def test_a_reduction_is_the_operation_from_left_to_right(name, p, values):
    for reduce, two in ((t_conorm_reduce, t_conorm), (t_norm_reduce, t_norm)):
        right = np.asarray(values[0])
        for value in values[1:]:
            right = two(right, np.asarray(value), name, p=p)
        np.testing.assert_allclose(reduce(np.array(values), name, p=p), right, rtol=1e-8, atol=1e-9)


@every_member
@some
@given(values=lists, data=st.data())
def test_a_reduction_does_not_depend_on_the_order(name, p, values, data):
    moved = np.array(data.draw(st.permutations(values)))
    found = t_conorm_reduce(moved, name, p=p)
    np.testing.assert_allclose(found, t_conorm_reduce(np.array(values), name, p=p), rtol=1e-8)


@every_member
@pytest.mark.parametrize("axis", [0, 1, -1, -3])
def test_any_axis_of_any_batch_is_reduced(name, p, axis):
    values = np.random.default_rng(5).uniform(0, 0.3, (2, 5, 3))
    found = t_conorm_reduce(values, name, p=p, axis=axis)
    right = np.apply_along_axis(lambda v: t_conorm_reduce(v, name, p=p), axis, values)
    near(found, right)


def test_nothing_is_false_for_or_and_true_for_and():
    for shape, rest in (((0,), ()), ((2, 0), (2,)), ((0, 0), (0,))):
        np.testing.assert_array_equal(t_conorm_reduce(np.zeros(shape)), np.zeros(rest))
        np.testing.assert_array_equal(t_norm_reduce(np.zeros(shape), "max"), np.ones(rest))
    assert t_conorm_reduce([0.25], "dombi", p=2) == 0.25


@pytest.mark.parametrize("n", [1, 2, 3, 7, 8, 1000])
def test_the_probability_of_any_of_n_events(n):
    b = np.full(n, 0.01)
    near(t_conorm_reduce(b), -math.expm1(n * math.log1p(-0.01)))
    near(t_norm_reduce(1 - b), math.exp(n * math.log1p(-0.01)))


def test_a_complement_that_is_known_better_is_used():
    b, rest = np.array([1.0, 1.0]), np.array([1e-20, 1e-30])
    assert t_norm_reduce(rest, "probabilistic", complement=b) == pytest.approx(1e-50)
    g = generator(b, "probabilistic", complement=rest)
    near(g, [46.051701859880914, 69.07755278982137])
    value, missing = from_generator(np.sum(g), "probabilistic")
    assert value == 1.0
    assert missing == pytest.approx(1e-50, rel=1e-12)


@additive
@some
@given(values=st.lists(st.floats(0, 0.9), min_size=1, max_size=6))
def test_generators_add(name, p, values):
    b = np.array(values)
    total = np.sum(generator(b, name, p=p))
    value, missing = from_generator(total, name, p=p)
    np.testing.assert_allclose(value, t_conorm_reduce(b, name, p=p), rtol=1e-7, atol=1e-9)
    near(value + missing, 1.0)


@additive
def test_generators_rise_from_zero_and_are_inverted(name, p):
    b = np.concatenate([[0.0], np.geomspace(1e-12, 0.5, 20), 1 - np.geomspace(0.49, 1e-6, 20)])
    g = generator(b, name, p=p)
    assert g[0] == 0.0
    assert np.all(np.diff(g) > 0)
    value, missing = from_generator(g, name, p=p)
    np.testing.assert_allclose(value, b, rtol=1e-9)
    np.testing.assert_allclose(missing, 1 - b, rtol=1e-9)
    at_one = generator(np.array([1.0]), name, p=p)
    value, missing = from_generator(at_one, name, p=p)
    assert at_one[0] == (1.0 if name == "yager" else math.inf)
    assert (value[0], missing[0]) == (1.0, 0.0)


def test_every_family_of_the_table_is_tested_here():
    assert {name for name, _ in MEMBERS} == set(FAMILIES) - {"hard"}
