"""Options that are NumPy's numbers, as they come out of np.linspace: the methods take them as
Python's. By NumPy's rules a float64 beside float32 arrays would make everything float64.
"""

import numpy as np
import pytest

from refimpl.spec import all_entries

LARGEST = 100  # entries of an input
# the operations are NumPy's own functions and follow its rules
METHODS = [name for name in all_entries() if not name.startswith("operations.")]


def cases_with_numbers(entry):
    """Cases that differ in an option which is a word or a flag, float32, and their floats."""
    seen = set()
    for case in entry.generate():
        branch = tuple((k, v) for k, v in case.params.items() if isinstance(v, (str, bool)))
        floats = [k for k, v in case.params.items() if isinstance(v, float)]
        inputs = {k: np.asarray(v) for k, v in case.inputs.items()}
        small = all(x.size <= LARGEST for x in inputs.values())
        if case.dtype == "float64" and small and floats and branch not in seen:
            seen.add(branch)
            single = {
                k: np.asarray(x, np.float32) if x.dtype == float else x for k, x in inputs.items()
            }
            yield case, single, floats


@pytest.mark.parametrize("name", METHODS)
def test_numbers_of_numpy_are_numbers(name):
    entry = all_entries()[name]
    for case, inputs, floats in cases_with_numbers(entry):
        expected = entry.evaluate(inputs=inputs, params=case.params)
        given = case.params | {key: np.float64(case.params[key]) for key in floats}
        found = entry.evaluate(inputs=inputs, params=given)
        for key, value in expected.items():
            assert found[key].dtype == value.dtype, f"{case.name}: {key}"
            np.testing.assert_array_equal(found[key], value, err_msg=case.name)
