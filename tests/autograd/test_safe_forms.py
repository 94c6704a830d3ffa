"""Values and derivatives where naive formulas overflow, cancel or underflow.

The numbers of the tables were computed with 80 digits (mpmath) from the definitions.
"""

import numpy as np
import pytest

from refimpl import autograd as ag
from refimpl.autograd import array_namespace, grad, hvp

# function -> (argument, value, derivative); the arguments are exact in float32 or far from it
EXACT = {
    "sigmoid": [
        (-800.0, 0.0, 0.0),
        (-30.0, 9.357622968839299e-14, 9.357622968838423e-14),
        (0.0, 0.5, 0.25),
        (30.0, 0.9999999999999064, 9.357622968838423e-14),
        (50.0, 1.0, 1.9287498479639178e-22),
        (800.0, 1.0, 0.0),
    ],
    "softplus": [
        (-800.0, 0.0, 0.0),
        (-40.0, 4.248354255291589e-18, 4.248354255291589e-18),
        (0.0, 0.6931471805599453, 0.5),
        (20.0, 20.000000002061153, 0.9999999979388464),
        (21.0, 21.000000000758256, 0.999999999241744),
        (800.0, 800.0, 1.0),
    ],
    "log_sigmoid": [
        (-800.0, -800.0, 1.0),
        (-21.0, -21.000000000758256, 0.999999999241744),
        (0.0, -0.6931471805599453, 0.5),
        (30.0, -9.357622968839737e-14, 9.357622968839299e-14),
        (700.0, -9.85967654375977e-305, 9.85967654375977e-305),
    ],
    "ndtr": [
        (-37.0, 5.725571222524577e-300, 2.1200065515246056e-298),
        (-10.0, 7.619853024160525e-24, 7.694598626706419e-23),
        (-6.0, 9.86587645037698e-10, 6.075882849823285e-09),
        (0.0, 0.5, 0.3989422804014327),
        (9.0, 1.0, 1.0279773571668915e-18),
    ],
    "log_ndtr": [
        (-1000000.0, -500000000014.73444, 1000000.000001),
        (-1000.0, -500007.82669481216, 1000.000999998),
        (-40.0, -804.6084420137538, 40.02496884720726),
        (-10.0, -53.23128515051247, 10.098093233962512),
        (-1.0, -1.8410216450092636, 1.525135276160981),
        (0.0, -0.6931471805599453, 0.7978845608028654),
        (5.0, -2.866516129637636e-07, 1.4867199409049056e-06),
        (20.0, -2.7536241186062337e-89, 5.520948362159764e-88),
    ],
    "erf": [
        (1e-20, 1.1283791670955125e-20, 1.1283791670955126),
        (0.5, 0.5204998778130465, 0.8787825789354448),
        (6.0, 1.0, 2.617301239249265e-16),
    ],
    "erfc": [
        (-6.0, 2.0, -2.617301239249265e-16),
        (0.0, 1.0, -1.1283791670955126),
        (10.0, 2.088487583762545e-45, -4.197656231354417e-44),
        (26.0, 5.663192408856143e-296, -2.9470349932662697e-294),
    ],
    "erfcx": [
        (-5.0, 144009798674.66104, -1440097986747.7388),
        (0.0, 1.0, -1.1283791670955126),
        (10.0, 0.05614099274382259, -0.0055593122190608565),
        (12.0, 0.046854221014893763, -0.003877862738062271),
        (99.0, 0.0056985939970278705, -5.7555683994211362e-05),
        (150.0, 0.003761180312247992, -2.50734211149949e-05),
        (100000000.0, 5.641895835477562e-09, -5.641895835477562e-17),
    ],
    "logit": [
        (1e-300, -690.7755278982137, 9.999999999999999e299),
        (1e-20, -46.051701859880914, 1e20),
        (0.25, -1.0986122886681098, 5.333333333333333),
        (0.5, 0.0, 4.0),
        (0.9999999990686774, 20.794415415867036, 1073741825.0),
    ],
    "expm1": [
        (-1e-20, -1e-20, 1.0),
        (1e-20, 1e-20, 1.0),
        (-50.0, -1.0, 1.9287498479639178e-22),
    ],
    "log1p": [
        (1e-20, 1e-20, 1.0),
        (-1e-20, -1e-20, 1.0),
        (10000000000.0, 23.025850930040455, 9.999999999e-11),
    ],
    "gammaln": [
        (1e-20, 46.051701859880914, -1e20),
        (0.5, 0.5723649429247001, -1.9635100260214235),
        (2.5, 0.2846828704729192, 0.7031566406452432),
        (10000000000.0, 220258509288.81058, 23.025850929890456),
    ],
    "digamma": [
        (7.62939453125e-06, -131072.57720311513, 17179869185.644917),
        (0.5, -1.9635100260214235, 4.934802200544679),
        (100000000.0, 18.420680738952367, 1.000000005e-08),
    ],
    "sinc": [
        (1e-20, 1.0, -3.289868133696453e-20),
        (7.450580596923828e-09, 0.9999999999999999, -2.4511427683356798e-08),
        (0.015625, 0.9995984531496791, -0.05139180444842791),
        (0.1875, 0.9431653207443821, -0.59571044502313),
        (0.296875, 0.8612004982823328, -0.8943198106607139),
        (0.3125, 0.8469279925033719, -0.932344830348063),
        (1.0, 0.0, -1.0),
        (2.5, 0.12732395447351627, -0.05092958178940651),
    ],
    "tanh": [
        (1e-20, 1e-20, 1.0),
        (3.0, 0.9950547536867305, 0.00986603716544019),
    ],
    "erfinv": [
        (1e-20, 8.86226925452758e-21, 0.886226925452758),
        (0.5, 0.4769362762044699, 1.1125848189719498),
        (-0.984375, -1.7094723742995115, 16.469555590524646),
    ],
}
# Derivatives that are products of numbers near 1: exact to rounding errors of 1, not of themselves.
ABSOLUTE = {"sigmoid", "tanh"}
POINTS = [(name, *point) for name, points in EXACT.items() for point in points]


def operation(name):
    return getattr(ag, name, None) or (lambda x: getattr(array_namespace(x), name)(x))


@pytest.mark.parametrize("name, x, value, derivative", POINTS)
def test_float64_values_and_derivatives_at_extremes(name, x, value, derivative):
    f = operation(name)
    rounding = 2e-13 if name in ("ndtr", "log_ndtr") else 4e-15  # SciPy's
    assert f(np.asarray(x)) == pytest.approx(value, rel=rounding, abs=1e-16 if x == 1.0 else 0.0)
    absolute = 1e-15 if name in ABSOLUTE else 0.0
    with np.errstate(under="ignore"):
        assert grad(f)(x) == pytest.approx(derivative, rel=2e-13, abs=absolute)


@pytest.mark.parametrize("name, x, value, derivative", POINTS)
def test_float32_values_and_derivatives_at_extremes(name, x, value, derivative):
    single = np.float32(x)
    if abs(single - x) > 1e-6 * abs(x) or single == 1 > x or abs(derivative) > 3e38:
        return  # float32 has no such argument or no such answer
    f = operation(name)
    with np.errstate(under="ignore"):
        y, slope = f(np.asarray(single)), grad(f)(single)
    assert (y.dtype, slope.dtype) == (np.float32, np.float32)
    tiny = 2e-38
    assert y == pytest.approx(value, rel=2e-6, abs=1e-7 if x == 1.0 else tiny)
    absolute = 2e-7 if name in ABSOLUTE else tiny
    assert slope == pytest.approx(derivative, rel=1e-5, abs=absolute)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(
    "name", sorted(set(EXACT) - {"logit", "gammaln", "digamma", "erfinv", "log1p"})
)
def test_no_nan_and_no_warning_anywhere_on_the_line(name, dtype):
    x = np.concatenate([-np.logspace(-30, 3, 100), [0.0], np.logspace(-30, 3, 100)]).astype(dtype)
    x = x[x > -9.0] if name == "erfcx" else x[x < 80.0] if name == "expm1" else x
    f = operation(name)
    with np.errstate(under="ignore"):
        y = f(x)
        slope = grad(lambda x: array_namespace(x).sum(f(x)))(x)
        second = hvp(lambda x: array_namespace(x).sum(f(x)), x, np.ones_like(x))
    assert np.isfinite(y).all()
    assert np.isfinite(slope).all()
    assert np.isfinite(second).all()
    assert {y.dtype, slope.dtype, second.dtype} == {np.dtype(dtype)}


def test_the_slope_of_log_ndtr_keeps_its_second_derivative():
    """-s (x + s) for the slope s, which is -1 + 1/x^2 far out."""
    f = grad(grad(ag.log_ndtr))
    for x in (-10.0, -100.0, -1e4, -1e8):
        assert f(x) == pytest.approx(
            -1.0 + 1.0 / x**2 - 6.0 / x**4, abs=5e-5 if x == -10 else 1e-10
        )


# --- sums of exponentials -----------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("shift", [0.0, 1e4, -1e4, 3e38])
def test_softmax_and_logsumexp_shift_without_overflow(dtype, shift):
    far = (np.array([0.0, 1.0, 2.0]) + shift).astype(dtype)
    x = far - far[0]  # what is left of the differences
    weights = np.exp(x) / np.sum(np.exp(x))
    close = {"rtol": 1e-5 if dtype is np.float32 else 1e-14}
    np.testing.assert_allclose(ag.softmax(far), weights, **close)
    np.testing.assert_allclose(grad(ag.logsumexp)(far), weights, **close)
    np.testing.assert_allclose(ag.log_softmax(far), np.log(weights), **close)


def test_cross_entropy_of_certain_scores():
    """Through log_softmax the loss of a confidently wrong answer is its margin."""
    scores = np.array([1000.0, 0.0, -1000.0])
    loss = lambda s: -ag.log_softmax(s)[2]  # noqa: E731
    assert loss(scores) == 2000.0
    np.testing.assert_allclose(grad(loss)(scores), [1.0, 0.0, -1.0])


def test_logaddexp_of_far_apart_numbers():
    f = lambda x, y: array_namespace(x, y).logaddexp(x, y)  # noqa: E731
    for x, y in ((0.0, 1000.0), (-1e308, 0.0), (-1e4, -1e4), (700.0, -700.0)):
        gx, gy = grad(f, (0, 1))(x, y)
        assert gx + gy == pytest.approx(1.0)
        assert gy == {x < y: 1.0, x == y: 0.5, x > y: 0.0}[True]


def test_softplus_is_what_the_formula_says_at_every_argument():
    """No switch to the identity: log(1 + e^21) - 21 is 7.6e-10."""
    assert float(ag.softplus(np.asarray(21.0))) - 21.0 == pytest.approx(7.582560e-10, rel=1e-5)


def test_the_naive_forms_fail_where_these_do_not():
    with np.errstate(all="ignore"):
        naive = lambda x: 1.0 / (1.0 + array_namespace(x).exp(-x))  # noqa: E731
        assert np.isnan(grad(naive)(-800.0))
        naive = lambda x: array_namespace(x).log1p(array_namespace(x).exp(x))  # noqa: E731
        assert np.isnan(grad(naive)(800.0))
    assert grad(ag.sigmoid)(-800.0) == 0.0
    assert grad(ag.softplus)(800.0) == 1.0


# --- others -------------------------------------------------------------------------------------


def test_angles_and_lengths_neither_overflow_nor_vanish():
    f = lambda x, y: array_namespace(x, y).atan2(x, y)  # noqa: E731
    for scale in (1e-200, 1e-160, 1.0, 1e160, 1e300):
        gx, gy = grad(f, (0, 1))(3.0 * scale, 4.0 * scale)
        assert gx * scale == pytest.approx(4 / 25, rel=1e-14)
        assert gy * scale == pytest.approx(-3 / 25, rel=1e-14)
        f2 = lambda x, y: array_namespace(x, y).hypot(x, y)  # noqa: E731
        assert grad(f2, (0, 1))(3.0 * scale, 4.0 * scale) == pytest.approx((0.6, 0.8), rel=1e-14)


def test_the_tail_of_the_cauchy_distribution():
    """1/2 - atan(x)/pi loses its digits for large x; atan2(1, x)/pi does not."""
    tail = lambda x: array_namespace(x).atan2(1.0, x) / np.pi  # noqa: E731
    x = 1e12
    assert tail(x) == pytest.approx(1 / (np.pi * x), rel=1e-15)
    assert grad(tail)(x) == pytest.approx(-1 / (np.pi * x * x), rel=1e-15)


def test_derivatives_of_inverse_hyperbolic_functions_do_not_vanish_for_large_arguments():
    for x in (1e160, 1e300):
        for name in ("asinh", "acosh"):
            assert grad(operation(name))(x) == pytest.approx(1 / x, rel=1e-15)


def test_squares_need_no_logarithm():
    with np.errstate(all="raise"):
        for f in (lambda x: x**2, lambda x: x * x, lambda x: array_namespace(x).square(x)):
            assert grad(lambda x, f=f: array_namespace(x).sum(f(x)))(
                np.array([-2.0, 0.0])
            ).tolist() == [
                -4.0,
                0.0,
            ]
