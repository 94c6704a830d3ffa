"""Values in the tails, where a probability or its logarithm is easily lost: numbers computed with
60 digits (mpmath), rounded to float64.
"""

import numpy as np
import pytest

from refimpl import autograd as ag
from refimpl.distributions import distribution

# name, parameters, z, F, 1 - F, log F, log(1 - F), f
EXACT = [
    ("uniform", {}, -0.875, 0.0625, 0.9375,
     -2.772588722239781, -0.06453852113757118, 0.5),
    ("triangular", {}, -0.9999999999990905, 4.1359030627651384e-25, 1.0,
     -56.14492162535557, -4.1359030627651384e-25, 9.094947017729282e-13),
    ("cubic_hermite", {}, -0.9999999990686774, 6.505213032893543e-19, 1.0,
     -41.87651290635894, -6.505213032893543e-19, 1.3969838612726965e-09),
    ("cubic_hermite", {}, 0.5, 0.84375, 0.15625,
     -0.16989903679539747, -1.8562979903656263, 0.5625),
    ("wigner_semicircle", {}, -0.9999999990686774, 1.705901915312956e-14, 0.9999999999999829,
     -31.702097348454885, -1.7059019153129705e-14, 2.7475473509139552e-05),
    ("wigner_semicircle", {}, -0.5, 0.19550110947788532, 0.8044988905221147,
     -1.6321892244941225, -0.21753569164062564, 0.5513288954217921),
    ("gaussian", {}, -30.0, 4.906713927148187e-198, 1.0,
     -454.3212439563432, -4.906713927148187e-198, 1.4736461348785476e-196),
    ("gaussian", {}, 9.0, 1.0, 1.1285884059538405e-19,
     -1.1285884059538405e-19, -43.628149113332114, 1.0279773571668915e-18),
    ("laplace", {}, -300.0, 2.5741001112060067e-131, 1.0,
     -300.69314718055995, -2.5741001112060067e-131, 2.5741001112060067e-131),
    ("laplace", {}, 50.0, 1.0, 9.643749239819589e-23,
     -9.643749239819589e-23, -50.69314718055995, 9.643749239819589e-23),
    ("logistic", {}, -700.0, 9.85967654375977e-305, 1.0,
     -700.0, -9.85967654375977e-305, 9.85967654375977e-305),
    ("logistic", {}, 40.0, 1.0, 4.248354255291589e-18,
     -4.248354255291589e-18, -40.0, 4.248354255291589e-18),
    ("gudermannian", {}, -500.0, 4.535646210275078e-218, 1.0,
     -500.45158270528947, -4.535646210275078e-218, 4.535646210275078e-218),
    ("gudermannian", {}, 45.0, 1.0, 1.822335927147327e-20,
     -1.822335927147327e-20, -45.451582705289454, 1.822335927147327e-20),
    ("cauchy", {}, -1000000000000.0, 3.1830988618379067e-13, 0.9999999999996817,
     -28.775751001777948, -3.183098861838413e-13, 3.1830988618379066e-25),
    ("cauchy", {}, 1000000000.0, 0.9999999996816901, 3.1830988618379065e-10,
     -3.1830988623445127e-10, -21.86799572279581, 3.1830988618379065e-19),
    ("algebraic", {}, -10000000000.0, 2.5e-21, 1.0,
     -47.4379962210008, -2.5e-21, 5e-31),
    ("algebraic", {}, 1000000.0, 0.99999999999975, 2.499999999998125e-13,
     -2.4999999999984374e-13, -29.017315477049188, 4.9999999999925e-19),
    ("reciprocal", {}, -1000000000000000.0, 4.999999999999995e-16, 0.9999999999999994,
     -35.23192357547063, -4.999999999999996e-16, 4.99999999999999e-31),
    ("reciprocal", {}, 7.0, 0.9375, 0.0625,
     -0.06453852113757118, -2.772588722239781, 0.0078125),
    ("optimal", {}, -1e+20, 6.25e-22, 1.0,
     -48.824290582120696, -6.25e-22, 6.25e-42),
    ("optimal", {}, 0.75, 0.9166666666666666, 0.08333333333333333,
     -0.08701137698962977, -2.4849066497880004, 0.1111111111111111),
    ("gumbel_max", {}, -5.0, 3.507389196464623e-65, 1.0,
     -148.4131591025766, -3.507389196464623e-65, 5.205427108495624e-63),
    ("gumbel_max", {}, 40.0, 1.0, 4.248354255291589e-18,
     -4.248354255291589e-18, -40.0, 4.248354255291589e-18),
    ("gumbel_min", {}, -80.0, 1.8048513878454153e-35, 1.0,
     -80.0, -1.8048513878454153e-35, 1.8048513878454153e-35),
    ("gumbel_min", {}, 4.0, 1.0, 1.9423376049564018e-24,
     -1.9423376049564018e-24, -54.598150033144236, 1.0604803997042767e-22),
    ("exponential", {}, 1e-20, 1e-20, 1.0,
     -46.051701859880914, -1e-20, 1.0),
    ("exponential", {}, 100.0, 1.0, 3.720075976020836e-44,
     -3.720075976020836e-44, -100.0, 3.720075976020836e-44),
    ("levy", {}, 0.005, 2.0884875837625492e-45, 1.0,
     -102.87988902484489, -2.0884875837625492e-45, 4.1976562313544253e-41),
    ("levy", {}, 1000000000000000.0, 0.9999999747686747, 2.5231325220201597e-08,
     -2.5231325538511487e-08, -17.49517955010007, 1.2615662610100794e-23),
    ("gamma", {"shape": 0.5}, 1e-12, 1.1283791670951364e-06, 0.9999988716208329,
     -13.694728320329363, -1.1283798037153877e-06, 564189.5835471922),
    ("gamma", {"shape": 0.5}, 500.0, 1.0, 1.7958327848007262e-219,
     -1.7958327848007262e-219, -503.6806665043817, 1.797625043746647e-219),
    ("gamma", {"shape": 2}, 1e-09, 4.999999996666667e-19, 1.0,
     -42.139678855119435, -4.999999996666667e-19, 9.999999990000001e-10),
    ("gamma", {"shape": 2}, 300.0, 1.0, 1.5496082669460162e-128,
     -1.5496082669460162e-128, -294.29288973525115, 1.5444600667236042e-128),
    ("gamma", {"shape": 5.5}, 0.25, 1.3734706936373186e-06, 0.9999986265293064,
     -13.498169668633755, -1.3734716368490553e-06, 2.9060270467441957e-05),
    ("gamma", {"shape": 40}, 8.0, 6.780721359310231e-16, 0.9999999999999993,
     -34.92727799643349, -6.780721359310234e-16, 2.732552788891185e-15),
    ("gamma", {"shape": 40}, 120.0, 1.0, 6.781974852975983e-18,
     -6.781974852975983e-18, -39.532263338103064, 4.6041099949692874e-18),
    ("logistic_phi", {"art_lambda": 0.25, "steepness": 3.0}, 1e-12,
     0.5000000002365815, 0.4999999997634184, -0.6931471800867821, -0.6931471810331085,
     235.99597771634896),
    ("logistic_phi", {"art_lambda": 0.25, "steepness": 3.0}, 10000.0, 1.0, 0.0,
     -0.0, -2999.9999999999927, 0.0),
    ("logistic_phi", {"art_lambda": 0.5, "steepness": 3.0}, -10000.0,
     5.148200222419737e-131, 1.0, -299.9999999999985, -5.148200222419737e-131,
     7.722300333629643e-133),
]  # fmt: skip
NAMES = [f"{name}-{parameters or ''}{z:g}" for name, parameters, z, *_ in EXACT]


@pytest.mark.parametrize("name, parameters, z, F, S, log_F, log_S, f", EXACT, ids=NAMES)
def test_probabilities_and_logarithms_keep_their_digits(name, parameters, z, F, S, log_F, log_S, f):
    law, at = distribution(name, **parameters), np.asarray(z)
    rtol = 4e-13 if F > 1e-200 and S > 1e-200 else 4e-12  # an exponent e costs e ulps
    for function, exact in (("cdf", F), ("survival", S), ("pdf", f)):
        found = getattr(law, function)(at)
        np.testing.assert_allclose(found, exact, rtol=rtol, atol=0, err_msg=function)
    for function, exact in (("log_cdf", log_F), ("log_survival", log_S)):
        np.testing.assert_allclose(getattr(law, function)(at), exact, rtol=rtol, atol=0)
    if f:
        np.testing.assert_allclose(law.log_pdf(at), np.log(f), rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("name, parameters, z, F, S, log_F, log_S, f", EXACT, ids=NAMES)
def test_gradients_keep_their_digits(name, parameters, z, F, S, log_F, log_S, f):
    law = distribution(name, **parameters)
    slopes = {"cdf": f, "survival": -f, "log_cdf": f / F}
    if S:
        slopes["log_survival"] = -f / S
    for function, exact in slopes.items():
        found = ag.grad(getattr(law, function))(z)
        np.testing.assert_allclose(found, exact, rtol=2e-11, atol=0, err_msg=function)


@pytest.mark.parametrize("name, parameters, z, F, S, log_F, log_S, f", EXACT, ids=NAMES)
def test_the_mirror_image_has_the_same_digits(name, parameters, z, F, S, log_F, log_S, f):
    """Of laws with an image in the table; symmetric laws are their own."""
    images = {"gumbel_max": "gumbel_min", "gumbel_min": "gumbel_max"}
    image = images.get(name, f"{name}_rev" if name in ("exponential", "gamma", "levy") else name)
    law, at = distribution(image, **parameters), np.asarray(-z)
    for function, exact in (("cdf", S), ("survival", F), ("log_cdf", log_S), ("pdf", f)):
        np.testing.assert_allclose(getattr(law, function)(at), exact, rtol=4e-12, atol=0)
