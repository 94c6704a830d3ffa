"""Cox partial likelihoods against their definitions written out."""

import numpy as np
import pytest

from refimpl.autograd import grad, value_and_grad
from refimpl.sorting.cox import METHODS, cox_loss


def written_out(h, times, events, efron):
    total, count = 0.0, 0
    for t in np.unique(times[events > 0]):
        tied = [i for i in range(len(h)) if times[i] == t and events[i]]
        risk = sum(np.exp(h[j]) for j in range(len(h)) if times[j] >= t)
        own = sum(np.exp(h[i]) for i in tied)
        for position, i in enumerate(tied):
            share = position / len(tied) if efron else 0.0
            total -= h[i] - np.log(risk - share * own)
            count += 1
    return total / count


@pytest.mark.parametrize("method", ["breslow", "efron"])
@pytest.mark.parametrize("seed", range(5))
def test_value_is_that_of_the_definition(method, seed):
    rng = np.random.default_rng(seed)
    h, times = rng.normal(size=9), rng.integers(0, 4, 9).astype(float)
    events = rng.integers(0, 2, 9)
    events[0] = 1
    wanted = written_out(h, times, events, method == "efron")
    assert np.isclose(cox_loss(h, times, events, method=method), wanted, rtol=1e-12)


def test_censored_subjects_of_the_same_time_do_no_harm_to_efron_however_small_their_hazards():
    h, times, events = np.array([0.0, 1.0, -800.0]), np.ones(3), np.array([1, 1, 0])
    loss, slope = value_and_grad(lambda h: cox_loss(h, times, events, method="efron"))(h)
    alone = value_and_grad(lambda h: cox_loss(h, times[:2], events[:2], method="efron"))(h[:2])
    assert np.isclose(loss, alone[0], rtol=1e-14)
    np.testing.assert_allclose(slope, [*alone[1], 0.0], atol=1e-15)


def test_without_ties_breslow_and_efron_agree_and_the_ranked_list_is_close():
    rng = np.random.default_rng(1)
    h, times, events = rng.normal(size=8), rng.permutation(8) * 1.0, np.ones(8, dtype=int)
    losses = [float(cox_loss(h, times, events, method=m)) for m in METHODS]
    assert np.isclose(losses[0], losses[1], rtol=1e-14)
    assert np.isclose(losses[0], losses[2], rtol=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_large_log_hazards_do_not_overflow(method):
    h = np.array([900.0, -900.0, 0.0])
    value = cox_loss(h, [1.0, 2.0, 3.0], [1, 1, 1], method=method)
    gradient = grad(lambda h: cox_loss(h, [1.0, 2.0, 3.0], [1, 1, 1], method=method))(h)
    assert np.isfinite(value)
    assert np.all(np.isfinite(gradient))


def test_shifting_all_log_hazards_changes_nothing():
    h, times, events = [0.3, -1.0, 2.0], [1.0, 1.0, 2.0], [1, 1, 0]
    for method in ("breslow", "efron"):
        shifted = cox_loss(np.array(h) + 7.0, times, events, method=method)
        assert np.isclose(shifted, cox_loss(h, times, events, method=method), rtol=1e-13)


def test_no_event_means_no_loss():
    assert cox_loss([1.0, 2.0], [1.0, 2.0], [0, 0]) == 0


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match="method: expected one of breslow, efron, ranked_list"):
        cox_loss([1.0], [1.0], [1], method="exact")
    with pytest.raises(ValueError, match="log_hazards, times, events"):
        cox_loss([1.0, 2.0], [1.0], [1])
