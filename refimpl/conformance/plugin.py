"""pytest: hold a function marked @implements against its entry, one test per case.

    import pytest
    from my_sort import my_sort  # marked @implements("sorting.sorting_network", ...)

    @pytest.mark.conformance(target=my_sort)
    def test_my_sort(conformance):
        conformance()

The target is a function, a module, or a list of functions. Further keywords are `max_cases`,
`levels`, `seed` and `cases` (a pattern), which mean what they mean on the command line. A case that
the function raises Unsupported for is skipped with that reason.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .check import Options
    from .target import Implementation

_MARK = "conformance(target, max_cases, levels, seed, cases): cases of the specification"


def pytest_configure(config: pytest.Config) -> None:
    """Declare the mark."""
    config.addinivalue_line("markers", _MARK)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test per case of the marked functions."""
    if "conformance" not in metafunc.fixturenames:
        return
    mark = metafunc.definition.get_closest_marker("conformance")
    if mark is None or "target" not in mark.kwargs:
        wanted = "@pytest.mark.conformance(target=your_function)"
        raise pytest.UsageError(f"{metafunc.definition.nodeid}: expected {wanted}")
    points = list(_points(mark))
    metafunc.parametrize("conformance", points, ids=[point.name for point in points])


def _points(mark: pytest.Mark) -> Iterator[Point]:
    from refimpl.spec import find

    from .check import Options

    keywords = dict(mark.kwargs)
    target = keywords.pop("target")
    options = Options(**keywords)
    claims = list(_claims(target))
    if not claims:
        yield Point("no-implements", problem="the target has no function marked @implements")
    for claim in claims:
        try:
            entry = find(claim.entry)
        except KeyError as error:
            yield Point(claim.entry, problem=str(error.args[0]))
            continue
        for case in options.select(entry):
            yield Point(f"{entry.name}/{case.name}", claim, options)


def _claims(target: Any) -> Iterator[Implementation]:
    from .target import implementations_in

    for thing in target if isinstance(target, (list, tuple)) else [target]:
        named = {"function": thing} if callable(thing) else vars(thing)
        yield from implementations_in(named)


class Point:
    """What the fixture `conformance` is: calling it runs the checks of one case."""

    def __init__(
        self,
        name: str,
        claim: Implementation | None = None,
        options: Options | None = None,
        problem: str = "",
    ) -> None:
        self.name, self.claim, self.options, self.problem = name, claim, options, problem

    def __call__(self) -> None:
        """Raise AssertionError with the report of this case, or skip it when unsupported."""
        __tracebackhide__ = True
        if self.claim is None or self.options is None:
            pytest.fail(self.problem, pytrace=False)
        from dataclasses import replace

        from .check import check_target
        from .report import text_report
        from .target import Target

        path = getattr(getattr(self.claim.function, "__code__", None), "co_filename", "FILE.py")
        target = Target(path, (self.claim,), path)
        report = check_target(target, replace(self.options, cases=self.name, max_cases=None))
        if report.failures:
            pytest.fail("\n" + text_report(report), pytrace=False)
        reasons = {o.message for o in report.outcomes if o.status == "unsupported"}
        if reasons and not any(o.status == "pass" for o in report.outcomes):
            pytest.skip("; ".join(sorted(reasons)))


@pytest.fixture
def conformance(request: pytest.FixtureRequest) -> Point:
    """The checks of one case of the target in @pytest.mark.conformance."""
    return request.param
