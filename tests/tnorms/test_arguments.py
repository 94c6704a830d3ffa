"""Names, parameters and arrays that are refused, and those that are understood."""

import math

import numpy as np
import pytest

from refimpl.tnorms import (
    ALIASES,
    FAMILIES,
    from_generator,
    generator,
    t_conorm,
    t_conorm_reduce,
    t_norm,
    t_norm_reduce,
)

HALF = np.array([0.5, 0.25])
CALLS = {
    "t_conorm": lambda name, **p: t_conorm(HALF, HALF, name, **p),
    "t_norm": lambda name, **p: t_norm(HALF, HALF, name, **p),
    "t_conorm_reduce": lambda name, **p: t_conorm_reduce(HALF, name, **p),
    "t_norm_reduce": lambda name, **p: t_norm_reduce(HALF, name, **p),
    "generator": lambda name, **p: generator(HALF, name, **p),
    "from_generator": lambda name, **p: from_generator(HALF, name, **p),
}
every_call = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)


def test_the_families_come_in_the_order_of_gendrs_numbers():
    assert list(FAMILIES) == [
        "hard", "max", "probabilistic", "einstein", "hamacher", "frank", "yager", "aczel_alsina",
        "dombi", "schweizer_sklar",
    ]  # fmt: skip
    assert all(family.name == name for name, family in FAMILIES.items())
    assert all(target in FAMILIES for target, _ in ALIASES.values())


@every_call
@pytest.mark.parametrize(
    "name, p, error, message",
    [
        ("probabilistc", None, ValueError, "hard, max, .*did you mean 'probabilistic'"),
        ("", None, ValueError, "name: expected one of .*lukasiewicz.*; got ''"),
        (None, None, ValueError, "name: expected one of .*got None"),
        (7, None, ValueError, "name: expected one of .*got 7"),
        ("hamacher", None, ValueError, "p: 'hamacher' needs a parameter p >= 0, got none"),
        ("frank", None, ValueError, "p: 'frank' needs a parameter p > 0"),
        ("probabilistic", 2.0, ValueError, "p: 'probabilistic' has no parameter, got 2.0"),
        ("lukasiewicz", 2, ValueError, "p: 'lukasiewicz' has no parameter.*family is 'yager'"),
        ("hamacher", -0.5, ValueError, "p: 'hamacher' needs a finite p >= 0; got -0.5"),
        ("hamacher", math.inf, ValueError, "p: 'hamacher' needs a finite p >= 0; got inf"),
        ("frank", -1, ValueError, r"p: 'frank' .*p > 0, or the limits 0 \(max\), 1 \(prob"),
        ("yager", 0, ValueError, r"p: 'yager' needs a finite p > 0, or the limits inf \(max\)"),
        ("dombi", 0.0, ValueError, "p: 'dombi' needs a finite p > 0.*got 0.0"),
        ("aczel_alsina", -2, ValueError, "p: 'aczel_alsina' needs a finite p > 0.*got -2"),
        ("schweizer_sklar", 1.0, ValueError, "p: 'schweizer_sklar' needs a finite p < 0.*got 1.0"),
        ("yager", math.nan, ValueError, "p: expected a number, got nan"),
        ("yager", "2", TypeError, "p: expected a number, got '2'"),
        ("yager", [2.0], TypeError, r"p: expected a number, got \[2.0\]"),
        ("yager", True, TypeError, "p: expected a number, got True"),
    ],
)
def test_bad_names_and_parameters_are_refused_by_name(call, name, p, error, message):
    with pytest.raises(error, match=message):
        call(name, **({} if p is None else {"p": p}))


@pytest.mark.parametrize("name, p", [("max", None), ("hard", None), ("yager", math.inf)])
def test_a_family_without_generator_says_what_to_use_instead(name, p):
    for f in (generator, from_generator):
        with pytest.raises(ValueError, match=f"{name!r} has no additive generator; use t_conorm_r"):
            f(HALF, name, p=p)


@pytest.mark.parametrize(
    "values, error, message",
    [
        (np.array([True]), TypeError, "expected real numbers, got .* bool"),
        ("0.5", TypeError, "expected an array of real numbers, got str"),
        ([[0.1], [0.1, 0.2]], ValueError, "got a ragged list"),
        (1j, TypeError, "expected an array of real numbers"),
    ],
)
def test_bad_arrays_are_refused_by_name(values, error, message):
    with pytest.raises(error, match=f"a: {message}"):
        t_conorm(values, HALF)
    with pytest.raises(error, match=f"b: {message}"):
        t_norm(HALF, values)
    with pytest.raises(error, match=f"values: {message}"):
        t_conorm_reduce(values)


def test_axes_and_complements_are_checked():
    for axis in (2, -3):
        with pytest.raises(ValueError, match="axis: "):
            t_conorm_reduce(np.zeros((2, 3)), axis=axis)
    with pytest.raises(TypeError, match=r"axis: expected a whole number, got 0\.5"):
        t_conorm_reduce(HALF, axis=0.5)
    with pytest.raises(ValueError, match="values: expected at least 1 axes, got shape"):
        t_conorm_reduce(0.5)
    with pytest.raises(ValueError, match=r"complement: expected the shape of values, \(2,\), got"):
        t_conorm_reduce(HALF, complement=np.zeros(3))


def test_shapes_broadcast_and_numbers_follow_the_array():
    assert t_conorm(np.zeros((2, 1)), np.zeros(3), "dombi", p=2).shape == (2, 3)
    assert t_conorm(np.zeros((0, 1)), np.zeros(3), "frank", p=2).shape == (0, 3)
    single = np.array([0.5], np.float32)
    for found in (t_conorm(single, 0.5), t_norm(0.5, single), t_conorm(single, 0, "yager", p=2)):
        assert found.dtype == np.float32
    assert t_conorm(0.5, 0.5) == 0.75
    assert t_conorm([0, 1], [0, 0]).dtype == np.float64


def test_whole_number_parameters_are_numbers_too():
    assert t_conorm(HALF, HALF, "yager", p=2)[0] == t_conorm(HALF, HALF, "yager", p=2.0)[0]
    assert t_conorm(HALF, HALF, "yager", p=np.float32(2))[0] == pytest.approx(math.sqrt(0.5))
