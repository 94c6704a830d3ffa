"""Every function that the sources call on array namespaces exists in CuPy and takes these
arguments: in the CuPy that was recorded, and in the one that is installed.
"""

import functools
import importlib.util
import inspect

import cupy_names
import pytest
from guarded_cupy import LIBRARY
from namespace_uses import package_sources, uses
from operations import TABLE, bound, inputs, outputs
from places import find
from record_cupy import text

from refimpl import autograd as ag

ROOTS = frozenset({"cupy", "cupyx"})


@functools.cache
def signatures(which):
    """Section -> name -> signature, of the recorded or the installed CuPy."""
    if which == "recorded":
        return cupy_names.RECORDED
    if importlib.util.find_spec("cupy") is None:
        pytest.skip("needs cupy")
    return cupy_names.read(text())


def signature(use, known):
    """What a use may look like. KeyError where CuPy has no such name."""
    module = use.namespace.replace("xp", "cupy")
    if use.namespace.startswith("xp"):
        space = LIBRARY.xp.linalg if use.namespace.endswith("linalg") else LIBRARY.xp
        own = vars(space).get(use.name)
        adapted = getattr(own, "func", own)
        if getattr(adapted, "__module__", "") == "refimpl.autograd.on_cupy":
            return inspect.signature(own)
    return known[module][use.name]


def complaint(use, known):
    """What CuPy would say to a use, or None."""
    if use.name == "linalg":
        return None
    try:
        wanted = signature(use, known)
    except KeyError:
        return f"{use}: CuPy has no {use.namespace}.{use.name}"
    if use.call is None or wanted is None:
        return None
    count, keywords, whole = use.arguments()
    try:
        bind = wanted.bind if whole else wanted.bind_partial
        bind(*[None] * count, **dict.fromkeys(keywords))
    except TypeError as error:
        return f"{use}: {error}; CuPy's is {use.name}{wanted}"
    return None


@pytest.mark.parametrize("which", ["recorded", "installed"])
@pytest.mark.parametrize("name", package_sources())
def test_cupy_has_every_function_with_this_signature(name, which):
    known = signatures(which)
    found = uses(package_sources()[name].read_text(encoding="utf-8"), ROOTS)
    assert [c for c in (complaint(use, known) for use in found) if c] == []


def test_the_walk_finds_uses_under_every_name():
    source = """
def f(x):
    xp, n = ag.array_namespace(x), 3
    space = library_of(x).xp
    return xp.exp(x), space.linalg.inv(x), creation_namespace().ones(n), [xp.sum, xp.float64]
"""
    found = {(use.namespace, use.name, use.call is not None) for use in uses(source)}
    assert found >= {
        ("xp", "exp", True), ("xp.linalg", "inv", True), ("xp", "ones", True),
        ("xp", "sum", False), ("xp", "float64", False),
    }  # fmt: skip


WRONG = {
    "xp.block([x])": "has no",
    "xp.errstate": "has no",
    "xp.linalg.svdvals(x)": "has no",
    "xp.sum(x, where=m)": "where",
    "xp.zeros(3, device=d)": "device",
    "xp.clip(x, 0, 1, 2)": "positional",
    "xp.take_along_axis(x, i, 0)": "positional",
    "xp.exp(x, *rest, where=m)": "where",
    "cupy.take_along_axis(x, i)": "axis",
    "cupyx.errstate(sqrt='raise')": "sqrt",
}


@pytest.mark.parametrize("source", WRONG)
def test_what_cupy_cannot_do_is_found(source):
    found = [complaint(use, cupy_names.RECORDED) for use in uses(source, ROOTS)]
    (said,) = filter(None, found)
    assert WRONG[source] in said


def test_the_record_is_that_of_the_installed_version():
    """So that a new CuPy is recorded when the development environment gets one."""
    cupy = pytest.importorskip("cupy", reason="needs cupy")
    if cupy.__version__ != cupy_names.VERSION:
        pytest.skip(f"recorded from CuPy {cupy_names.VERSION}")
    installed, recorded = signatures("installed"), cupy_names.RECORDED
    assert installed.keys() == recorded.keys()
    for section in recorded:
        assert set(installed[section]) == set(recorded[section]), section
    for file in package_sources().values():
        for use in uses(file.read_text(encoding="utf-8"), ROOTS):
            if use.name != "linalg":
                assert signature(use, installed) == signature(use, recorded), str(use)


def test_no_operation_goes_through_the_host_on_cupy():
    place = find("guarded")
    for op in TABLE:
        f, xs = bound(op, op.cases[0], [place.put(x) for x in inputs(op.domains, op.cases[0], 0)])
        ys, pull = ag.vjp(lambda *a, f=f: tuple(outputs(f(*a))), *xs)
        pull(ys)
    names = {primitive.name for primitive in LIBRARY.functions}
    assert {"exp", "erf", "gammainc", "cholesky", "at_add", "polygamma"} <= names
    on_host = ag.library._through_host
    assert not [f for f in LIBRARY.functions.values() if getattr(f, "func", None) is on_host]
