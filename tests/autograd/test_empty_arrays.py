"""Values and derivatives of arrays without entries: what docs/conventions.md promises."""

import numpy as np
import pytest

from refimpl import autograd as ag
from refimpl.autograd import array_namespace, grad, vjp


def test_empty_sums_products_and_norms():
    for f, value in ((lambda xp, x: xp.sum(x), 0.0), (lambda xp, x: xp.prod(x), 1.0),
                     (lambda xp, x: ag.vector_norm(x), 0.0)):  # fmt: skip
        y, pull = vjp(lambda x, f=f: f(array_namespace(x), x), np.zeros(0))
        assert (float(y), pull(1.0)[0].shape) == (value, (0,))


@pytest.mark.parametrize("name", ["max", "min"])
def test_extrema_of_nothing_are_an_error(name):
    with pytest.raises(ValueError, match="zero-size array"):
        grad(lambda x: getattr(array_namespace(x), name)(x))(np.zeros(0))
    for f in (ag.logsumexp, ag.softmax, ag.log_softmax):
        with pytest.raises(ValueError, match="zero-size array"):
            f(np.zeros((2, 0)), axis=-1)


@pytest.mark.filterwarnings("ignore:.*:RuntimeWarning")
def test_means_and_spreads_of_nothing_are_nan_with_empty_gradients():
    for name in ("mean", "var", "std"):
        y, pull = vjp(lambda x, name=name: getattr(array_namespace(x), name)(x), np.zeros((0, 2)))
        assert np.isnan(y)
        assert pull(1.0)[0].shape == (0, 2)
