"""Wirings: balance, distinct pairs, coverage, and upstream's own behaviour."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refimpl.logic.connections import SCHEMES, connections, covering_pairs, unique_pairs


@st.composite
def sizes(draw):
    inputs = draw(st.integers(2, 40))
    return inputs, draw(st.integers((inputs + 1) // 2, 3 * inputs))


@given(sizes(), st.sampled_from(["random", "random_distinct"]), st.integers(0, 99))
def test_random_wirings_use_every_input_almost_equally_often(size, scheme, seed):
    inputs, gates = size
    uses = np.bincount(connections(scheme, inputs, gates, seed).ravel(), minlength=inputs)
    assert uses.min() >= 2 * gates // inputs
    assert uses.max() <= -(-2 * gates // inputs)


@given(sizes(), st.integers(0, 99))
def test_distinct_wirings_have_no_gate_that_reads_one_input_twice(size, seed):
    a, b = connections("random_distinct", *size, seed)
    assert np.all(a != b)


@pytest.mark.parametrize("inputs", range(2, 12))
def test_unique_pairs_are_all_different_up_to_the_number_of_pairs(inputs):
    possible = inputs * (inputs - 1) // 2
    for make in (unique_pairs, covering_pairs):
        pairs = make(inputs, possible)
        assert np.all(pairs[:, 0] < pairs[:, 1])
        assert len({tuple(p) for p in pairs}) == possible
    with pytest.raises(ValueError, match="too few for"):
        unique_pairs(inputs, possible + 1)


@pytest.mark.parametrize("inputs, gates", [(5, 3), (7, 4), (9, 6), (11, 9)])
def test_covering_pairs_use_the_last_input_that_unique_ones_leave_out(inputs, gates):
    assert inputs - 1 not in unique_pairs(inputs, gates)
    assert len(np.unique(covering_pairs(inputs, gates))) == inputs


@pytest.mark.parametrize("inputs", range(2, 14))
def test_covering_pairs_use_every_input(inputs):
    for gates in range((inputs + 1) // 2, inputs * (inputs - 1) // 2 + 1):
        assert len(np.unique(covering_pairs(inputs, gates))) == inputs


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_seed_gives_one_wiring(scheme):
    np.testing.assert_array_equal(connections(scheme, 9, 12, 5), connections(scheme, 9, 12, 5))


@pytest.mark.parametrize("scheme", SCHEMES)
def test_fewer_gates_than_half_the_inputs_are_refused(scheme):
    with pytest.raises(ValueError, match="use more gates"):
        connections(scheme, 9, 4)


def test_an_unknown_scheme_is_refused_with_a_suggestion():
    with pytest.raises(ValueError, match="did you mean 'unique'"):
        connections("uniqe", 4, 4)
