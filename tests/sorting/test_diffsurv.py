"""Possible permutations, their loss, and the top-k loss."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refimpl.autograd import grad
from refimpl.sorting.diffsurv import diffsurv_loss, diffsurv_topk_loss, possible_permutations


def rows(text: str) -> np.ndarray:
    return np.array([[float(c) for c in row] for row in text.split()])


def test_published_example_with_censored_subjects_after_the_events_of_their_time():
    possible = possible_permutations(
        [1.0, 2, 3, 4, 4, 4, 5], [0, 1, 0, 1, 1, 0, 0], censored_in_ties=False
    )
    wanted = rows("1111111 1100000 0111111 0111100 0111100 0001111 0001111")
    assert np.array_equal(possible, wanted)


def test_published_example_with_censored_subjects_among_the_events_of_their_time():
    possible = possible_permutations([1.0, 2, 3, 4, 4, 4, 5], [0, 1, 0, 0, 1, 1, 0])
    wanted = rows("1111111 1100000 0111111 0111111 0111110 0111110 0001111")
    assert np.array_equal(possible, wanted)


@given(st.lists(st.booleans(), min_size=1, max_size=5))
def test_without_ties_a_position_is_possible_exactly_if_some_completion_puts_the_subject_there(
    events,
):
    n = len(events)
    reachable = np.zeros((n, n))
    for order in itertools.permutations(range(n)):  # order[position] is a subject
        place = np.argsort(order)
        if all(place[i] < place[j] for i in range(n) if events[i] for j in range(i + 1, n)):
            reachable[order, range(n)] = 1
    assert np.array_equal(possible_permutations(np.arange(n) + 1.0, events), reachable)


def test_all_censored_leaves_every_position_possible():
    assert possible_permutations([3.0, 1.0, 2.0], [0, 0, 0]).min() == 1


def test_batches_are_independent():
    rng = np.random.default_rng(0)
    times, events = rng.integers(0, 3, (2, 3, 5)).astype(float), rng.integers(0, 2, (2, 3, 5))
    together = possible_permutations(times, events)
    for index in np.ndindex(2, 3):
        assert np.array_equal(together[index], possible_permutations(times[index], events[index]))


def test_loss_of_a_hard_admissible_permutation_vanishes():
    possible = possible_permutations([1.0, 2.0, 3.0], [1, 0, 1])
    assert diffsurv_loss(np.eye(3), possible) < 1e-7
    assert diffsurv_loss(np.eye(3)[[0, 2, 1]], possible) < 1e-7
    assert diffsurv_loss(np.eye(3)[[1, 0, 2]], possible) > 5  # the first subject too late


def test_loss_per_subject_ignores_the_censored_on_request():
    possible = possible_permutations([1.0, 2.0], [1, 0])
    P = np.array([[0.25, 0.75], [0.5, 0.5]])
    alone = diffsurv_loss(P, possible, per="subject", only=[1, 0])
    assert np.isclose(alone, -np.log(0.25))
    assert diffsurv_loss(P, possible, only=[0, 0]) == 0


def test_topk_loss_counts_candidates_only_and_rounds_half_to_even():
    P = np.full((5, 5), 0.2)
    possible = possible_permutations([1.0, 2, 3, 4, 5], [1, 1, 1, 1, 1])
    assert np.isclose(diffsurv_topk_loss(P, possible, percentage=50.0), -2 * np.log(0.4001) / 5)
    assert diffsurv_topk_loss(P, possible, percentage=0.0) == 0


@pytest.mark.parametrize(("n", "percentage", "places"), [(10, 5, 1), (15, 30, 5), (25, 22, 5)])
def test_halves_of_places_are_rounded_as_in_the_published_code(n, percentage, places):
    P = np.full((n, n), 1 / n)
    possible = possible_permutations(np.arange(n), np.ones(n))
    wanted = -places * np.log(places / n + 1e-4) / n
    assert np.isclose(diffsurv_topk_loss(P, possible, percentage=percentage), wanted)


def test_matrices_may_be_lists():
    P, M = [[0.5, 0.5], [0.5, 0.5]], [[1, 0], [0, 1]]
    assert np.isclose(diffsurv_loss(P, M), np.log(2))
    assert np.isclose(diffsurv_topk_loss(P, M, percentage=50.0), -np.log(0.5001) / 2)


def test_gradient_is_zero_where_the_clamp_acts():
    gradient = grad(lambda P: diffsurv_loss(P, np.eye(2)))(np.array([[0.0, 1.0], [1.0, 0.0]]))
    assert np.array_equal(gradient, np.zeros((2, 2)))


def test_bad_arguments_are_named():
    with pytest.raises(
        ValueError, match=r"events: expected the shape of times, \(2,\), got \(3,\)"
    ):
        possible_permutations([1.0, 2.0], [1, 0, 1])
    with pytest.raises(ValueError, match="per: expected one of position, subject; got 'row'"):
        diffsurv_loss(np.eye(2), np.eye(2), per="row")
    with pytest.raises(ValueError, match="percentage"):
        diffsurv_topk_loss(np.eye(2), np.eye(2), percentage=101)
