"""Testing an implementation against the specification.

    from refimpl.conformance import implements

    @implements("sorting.sorting_network", framework="torch")
    def my_sort(x, *, network, distribution, steepness, art_lambda):
        return sorted_values, permutation

and then `refimpl check my_sort.py` on the command line, or with pytest

    from refimpl.conformance import conformance_test
    test_my_sort = conformance_test(my_sort)
"""

from .target import Implementation, Target, Unsupported, implements

__all__ = ["Implementation", "Target", "Unsupported", "implements"]
