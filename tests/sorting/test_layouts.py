"""Layouts are sorting networks (0-1 principle), or are known not to be; bad lists are refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refimpl.sorting.layouts import (
    NETWORKS,
    Layout,
    apply_hard,
    bitonic,
    bitonic_published,
    find_layout,
    from_comparators,
    odd_even,
    sorts,
)
from refimpl.sorting.splitter import splitter_selection

UNSORTED = {  # where the published layout fails, up to 256
    *(22, 38, 54, 70, 102, 118, 134, 198, 230, 246),
    *(m for first, last in ((42, 46), (74, 78), (82, 94), (106, 110), (138, 142), (146, 158),
                            (162, 190), (202, 206), (210, 222), (234, 238))
      for m in range(first, last + 1)),
}  # fmt: skip


@pytest.mark.parametrize("n", range(1, 17))
@pytest.mark.parametrize("network", NETWORKS)
def test_layouts_sort_all_zeros_and_ones_up_to_16_wires(network, n):
    assert sorts(NETWORKS[network](n))


@pytest.mark.slow
@pytest.mark.parametrize("n", range(17, 23))
@pytest.mark.parametrize("layout", [odd_even, bitonic])
def test_layouts_sort_all_zeros_and_ones_up_to_22_wires(layout, n):
    assert sorts(layout(n))


@pytest.mark.parametrize("n", [22, pytest.param(23, marks=pytest.mark.slow)])
def test_the_published_bitonic_layout_fails_at_22_wires_and_not_at_23(n):
    assert sorts(bitonic_published(n)) == (n == 23)


def _sorts_samples(layout, rng, samples=1500):
    """Whether random inputs of zeros and ones come out in order, with any number of ones."""
    n = layout.size
    x = (rng.random((samples, n)) < rng.random((samples, 1))).astype(np.int8)
    return not np.any(np.diff(apply_hard(layout, x), axis=-1) < 0)


@pytest.mark.parametrize("n", [25, 31, 42, 46, 64, 75, 90, 100, 127, 170, 200, 256])
@pytest.mark.parametrize("layout", [odd_even, bitonic])
def test_large_layouts_sort_random_zeros_and_ones(layout, n):
    assert _sorts_samples(layout(n), np.random.default_rng(n))


@pytest.mark.slow
@pytest.mark.parametrize("n", range(2, 257))
def test_bitonic_sorts_at_every_size_and_the_published_one_not(n):
    rng = np.random.default_rng(n)
    assert _sorts_samples(bitonic(n), rng)
    assert _sorts_samples(bitonic_published(n), rng, 20_000) == (n not in UNSORTED)


def test_a_permutation_of_22_values_is_left_unsorted_by_the_published_layout():
    x = np.random.default_rng(0).permuted(np.tile(np.arange(22), (400, 1)), axis=1)
    wrong = np.any(apply_hard(bitonic_published(22), x) != np.arange(22), axis=1)
    assert 0.35 < wrong.mean() < 0.55
    np.testing.assert_array_equal(apply_hard(bitonic(22), x), np.tile(np.arange(22), (400, 1)))


@pytest.mark.parametrize(
    "layout, depth, comparators",
    [
        *((odd_even(n), n, n * (n - 1) // 2) for n in (1, 2, 3, 16, 32)),
        *((bitonic(n), depth, count) for n, depth, count in
          ((1, 0, 0), (4, 3, 6), (5, 6, 11), (6, 6, 15), (7, 6, 18), (8, 6, 24), (9, 10, 37),
           (16, 10, 80), (32, 15, 240), (64, 21, 672), (128, 28, 1792), (1024, 55, 28160))),
        (bitonic_published(9), 10, 37), (bitonic_published(1024), 55, 28160),
        *((splitter_selection(n, k), depth, count) for n, k, depth, count in
          ((16, 5, 10, 50), (50, 5, 15, 181), (100, 5, 17, 385), (20, 10, 24, 100))),
    ],
    ids=repr,
)  # fmt: skip
def test_layers_and_comparators_are_as_many_as_published(layout, depth, comparators):
    assert (len(layout.layers), layout.comparators) == (depth, comparators)


@pytest.mark.parametrize(
    "layout", [odd_even(7), bitonic(22), bitonic_published(22), splitter_selection(50, 5)], ids=repr
)
def test_every_wire_is_in_at_most_one_comparator_of_a_layer(layout):
    for layer in layout.as_lists():
        wires = [wire for a, b, _, _ in layer for wire in (a, b)]
        assert len(set(wires)) == len(wires)
        assert all({a, b} == {lo, hi} for a, b, lo, hi in layer)
    assert from_comparators(layout.as_lists(), layout.size).as_lists() == layout.as_lists()


def test_bitonic_layers_of_six_wires_are_the_published_ones():
    expected = [
        [(0, 1, 1, 0), (2, 3, 2, 3), (4, 5, 5, 4)],
        [(2, 4, 4, 2), (3, 5, 5, 3)],
        [(0, 1, 0, 1), (2, 3, 3, 2), (4, 5, 5, 4)],
        [(0, 4, 0, 4), (1, 5, 1, 5)],
        [(2, 4, 2, 4), (3, 5, 3, 5)],
        [(0, 1, 0, 1), (2, 3, 2, 3), (4, 5, 4, 5)],
    ]
    assert [set(layer) for layer in bitonic_published(6).as_lists()] == [*map(set, expected)]


@pytest.mark.parametrize("k", [1, 2, 3, 5])
@pytest.mark.parametrize("n", [1, 2, 3, 5, 6, 8, 11, 13])
def test_the_splitter_network_brings_the_k_largest_to_the_end(n, k):
    if k <= n:
        assert sorts(splitter_selection(n, k), last=k)


def test_the_splitter_network_of_eight_wires_is_the_published_one():
    pairs = [
        [(3, 7), (2, 6), (1, 5), (0, 4)],
        [(5, 7), (4, 6), (1, 3), (0, 2)],
        [(6, 7), (4, 5), (2, 3), (0, 1)],
        [(3, 6)],
        [(5, 6)],
        [(3, 5)],
    ]
    assert splitter_selection(8, 3).as_lists() == [[(a, b, a, b) for a, b in p] for p in pairs]


@pytest.mark.parametrize("k", [0, 5])
def test_the_splitter_network_needs_a_k_from_1_to_n(k):
    with pytest.raises(ValueError, match=f"k: expected a number from 1 to n = 4, got {k}"):
        splitter_selection(4, k)


@st.composite
def comparator_lists(draw):
    """A size and any layers of comparators on so many wires, in either direction."""
    n = draw(st.integers(1, 9))
    layers = []
    for _ in range(draw(st.integers(0, 5))):
        wires = draw(st.permutations(range(n)))
        pairs = zip(wires[::2], wires[1::2], strict=False)
        count = draw(st.integers(0, n // 2))
        layer = [(a, b, *draw(st.permutations([a, b]))) for a, b in list(pairs)[:count]]
        layers.append(layer)
    return n, layers


@given(comparator_lists(), st.randoms(use_true_random=False))
def test_gathering_by_steps_does_what_the_comparators_say(listed, random):
    n, layers = listed
    layout = from_comparators(layers, n)
    x = np.array([random.randint(0, 5) for _ in range(n)])
    wires = x
    for order, back, c in layout.steps:
        np.testing.assert_array_equal(wires[order][back], wires)
        wires = wires[order]
        a, b = wires[:c], wires[c : 2 * c]
        wires = np.concatenate([np.minimum(a, b), np.maximum(a, b), wires[2 * c :]])
    np.testing.assert_array_equal(wires, apply_hard(layout, x))


@given(comparator_lists())
def test_whether_a_list_sorts_is_what_trying_all_inputs_says(listed):
    n, layers = listed
    layout = from_comparators(layers, n)
    inputs = np.arange(2**n)[:, None] >> np.arange(n) & 1
    assert sorts(layout) == np.array_equal(apply_hard(layout, inputs), np.sort(inputs, axis=-1))


def test_pairs_put_the_smaller_value_on_the_first_wire():
    assert from_comparators([[(1, 0)]], 2).as_lists() == [[(1, 0, 1, 0)]]
    assert apply_hard(from_comparators([[(1, 0)]], 2), np.array([1, 2])).tolist() == [2, 1]


@pytest.mark.parametrize(
    "layers, error, message",
    [
        ([[(0, 4)]], ValueError, r"layer 0, comparator \(0, 4\): expected wires 0\.\.3"),
        ([[], [(0, 1), (1, 2)]], ValueError, r"layer 1, comparator \(1, 2\): one of its wires"),
        ([[(0, 1, 0, 2)]], ValueError, r"comparator \(0, 1, 0, 2\): expected two wires"),
        ([[(1, 1)]], ValueError, r"comparator \(1, 1\): expected two wires"),
        ([[(0, -1)]], ValueError, r"comparator \(0, -1\): expected a whole number >= 0, got -1"),
        ([[(0, 1.5)]], TypeError, r"comparator \(0, 1.5\): expected a whole number, got 1.5"),
        ([[(0, 1, 2)]], TypeError, r"expected \(a, b, lo, hi\) or \(a, b\)"),
        ([["01"]], TypeError, r"comparator '01': expected \(a, b, lo, hi\)"),
        ([5], TypeError, "layer 0 as a list of comparators, got 5"),
        (7, TypeError, "network: expected a name or a list of layers"),
        ("bitonik", ValueError, "odd_even, bitonic, bitonic_published; got 'bitonik'.*'bitonic'"),
        (bitonic(5), ValueError, "a layout for 5 values, expected one for 4"),
    ],
)
def test_a_network_that_does_not_fit_is_refused_with_its_place(layers, error, message):
    with pytest.raises(error, match=message):
        find_layout(layers, 4)


def test_layouts_are_made_once_and_cannot_be_changed():
    assert find_layout("bitonic", 8) is find_layout("bitonic", 8)
    assert isinstance(find_layout([[(0, 1)]], 2), Layout)
    with pytest.raises(ValueError, match="read-only"):
        bitonic(8).layers[0].a[0] = 1


def test_trying_all_inputs_has_a_limit():
    with pytest.raises(ValueError, match="at most 24 wires, got 25"):
        sorts(odd_even(25))
