"""pytest: hold a function against a method of the specification, one test per case.

    import pytest
    from my_package import my_sort

    @pytest.mark.conformance("sorting.soft_sort", target=my_sort, framework="torch")
    def test_my_sort(conformance):
        conformance()

A function that is marked @implements needs no name and no framework, only `target=my_sort`; the
target may also be a module or a list of functions. Further keywords are `cases` (a pattern),
`levels`, `max_cases`, `seed`, `dtype` and `time_limit`, which mean what they mean on the command
line, except that a time limit ends code of Python only; and those of @implements. A case that the
function raises Unsupported for is skipped with that reason; a failure that was announced
(`expected_failures`) is an xfail.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from refimpl.spec import Case, Entry

    from .run_report import Report
    from .selection import Options
    from .target import Implementation

_MARK = "conformance(method, target, framework, ...): a test for each case of the specification"
_OPTIONS = ("cases", "levels", "max_cases", "seed", "dtype", "time_limit")
_CLAIMS = ("framework", "vjp", "checks", "expected_failures", "jit", "device")


def pytest_configure(config: pytest.Config) -> None:
    """Declare the mark."""
    config.addinivalue_line("markers", _MARK)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test per case of the marked functions."""
    if "conformance" not in metafunc.fixturenames:
        return
    mark = metafunc.definition.get_closest_marker("conformance")
    try:
        points = list(_points(mark))
    except (TypeError, ValueError) as error:
        raise pytest.UsageError(f"{metafunc.definition.nodeid}: {error}") from error
    names = [point.name for point in points]
    metafunc.parametrize("conformance", points, ids=names, indirect=True)


def _points(mark: pytest.Mark | None) -> Iterator[Point]:
    from refimpl.spec import find

    from .selection import Options

    if mark is None or "target" not in mark.kwargs:
        raise ValueError("expected @pytest.mark.conformance(target=your_function)")
    known = ("target", *_OPTIONS, *_CLAIMS)
    if unknown := [name for name in mark.kwargs if name not in known]:
        raise ValueError(f"conformance takes no {', '.join(unknown)}; it takes {', '.join(known)}")
    given = {k: v for k, v in mark.kwargs.items() if k in _OPTIONS}
    if isinstance(levels := given.get("levels"), str):
        given["levels"] = tuple(levels.split(","))
    options = Options(**given)
    claims = list(_claims(mark))
    if not claims:
        yield Point("no-implements", "the target has no function marked @implements")
    for claim in claims:
        try:
            entry = find(claim.entry)
        except KeyError as error:
            yield Point(claim.entry, str(error.args[0]))
            continue
        shared = [c for c in claims if c.entry == claim.entry]
        prefix = f"{claim.label}-" if len(shared) > 1 else ""
        cases = options.select(entry)
        if not cases:
            yield Point(f"{prefix}{entry.name}", f"no case matches {options.cases!r}")
        for case in cases:
            yield Point(f"{prefix}{entry.name}/{case.name}", "", claim, entry, case, options)


def _claims(mark: pytest.Mark) -> Iterator[Implementation]:
    """What the target claims: by its own marks, or by the name and framework given here."""
    from .target import implementations_in, implements

    target = mark.kwargs["target"]
    given = {k: v for k, v in mark.kwargs.items() if k in _CLAIMS}
    if mark.args:
        if "framework" not in given or not callable(target):
            raise ValueError("with a method's name, expected target=FUNCTION and framework=NAME")
        copy = _Unmarked(target)
        implements(*mark.args, **given)(copy)
        yield from implementations_in({"target": copy})
        return
    if given:
        raise ValueError(f"{', '.join(given)}: only along with the name of a method")
    for thing in target if isinstance(target, (list, tuple)) else [target]:
        named = {"function": thing} if callable(thing) else vars(thing)
        yield from implementations_in(named)


class _Unmarked:
    """A function that can be marked without changing the one that was given."""

    def __init__(self, function: Any) -> None:
        self.function = self.__wrapped__ = function
        self.__name__ = getattr(function, "__name__", type(function).__name__)

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        return self.function(*arguments, **keywords)


@dataclass
class Point:
    """What the fixture `conformance` is: calling it runs the checks of one case."""

    name: str
    problem: str
    claim: Implementation | None = None
    entry: Entry | None = None
    case: Case | None = None
    options: Options | None = None
    nodeid: str = ""

    def __call__(self) -> None:
        """Raise AssertionError with the report of this case, or skip it when unsupported."""
        __tracebackhide__ = True
        if self.problem:
            pytest.fail(self.problem, pytrace=False)
        from .loading import UsageError
        from .report import text_report

        try:
            report = self.report()
        except UsageError as error:
            pytest.fail(str(error), pytrace=False)
        if report.failures:
            first = report.groups[0].example  # pytest's summary shows the first line
            title = f"{first.subject}: {first.message}" if first.subject else first.message
            pytest.fail(f"{title}\n\n{text_report(report)}", pytrace=False)
        if known := {o.message for o in report.outcomes if o.status == "expected"}:
            pytest.xfail("; ".join(sorted(known)))
        if not report.outcomes:
            pytest.skip("nothing is compared at these levels")
        reasons = {o.message for o in report.outcomes if o.status == "unsupported"}
        if reasons and not any(o.status == "pass" for o in report.outcomes):
            pytest.skip("; ".join(sorted(reasons)))

    def report(self) -> Report:
        """The outcomes at the case, explained."""
        import shlex

        from .check import check_point

        assert self.claim is not None
        assert self.entry is not None
        assert self.case is not None
        assert self.options is not None
        report = check_point(self.claim, self.entry, self.case, self.options)
        report.repeat = lambda _: f"pytest {shlex.quote(self.nodeid)}"
        return report


@pytest.fixture
def conformance(request: pytest.FixtureRequest) -> Point:
    """The checks of one case of the target in @pytest.mark.conformance."""
    request.param.nodeid = request.node.nodeid
    return request.param
