"""Nested containers."""

import dataclasses
from collections import OrderedDict, defaultdict, namedtuple
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refimpl.autograd import grad, tree, tree_flatten, tree_leaves, tree_map


class Point(NamedTuple):
    x: object
    y: object


@dataclasses.dataclass
class Layer:
    w: object
    b: object = 0.0
    size: int = dataclasses.field(init=False)

    def __post_init__(self):
        self.size = 2


trees = st.recursive(
    st.none() | st.integers() | st.text(max_size=2),
    lambda t: (
        st.lists(t, max_size=3)
        | st.tuples(t, t)
        | st.dictionaries(st.text(max_size=2), t, max_size=3)
        | st.builds(Point, t, t)
        | st.builds(Layer, t, t)
    ),
    max_leaves=10,
)


@given(trees)
def test_rebuilding_with_the_leaves_gives_the_tree(t):
    leaves, rebuild = tree_flatten(t)
    assert rebuild(leaves) == t
    assert type(rebuild(leaves)) is type(t)


@given(trees)
def test_there_is_one_path_per_leaf(t):
    paths = tree.paths(t)
    assert len(paths) == len(tree_leaves(t))
    assert len(set(paths)) == len(paths)


@given(trees)
def test_a_tree_matches_itself(t):
    assert tree.matching(t, t, "t") == tree_leaves(t)
    assert tree.matching(t, None, "t", sparse=True) == [None] * len(tree_leaves(t))


def test_paths_read_like_python():
    t = {"a": [1, (2,)], "b": Layer(3, Point(4, 5))}
    assert tree.paths(t) == ["['a'][0]", "['a'][1][0]", "['b'].w", "['b'].b[0]", "['b'].b[1]"]
    assert tree.paths(1.0) == [""]


def test_none_has_no_leaves():
    assert tree_leaves({"a": None, "b": [None, 1]}) == [1]


def test_a_wrong_number_of_leaves_is_refused():
    with pytest.raises(ValueError, match="expected 2 leaves, got 1"):
        tree_flatten([1, 2])[1]([1])


def test_dicts_are_walked_in_insertion_order_and_matched_by_key():
    assert tree_leaves({"b": 1, "a": 2}) == [1, 2]
    assert tree_map(lambda x, y: (x, y), {"b": 1, "a": 2}, {"a": 20, "b": 10}) == {
        "b": (1, 10),
        "a": (2, 20),
    }


def test_kinds_of_containers_are_kept():
    ordered = OrderedDict([("z", 1), ("a", 2)])
    assert type(tree_map(str, ordered)) is OrderedDict
    assert list(tree_map(str, ordered).items()) == [("z", "1"), ("a", "2")]
    default = defaultdict(list, {"a": 1})
    assert tree_map(str, default).default_factory is list
    pair = namedtuple("pair", "p q")(1, 2)
    assert tree_map(str, pair) == ("1", "2")
    assert type(tree_map(str, pair)) is type(pair)
    assert tree_map(lambda x: x + 1, Layer(1, 2)) == Layer(2, 3)


def test_rebuilding_does_not_change_the_original():
    t = {"a": [1, {"b": 2}]}
    assert tree_map(lambda x: -x, t) == {"a": [-1, {"b": -2}]}
    assert t == {"a": [1, {"b": 2}]}


@pytest.mark.parametrize(
    "other, message",
    [
        ({"a": 1}, r"expected a dict with the keys \['a', 'b'\], got a dict with the keys \['a'\]"),
        ({"a": 1, "c": [1, 2]}, r"keys \['a', 'b'\], got a dict with the keys \['a', 'c'\]"),
        ({"a": 1, "b": [1]}, r"tree_map\['b'\]: expected a list of 2, got a list of 1"),
        ({"a": [1], "b": [1, 2]}, r"tree_map\['a'\]: expected an array, got a list of 1"),
        ({"a": 1, "b": 1}, r"tree_map\['b'\]: expected a list of 2, got a leaf of type int"),
        ({"a": 1, "b": None}, r"tree_map\['b'\]: expected a list of 2, got None"),
        (7, r"tree_map: expected a dict with the keys \['a', 'b'\], got a leaf of type int"),
    ],
)
def test_trees_of_other_structures_are_refused(other, message):
    with pytest.raises(ValueError, match=message):
        tree_map(lambda *xs: xs, {"a": 1, "b": [1, 2]}, other)


def test_lists_match_tuples_by_position():
    assert tree_map(lambda x, y: x + y, [1, 2], (10, 20)) == [11, 22]


def test_an_error_of_an_argument_names_the_path_to_the_leaf():
    with pytest.raises(
        TypeError, match=r"argument 0 \['w'\]\[1\]: cannot differentiate .* dtype int"
    ):
        grad(lambda p: p["w"][0])({"w": [np.ones(2), np.ones(2, dtype=int)]})
